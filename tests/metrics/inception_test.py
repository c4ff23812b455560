"""The FID Inception: its table, its numbers beside torch-fidelity's, its files and its errors."""

import math
import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.metrics import inception_recorded, inception_weights
from tfgan_zoo.metrics import inception, inception_file, inception_table

RECORDED = inception_recorded.outputs()
SHA256 = "6726825d" + "0" * 56  # as the published file's begins


@pytest.fixture(name="arrays", scope="module")
def fixture_arrays():
    return inception_weights.drawn(0)


@pytest.fixture(name="path", scope="module")
def fixture_path(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "inception.npz"
    inception_file.write(inception_file.Weights(arrays, SHA256), path)
    return path


@pytest.fixture(name="ours", scope="module")
def fixture_ours(path):
    return inception.Inception(path, batch_size=2)


@pytest.fixture(name="whole", scope="module")
def fixture_whole(arrays):
    model = inception.network()
    inception.load(model, arrays, biased_logits=True)
    model.compile(jit_compile=False)
    return model


@pytest.fixture(name="home")
def fixture_home(tmp_path, monkeypatch):
    monkeypatch.setattr(inception_file.pathlib.Path, "home", lambda: tmp_path)
    return tmp_path


def largest_error(ours, theirs):
    """Relative to the largest of theirs."""
    return np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max()


def test_table_counts():
    shapes = inception_table.shapes()
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    moments = sum(size for name, size in sizes.items() if "/moving_" in name)
    assert len(list(inception_table.rows())) == 94
    assert len(shapes) == 472
    assert moments == 34_432
    assert sum(sizes.values()) - moments == 23_850_960
    assert sizes["softmax/weights"] + sizes["softmax/biases"] == 2_065_392


@pytest.mark.parametrize(
    "number, module, scope, shape, strides",
    [
        (4, "Conv2d_4a_3x3", "conv_4", (3, 3, 80, 192), 1),
        (5, "Mixed_5b.branch1x1", "mixed/conv", (1, 1, 192, 64), 1),
        (18, "Mixed_5c.branch_pool", "mixed_1/tower_2/conv", (1, 1, 256, 64), 1),
        (29, "Mixed_6a.branch3x3dbl_3", "mixed_3/tower/conv_2", (3, 3, 96, 96), 2),
        (38, "Mixed_6b.branch7x7dbl_5", "mixed_4/tower_1/conv_4", (1, 7, 128, 192), 1),
        (43, "Mixed_6c.branch7x7_3", "mixed_5/tower/conv_2", (7, 1, 160, 192), 1),
        (75, "Mixed_7a.branch7x7x3_4", "mixed_8/tower_1/conv_3", (3, 3, 192, 192), 2),
        (83, "Mixed_7b.branch3x3dbl_3b", "mixed_9/tower_1/mixed/conv_1", (3, 1, 384, 384), 1),
        (93, "Mixed_7c.branch_pool", "mixed_10/tower_2/conv", (1, 1, 2048, 192), 1),
    ],
)
def test_table_rows(number, module, scope, shape, strides):
    row = list(inception_table.rows())[number]
    assert (row.module, row.scope, row.kernel_shape, row.conv.strides) == (
        *(module, scope, shape, strides),
    )


@pytest.mark.parametrize("size", [(32, 32), (299, 299), (300, 300), (512, 512), (1, 7), (40, 56)])
def test_resize_is_that_of_tensorflow_1(size):
    images = inception_weights.images(size, 2)
    theirs = tf.raw_ops.ResizeBilinear(images=images, size=(299, 299))
    np.testing.assert_array_equal(inception.resized(images), theirs)
    if size == (299, 299):
        np.testing.assert_array_equal(theirs, images)


def test_resize_by_hand():
    images = np.array([[0, 90]], np.uint8).reshape(1, 1, 2, 1)
    # Places 0, 2/3, 4/3 of two columns; beyond the last one its value is kept.
    np.testing.assert_allclose(inception.resized(images, 3)[0, :, :, 1], [[0, 60, 90]] * 3)


@pytest.mark.parametrize("size", RECORDED, ids=str)
def test_numbers_are_torch_fidelity_s(size, whole, arrays):
    ours = whole.predict_on_batch(inception.resized(inception_weights.images(size)))
    ours["unbiased"] = ours["logits"] - arrays["softmax/biases"]
    assert RECORDED[size].keys() == ours.keys()
    for name, theirs in RECORDED[size].items():
        assert largest_error(inception_recorded.spread(ours[name]), theirs) < 1e-5, name


def test_recorded_numbers_notice_the_last_pool(arrays, monkeypatch):
    blocks = inception_table.BLOCKS
    wrong = blocks | {"Mixed_7c": blocks["Mixed_7b"]}  # as all later versions have it
    monkeypatch.setattr(inception_table, "BLOCKS", wrong)
    model = inception.network()
    inception.load(model, arrays, biased_logits=True)
    images = inception_weights.images(32)
    features = model(inception.resized(images))["2048"]
    assert largest_error(inception_recorded.spread(features), RECORDED[32, 32]["2048"]) > 1e-3


def test_live_beside_torch_fidelity(arrays, whole, tmp_path):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    state = {
        name: torch.from_numpy(array)
        for name, array in inception_weights.state_dict(arrays).items()
    }
    torch.save(state, tmp_path / "weights.pth")
    names = ("64", "192", "768", "2048", "logits")
    network = theirs.FeatureExtractorInceptionV3(
        "ours", list(names), feature_extractor_weights_path=str(tmp_path / "weights.pth")
    )
    for size in (32, 128, 299, 300, 512):
        images = inception_weights.images(size, 2)
        answers = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
        ours = whole.predict_on_batch(inception.resized(images))
        for name, answer in zip(names, answers, strict=True):
            assert largest_error(ours[name], answer.numpy()) < 1e-5, (size, name)


def test_batches_grey_and_progress(ours, arrays):
    images = inception_weights.images(32, 3)[..., :1]
    seen = []
    features, logits = ours(images, progress=seen.append)
    assert seen == [2, 1]
    assert features.shape == (3, 2048)
    assert logits.shape == (3, ours.num_classes)
    assert features.dtype == logits.dtype == np.float32
    one, _ = ours(images[2:].repeat(3, axis=-1))
    assert largest_error(features[2:], one) < 1e-5
    assert largest_error(logits, features @ arrays["softmax/weights"]) < 1e-5


def test_attributes(ours, path):
    assert ours.name == "inception-2015-12-05@6726825d"
    assert ours.sha256 == SHA256
    assert ours.num_classes == 1008
    assert ours.resolution is None
    assert ours.resize == "TF1 bilinear to 299 px"
    other = inception.Inception(path, tap=64, biased_logits=True)
    assert other.name == "inception-2015-12-05@6726825d/64+bias"
    features, logits = other(inception_weights.images(32))
    recorded = RECORDED[32, 32]
    assert largest_error(inception_recorded.spread(features), recorded["64"]) < 1e-5
    assert largest_error(inception_recorded.spread(logits), recorded["logits"]) < 1e-5


def test_defaults_of_the_user_change_nothing():
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_image_data_format("channels_first")
    try:
        model = inception.network()
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
    assert {x.dtype for x in model.outputs} == {"float32"}
    assert {x.compute_dtype for x in model.layers if hasattr(x, "data_format")} == {"float32"}
    assert {getattr(x, "data_format", "channels_last") for x in model.layers} == {"channels_last"}
    assert model.get_layer("Mixed_7c_branch_pool").output.shape == (None, 8, 8, 192)


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((1, 8, 8, 3), np.float32), "images"),
        (np.zeros((8, 8, 3), np.uint8), r"shape \(8, 8, 3\)"),
        (np.zeros((1, 8, 8, 4), np.uint8), "alpha channel"),
        (np.zeros((0, 8, 8, 3), np.uint8), "one image or more"),
    ],
)
def test_images_of_another_kind(ours, images, message):
    with pytest.raises(ValueError, match=message):
        ours(images)


