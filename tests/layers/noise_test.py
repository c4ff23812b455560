"""Layers that draw: moments, that draws differ, and that they go on after loading."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.layers.noise import Dropout
from tfgan_zoo.layers.variety import DrivenNoise

ONES = np.ones((2000, 50), np.float32)


def driven():
    layer = DrivenNoise(name="noise")
    layer.build((None, 4))
    layer.strength.assign(0.3)
    return layer


def test_dropout_by_its_moments():
    layer = Dropout(0.25)
    np.testing.assert_array_equal(layer(ONES), ONES)
    found = layer(ONES, training=True).numpy()
    np.testing.assert_array_equal(np.unique(found), np.float32([0, 1 / 0.75]))
    # Of 100,000: the deviation is 0.0014.
    assert abs((found == 0).mean() - 0.25) < 0.007
    np.testing.assert_allclose((found == 0).mean(axis=0), 0.25, atol=0.05)
    np.testing.assert_allclose((found == 0).mean(axis=1).std(), (0.1875 / 50) ** 0.5, rtol=0.1)


def test_half_is_dropped_and_the_rest_doubled():
    x = np.arange(1.0, 5.0, dtype=np.float32)[None]
    found = np.array([Dropout(0.5)(x, training=True) for _ in range(40)])[:, 0]
    assert all(set(column) == {0.0, 2 * value} for column, value in zip(found.T, x[0], strict=True))


def test_none_is_the_identity_and_draws_nothing():
    layer = Dropout(0.0)
    np.testing.assert_array_equal(layer(ONES, training=True), ONES)
    assert layer.draws[1] == 0


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_errors(rate):
    with pytest.raises(ValueError, match=f"`rate` must be at least 0 and below 1.*rate={rate}"):
        Dropout(rate)


def test_each_draw_is_another_and_seeds_are_keras_s():
    keras.utils.set_random_seed(3)
    layer, other = Dropout(0.5), Dropout(0.5)
    draws = [layer(ONES, training=True).numpy() for _ in range(3)]
    draws.append(other(ONES, training=True).numpy())
    np.testing.assert_allclose(np.corrcoef([d.ravel() for d in draws]), np.eye(4), atol=0.02)
    assert layer.draws[1] == 3 and other.draws[1] == 1
    random.seed(3)
    assert int(layer.draws[0]) == random.randrange(2**31)


@pytest.mark.parametrize("make", [lambda: Dropout(0.5, name="noise"), driven])
def test_noise_goes_on_after_loading(make, tmp_path):
    def model():
        x = keras.Input((4,))
        return keras.Model(x, make()(x))

    x = np.ones((8, 4), np.float32)
    first, second = model(), model()
    first(x, training=True)
    first.save_weights(tmp_path / "state.weights.h5")
    expected = first(x, training=True).numpy()
    assert np.abs(second(x, training=True).numpy() - expected).max() > 0.01
    second.load_weights(tmp_path / "state.weights.h5")
    np.testing.assert_array_equal(second(x, training=True), expected)


@pytest.mark.parametrize("make", [lambda: Dropout(0.5), driven])
def test_xla_draws_the_same(make):
    layer = make()
    layer(ONES[:8, :4])
    seed = layer.draws.numpy()
    plain = [layer(ONES[:8, :4], training=True).numpy() for _ in range(2)]
    layer.draws.assign(seed)
    compiled = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    for expected in plain:
        np.testing.assert_allclose(compiled(ONES[:8, :4]), expected, atol=1e-4)


def test_dropout_of_unknown_batches_and_its_gradient():
    layer = Dropout(0.5)
    traced = tf.function(
        lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, 3])]
    )
    assert traced(np.ones((5, 3), np.float32)).shape == (5, 3)
    x = tf.ones([6, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)
    assert Dropout.from_config(layer.get_config()).rate == 0.5
