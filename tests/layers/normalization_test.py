"""Batch normalisation against NumPy, Keras and a plain formula's gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers import formulas
from tfgan_zoo.layers import normalization

MOMENTUM, EPSILON = 0.8, 1e-3
IMAGES = 2 * formulas.random(6, 4, 5, 3) + np.array([1.0, -2.0, 0.5], "float32")
GAIN = formulas.random(6, 3, seed=1)
BIAS = formulas.random(6, 3, seed=2)


def batch_norm(**weights):
    layer = normalization.BatchNorm(MOMENTUM, EPSILON)
    layer.build(IMAGES.shape)
    for name, value in weights.items():
        getattr(layer, name).assign(value)
    return layer


def conditional_norm(**weights):
    layer = normalization.ConditionalBatchNorm(MOMENTUM, EPSILON)
    layer.build([IMAGES.shape, GAIN.shape, BIAS.shape])
    for name, value in weights.items():
        getattr(layer, name).assign(value)
    return layer


def standardized(images=IMAGES, epsilon=EPSILON):
    """The images less their mean, over their deviation, for every channel."""
    mean = images.mean(axis=(0, 1, 2), dtype="float64")
    variance = images.var(axis=(0, 1, 2), dtype="float64")
    return (images - mean) / np.sqrt(variance + epsilon)


# --- plain --------------------------------------------------------------------------------------


def test_training_by_hand():
    layer = normalization.BatchNorm(momentum=0.75, epsilon=1.0)
    # First channel: mean 3, variance (4 * 4 + 4 + 36) / 6. Second: mean 1, variance 0.
    images = np.array([[1, 1], [1, 1], [1, 1], [1, 1], [5, 1], [9, 1]], "float32")
    images = images.reshape(2, 1, 3, 2)
    outputs = layer(images, training=True)
    expected = np.array([-2, -2, -2, -2, 2, 6]).reshape(2, 1, 3) / np.sqrt(56 / 6 + 1)
    expected = np.stack([expected, np.zeros((2, 1, 3))], axis=-1)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean.numpy(), [0.75, 0.25], rtol=1e-6)
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), [0.75 + 0.25 * 56 / 6, 0.75], rtol=1e-6
    )


def test_training_standardizes_then_scales_and_shifts():
    layer = batch_norm(gain=[1.0, 2.0, -3.0], bias=[0.5, 0.0, 1.0])
    expected = standardized() * [1.0, 2.0, -3.0] + [0.5, 0.0, 1.0]
    np.testing.assert_allclose(layer(IMAGES, training=True), expected, atol=1e-5)


def test_inference_uses_the_moving_averages_and_leaves_them():
    moments = {"moving_mean": [1.0, 2.0, 3.0], "moving_variance": [4.0, 1.0, 0.25]}
    layer = batch_norm(**moments, gain=[1.0, 2.0, -3.0], bias=[0.5, 0.0, 1.0])
    deviation = np.sqrt(np.array([4.0, 1.0, 0.25]) + EPSILON)
    expected = (IMAGES - [1.0, 2.0, 3.0]) / deviation * [1.0, 2.0, -3.0] + [0.5, 0.0, 1.0]
    np.testing.assert_allclose(layer(IMAGES), expected, atol=1e-5)
    np.testing.assert_allclose(layer(IMAGES, training=False), expected, atol=1e-5)
    for name, value in moments.items():
        np.testing.assert_array_equal(getattr(layer, name).numpy(), value)


def test_moving_averages_of_two_batches():
    layer = batch_norm()
    mean, variance = np.zeros(3), np.ones(3)
    for images in (IMAGES, 3 * IMAGES[:2] + 1):
        layer(images, training=True)
        mean = 0.8 * mean + 0.2 * images.mean(axis=(0, 1, 2))
        variance = 0.8 * variance + 0.2 * images.var(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-5)


def test_defaults_are_those_of_the_published_runs():
    # BigGAN-PyTorch: epsilon 1e-5, PyTorch's momentum 0.1.
    layer = normalization.BatchNorm()
    assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_equals_keras(training):
    ours = batch_norm(gain=[1.0, 2.0, -3.0], bias=[0.5, 0.0, 1.0])
    theirs = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)
    theirs.build(IMAGES.shape)
    theirs.gamma.assign(ours.gain)
    theirs.beta.assign(ours.bias)
    results = []
    for layer in (ours, theirs):
        images = tf.constant(IMAGES)
        layer(images + 1, training=True)
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=training)
            loss = tf.reduce_sum(outputs * formulas.random(*IMAGES.shape, seed=3))
        weights = [weight.value for weight in layer.trainable_weights]
        results.append([outputs, *layer.get_weights(), *tape.gradient(loss, [images, *weights])])
    assert len(results[0]) == 8
    for our, their in zip(*results):
        np.testing.assert_allclose(our, their, atol=5e-5, rtol=1e-4)


def test_a_constant_channel_stays_finite():
    images = np.full((4, 2, 2, 3), 1000.1, "float32")
    with tf.GradientTape() as tape:
        tensor = tf.constant(images)
        tape.watch(tensor)
        outputs = batch_norm()(tensor, training=True)
    assert np.all(np.isfinite(outputs))
    assert np.all(np.isfinite(tape.gradient(outputs, tensor)))


# --- conditional --------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_zero_gain_and_bias_equal_plain(training):
    zeros = np.zeros((6, 3), "float32")
    layers = conditional_norm(), batch_norm()
    for step in range(2):
        conditional = layers[0]([IMAGES + step, zeros, zeros], training=training)
        plain = layers[1](IMAGES + step, training=training)
        np.testing.assert_array_equal(conditional, plain)
    for name in ("moving_mean", "moving_variance"):
        first, second = (getattr(layer, name).numpy() for layer in layers)
        np.testing.assert_array_equal(first, second)


def test_each_image_has_its_own_gain_and_bias():
    outputs = conditional_norm()([IMAGES, GAIN, BIAS], training=True)
    expected = standardized() * (1 + GAIN[:, None, None]) + BIAS[:, None, None]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_conditional_inference_by_hand():
    layer = conditional_norm(moving_mean=[1.0, 0.0, 0.0], moving_variance=[4.0, 1.0, 1.0])
    images = np.array([[[[5.0, 0.0, 0.0]]], [[[3.0, 2.0, 0.0]]]], "float32")
    gain = np.array([[2.0, 0.0, 0.0], [0.0, -1.0, 0.0]], "float32")
    bias = np.array([[0.5, 0.0, 7.0], [0.0, 0.25, 0.0]], "float32")
    expected = [[[[2 * 3 + 0.5, 0, 7]]], [[[1, 0.25, 0]]]]
    np.testing.assert_allclose(layer([images, gain, bias]), expected, rtol=2e-3)


@pytest.mark.parametrize("training", [True, False])
def test_gradient_equals_that_of_a_plain_formula(training):
    layer = conditional_norm()
    tensors = [tf.constant(value) for value in (IMAGES, GAIN, BIAS)]
    factors = formulas.random(*IMAGES.shape, seed=3)
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        loss = tf.reduce_sum(layer(tensors, training=training) * factors)
    actual = tape.gradient(loss, tensors)
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        images, gain, bias = tensors
        mean, variance = tf.nn.moments(images, [0, 1, 2]) if training else (0.0, 1.0)
        plain = (images - mean) / tf.sqrt(variance + EPSILON)
        plain = plain * (1 + gain[:, None, None]) + bias[:, None, None]
        loss = tf.reduce_sum(plain * factors)
    for ours, plain in zip(actual, tape.gradient(loss, tensors)):
        np.testing.assert_allclose(ours, plain, atol=2e-5, rtol=1e-4)


def test_conditional_has_no_trained_weights():
    layer = conditional_norm()
    assert layer.trainable_weights == []
    assert [w.name for w in layer.weights] == ["moving_mean", "moving_variance"]


# --- both ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [normalization.BatchNorm, normalization.ConditionalBatchNorm])
def test_config_round_trip(cls):
    layer = cls(momentum=0.7, epsilon=0.1, name="norm")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is cls
    assert copy.get_config() == layer.get_config()
    assert (copy.momentum, copy.epsilon, copy.name) == (0.7, 0.1, "norm")


def test_mixed_precision_keeps_statistics_in_float32():
    images = IMAGES + 100
    layer = normalization.ConditionalBatchNorm(MOMENTUM, EPSILON, dtype="mixed_bfloat16")
    inputs = [tf.cast(value, "bfloat16") for value in (images, GAIN, BIAS)]
    outputs = layer(inputs, training=True)
    assert outputs.dtype == tf.bfloat16
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    rounded = tf.cast(inputs[0], "float32").numpy()
    np.testing.assert_allclose(
        layer.moving_mean.numpy(), 0.2 * rounded.mean(axis=(0, 1, 2)), rtol=1e-5
    )
    np.testing.assert_allclose(
        layer.moving_variance.numpy(), 0.8 + 0.2 * rounded.var(axis=(0, 1, 2)), rtol=1e-3
    )


# --- called several times -----------------------------------------------------------------------


def test_every_step_has_its_own_moments():
    layer = normalization.BatchNorm(momentum=0.5, epsilon=EPSILON, steps=2)
    others = 3 * IMAGES + 1
    outputs = layer(others, step=1, training=True)
    np.testing.assert_allclose(outputs, standardized(others), atol=1e-5)
    mean = np.stack([np.zeros(3), 0.5 * others.mean(axis=(0, 1, 2))])
    variance = np.stack([np.ones(3), 0.5 + 0.5 * others.var(axis=(0, 1, 2))])
    np.testing.assert_allclose(layer.moving_mean, mean, atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4)
    np.testing.assert_allclose(layer(IMAGES, step=0), IMAGES / np.sqrt(1 + EPSILON), rtol=1e-5)
    np.testing.assert_allclose(
        layer(IMAGES, step=1), (IMAGES - mean[1]) / np.sqrt(variance[1] + EPSILON), rtol=1e-3
    )
    assert normalization.BatchNorm.from_config(layer.get_config()).steps == 2


def test_vectors():
    layer = normalization.BatchNorm(momentum=0.75, epsilon=1.0)
    outputs = layer(np.array([[1.0, 4.0], [3.0, 4.0]], "float32"), training=True)
    np.testing.assert_allclose(outputs, np.array([[-1, 0], [1, 0]]) / np.sqrt(2), atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, [0.5, 1.0], rtol=1e-6)


def test_pixel_norm():
    x = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 3, 3, 8)).astype(np.float32)
    found = normalization.PixelNorm()(x)
    np.testing.assert_allclose(np.mean(np.square(found), axis=-1), 1.0, rtol=1e-5)
    ratio = np.broadcast_to(found[..., :1] / x[..., :1], x.shape)
    np.testing.assert_allclose(found / x, ratio, rtol=1e-5)
    pixel = normalization.PixelNorm()(np.array([[3.0, 4.0]], np.float32))
    np.testing.assert_allclose(pixel, [[3 / 12.5**0.5, 4 / 12.5**0.5]], rtol=1e-6)


def test_scalar_layer_norm():
    layer = normalization.ScalarLayerNorm()
    x = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 5, 5, 3)).astype(np.float32)
    layer.build(x.shape)
    assert layer.gain.shape == () and layer.bias.shape == (3,)
    layer.gain.assign(2.0)
    layer.bias.assign([0.0, 1.0, -1.0])
    mean, variance = (f(x, axis=(1, 2, 3), keepdims=True) for f in (np.mean, np.var))
    expected = 2.0 * (x - mean) / np.sqrt(variance + 1e-4) + [0.0, 1.0, -1.0]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
