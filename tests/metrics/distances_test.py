import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.metrics import distances
from tfgan_zoo.metrics.distances import Tile, blocks


@given(rows=st.integers(1, 500), most=st.integers(1, 60))
def test_blocks_are_all_rows_and_about_equal(rows, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "ROWS", most)
        parts = blocks(rows)
    assert [i for part in parts for i in range(rows)[part]] == list(range(rows))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    dims=st.integers(1, 300),
    offset=st.sampled_from([0.0, 1.0, 1e4]),
    few=st.sampled_from([1, 10**9]),
)
def test_bounds_hold(seed, dims, offset, few):
    """Both kinds of product: `few` decides which is used."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(2, 9, dims)) + offset
    second[4] = first[3]
    expected = np.array([[np.sum((a - b) ** 2) for b in second] for a in first])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "FEW", few)
        tile = Tile(first, second, np.full(dims, offset))
        tile.within(np.full(9, np.inf), 0)
    assert tile.dtype == (np.float32 if few == 1 else np.float64)
    assert (tile.lower <= expected).all()
    assert (tile.lower + tile.slack[0][:, None] + tile.slack[1] >= expected).all()
    assert (tile.limits(3) >= np.sort(expected, axis=1)[:, 2]).all()
    for axis in (0, 1):
        reach = np.median(expected, axis=1 - axis)  # of odd numbers of distances: one of them
        compared = reach[:, None] if axis == 0 else reach
        for inclusive, inside in ((True, expected <= compared), (False, expected < compared)):
            pairs = tile.inside(reach, axis, inclusive)
            np.testing.assert_array_equal(np.transpose(pairs), np.argwhere(inside))


def test_no_row_is_compared_with_itself():
    rows = np.arange(5.0)[:, None]
    tile = Tile(rows, rows, np.zeros(1), same=True)
    np.testing.assert_array_equal(tile.limits(1), 1.0)
    assert len(tile.within(np.full(5, np.inf), 0)[0]) == 20
    np.testing.assert_array_equal(tile.limits(5), np.inf)  # there are but four others
