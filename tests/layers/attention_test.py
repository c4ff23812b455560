"""Self-attention against NumPy, and at the points where nothing has to be computed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers import formulas
from tfgan_zoo.layers import attention

IMAGES = formulas.random(2, 6, 4, 16)
INITIALIZER = keras.initializers.RandomNormal(seed=1)


def build(shape=IMAGES.shape, gamma=0.7, **settings):
    layer = attention.SelfAttention2D(kernel_initializer=INITIALIZER, **settings)
    layer.build(shape)
    layer.gamma.assign(gamma)
    return layer


def pool(images):
    return formulas.blocks(images).max(axis=-1)


def by_hand(layer, images):
    """Section 3 of the paper with the pooling and the widths of its code."""
    batch, *_, channels = images.shape
    query, key, value, output = (
        formulas.normalized(part)[0, 0]
        for part in (layer.query, layer.key, layer.value, layer.output_projection)
    )
    queries = (images @ query).reshape(batch, -1, channels // 8)
    keys = pool(images @ key).reshape(batch, -1, channels // 8)
    values = pool(images @ value).reshape(batch, -1, channels // 2)
    weights = np.exp(queries @ keys.transpose(0, 2, 1))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixture = (weights @ values @ output).reshape(images.shape)
    return images + layer.gamma.numpy() * mixture


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(2, 6, 4, 16), (1, 2, 4, 8), (3, 4, 10, 24)])
def test_equals_numpy(shape, training):
    images = 3 * formulas.random(*shape)
    layer = build(shape)
    expected = by_hand(layer, images)
    assert np.abs(expected - images).max() > 0.1
    np.testing.assert_allclose(layer(images, training=training), expected, atol=1e-4)
    assert layer.compute_output_shape(shape) == shape


def test_a_new_layer_is_the_identity():
    layer = attention.SelfAttention2D()
    np.testing.assert_array_equal(layer(IMAGES), IMAGES)
    assert layer.gamma.numpy() == 0


def test_gamma_is_learned_from_the_start():
    layer = build(gamma=0.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(IMAGES) * IMAGES)
    gradient = tape.gradient(loss, layer.gamma.value)
    layer.gamma.assign(1.0)
    mixture = by_hand(layer, IMAGES) - IMAGES
    np.testing.assert_allclose(gradient, np.sum(mixture * IMAGES), rtol=1e-4)


@pytest.mark.parametrize("channels", [8, 16, 64])
def test_parameter_count(channels):
    layer = build((None, 4, 4, channels))
    count = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
    assert count == 1.25 * channels**2 + 1


def test_only_training_calls_move_the_singular_vectors():
    layer = build()
    before = [weight.numpy() for weight in layer.non_trainable_weights]
    assert len(before) == 4
    layer(IMAGES)
    for weight, value in zip(layer.non_trainable_weights, before):
        np.testing.assert_array_equal(weight.numpy(), value)
    layer(IMAGES, training=True)
    for weight, value in zip(layer.non_trainable_weights, before):
        assert np.abs(weight.numpy() - value).max() > 1e-3


@pytest.mark.parametrize("shape", [(2, 4, 4, 12), (2, 5, 4, 8), (2, 4, 3, 8)])
def test_shape_errors(shape):
    message = r"multiple of 8 and an even height and width. Received: shape \(2, %d, %d, %d\)"
    with pytest.raises(ValueError, match=message % shape[1:]):
        attention.SelfAttention2D().build(shape)


def test_config_round_trip():
    layer = build(epsilon=1e-4, name="attention")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
    assert copy.epsilon == 1e-4
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(IMAGES), layer(IMAGES))
    assert [part.epsilon for part in (copy.query, copy.output_projection)] == [1e-4, 1e-4]


def test_without_spectral_normalisation():
    layer = build(normalize=False)
    assert type(layer).from_config(layer.get_config()).normalize is False
    assert not any(part.normalize for part in (layer.query, layer.key, layer.output_projection))
    assert not layer.non_trainable_weights


def test_mixed_precision():
    layer = attention.SelfAttention2D(kernel_initializer=INITIALIZER, dtype="mixed_bfloat16")
    layer.build(IMAGES.shape)
    layer.gamma.assign(0.7)
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    outputs = layer(IMAGES)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(outputs, "float32"), by_hand(layer, IMAGES), atol=0.1)
