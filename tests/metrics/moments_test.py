import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.metrics.moments import CHUNK, Moments


def moments_of(*pieces):
    moments = Moments()
    for piece in pieces:
        moments.update(piece)
    return moments


def test_by_hand():
    moments = moments_of([[1.0, 0.0], [3.0, 4.0]], [[5.0, 2.0]])
    assert moments.count == 3
    np.testing.assert_allclose(moments.mean, [3.0, 2.0], rtol=1e-15)
    np.testing.assert_allclose(moments.covariance, [[4.0, 2.0], [2.0, 4.0]], rtol=1e-15)


def test_reference_parts():
    random = np.random.RandomState(0)
    a = random.randn(2000, 64)
    b = 1.1 * random.randn(2000, 64) + 0.1
    real, fake = moments_of(a), moments_of(b)
    assert np.sum((real.mean - fake.mean) ** 2) == pytest.approx(0.6840105420, abs=1e-10)
    assert np.trace(real.covariance) == pytest.approx(63.7409253257, abs=1e-10)
    assert np.trace(fake.covariance) == pytest.approx(77.2487231048, abs=1e-10)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(2, 2 * CHUNK + 5),
    cuts=st.lists(st.integers(0, 2 * CHUNK + 5), max_size=6),
    mean=st.sampled_from([0.0, 1.0, -1e4, 1e8]),
)
def test_order_and_pieces_do_not_matter(seed, rows, cuts, mean):
    random = np.random.RandomState(seed)
    features = mean + random.randn(rows, 3) * [1.0, 2.0, 0.5]
    pieces = np.split(random.permutation(features), sorted(min(cut, rows) for cut in cuts))
    moments = moments_of(*pieces)
    assert moments.count == rows
    np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=1e-14, atol=1e-13)
    np.testing.assert_allclose(moments.covariance, np.cov(features.T), rtol=1e-11, atol=1e-12)


def test_outlying_first_piece_costs_no_digits():
    features = 1e8 + np.random.RandomState(0).randn(5000, 2)
    moments = moments_of(np.zeros((1, 2)), features, np.zeros((1, 2)))
    expected = np.cov(np.concatenate([np.zeros((2, 2)), features]).T)
    np.testing.assert_allclose(moments.covariance, expected, rtol=1e-12)


def test_float32_and_integers_are_accumulated_in_float64():
    features = np.full((3000, 1), 2**24, np.float32)
    features[::2] += 2.0
    moments = moments_of(features)
    assert moments.mean == 2**24 + 1.0
    np.testing.assert_allclose(moments.covariance, 3000 / 2999, rtol=1e-12)
    assert moments_of(np.array([[250], [252]], np.uint8)).covariance == 2.0


def test_results_are_copies():
    moments = moments_of([[1.0], [3.0]])
    moments.mean[:] = 7.0
    moments.covariance[:] = 7.0
    assert moments.mean == 2.0
    assert moments.covariance == 2.0


def test_memory_does_not_grow_with_rows():
    features = np.zeros((100_000, 32), np.float32)
    tracemalloc.start()
    moments_of(features)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes  # a float64 copy would be twice that


def test_wrong_width():
    moments = moments_of(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"must have 3 dimensions.*Received: shape \(4, 2\)"):
        moments.update(np.zeros((4, 2)))
    assert moments.count == 4


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5), (3, 0)])
def test_wrong_rank(shape):
    with pytest.raises(ValueError, match=r"`features` must be an array \[samples, dimensions\]"):
        Moments().update(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_features_add_nothing(bad):
    moments = moments_of(np.ones((2, 2)))
    features = np.ones((2 * CHUNK, 2))
    features[-1, 1] = bad
    with pytest.raises(ValueError, match="must be finite.*Received: 1 of 4096 values"):
        moments.update(features)
    assert moments.count == 2


def test_too_few_samples():
    with pytest.raises(ValueError, match="must hold 1 or more.*Received: 0"):
        _ = Moments().mean
    single = moments_of(np.ones((1, 2)))
    np.testing.assert_array_equal(single.mean, [1.0, 1.0])
    with pytest.raises(ValueError, match="must hold 2 or more.*Received: 1"):
        _ = single.covariance


def test_state_continues_where_it_was_taken():
    rows = np.random.default_rng(3).normal(1e3, 1.0, (50, 4))
    whole, part = moments_of(rows), moments_of(rows[:20])
    loaded = Moments.from_state(part.state())
    part.update(rows[:5])  # what was taken is a copy
    assert loaded.count == 20
    loaded.update(rows[20:])
    np.testing.assert_allclose(loaded.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(loaded.covariance, whole.covariance, rtol=1e-12)
    with pytest.raises(ValueError, match="1 or more"):
        Moments().state()


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 2.5},
        {"mean": np.zeros(3)},
        {"scatter": np.zeros((4, 3))},
        {"origin": np.full(4, np.nan)},
        {"scatter": np.zeros((4, 4), np.float32)},
        {"origin": None},
    ],
    ids=str,
)
def test_other_states_are_refused(change):
    state = moments_of(np.eye(4)).state()
    with pytest.raises(ValueError, match="`state` must"):
        Moments.from_state(state | change)
