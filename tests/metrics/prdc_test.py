import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.metrics import distances
from tfgan_zoo.metrics.distances import Tile
from tfgan_zoo.metrics.prdc import (
    expected_coverage,
    prdc,
    precision_recall,
    precision_recall_density_coverage,
)


@pytest.fixture(scope="module", name="reference")
def fixture_reference():
    random = np.random.RandomState(0)
    a, b = random.randn(2000, 64), 1.1 * random.randn(2000, 64) + 0.1
    return a[:500], b[:500]


def squared(a, b):
    """All squared distances, each the sum of squared differences."""
    return np.array([[np.sum((x - y) ** 2) for y in b] for x in a])


def loops(real, fake, k, inclusive):
    """The four scores, read off the papers' formulas, one pair at a time."""
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)

    def radii(rows):
        within = squared(rows, rows)
        return [sorted(np.delete(row, i))[k - 1] for i, row in enumerate(within)]

    def inside(square, radius):
        return square <= radius if inclusive else square < radius

    real_radii, fake_radii, across = radii(real), radii(fake), squared(real, fake)
    n, m = across.shape
    in_real = [[inside(across[i, j], real_radii[i]) for j in range(m)] for i in range(n)]
    in_fake = [[inside(across[i, j], fake_radii[j]) for j in range(m)] for i in range(n)]
    return (
        np.mean(np.any(in_real, axis=0)),
        np.mean(np.any(in_fake, axis=1)),
        np.sum(in_real) / (k * m),
        np.mean(np.any(in_real, axis=1)),
    )


def test_reference_values(reference):
    a, b = reference
    assert precision_recall(a, b)[:2] == pytest.approx((0.314, 0.890), abs=1e-12)
    assert precision_recall(a[:, :16], b[:, :16])[:2] == pytest.approx((0.704, 0.890), abs=1e-12)
    assert prdc(a, b)[:4] == pytest.approx((0.392, 0.954, 0.2364, 0.650), abs=1e-12)
    found = prdc(a[:, :16], b[:, :16])
    assert found[:4] == pytest.approx((0.796, 0.948, 0.6508, 0.900), abs=1e-12)
    found = prdc(a[:, :16], b[:, :16], k=3)
    assert found[2:4] == pytest.approx((0.674667, 0.746), abs=1e-6)


def test_both_papers_scores_in_one_pass(reference):
    pair, four = precision_recall(*reference), prdc(*reference)
    found = precision_recall_density_coverage(*reference)
    assert found[:2] == pair[:2]
    assert found[2:4] == four[2:4]


