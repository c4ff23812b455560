"""Noise: ranges, moments, and that one seed means the same everywhere."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.training import noise

SEED = tf.constant([3, 4])


@pytest.mark.parametrize("seed", [(0, 0), (3, 4), (-5, 2**31 - 1)])
@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: noise.uniform([50], seed),
        lambda seed: noise.normal([50], seed),
        lambda seed: noise.normal([50], seed, within=0.5),
        lambda seed: noise.integers([50], seed, 10),
        lambda seed: noise.normal([50], noise.split(seed)[1]),
        lambda seed: noise.normal([50], noise.fold_in(seed, 7)),
    ],
)
def test_xla_draws_the_same(draw, seed):
    compiled = tf.function(draw, jit_compile=True)(tf.constant(seed))
    np.testing.assert_allclose(compiled, draw(tf.constant(seed)), atol=1e-4)


def test_uniform():
    values = noise.uniform([2**20], SEED).numpy()
    odd = values.astype("float64") * 2**23
    np.testing.assert_array_equal(odd % 2, 1)
    shares = np.histogram(values, bins=8, range=(-1, 1))[0] / values.size
    np.testing.assert_allclose(shares, 1 / 8, atol=2e-3)


def test_the_ends_stay_finite(monkeypatch):
    ends = tf.constant([0, 2**22 - 1, 2**22, 2**23 - 1])
    monkeypatch.setattr(noise, "integers", lambda shape, seed, count: ends)
    step = 2.0**-23
    np.testing.assert_array_equal(noise.uniform([4], SEED), [step - 1, -step, step, 1 - step])
    normals = noise.normal([4], SEED).numpy()
    assert 5 < normals[3] == -normals[0] < 5.3
    within = noise.normal([4], SEED, within=1.5).numpy()
    np.testing.assert_allclose(within, [-1.5, 0, 0, 1.5], atol=1e-5)


def test_normal():
    values = noise.normal([2**20], SEED).numpy()
    assert abs(values.mean()) < 0.005 and abs(values.std() - 1) < 0.005
    assert abs((np.abs(values) > 2).mean() - 0.0455) < 0.001
    assert 4 < np.abs(values).max() < 5.3


def test_integers():
    values = noise.integers([70_000], SEED, 7).numpy()
    assert values.dtype == np.int32
    np.testing.assert_allclose(np.bincount(values, minlength=7) / 10_000, 1, atol=0.05)


def test_derived_seeds_differ():
    seeds = [SEED, *noise.split(SEED, 3), *(noise.fold_in(SEED, number) for number in range(3))]
    draws = np.stack([noise.normal([10_000], seed) for seed in seeds])
    assert len(draws) == 7
    np.testing.assert_allclose(np.corrcoef(draws), np.eye(7), atol=0.05)
