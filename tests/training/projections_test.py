"""Projections by hand, and what they leave alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

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
    "projection",
    [
        projections.ClipWeights(1e-3),
        projections.ClampSingularValues(limit=1e-3),
        projections.ClampSingularValues(ratio=1e-3),
    ],
)
def test_only_trainable_weights_change(projection):
    network = toys.generator(norm=True)
    fixed = [(w, w.numpy().copy()) for w in network.non_trainable_variables]
    before = network.trainable_variables[0].numpy()
    assert len(fixed) == 3
    projection(network)
    for weight, value in fixed:
        np.testing.assert_array_equal(weight.numpy(), value)
    assert np.any(network.trainable_variables[0].numpy() != before)


# --- of singular values -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, clamped",
    [
        ({"limit": 1.0}, [1.0, 1.5, 0.5]),  # the largest only
        ({"limit": 2.0}, [2.0, 1.5, 0.5]),
        ({"limit": 4.0}, [3.0, 1.5, 0.5]),
        ({"ratio": 1.0}, [1.5, 1.5, 0.5]),
        ({"ratio": 1.2}, [1.8, 1.5, 0.5]),
        ({"ratio": 2.5}, [3.0, 1.5, 0.5]),
    ],
)
def test_the_largest_singular_value_is_clamped_and_vectors_kept(settings, clamped):
    left, right = orthogonal(4, 0)[:, :3], orthogonal(3, 1)
    network = dense(left * [3.0, 1.5, 0.5] @ right, [9.0, 9.0, 9.0])
    projections.ClampSingularValues(**settings)(network)
    kernel, bias = network.get_weights()
    np.testing.assert_allclose(kernel, left * clamped @ right, atol=1e-6)
    np.testing.assert_array_equal(bias, [9.0, 9.0, 9.0])


def test_by_hand():
    # u0 = (0.6, 0.8), v0 = (1, 0), s0 = 5; eq. 5 takes 4 u0 v0^T away.
    network = dense([[3.0, 0.0], [4.0, 0.0]], [0.0, 0.0])
    projections.ClampSingularValues(limit=1.0)(network)
    np.testing.assert_allclose(network.get_weights()[0], [[0.6, 0.0], [0.8, 0.0]], atol=1e-6)


def test_a_convolution_s_matrix_has_a_column_per_filter():
    layer = keras.layers.Conv2D(3, 2)
    network = keras.Sequential([keras.Input((4, 4, 2)), layer])
    left, right = orthogonal(8, 0)[:, :3], orthogonal(3, 1)
    layer.kernel.assign((left * [5.0, 2.0, 0.1] @ right).reshape(2, 2, 2, 3))
    projections.ClampSingularValues(limit=2.5)(network)
    clamped = layer.kernel.numpy().reshape(8, 3)
    np.testing.assert_allclose(clamped, left * [2.5, 2.0, 0.1] @ right, atol=1e-5)


def test_a_ratio_leaves_kernels_of_one_singular_value():
    kernel = [[3.0], [4.0]]
    network = dense(kernel, [0.0])
    projections.ClampSingularValues(ratio=0.1)(network)
    np.testing.assert_array_equal(network.get_weights()[0], kernel)
    projections.ClampSingularValues(limit=1.0)(network)
    np.testing.assert_allclose(network.get_weights()[0], [[0.6], [0.8]], rtol=1e-6)


def test_equal_values_do_not_sink():
    # As after a first clamp to the second value: nothing is above it any more.
    kernel = orthogonal(60, 0) * np.repeat([2.0, 1.0], [2, 58]) @ orthogonal(60, 1)
    network = dense(kernel, np.zeros(60))
    clamp = tf.function(projections.ClampSingularValues(ratio=1.0))
    for _ in range(3):
        clamp(network)
    np.testing.assert_allclose(network.get_weights()[0], kernel, atol=1e-5)


def test_repeated_clamps_bring_all_below_the_limit():
    network = dense(np.diag([4.0, 3.0, 2.0, 0.5]), np.zeros(4))
    for number, expected in enumerate([[1, 3, 2, 0.5], [1, 1, 2, 0.5], [1, 1, 1, 0.5]]):
        projections.ClampSingularValues(limit=1.0)(network)
        kernel = network.get_weights()[0]
        np.testing.assert_allclose(kernel, np.diag(expected), atol=1e-5, err_msg=str(number))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_a_compiled_step(jit_compile):
    left, right = orthogonal(4, 0)[:, :3], orthogonal(3, 1)
    network = dense(left * [3.0, 1.5, 0.5] @ right, np.zeros(3))
    clamp = projections.ClampSingularValues(limit=2.0)
    tf.function(lambda: clamp(network), jit_compile=jit_compile)()
    np.testing.assert_allclose(network.get_weights()[0], left * [2.0, 1.5, 0.5] @ right, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"limit": 1.0, "ratio": 1.0}, {"limit": 0.0}, {"ratio": -1.0}]
)
def test_settings_error(settings):
    received = {"limit": None, "ratio": None, **settings}
    message = "`limit` or `ratio`, not both. Received: limit={limit}, ratio={ratio}."
    with pytest.raises(ValueError, match=message.format(**received)):
        projections.ClampSingularValues(**settings)


@pytest.mark.parametrize("projection", [projections.ClipWeights, projections.ClampSingularValues])
def test_what_is_within_the_limit_stays(projection):
    network = dense([[0.5, 0.1], [-0.2, 0.3]], [0.4, -0.4])
    before = network.get_weights()
    projection(1.0)(network)
    for new, old in zip(network.get_weights(), before):
        np.testing.assert_allclose(new, old, atol=1e-6)
