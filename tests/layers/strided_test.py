"""Fast layers for penalised discriminators against Keras's own, up to second derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.layers import strided

SMALL = (4, 6)
CONV = (keras.layers.Conv2D, strided.Conv2D)
TRANSPOSED = (keras.layers.Conv2DTranspose, strided.Conv2DTranspose)


def pair(kernel_size=5, dtype="float32", kinds=CONV, **settings):
    """Keras's layer and ours with the same weights, of 3 channels and 4 filters."""
    settings = {"strides": 2, "padding": "same", "dtype": dtype, **settings}
    layers = [kind(4, kernel_size, **settings) for kind in kinds]
    for layer in layers:
        layer.build((None, *SMALL, 3))
    layers[1].set_weights(layers[0].get_weights())
    return layers


def images(side=SMALL, channels=3):
    rng = np.random.default_rng(0)
    return tf.constant(rng.normal(size=(2, *side, channels)), tf.float32)


def derivatives(layer, x):
    """Outputs, a gradient, and the gradients of a function of that; what a penalty does."""
    trained = {"training": True} if isinstance(layer, strided.Conv2DTranspose) else {}
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            outputs = tf.cast(layer(x, **trained), tf.float32)
            score = tf.reduce_sum(tf.tanh(outputs))
        gradient = inner.gradient(score, x)
        penalty = tf.reduce_sum(gradient**3) + score
    weights = [weight.value for weight in layer.trainable_variables]
    return outputs, gradient, *outer.gradient(penalty, [x, *weights])


def kinds(layer, x):
    """Of the operations that compute the derivatives."""
    graph = tf.function(derivatives).get_concrete_function(layer, x).graph
    return [operation.type for operation in graph.get_operations()]


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5, 6, (3, 5)])
@pytest.mark.parametrize("side", [SMALL, (2, 8), (16, 10)])
def test_convolution_is_keras_s_to_the_second_derivative(kernel_size, side):
    theirs, ours = (derivatives(layer, images(side)) for layer in pair(kernel_size))
    for one, two in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5, 6, (3, 5)])
@pytest.mark.parametrize("side", [(3, 2), (8, 5)])
@pytest.mark.parametrize("settings", [{}, {"use_bias": False, "activation": "tanh"}])
def test_transposed_convolution_is_keras_s_to_the_second_derivative(kernel_size, side, settings):
    layers = pair(kernel_size, kinds=TRANSPOSED, bias_initializer="random_normal", **settings)
    theirs, ours = (derivatives(layer, images(side)) for layer in layers)
    for one, two in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel_size", [7, 9, 12])
def test_kernels_that_are_larger_than_the_images(kernel_size):
    for kinds, side in ((CONV, (2, 4)), (TRANSPOSED, (1, 2))):
        layers = pair(kernel_size, kinds=kinds)
        theirs, ours = (derivatives(layer, images(side)) for layer in layers)
        for one, two in zip(theirs, ours, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def test_transposed_convolutions_are_keras_s_out_of_training_and_of_large_maps():
    theirs, ours = pair(kinds=TRANSPOSED)
    np.testing.assert_array_equal(theirs(images()), ours(images(), training=False))
    np.testing.assert_array_equal(theirs(images((9, 4))), ours(images((9, 4)), training=True))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_convolution(jit_compile):
    theirs, ours = pair()
    compiled = tf.function(derivatives, jit_compile=jit_compile)
    for one, two in zip(derivatives(theirs, images()), compiled(ours, images()), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def test_convolution_in_bfloat16():
    layers = pair(dtype="mixed_bfloat16")
    assert layers[1](images()).dtype == tf.bfloat16
    for one, two in zip(*(derivatives(layer, images()) for layer in layers), strict=True):
        np.testing.assert_allclose(one, two, atol=0.05 * np.abs(one).max())


@pytest.mark.parametrize("layers, side", [(CONV, SMALL), (TRANSPOSED, SMALL), (TRANSPOSED, (8, 8))])
def test_no_gradient_of_small_maps_is_the_frameworks_own(layers, side):
    theirs, ours = pair(kinds=layers)
    for operation in ("Conv2DBackpropFilter", "Conv2DBackpropInput"):
        assert operation in kinds(theirs, images(side))
        assert operation not in kinds(ours, images(side))


@pytest.mark.parametrize(
    "side, settings",
    [
        ((16, 16), {}),
        ((5, 6), {}),
        (SMALL, {"strides": 1}),
        (SMALL, {"padding": "valid", "kernel_size": 2}),
        (SMALL, {"kernel_size": 1}),
        (SMALL, {"strides": 1, "dilation_rate": 2}),
    ],
)
def test_other_convolutions_are_keras_s(side, settings):
    theirs, ours = pair(**settings)
    assert kinds(theirs, images(side)) == kinds(ours, images(side))
    np.testing.assert_array_equal(theirs(images(side)), ours(images(side)))


def test_convolution_of_images_of_any_size():
    theirs, ours = pair()
    inputs = keras.Input((None, None, 3))
    networks = [keras.Model(inputs, layer(inputs)) for layer in (theirs, ours)]
    np.testing.assert_array_equal(*(network(images()) for network in networks))


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_leaky_relu_is_keras_s(slope):
    x = tf.constant([-3.0, -0.5, 0.25, 7.0])
    ours, theirs = (kind(slope) for kind in (strided.LeakyReLU, keras.layers.LeakyReLU))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        values = [layer(x) for layer in (ours, theirs)]
    np.testing.assert_array_equal(*values)
    np.testing.assert_allclose(values[0], [-3 * slope, -0.5 * slope, 0.25, 7])
    np.testing.assert_array_equal(*(tape.gradient(value, x) for value in values))


def test_leaky_relu_has_no_second_derivative():
    x = tf.constant([-3.0, 7.0])
    for layer, has_one in ((strided.LeakyReLU(), False), (keras.layers.LeakyReLU(), True)):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = layer(x)
            gradient = inner.gradient(y, x)
        assert (outer.gradient(gradient, x) is not None) == has_one


@pytest.mark.parametrize("slope", [-0.1, 1.5])
def test_leaky_relu_s_slope(slope):
    with pytest.raises(ValueError, match=rf"`negative_slope` must be in \[0, 1\].*={slope}"):
        strided.LeakyReLU(slope)


def test_layers_come_back_from_their_configuration():
    network = keras.Sequential([keras.Input((8, 8, 3)), pair()[1], strided.LeakyReLU(0.3)])
    again = keras.models.clone_model(network)
    again.set_weights(network.get_weights())
    assert [weight.name for weight in again.weights] == ["kernel", "bias"]
    assert [type(layer) for layer in again.layers] == [strided.Conv2D, strided.LeakyReLU]
    np.testing.assert_array_equal(again(images((8, 8))), network(images((8, 8))))
