import hashlib

import keras
import numpy as np
import pytest
from PIL import Image

from tfgan_zoo.data import sources
from tfgan_zoo.metrics import classifier as module
from tfgan_zoo.metrics.classifier import Classifier


@pytest.fixture(scope="module")
def digits():
    return Classifier.digits()


@pytest.fixture(scope="module")
def held_out():
    return sources.load("digits", 32, channels=1, split="held_out")


def write_model(path, size=(4, 4, 1), dtype="float32", names=("features", "logits")):
    """Saves a network whose features are the mean of every channel, in [-1, 1]."""
    images = keras.Input(size, name="images")
    features = keras.layers.GlobalAveragePooling2D(dtype=dtype)(images)
    logits = keras.layers.Dense(5, dtype=dtype)(features)
    keras.Model(images, dict(zip(names, (features, logits)))).save(path)
    return path


def test_shipped_file(digits):
    content = module.DIGITS_PATH.read_bytes()
    assert digits.sha256 == module.DIGITS_SHA256 == hashlib.sha256(content).hexdigest()
    assert digits.name == f"digits-classifier@{digits.sha256[:8]}"
    assert digits.num_classes == 10
    assert len(content) < 1_000_000


def test_shipped_network_is_made_of_keras_layers_alone():
    model = keras.saving.load_model(module.DIGITS_PATH)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    assert type(model).__name__ == "Functional" and not hasattr(model, "optimizer")
    assert model.input_shape == (None, 32, 32, 1) and model.input.name == "images"
    shapes = {name: output.shape for name, output in model.output.items()}
    assert shapes == {"features": (None, 64), "logits": (None, 10)}


def test_held_out_accuracy(digits, held_out):
    features, logits = digits(held_out.images)
    assert features.shape == (len(held_out.images), 64) and features.dtype == np.float32
    assert logits.shape == (len(held_out.images), 10) and logits.dtype == np.float32
    assert np.mean(np.argmax(logits, axis=1) == held_out.labels) >= 0.98


def test_every_feature_varies(digits, held_out):
    features, _ = digits(held_out.images)
    assert np.all(features.std(axis=0) > 1e-3)


def test_batches_do_not_matter(digits, held_out, monkeypatch):
    images = held_out.images[:300]  # more than a batch
    expected = digits(images)
    for size in (1, 7, 256):
        for got, wanted in zip(digits(images[:size]), expected):
            assert len(got) == size
            np.testing.assert_allclose(got, wanted[:size], rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(module, "BATCH_SIZE", 64)
    for got, wanted in zip(digits(images), expected):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_network_sees_one_shape(tmp_path, monkeypatch):
    classifier = Classifier(write_model(tmp_path / "mean.keras"))
    shapes = set()
    run = classifier._model.predict_on_batch
    monkeypatch.setattr(
        classifier._model, "predict_on_batch", lambda x: shapes.add((x.shape, x.dtype)) or run(x)
    )
    for shape in ((1, 4, 4, 1), (300, 4, 4, 3), (5, 9, 7, 1)):
        classifier(np.zeros(shape, np.uint8))
    assert shapes == {((256, 4, 4, 1), np.dtype("float32"))}


def test_own_file(tmp_path):
    path = write_model(tmp_path / "my_means.keras")
    classifier = Classifier(str(path))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert classifier.sha256 == sha256
    assert classifier.name == f"my-means@{sha256[:8]}"
    assert classifier.num_classes == 5
    images = np.stack([np.full((4, 4, 1), value, np.uint8) for value in (0, 51, 255)])
    features, logits = classifier(images)
    np.testing.assert_allclose(features, [[-1.0], [-0.6], [1.0]], atol=1e-6)
    assert logits.shape == (3, 5)


def test_colours_are_averaged(tmp_path):
    classifier = Classifier(write_model(tmp_path / "grey.keras"))
    images = np.full((2, 4, 4, 3), [0, 51, 255], np.uint8)
    np.testing.assert_allclose(classifier(images)[0], 102 / 127.5 - 1, atol=1e-6)


def test_grey_is_repeated(tmp_path):
    classifier = Classifier(write_model(tmp_path / "colour.keras", size=(4, 4, 3)))
    grey = np.full((2, 4, 4, 1), 51, np.uint8)
    np.testing.assert_allclose(classifier(grey)[0], np.full((2, 3), -0.6), atol=1e-6)
    colours = np.full((2, 4, 4, 3), [0, 51, 255], np.uint8)
    np.testing.assert_allclose(classifier(colours)[0], [[-1.0, -0.6, 1.0]] * 2, atol=1e-6)


def test_resizing_is_bicubic_antialiased_and_clipped():
    image = np.random.RandomState(0).choice([0, 255], (1, 24, 40, 1)).astype(np.float32)
    resized = module._resize(image, (8, 16))
    reference = Image.fromarray(image[0, :, :, 0]).resize((16, 8), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(resized[0, :, :, 0], np.clip(reference, 0, 255), atol=0.1)
    assert resized.min() >= 0.0 and resized.max() <= 255.0


@pytest.mark.parametrize("resolution", [28, 64])
def test_digits_of_another_size_are_recognised(digits, resolution):
    data = sources.load("digits", resolution, channels=3, split="held_out")
    logits = digits(data.images)[1]
    assert np.mean(np.argmax(logits, axis=1) == data.labels) >= 0.97


def test_global_policy_does_not_matter(held_out):
    expected = Classifier.digits()(held_out.images[:9])
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        outputs = Classifier.digits()(held_out.images[:9])
    finally:
        keras.config.set_dtype_policy(policy)
    for got, wanted in zip(outputs, expected):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, wanted)


def test_tampered_file_is_refused(tmp_path, monkeypatch):
    content = bytearray(module.DIGITS_PATH.read_bytes())
    content[len(content) // 2] ^= 1
    tampered = tmp_path / "digits_classifier.keras"
    tampered.write_bytes(content)
    monkeypatch.setattr(module, "DIGITS_PATH", tampered)
    received = hashlib.sha256(content).hexdigest()
    with pytest.raises(
        ValueError, match=f"must be the file that came.*Received: sha256 {received}"
    ):
        Classifier.digits()


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.float64])
def test_only_uint8(digits, dtype):
    with pytest.raises(ValueError, match=rf"must be uint8.*Received: dtype {np.dtype(dtype)}"):
        digits(np.zeros((2, 32, 32, 1), dtype))


@pytest.mark.parametrize(
    "shape", [(32, 32), (32, 32, 1), (2, 32, 32), (2, 32, 32, 4), (0, 32, 32, 1), (2, 0, 32, 1)]
)
def test_wrong_shape(digits, shape):
    with pytest.raises(ValueError, match=r"must be \[N, H, W, C\].*Received: shape"):
        digits(np.zeros(shape, np.uint8))


def test_wrong_outputs(tmp_path):
    path = write_model(tmp_path / "m.keras", names=("features", "scores"))
    with pytest.raises(ValueError, match='outputs "features" and "logits".*Received: m.keras'):
        Classifier(path)


@pytest.mark.parametrize("size", [(None, None, 1), (4, 4, 2)])
def test_wrong_input(tmp_path, size):
    path = write_model(tmp_path / "m.keras", size=size)
    with pytest.raises(ValueError, match="size fixed and C 1 or 3.*Received: m.keras with input"):
        Classifier(path)


def test_other_precision_is_refused(tmp_path):
    path = write_model(tmp_path / "m.keras", dtype="mixed_bfloat16")
    with pytest.raises(ValueError, match="compute in float32.*Received: m.keras with .*bfloat16"):
        Classifier(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Classifier(tmp_path / "none.keras")
