"""Leading singular values against numpy's full decomposition, and by hand."""

import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from tests.training import toys
from tfgan_zoo.layers import spectral
from tfgan_zoo.training import singular_values
from tfgan_zoo.training.singular_values import leading

RNG = np.random.default_rng(0)
COMPILED = tf.function(leading)


def orthonormal(rows, columns, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(rows, columns)))[0]


def with_values(values, rows=300):
    """A [rows, len(values)] matrix of these singular values."""
    return orthonormal(rows, len(values), 1) * values @ orthonormal(len(values), len(values), 2).T


def decomposed(matrix, *args):
    return [x.numpy() for x in COMPILED(tf.constant(matrix, tf.float32), *args)]


SPECTRA = {
    "1/i": 1 / np.arange(1, 201),
    "1/sqrt(i)": np.arange(1, 201) ** -0.5,
    "0.995^i": 0.995 ** np.arange(200),
    "linear": 1 - np.arange(200) / 400,
    "pairs": np.repeat(np.arange(100, 0, -1), 2) / 100,
    "three and noise": np.concatenate([[1.2, 1.1, 1.05], np.linspace(1, 0.9, 197)]),
    "exploded": np.concatenate([[1e3, 1.0, 0.5], np.full(197, 0.3)]),
    "orthogonal": np.ones(200),
    "pairs, clustered": np.repeat([1.0, 0.9999, 0.9], [2, 2, 196]),
    "one off": np.concatenate([[2.0], np.ones(199)]),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_three_values_within_one_percent(name):
    matrix = with_values(SPECTRA[name])
    s, u, v = decomposed(matrix)
    np.testing.assert_allclose(s, SPECTRA[name][:3], rtol=0.01)
    np.testing.assert_allclose(matrix @ v, u * s, atol=1e-5 * s[0])
    np.testing.assert_allclose(u.T @ u, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(v.T @ v, np.eye(3), atol=1e-5)


@pytest.mark.parametrize(
    "shape", [(64, 64), (256, 256), (576, 64), (64, 576), (1000, 20), (20, 1000), (1152, 128)]
)
def test_random_matrices(shape):
    matrix = RNG.normal(size=shape)
    s, _, _ = decomposed(matrix)
    np.testing.assert_allclose(s, np.linalg.svd(matrix, compute_uv=False)[:3], rtol=0.01)


def test_vectors_are_those_of_the_decomposition():
    values = np.array([5.0, 3.0, 2.0, 1.0, 0.5])
    matrix = with_values(values, rows=7)
    s, u, v = decomposed(matrix)
    assert s.shape == (3,) and u.shape == (7, 3) and v.shape == (5, 3)
    left, right = orthonormal(7, 5, 1)[:, :3], orthonormal(5, 5, 2)[:, :3]
    np.testing.assert_allclose(s, values[:3], rtol=1e-6)
    # Both may be turned round, together.
    signs = np.sign(np.sum(u * left, axis=0))
    np.testing.assert_allclose(u * signs, left, atol=1e-5)
    np.testing.assert_allclose(v * signs, right, atol=1e-5)


def test_a_value_by_hand():
    s, u, v = decomposed([[3.0, 0.0], [4.0, 0.0]], 1)
    np.testing.assert_allclose(s, [5.0], rtol=1e-6)
    np.testing.assert_allclose(u[:, 0] * v[0, 0], [0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(np.abs(v[:, 0]), [1.0, 0.0], atol=1e-6)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(
    rows=strategies.integers(1, 8),
    columns=strategies.integers(1, 8),
    rank=strategies.integers(0, 8),
    exponent=strategies.integers(-20, 15),
    seed=strategies.integers(0, 1000),
)
def test_small_matrices_are_exact(rows, columns, rank, exponent, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns)) * 10.0**exponent
    s, u, v = (x.numpy() for x in leading(tf.constant(matrix, tf.float32)))
    expected = np.linalg.svd(matrix, compute_uv=False)[:3]
    assert u.shape == (rows, len(expected)) and v.shape == (columns, len(expected))
    np.testing.assert_allclose(s, expected, rtol=1e-3, atol=1e-5 * expected[0])
    assert np.all(np.isfinite(u)) and np.all(np.isfinite(v))


def test_no_value_is_too_large():
    matrix = RNG.normal(size=(200, 200))
    expected = np.linalg.svd(matrix, compute_uv=False)[:3]
    errors = [decomposed(matrix, 3, k)[0] / expected - 1 for k in (6, 12, 24, 48, 200)]
    assert np.all(np.array(errors) < 1e-5)
    assert np.all(np.diff(errors, axis=0) > -1e-5)
    assert errors[0].max() < -0.01 and np.abs(errors[-1]).max() < 1e-5


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_not_hidden(value):
    matrix = np.eye(50)
    matrix[3, 4] = value
    assert np.all(np.isnan(decomposed(matrix)[0]))


@pytest.mark.parametrize(
    "matrix", [with_values(SPECTRA["1/i"]), np.ones((20, 30)), np.zeros((9, 4))]
)
def test_xla(matrix):
    xla = tf.function(leading, jit_compile=True)(tf.constant(matrix, tf.float32))
    s, u, v = decomposed(matrix)
    np.testing.assert_allclose(xla[0], s, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(xla[1][:, :1] * xla[2][:, 0], u[:, :1] * v[:, 0], atol=1e-4)
    for x in decomposed(matrix):
        assert np.all(np.isfinite(x))


def test_the_same_matrix_gives_the_same():
    matrix = RNG.normal(size=(60, 50))
    for one, other in zip(decomposed(matrix), decomposed(matrix)):
        np.testing.assert_array_equal(one, other)


def test_there_are_no_gradients():
    matrix = tf.Variable(RNG.normal(size=(6, 5)))
    with tf.GradientTape() as tape:
        s, u, v = leading(matrix)
        total = tf.reduce_sum(s) + tf.reduce_sum(u) + tf.reduce_sum(v)
    assert tape.gradient(total, matrix) is None


# --- of networks --------------------------------------------------------------------------------


def test_spectra_of_kernels_and_embeddings():
    network = toys.discriminator(num_classes=5)
    values = {name: s.numpy() for name, s in singular_values.spectra(network)().items()}
    weights = {w.path: w.numpy() for w in network.trainable_variables}
    assert values.keys() == {path for path, weight in weights.items() if weight.ndim > 1}
    assert sorted(path.split("/")[-1] for path in values) == ["embeddings", "kernel", "kernel"]
    for path, s in values.items():
        assert s.dtype == np.float32
        expected = np.linalg.svd(weights[path], compute_uv=False)[:3]
        np.testing.assert_allclose(s, expected, rtol=1e-4)
    # The last kernel is [6, 1].
    assert sorted(len(s) for s in values.values()) == [1, 3, 3]


def test_spectra_see_a_convolution_s_filters_as_columns():
    network = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(5, 3)])
    kernel = network.layers[0].kernel
    expected = np.linalg.svd(kernel.numpy().reshape(18, 5), compute_uv=False)
    (s,) = singular_values.spectra(network, count=2)().values()
    np.testing.assert_allclose(s, expected[:2], rtol=1e-5)


def test_spectra_are_of_raw_weights_now():
    network = keras.Sequential([keras.Input((3,)), spectral.SNDense(3)])
    look = singular_values.spectra(network)
    for values in ([7.0, 2.0, 1.0], [9.0, 5.0, 0.0]):
        network.layers[0].kernel.assign(np.diag(values))
        (s,) = look().values()
        np.testing.assert_allclose(s, values, rtol=1e-5, atol=1e-5)


# --- what is shared by those who hold singular values down --------------------------------------


@pytest.mark.parametrize(
    "a, b", [(None, None), (1.0, 2.0), (0.0, None), (None, -1.0), (float("nan"), None)]
)
def test_not_exactly_one_positive(a, b):
    message = f"Give a positive `a` or `b`, not both. Received: a={a}, b={b}."
    with pytest.raises(ValueError, match=message):
        singular_values.check_one_positive(a=a, b=b)


def test_exactly_one_positive():
    singular_values.check_one_positive(a=1.0, b=None)
    singular_values.check_one_positive(a=None, b=0.5)
