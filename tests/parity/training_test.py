"""What happens to weights after a step, beside TF-GAN's clipping and Addons' MovingAverage."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.training.ema import EMA
from tfgan_zoo.training.projections import ClipWeights


def network(kernel):
    layer = keras.layers.Dense(kernel.shape[1], use_bias=False)
    layer.build((None, kernel.shape[0]))
    layer.kernel.assign(kernel)
    return layer


def test_clipping(given, originals):
    layer, clip = network(given["steps/start"]), ClipWeights(float(given["steps/limit"]))
    descent = keras.optimizers.SGD(1.0)
    for gradient, expected in zip(given["steps/gradients"], originals["clipped"], strict=True):
        descent.apply([tf.constant(gradient)], [layer.kernel])
        clip(layer)
        np.testing.assert_allclose(layer.kernel, expected, rtol=1e-6, atol=1e-8)
    # Some weights are at the limit, some are not.
    assert 0.1 < np.mean(np.abs(expected) > 0.999 * given["steps/limit"]) < 0.9


@pytest.mark.parametrize("start_step", [0, 3])
def test_moving_average(given, originals, start_step):
    source, average = network(given["steps/start"]), network(given["steps/start"])
    ema, descent = EMA(float(given["steps/decay"]), start_step), keras.optimizers.SGD(1.0)
    pairs = zip(given["steps/gradients"], originals[f"average/{start_step}"], strict=True)
    for step, (gradient, expected) in enumerate(pairs):
        descent.apply([tf.constant(gradient)], [source.kernel])
        ema.update(average, source, tf.constant(step))
        np.testing.assert_allclose(average.kernel, expected, rtol=1e-6, atol=1e-7)
    assert np.abs(average.kernel - source.kernel).max() > 0.01
