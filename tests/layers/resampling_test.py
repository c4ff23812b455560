"""Resampling by hand, and folded convolutions against NumPy and against plain ones."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers import formulas
from tfgan_zoo.layers import resampling

PIXELS = np.array([[1, 2, 3], [4, 5, 6]], "float32").reshape(1, 2, 3, 1)
ONES = np.ones((3, 3, 1, 1), "float32")
FOLDED = pytest.mark.parametrize("folded", [False, True])
CHANNELS = pytest.mark.parametrize("channels, filters", [(1, 1), (1, 5), (5, 1), (5, 3)])


def test_upsample_by_hand():
    expected = [
        [1, 1, 2, 2, 3, 3],
        [1, 1, 2, 2, 3, 3],
        [4, 4, 5, 5, 6, 6],
        [4, 4, 5, 5, 6, 6],
    ]
    np.testing.assert_array_equal(resampling.Upsample2D()(PIXELS)[0, :, :, 0], expected)


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (3, 2, 5, 4), (1, 7, 3, 2)])
def test_upsample_repeats(shape):
    images = formulas.random(*shape)
    layer = resampling.Upsample2D()
    outputs = layer(images)
    np.testing.assert_array_equal(outputs, formulas.upsample(images))
    assert layer.compute_output_shape(shape) == tuple(outputs.shape)


@FOLDED
def test_conv_after_upsampling_by_hand(folded):
    # The sums of 3x3 neighbours in [[1, 1, 2, 2], [1, 1, 2, 2]], zeros around.
    images = PIXELS[:, :1, :2]
    expected = [[4, 8, 10, 8], [4, 8, 10, 8]]
    outputs = resampling.conv_after_upsampling(images, ONES, folded)
    np.testing.assert_allclose(outputs[0, :, :, 0], expected, rtol=1e-6)


@FOLDED
def test_conv_before_downsampling_by_hand(folded):
    # Over [[1, 2], [4, 5]] with zeros around, all four sums are 12; their mean is 12, too.
    outputs = resampling.conv_before_downsampling(PIXELS[:, :, :2], ONES, folded)
    np.testing.assert_allclose(outputs, [[[[12.0]]]], rtol=1e-6)
    # Only the kernel's last row and column: the sums are 5, 0, 0, 0.
    corner = np.zeros((3, 3, 1, 1), "float32")
    corner[2, 2] = 1
    outputs = resampling.conv_before_downsampling(PIXELS[:, :, :2], corner, folded)
    np.testing.assert_allclose(outputs, [[[[1.25]]]], rtol=1e-6)


@FOLDED
@CHANNELS
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_conv_after_upsampling(size, channels, filters, folded):
    images = formulas.random(2, *size, channels)
    kernel = formulas.random(3, 3, channels, filters, seed=1)
    outputs = resampling.conv_after_upsampling(images, kernel, folded)
    expected = formulas.conv(formulas.upsample(images), kernel)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@FOLDED
@CHANNELS
@pytest.mark.parametrize("size", [(2, 2), (6, 4)])
def test_conv_before_downsampling(size, channels, filters, folded):
    images = formulas.random(2, *size, channels)
    kernel = formulas.random(3, 3, channels, filters, seed=1)
    outputs = resampling.conv_before_downsampling(images, kernel, folded)
    expected = formulas.blocks(formulas.conv(images, kernel)).mean(axis=-1)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize(
    "function", [resampling.conv_after_upsampling, resampling.conv_before_downsampling]
)
@CHANNELS
def test_folding_changes_no_gradient(function, channels, filters):
    images = tf.constant(formulas.random(2, 4, 6, channels))
    kernel = tf.constant(formulas.random(3, 3, channels, filters, seed=1))
    gradients = []
    for folded in (False, True):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            outputs = function(images, kernel, folded)
            loss = tf.reduce_sum(outputs * formulas.random(*outputs.shape, seed=2))
        gradients.append(tape.gradient(loss, [images, kernel]))
    for plain, folded in zip(*gradients):
        assert np.abs(plain).min() > 0
        np.testing.assert_allclose(folded, plain, atol=1e-4)


def test_fade_in_by_hand():
    layer = resampling.FadeIn()
    old, new = np.zeros((1, 2, 2, 1), np.float32), np.full((1, 2, 2, 1), 4.0, np.float32)
    np.testing.assert_array_equal(layer([old, new]), old)
    layer.alpha.assign(0.25)
    np.testing.assert_array_equal(layer([old, new]), np.ones((1, 2, 2, 1)))
    assert not layer.trainable_weights
