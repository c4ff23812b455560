import tracemalloc

import numpy as np
import pytest

from tfgan_zoo.metrics import kid as module
from tfgan_zoo.metrics.kid import kid, polynomial_mmd


@pytest.fixture(scope="module")
def reference():
    random = np.random.RandomState(0)
    return random.randn(2000, 64), 1.1 * random.randn(2000, 64) + 0.1


def test_reference_values(reference):
    a, b = reference
    assert polynomial_mmd(a, b) == pytest.approx(0.0321753468, abs=1e-10)
    assert polynomial_mmd(a[:1000], b[:1000]) == pytest.approx(0.0404060680, abs=1e-10)


def test_by_hand():
    # d = 1, k(a, b) = (a b + 1)^3: pairs of real 1, pairs of fake 27, across (1 + 1 + 8 + 27) / 4.
    real, fake = [[0.0], [1.0]], [[1.0], [2.0]]
    assert polynomial_mmd(real, fake) == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4, abs=1e-12)


def test_sets_of_different_size():
    # Pairs of fake: (27 + 1 + 1) / 3 for 1, 2, 0; across over the 6 pairs.
    real, fake = [[0.0], [1.0]], [[1.0], [2.0], [0.0]]
    across = (1 + 1 + 1 + 8 + 27 + 1) / 6
    expected = 1 + (27 + 1 + 1) / 3 - 2 * across
    assert polynomial_mmd(real, fake) == pytest.approx(expected, abs=1e-12)


def test_blocks_do_not_matter(reference, monkeypatch):
    a, b = (features[:200] for features in reference)
    expected = polynomial_mmd(a, b)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert polynomial_mmd(a, b) == pytest.approx(expected, abs=1e-12)


def published(real, fake, subsets, subset_size, seed):
    """torch-fidelity's draws, and its estimator written with whole Gram matrices."""
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        x = real[random.choice(len(real), subset_size, replace=False)]
        y = fake[random.choice(len(fake), subset_size, replace=False)]
        xx, yy, xy = ((p @ q.T / x.shape[1] + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
        off = ~np.eye(subset_size, dtype=bool)
        values.append(xx[off].mean() + yy[off].mean() - 2 * xy.mean())
    return np.mean(values), np.std(values)


def test_draws_of_torch_fidelity(reference):
    a, b = reference[0][:300], reference[1][:250]
    expected = published(a, b, subsets=5, subset_size=100, seed=7)
    assert kid(a, b, subsets=5, subset_size=100, seed=7) == pytest.approx(expected, abs=1e-12)
    assert kid(b, a, subsets=5, subset_size=100, seed=7) != pytest.approx(expected, abs=1e-6)


def test_defaults(monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "polynomial_mmd", lambda x, y: drawn.append((x, y)) or 0.0)
    rows = np.arange(1100.0)[:, None]
    kid(rows, rows)
    assert len(drawn) == 100
    random = np.random.RandomState(2020)
    for subset in (*drawn[0], *drawn[1]):
        np.testing.assert_array_equal(subset, rows[random.choice(1100, 1000, replace=False)])


def test_whole_sets_as_subsets(reference):
    a, b = (features[:100] for features in reference)
    mean, std = kid(a, b, subsets=3, subset_size=100)
    assert mean == pytest.approx(polynomial_mmd(a, b), abs=1e-12)
    assert std == pytest.approx(0.0, abs=1e-12)


def test_unbiased_and_not_clipped():
    random = np.random.RandomState(3)
    values = [polynomial_mmd(random.randn(20, 4), random.randn(20, 4)) for _ in range(400)]
    standard_error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * standard_error
    assert 0.3 < np.mean(np.array(values) < 0) < 0.8


def test_float32_features_are_cubed_in_float64(reference):
    a, b = (features[:300].astype(np.float32) + np.float32(30) for features in reference)
    expected = polynomial_mmd(a.astype(np.float64), b.astype(np.float64))
    assert polynomial_mmd(a, b) == expected


def test_progress(reference, monkeypatch):
    a, b = reference
    seen = []
    kid(a, b, subsets=3, subset_size=10, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    monkeypatch.setattr(module, "CHUNK", 900)
    seen.clear()
    polynomial_mmd(a, b[:1000], progress=lambda *numbers: seen.append(numbers))
    # Blocks of 3 and 2: 6 across, 6 and 3 pairs within.
    assert seen == [(done, 15) for done in range(1, 16)]


def test_whole_sets_are_never_held_in_float64():
    rows = np.ones((6000, 256), np.float32)
    tracemalloc.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 256)
        polynomial_mmd(rows, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes


def test_too_few_samples(reference):
    a, b = reference
    with pytest.raises(ValueError, match=r"`subset_size=`.*subset_size=1000, 2000 real and 999"):
        kid(a, b[:999])
    with pytest.raises(ValueError, match="`subset_size` must lie between 2"):
        kid(a, b, subset_size=1)
    with pytest.raises(ValueError, match="two or more samples"):
        polynomial_mmd(a, b[:1])


def test_other_errors(reference):
    a, b = reference
    with pytest.raises(ValueError, match="Received: subsets=0"):
        kid(a, b, subsets=0)
    with pytest.raises(ValueError, match="same dimensions.*Received: 64 and 3"):
        kid(a, b[:, :3])
    with pytest.raises(ValueError, match="`fake_features` must be finite"):
        kid(a, np.full_like(b, np.nan))