def test_by_hand():
    # Radii with k = 1: reals 1, 1, 2; fakes 1.5, 1.5. |real - fake| = 1 0.5, 0 1.5, 2 3.5.
    real, fake = [[0.0], [1.0], [3.0]], [[1.0], [-0.5]]
    assert precision_recall(real, fake, k=1)[:2] == (1.0, 2 / 3)  # 1.5 from 1 to -0.5 counts
    # Strictly: real 0 holds the fake -0.5, real 1 the fake 1, and real 3 none, which is 2 away.
    assert prdc(real, fake, k=1)[:4] == (1.0, 2 / 3, 2 / 2, 2 / 3)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    sizes=st.tuples(st.integers(6, 30), st.integers(6, 30)),
    k=st.integers(1, 5),
    block=st.integers(1, 12),
    levels=st.sampled_from([2, 3, 1000]),
    offset=st.sampled_from([0.0, 1e3, 1e6]),
    few=st.sampled_from([1, 32, 10**9]),
)
def test_equals_loops(seed, sizes, k, block, levels, offset, few):
    """Few levels give ties and copies; far from 0 a distance from products would be wrong."""
    random = np.random.default_rng(seed)
    real, fake = (random.integers(0, levels, (n, 3)) / 7.0 + offset for n in sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "ROWS", block)
        patch.setattr(distances, "VALUES", 10)
        patch.setattr(distances, "FEW", few)
        strict, pair = prdc(real, fake, k), precision_recall(real, fake, k)
    assert strict[:4] == pytest.approx(loops(real, fake, k, inclusive=False), abs=1e-12)
    assert pair[:2] == pytest.approx(loops(real, fake, k, inclusive=True)[:2], abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_whole_sets_and_their_order(reference, dtype):
    a, b = (rows[:200].astype(dtype) for rows in reference)
    assert prdc(a, a)[:4] == (1.0, 1.0, 1.0, 1.0)
    assert precision_recall(a, a)[:2] == (1.0, 1.0)
    order = np.random.default_rng(0).permutation(200)
    assert prdc(a[order], b[::-1]) == prdc(a, b)
    assert precision_recall(b, a)[:2] == precision_recall(a, b)[1::-1]


def test_copies_count_exactly():
    """Of reals that have k copies the radius is 0, and only more copies are inside, for <=."""
    random = np.random.default_rng(0)
    real = (random.normal(size=(100, 8)) + 30.0).astype(np.float32)
    real[:10] = real[0] + 1000.0  # in no other one's ball
    fake = random.normal(size=(50, 8)).astype(np.float32)  # far away
    fake[:20] = real[0]
    fake[20] = np.nextafter(real[0], np.float32(np.inf))  # nearly a copy
    pair, four = precision_recall(real, fake), prdc(real, fake)
    assert (pair.zero_real_radii, pair.zero_fake_radii) == (10, 20)
    assert pair.precision == 20 / 50
    # The near copy is not one; its ball, to its third-nearest fake, a copy, holds the ten reals.
    assert pair.recall == 10 / 100
    assert (four.density, four.coverage, four.precision) == (0.0, 0.0, 0.0)


def test_collapse_is_quick_and_exact():
    """Equal rows: each of 9 million pairs would be compared value by value otherwise."""
    ones = np.ones((3000, 64), np.float32)
    random = np.random.default_rng(0).normal(size=(300, 64)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tile, "exact", few_only(Tile.exact))
        assert precision_recall(ones, ones) == (1.0, 1.0, 3000, 3000)
        assert prdc(ones, ones)[:4] == (0.0, 0.0, 0.0, 0.0)
    assert precision_recall(random, -ones[:300]) == (0.0, 0.0, 0, 300)


def few_only(exact):
    """`exact`, but for an error if it is asked for more than some pairs of a row."""

    def checked(tile, rows, columns):
        assert len(rows) <= 5 * len(tile.first)
        return exact(tile, rows, columns)

    return checked


def test_tight_clusters_are_told_apart():
    """Within them float32 products see nothing: too many pairs are doubtful to look at each."""
    random = np.random.default_rng(0)
    centres = 100.0 * random.normal(size=(4, 32))
    real, fake = (
        np.repeat(centres, 100, axis=0) + 1e-3 * random.normal(size=(400, 32)) for _ in range(2)
    )
    expected = [prdc(real[i : i + 100], fake[i : i + 100]) for i in range(0, 400, 100)]
    assert prdc(real, fake)[:4] == pytest.approx(np.mean(expected, axis=0)[:4], abs=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e20, 1e100])
def test_scale_does_not_matter(reference, scale):
    a, b = (rows[:100] for rows in reference)
    assert prdc(scale * a, scale * b)[:4] == prdc(a, b)[:4]


def test_expected_coverage():
    # N = 3, M = 2, k = 2: 1 - (3 - 1) (3 - 2) / ((5 - 1) (5 - 2)).
    assert expected_coverage(3, 2, k=2) == pytest.approx(1 - 2 / 12)
    assert expected_coverage(50_000, 50_000) == pytest.approx(1 - 2**-5, abs=1e-4)
    random = np.random.default_rng(0)
    found = [prdc(*random.normal(size=(2, 60, 3))) for _ in range(60)]
    assert np.mean([x.coverage for x in found]) == pytest.approx(
        expected_coverage(60, 60), abs=0.01
    )
    assert np.mean([x.density for x in found]) == pytest.approx(1.0, abs=0.05)


def test_memory_is_bounded_and_does_not_grow(monkeypatch):
    monkeypatch.setattr(distances, "ROWS", 256)
    monkeypatch.setattr(distances, "VALUES", 2**14)
    random = np.random.default_rng(0)
    rows = random.normal(size=(1500, 16)).astype(np.float32)
    precision_recall_density_coverage(rows[:600], rows[600:1200])
    tracemalloc.start()
    held = []
    for _ in range(3):
        precision_recall_density_coverage(rows, rows[::-1])
        held.append(tracemalloc.get_traced_memory()[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # a matrix of all pairs, in float32, is 9 MB
    assert held[2] - held[0] < 10_000


def test_progress(reference, monkeypatch):
    monkeypatch.setattr(distances, "ROWS", 200)
    seen = []
    precision_recall(*reference, progress=lambda *numbers: seen.append(numbers))
    # Three blocks each: 6 pairs within either set, 9 across.
    assert seen == [(done, 21) for done in range(1, 22)]


def test_refuses(reference):
    a, b = reference
    with pytest.raises(ValueError, match="Received: k=0, 500 samples `real`"):
        prdc(a, b, k=0)
    with pytest.raises(ValueError, match="Received: k=3, 3 samples `fake`"):
        precision_recall(a, b[:3])
    with pytest.raises(ValueError, match="same dimensions.*Received: 64 and 3"):
        prdc(a, b[:, :3])
    with pytest.raises(ValueError, match="`fake` must be finite"):
        precision_recall_density_coverage(a, np.full_like(b, np.nan))
