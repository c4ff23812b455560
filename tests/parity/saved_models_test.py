"""Every SavedModel that we export, loaded and asked with TensorFlow 2.15."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export import saved_model
from tests.conformance import small
from tests.conformance.chosen import FIRSTS, trained

COUNT = 3
FIXED = {"seed": np.arange(COUNT), "truncation": [10.0, 1.0, 0.5], "position": [0.0, 0.3, 1.0]}


def questions(signature, num_classes):
    """An array for each input of a signature: {name: array of COUNT rows}."""
    random, found = np.random.default_rng(0), {}
    for name, spec in signature.structured_input_signature[1].items():
        if name.startswith("labels"):
            value = random.integers(0, num_classes, COUNT)
        elif name.startswith("latents"):
            value = np.tanh(random.normal(size=(COUNT, *spec.shape[1:])))
        else:
            value = np.asarray(FIXED[name])
        found[name] = value.astype(spec.dtype.as_numpy_dtype)
    return found


def asked(generator, folder):
    """Writes a SavedModel and what it is asked; {signature: {output: array}} of this TensorFlow."""
    signatures = tf.saved_model.load(saved_model.save(generator, folder)).signatures
    answers = {}
    for name, signature in signatures.items():
        inputs = questions(signature, generator.spec.num_classes)
        np.savez(folder / f"{name}.npz", **inputs)
        outputs = signature(**{key: tf.constant(value) for key, value in inputs.items()})
        answers[name] = {key: value.numpy() for key, value in outputs.items()}
    assert {"serving_default", "sample"} <= answers.keys()
    return answers


def assert_same_pictures(found, expected):
    """PNG files are the same, unless a pixel in the middle of two levels went to the other one."""
    for one, other in zip(found.tolist(), expected.tolist(), strict=True):
        pixels = [np.asarray(Image.open(io.BytesIO(png)), np.int16) for png in (one, other)]
        difference = np.abs(pixels[0] - pixels[1])
        assert one == other or difference.any()
        assert difference.max() <= 1 and difference.mean() < 1e-3


@pytest.fixture(name="models", scope="module")
def fixture_models(run_old, tmp_path_factory):
    """(folder, {name of a variant: its answers}), all asked in one process of the old package."""
    folder = tmp_path_factory.mktemp("saved_models")
    answers = {name: asked(trained(small.generator(name)), folder / name) for name in FIRSTS}
    run_old("served.py", folder)
    return folder, answers


@pytest.mark.parametrize("name", FIRSTS)
def test_old_tensorflow_answers_alike(models, name):
    folder, answers = models[0] / name, models[1][name]
    error = folder / "error.txt"
    assert not error.exists(), error.read_text(encoding="utf-8")[-3000:]
    for signature, outputs in answers.items():
        with np.load(folder / f"{signature}-answers.npz", allow_pickle=True) as file:
            found = dict(file)
        assert found.keys() == outputs.keys()
        for key, expected in outputs.items():
            if key == "image_bytes":
                assert_same_pictures(found[key], expected)
            else:
                np.testing.assert_allclose(found[key], expected, atol=1e-5)