def test_arguments_are_checked_before_the_file():
    with pytest.raises(ValueError, match="`tap` must be one of 64, 192, 768, 2048. Received: 100"):
        inception.Inception("nowhere", tap=100)
    with pytest.raises(ValueError, match="`batch_size` must be 1 or more. Received: 0"):
        inception.Inception("nowhere", batch_size=0)


def test_without_weights_it_tells_how_to_get_them(home):
    with pytest.raises(ValueError) as caught:
        inception.Inception()
    message = str(caught.value)
    assert "weights-inception-2015-12-05-6726825d.pth" in message
    assert "python -m tfgan_zoo.convert.inception --source=" in message
    assert "Classifier.digits()" in message
    assert str(home) in message
    assert "\n" not in message
    with pytest.raises(ValueError, match="There is no file nowhere.npz.*tfgan_zoo.convert"):
        inception.Inception("nowhere.npz")


def test_the_cache_s_file_is_found(home, arrays):
    others = inception_file.cache_path("ab" * 32)
    assert others.name == "inception-other@abababab.npz"
    inception_file.write(inception_file.Weights(arrays, "ab" * 32), others)
    # Never another network than asked for, even if it is the only one there is.
    with pytest.raises(ValueError, match="There is .*other@abababab.npz, of another file: name it"):
        inception_file.read()
    assert inception_file.read(others).name == "inception-other@abababab"
    inception_file.write(inception_file.Weights(arrays, SHA256), inception_file.cache_path())
    assert inception_file.read().sha256 == SHA256
    assert len(list(home.glob("**/*.npz"))) == 2  # and no drafts


