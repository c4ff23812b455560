import tracemalloc
import warnings

import numpy as np
import pytest
from scipy import linalg

from tfgan_zoo.metrics import fid as module
from tfgan_zoo.metrics.fid import (
    fid,
    fid_parts,
    frechet_distance,
    frechet_parts,
    trace_sqrt_product,
)
from tfgan_zoo.metrics.moments import Moments


@pytest.fixture(scope="module")
def reference():
    random = np.random.RandomState(0)
    return random.randn(2000, 64), 1.1 * random.randn(2000, 64) + 0.1


def test_reference_value(reference):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fid(*reference) == pytest.approx(2.5332495204, abs=1e-9)


def test_rank_deficient_reference_value(reference):
    a, b = (features[:50] for features in reference)
    with pytest.warns(UserWarning, match="50 samples of 64 dimensions"):
        assert fid(a, b) == pytest.approx(48.367233091165, abs=1e-10)


class Biased:
    """Moments whose covariance is divided by the number of samples, not by one less."""

    def __init__(self, features):
        self.count, self.mean = len(features), features.mean(axis=0)
        self.covariance = np.cov(features.T, ddof=0)


def test_reference_value_of_biased_covariances(reference):
    assert frechet_distance(*map(Biased, reference)) == pytest.approx(2.5323249009, abs=1e-9)


def test_parts(reference):
    distance, means, covariances = fid_parts(*reference)
    assert distance == fid(*reference)
    assert means == pytest.approx(0.6840105420, abs=1e-10)
    assert covariances == pytest.approx(2.5332495204 - 0.6840105420, abs=1e-9)


@pytest.mark.parametrize("dims, samples", [(2, 50), (64, 2000), (150, 400)])
def test_agrees_with_scipy_s_square_root(dims, samples):
    random = np.random.default_rng(dims)
    mixing = random.normal(size=(dims, dims)) * np.geomspace(1.0, 1e-2, dims)
    a, b = random.normal(size=(2, samples, dims)) @ mixing
    a, b = np.cov(a.T), np.cov(1.3 * b.T**3)
    expected = np.trace(linalg.sqrtm(a @ b)).real
    assert trace_sqrt_product(a, b) == pytest.approx(expected, rel=1e-6)
    assert trace_sqrt_product(b, a) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("real_rows, fake_rows", [(50, 50), (20, 64), (50, 2000), (2000, 50)])
def test_few_samples_take_less_work_for_the_same(reference, real_rows, fake_rows):
    a, b = reference[0][:real_rows], reference[1][:fake_rows]
    moments = []
    for rows in (a, b):
        moments.append(Moments())
        moments[-1].update(rows)
    with pytest.warns(UserWarning, match="covariance is singular"):
        expected = frechet_parts(*moments)
    with pytest.warns(UserWarning, match="covariance is singular"):
        assert fid_parts(a, b) == pytest.approx(expected, rel=1e-10)


def test_features_that_are_always_0(reference):
    """Singular with any number of samples, where the other square root is noise or not a number."""
    a, b = (np.pad(rows, ((0, 0), (0, 6))) for rows in reference)
    a[:, 3], b[:, 3] = a[:, 2], b[:, 2]
    assert fid(a, b) == pytest.approx(fid(np.roll(a, 9, axis=1), np.roll(b, 9, axis=1)), abs=1e-9)
    assert fid(a[:, :64], b[:, :64]) == pytest.approx(fid(a, b), abs=1e-9)
    assert fid(a, a) < 1e-6


def test_progress(reference):
    seen = []
    fid(*reference, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(1024, 4000), (2000, 4000), (3024, 4000), (4000, 4000)]


def test_memory_does_not_grow_over_calls(reference):
    fid(*reference)
    tracemalloc.start()
    held = []
    for _ in range(3):
        fid(*reference)
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[2] - held[0] < 10_000


def test_agrees_with_the_nuclear_norm(reference):
    a, b = (features[:30] for features in reference)
    a_centred, b_centred = a - a.mean(axis=0), b - b.mean(axis=0)
    expected = np.linalg.norm(a_centred @ b_centred.T, ord="nuc") / 29
    root = trace_sqrt_product(np.cov(a.T), np.cov(b.T))
    assert root == pytest.approx(expected, rel=1e-11)


def test_pieces_give_the_same_distance(reference):
    a, b = reference
    real, fake = Moments(), Moments()
    for piece in np.array_split(a, 7):
        real.update(piece)
    fake.update(b)
    assert frechet_distance(real, fake) == pytest.approx(fid(a, b), abs=1e-11)


def test_same_set_is_at_distance_zero(reference):
    a = reference[0]
    assert 0.0 <= fid(a, a) < 1e-6
    constant = np.ones((10, 2))
    assert fid(constant, constant) == 0.0
    assert fid(constant, constant + 3.0) == 18.0


def test_symmetric(reference):
    a, b = reference
    assert fid(a, b) == pytest.approx(fid(b, a), rel=1e-11)


def test_known_gaussians():
    # Rows +-e_i sqrt(...) give diagonal covariances exactly: the distance is by hand.
    rows = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) * np.sqrt(1.5)
    real, fake = rows, rows * [2.0, 3.0] + [5.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fid(real, fake) == pytest.approx(5.0**2 + (2 - 1) ** 2 + (3 - 1) ** 2, abs=1e-12)


def test_warns_below_full_rank_only():
    features = np.random.RandomState(0).randn(10, 4)
    with pytest.warns(UserWarning, match="`fake` has 4 samples.*below 5"):
        fid(features, features[:4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fid(features, features[:5])


def test_different_dimensions():
    with pytest.raises(ValueError, match="same dimensions.*Received: 3 and 4"):
        fid(np.zeros((9, 3)), np.zeros((9, 4)))


def test_too_few_samples():
    with pytest.raises(ValueError, match="must hold 2 or more"):
        fid(np.zeros((9, 3)), np.zeros((1, 3)))


class Stub:
    """Moments that no features can have."""

    count = 100

    def __init__(self, *variances):
        self.mean = np.zeros(len(variances))
        self.covariance = np.diag(variances)


def test_negative_results():
    sound = Stub(1.0, 1.0)
    assert frechet_distance(sound, Stub(1.0, -1e-8)) >= 0.0
    with pytest.raises(ValueError, match="without negative eigenvalues.*Received"):
        frechet_distance(Stub(1.0, -2.0), Stub(1.0, -2.0))


def test_round_off_is_clipped_and_more_is_not(monkeypatch):
    stub = Stub(1.0, 1.0)
    monkeypatch.setattr(module, "trace_sqrt_product", lambda *_: 2.0 + 1e-6)  # -2e-6, trace 4
    assert frechet_distance(stub, stub) == 0.0
    monkeypatch.setattr(module, "trace_sqrt_product", lambda *_: 2.0 + 3e-6)  # -6e-6
    with pytest.raises(ValueError, match="negative"):
        frechet_distance(stub, stub)
