import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.metrics import neighbours as module
from tfgan_zoo.metrics.neighbours import nearest


def brute_force(queries, references, k):
    """All distances at once; a stable sort puts the lowest index first."""
    a, b = (np.asarray(rows, np.float64).reshape(len(rows), -1) for rows in (queries, references))
    squares = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return order, np.sqrt(np.take_along_axis(squares, order, axis=1))


def test_by_hand():
    indices, distances = nearest([[0.0, 0.0], [3.0, 4.0]], [[3.0, 0.0], [3.0, 4.0], [0.0, 1.0]], 2)
    np.testing.assert_array_equal(indices, [[2, 0], [1, 0]])
    np.testing.assert_array_equal(distances, [[1.0, 3.0], [0.0, 4.0]])
    assert (indices.dtype, distances.dtype) == (np.int64, np.float64)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    sizes=st.tuples(st.integers(1, 20), st.integers(1, 30)),
    k=st.integers(1, 30),
    blocks=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    levels=st.sampled_from([2, 3, 1000]),
    offset=st.sampled_from([0.0, 1e3, 1e6]),
)
def test_equals_brute_force(seed, sizes, k, blocks, levels, offset):
    """Few levels give many ties; far from 0 a distance from products alone would be wrong."""
    random = np.random.default_rng(seed)
    queries, references = (random.integers(0, levels, (n, 5)) / 7.0 + offset for n in sizes)
    k = min(k, len(references))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUERIES", blocks[0])
        patch.setattr(module, "REFERENCES", blocks[1])
        indices, distances = nearest(queries, references, k)
    expected = brute_force(queries, references, k)
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


def test_copies_are_at_0_and_the_first_of_them_comes_first():
    random = np.random.default_rng(0)
    references = (random.normal(size=(50, 64)) + 100.0).astype(np.float32)
    references[[7, 31]] = references[40]
    indices, distances = nearest(references[40:41], references, 4)
    np.testing.assert_array_equal(indices[0, :3], [7, 31, 40])
    np.testing.assert_array_equal(distances[0, :3], 0.0)
    assert distances[0, 3] > 1.0


def test_images_are_compared_pixel_by_pixel():
    """uint8 would overflow: 0 - 255 is 1 there."""
    references = np.zeros((3, 2, 2, 1), np.uint8)
    references[0], references[1, 0, 0] = 255, 4
    indices, distances = nearest(np.zeros((1, 2, 2, 1), np.uint8), references, 3)
    np.testing.assert_array_equal(indices, [[2, 1, 0]])
    np.testing.assert_array_equal(distances, [[0.0, 4.0, 510.0]])


def test_a_memory_map_is_read_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "REFERENCES", 100)
    stored = np.random.default_rng(0).integers(0, 256, (5000, 1000), np.uint8)
    np.save(tmp_path / "rows.npy", stored)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    queries = stored[[4999, 17]]
    del stored
    tracemalloc.start()
    indices, distances = nearest(queries, rows, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(indices, [[4999], [17]])
    np.testing.assert_array_equal(distances, 0.0)
    assert peak < 10e6  # all of them in float64 are 40 MB


def test_progress(monkeypatch):
    monkeypatch.setattr(module, "QUERIES", 2)
    seen = []
    nearest(np.zeros((5, 1)), np.zeros((3, 1)), 1, lambda *numbers: seen.append(numbers))
    assert seen == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize(
    "queries, references, k, message",
    [
        (np.zeros((2, 3)), np.zeros((4, 3)), 0, "from 1 to the 4 references. Received: k=0"),
        (np.zeros((2, 3)), np.zeros((4, 3)), 5, "Received: k=5"),
        (np.zeros((2, 3)), np.zeros((4, 2)), 1, r"one shape. Received: \(3,\) and \(2,\)"),
        (np.zeros((0, 3)), np.zeros((4, 3)), 1, r"one row or more. Received: shape \(0, 3\)"),
        (np.zeros(3), np.zeros(3), 1, r"Received: shape \(3,\)"),
        (np.full((1, 2), np.nan), np.zeros((4, 2)), 1, "`queries` must be finite"),
        (np.zeros((1, 2)), np.full((1, 2), np.inf), 1, "`references` must be finite"),
    ],
)
def test_refuses(queries, references, k, message):
    with pytest.raises(ValueError, match=message):
        nearest(queries, references, k)
