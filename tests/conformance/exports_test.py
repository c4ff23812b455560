"""Every generator as a SavedModel and as a TFLite file."""

import numpy as np
import pytest
import tensorflow as tf

from export import saved_model, tflite
from tests.conformance import small
from tests.conformance.chosen import NAMES, trained


@pytest.mark.parametrize("name", NAMES)
def test_saved_model(name, tmp_path):
    generator = trained(small.generator(name))
    inputs = small.inputs(generator, 3)
    served = tf.saved_model.load(saved_model.save(generator, tmp_path)).signatures
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    images = served["serving_default"](**tensors)["image"]
    np.testing.assert_allclose(images, generator(inputs), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_tflite(name):
    generator = trained(small.generator(name))
    report = tflite.compare(tflite.convert(generator, "float32"), generator, 2)
    assert report["max_difference"] < 1e-4, report
