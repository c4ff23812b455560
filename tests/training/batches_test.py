"""Images as bytes and as numbers; `split` is tested with the GAN that needs it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo.training import batches


@pytest.mark.parametrize("jit_compile", [False, True])
def test_bytes_are_what_numpy_makes_of_them(jit_compile):
    """To the last bit, with every compiler: in float32 both differ from it in 100 of 256 values."""
    pixels = np.arange(256, dtype=np.uint8)
    found = tf.function(batches.floats, jit_compile=jit_compile)(tf.constant(pixels)).numpy()
    expected = pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    assert found.dtype == np.float32 and (found[0], found[-1]) == (-1.0, 1.0)
    np.testing.assert_array_equal(found, expected)


def test_numbers_stay_as_they_are():
    images = tf.constant([[0.25, -1.0]])
    assert batches.floats(images) is images


def test_steps_take_bytes():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 2, 2, 1), np.uint8)
    after = []
    for images in (pixels, pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)):
        keras.utils.set_random_seed(0)
        gan = toys.compiled(toys.gan(), g=toys.adam(), d=toys.adam())
        gan.train_step({"images": tf.constant(images)})
        after.append(toys.values(gan.discriminator))
    for a, b in zip(*after, strict=True):
        np.testing.assert_array_equal(a, b)