def test_damaged_files(path, tmp_path):
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.npz"
    for wrong in (content[:-1000], content[: 1 << 20], bytes(flipped), b"", b"text", b"PK\3\4"):
        damaged.write_bytes(wrong)
        with pytest.raises(ValueError, match="damaged") as caught:
            inception_file.read(damaged)
        assert "damaged.npz" in str(caught.value)
    np.save(damaged.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(ValueError, match="something else"):
        inception_file.read(damaged.with_suffix(".npy"))


def test_changed_weights_are_noticed(path, tmp_path):
    with np.load(path) as file:
        changed = dict(file)
    changed["softmax/biases"] = changed["softmax/biases"] + 1
    np.savez(tmp_path / "changed.npz", **changed)
    with pytest.raises(ValueError, match="changed.npz is damaged: its weights are not those"):
        inception_file.read(tmp_path / "changed.npz")


@pytest.mark.parametrize(
    "name, array, message",
    [
        ("conv/conv2d_params", None, "lacks 1 of them, conv/conv2d_params"),
        ("softmax/weights", np.zeros((2048, 1000), np.float32), r"shape \(2048, 1008\).*another"),
        ("conv/batchnorm/moving_variance", np.full(32, -1, np.float32), "damaged: conv/batchnorm"),
        ("conv/batchnorm/gamma", np.full(32, np.nan, np.float32), "damaged: conv/batchnorm/gamma"),
    ],
)
def test_other_weights_are_refused(arrays, name, array, message):
    wrong = {key: value for key, value in arrays.items() if key != name}
    if array is not None:
        wrong[name] = array
    with pytest.raises(ValueError, match=f"^FILE .*{message}"):
        inception_file.check(wrong, "FILE")


def test_nothing_is_left_of_a_failed_write(arrays, tmp_path, monkeypatch):
    def fail(*unused):
        raise OSError("no space left")

    monkeypatch.setattr(inception_file, "os", types.SimpleNamespace(replace=fail))
    with pytest.raises(OSError, match="no space left"):
        inception_file.write(inception_file.Weights(arrays, SHA256), tmp_path / "a" / "w.npz")
    assert list((tmp_path / "a").iterdir()) == []


def test_digest_is_of_the_values(arrays):
    digest = inception_file.digest(arrays)
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert inception_file.digest(dict(reversed(arrays.items()))) == digest
    assert inception_file.digest(arrays | {"conv/batchnorm/beta": np.zeros(32)}) != digest
