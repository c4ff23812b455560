"""Against Keras's convolution: outputs, gradients, and gradients of gradients."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfgan_zoo.layers import small_maps


def derivatives(conv, x, kernel, weights):
    """Output, gradients of it, and gradients of a penalty on the image gradient's size."""
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as inner:
            inner.watch([x, kernel])
            outputs = conv(x, kernel)
            total = tf.reduce_sum(weights * outputs**3)
        first = inner.gradient(total, [x, kernel])
        penalty = tf.reduce_sum(first[0] ** 2) + tf.reduce_sum(first[1] ** 3)
    return [outputs, *first, *outer.gradient(penalty, [x, kernel])]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("height, width", [(4, 4), (8, 8), (1, 3), (9, 9)])
def test_like_keras(height, width, compiled):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(3, height, width, 2)), tf.float32)
    kernel = tf.constant(0.3 * random.normal(size=(3, 3, 2, 4)), tf.float32)
    weights = tf.constant(random.normal(size=(3, height, width, 4)), tf.float32)

    def found(conv):
        run = lambda: derivatives(conv, x, kernel, weights)  # noqa: E731
        return tf.function(run, jit_compile=True)() if compiled else run()

    expected = found(lambda a, b: ops.conv(a, b, padding="same"))
    for ours, theirs in zip(found(small_maps.conv), expected, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6 * scale)
