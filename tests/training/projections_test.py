"""Projections by hand, and what they leave alone."""

import keras
import numpy as np
import pytest

from tests.training import toys
from tfgan_zoo.training import projections


def dense(kernel, bias):
    kernel = np.asarray(kernel, "float32")
    network = keras.Sequential([keras.Input(kernel.shape[:1]), keras.layers.Dense(kernel.shape[1])])
    network.set_weights([kernel, np.asarray(bias, "float32")])
    return network


def orthogonal(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def test_weights_are_clipped():
    network = dense([[3.0, -0.01], [0.02, -7.0]], [0.5, 0.04])
    projections.ClipWeights(0.05)(network)
    kernel, bias = network.get_weights()
    np.testing.assert_allclose(kernel, [[0.05, -0.01], [0.02, -0.05]])
    np.testing.assert_allclose(bias, [0.05, 0.04])


def test_the_paper_s_limit_is_the_default():
    network = dense([[3.0, -3.0]], [0.0, 0.0])
    projections.ClipWeights()(network)
    np.testing.assert_allclose(network.get_weights()[0], [[0.01, -0.01]])


@pytest.mark.parametrize(
    "projection", [projections.ClipWeights(1e-3), projections.ClampSingularValues(1e-3)]
)
def test_only_trainable_weights_change(projection):
    network = toys.generator(norm=True)
    fixed = [(w, w.numpy().copy()) for w in network.non_trainable_variables]
    kernels = [w for w in network.trainable_variables if w.name == "kernel"]
    assert len(fixed) == 3 and len(kernels) == 2
    projection(network)
    for weight, value in fixed:
        np.testing.assert_array_equal(weight.numpy(), value)
    for weight in kernels:
        assert np.abs(weight.numpy()).max() <= 1.001e-3


def test_singular_values_are_clamped_and_vectors_kept():
    left, right = orthogonal(4, 0)[:, :3], orthogonal(3, 1)
    network = dense(left * [3.0, 1.5, 0.5] @ right, [9.0, 9.0, 9.0])
    projections.ClampSingularValues(1.0)(network)
    kernel, bias = network.get_weights()
    np.testing.assert_allclose(kernel, left * [1.0, 1.0, 0.5] @ right, atol=1e-6)
    np.testing.assert_array_equal(bias, [9.0, 9.0, 9.0])


def test_a_convolution_s_matrix_has_a_column_per_filter():
    layer = keras.layers.Conv2D(3, 2)
    network = keras.Sequential([keras.Input((4, 4, 2)), layer])
    left, right = orthogonal(8, 0)[:, :3], orthogonal(3, 1)
    layer.kernel.assign((left * [5.0, 2.0, 0.1] @ right).reshape(2, 2, 2, 3))
    projections.ClampSingularValues(2.5)(network)
    clamped = layer.kernel.numpy().reshape(8, 3)
    np.testing.assert_allclose(clamped, left * [2.5, 2.0, 0.1] @ right, atol=1e-5)


@pytest.mark.parametrize("projection", [projections.ClipWeights, projections.ClampSingularValues])
def test_what_is_within_the_limit_stays(projection):
    network = dense([[0.5, 0.1], [-0.2, 0.3]], [0.4, -0.4])
    before = network.get_weights()
    projection(1.0)(network)
    for new, old in zip(network.get_weights(), before):
        np.testing.assert_allclose(new, old, atol=1e-6)
