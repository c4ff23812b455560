"""Layers over one kernel, in one orientation or in both."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers import formulas
from tfgan_zoo.layers import spectral

NORMAL = keras.initializers.RandomNormal(stddev=0.3, seed=1)
IMAGES = formulas.random(2, 4, 6, 5)


def built(layer, channels):
    layer.build((None, 4, 6, channels))
    return layer


def pair(**settings):
    """A layer from 3 to 5 channels, and the one that goes back over its kernel."""
    there = built(spectral.SNConv2D(5, kernel_initializer=NORMAL, **settings), 3)
    back = spectral.AdjointConv2D(3, **settings)
    back.share_kernel(there)
    return there, built(back, 5)


@pytest.mark.parametrize("size", [1, 3])
def test_adjoint_is_a_transposed_convolution_with_the_same_kernel(size):
    there, back = pair(kernel_size=size, normalize=False)
    assert back.kernel is there.kernel
    expected = keras.ops.conv_transpose(IMAGES, there.kernel, strides=1, padding="same")
    np.testing.assert_allclose(back(IMAGES), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3])
def test_adjoint_by_its_definition(size):
    there, back = pair(kernel_size=size, normalize=False)
    x = formulas.random(2, 4, 6, 3, seed=4)
    forth = np.sum(there(x).numpy().astype("float64") * IMAGES)
    np.testing.assert_allclose(forth, np.sum(back(IMAGES).numpy().astype("float64") * x), rtol=1e-4)


def test_adjoint_is_divided_by_its_own_singular_value():
    there, back = pair()
    assert back.u is not there.u and back.u.shape == (1, 3)
    flipped = np.flip(there.kernel.numpy().transpose(0, 1, 3, 2), (0, 1))
    matrix = formulas.as_matrix(flipped)
    sigma, _, u = formulas.power_iteration(matrix, back.u.numpy()[0])
    outputs = back(IMAGES, training=True)
    np.testing.assert_allclose(
        outputs, formulas.conv(IMAGES, flipped / sigma), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(back.u.numpy()[0], u, rtol=1e-4)


def test_adjoint_alone_stores_its_kernel_as_the_other_would():
    layer = built(spectral.AdjointConv2D(3), 5)
    assert layer.kernel.shape == (3, 3, 3, 5)
    again = spectral.AdjointConv2D.from_config(layer.get_config())
    assert again.filters == 3 and again.adjoint


def test_same_orientation_shares_the_singular_vector():
    first = built(spectral.SNConv2D(5), 5)
    second = spectral.SNConv2D(5)
    second.share_kernel(first)
    second.share_singular_vector(first)
    built(second, 5)
    assert second.u is first.u and second.kernel is first.kernel
    before = first.u.numpy().copy()
    second(IMAGES, training=True)
    assert np.any(first.u.numpy() != before)
    # Only the bias is its own.
    assert [w for w in second.weights if not any(w is v for v in first.weights)] == [second.bias]


@pytest.mark.parametrize("normalize", [False, True])
def test_detached_kernel_gets_no_gradient_but_inputs_and_bias_do(normalize):
    layer = built(spectral.SNConv2D(4, normalize=normalize), 5)
    x = tf.constant(IMAGES)
    found = {}
    for detached in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x, detached=detached) ** 2)
        found[detached] = tape.gradient(total, [layer.kernel.value, layer.bias.value, x])
    assert found[True][0] is None and found[False][0] is not None
    for a, b in zip(found[True][1:], found[False][1:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_cannot_be_shared_is_refused():
    source = built(spectral.SNConv2D(5), 3)
    other = spectral.SNConv2D(3)
    other.share_kernel(source)
    with pytest.raises(ValueError, match="of another shape"):
        other.build((None, 4, 6, 5))
    with pytest.raises(ValueError, match="before the layer is built"):
        source.share_kernel(other)
    # Equal widths hide it: the matrices differ all the same.
    square = built(spectral.SNConv2D(5), 5)
    turned = spectral.AdjointConv2D(5)
    turned.share_kernel(square)
    with pytest.raises(ValueError, match="same orientation"):
        turned.share_singular_vector(square)
    unrelated = spectral.SNConv2D(5)
    with pytest.raises(ValueError, match="Share the kernel first"):
        unrelated.share_singular_vector(square)
    plain = spectral.SNConv2D(5, normalize=False)
    plain.share_kernel(square)
    with pytest.raises(ValueError, match="normalise alike"):
        plain.share_singular_vector(square)
