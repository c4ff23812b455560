"""Nearest neighbours of rows among other rows: do generated images repeat real ones?

Rows are images or features; the distance is Euclidean. Reference: Brock et al., 2019,
https://arxiv.org/abs/1809.11096, Appendix A, which looks for memorised images this way.
"""

from collections.abc import Callable

import numpy as np

QUERIES = 256  # rows compared at once; with `REFERENCES` they bound the memory
REFERENCES = 4096


def nearest(
    queries, references, k: int, progress: Callable[[int, int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each query's `k` nearest references, the nearest first.

    Distances are those of a float64 sum of squared differences, so that a copy is at exactly 0;
    products only choose whom to compare so carefully. Of equally near references the one with
    the lowest index comes first.

    Args:
        queries: array [N, ...].
        references: array [M, ...] of rows like those of `queries`; a memory map is read in blocks.
        k: number of neighbours, from 1 to M.
        progress: called with the numbers of queries done and in all.

    Returns:
        int64 [N, k] indices into `references`, and float64 [N, k] distances.
    """
    queries, references = np.asarray(queries), np.asanyarray(references)
    _check(queries, references, k)
    found = []
    for start in range(0, len(queries), QUERIES):
        found.append(_nearest(_rows("queries", queries[start : start + QUERIES]), references, k))
        if progress:
            progress(min(start + QUERIES, len(queries)), len(queries))
    indices, squares = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return indices, np.sqrt(squares)


def _nearest(queries: np.ndarray, references: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns indices and squared distances, having seen one block of references after another."""
    indices = np.empty((len(queries), 0), np.int64)
    squares = np.empty((len(queries), 0))
    for start in range(0, len(references), REFERENCES):
        block = _rows("references", references[start : start + REFERENCES])
        rows, values = _nearest_in_block(queries, block, min(k, len(block)))
        indices = np.concatenate([indices, rows + start], axis=1)
        squares = np.concatenate([squares, values], axis=1)
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]  # stable: earlier rows first
        indices = np.take_along_axis(indices, order, axis=1)
        squares = np.take_along_axis(squares, order, axis=1)
    return indices, squares


def _nearest_in_block(queries, block, k):
    query_norms, norms = (np.sum(rows * rows, axis=1) for rows in (queries, block))
    rough = query_norms[:, None] + norms - 2.0 * (queries @ block.T)
    # The three terms cancel; what rounding can have done to any of them, with room to spare.
    scale = query_norms + norms.max()
    tolerance = 8.0 * (queries.shape[1] + 2) * np.finfo(np.float64).eps * scale
    limits = np.partition(rough, k - 1, axis=1)[:, k - 1] + 2.0 * tolerance
    indices = np.empty((len(queries), k), np.int64)
    squares = np.empty((len(queries), k))
    for row, query in enumerate(queries):
        candidates = np.flatnonzero(rough[row] <= limits[row])
        exact = np.sum((block[candidates] - query) ** 2, axis=1)
        order = np.argsort(exact, kind="stable")[:k]
        indices[row], squares[row] = candidates[order], exact[order]
    return indices, squares


def _rows(name: str, values: np.ndarray) -> np.ndarray:
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    if not np.isfinite(rows).all():
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity.")
    return rows


def _check(queries: np.ndarray, references: np.ndarray, k: int) -> None:
    if queries.ndim < 2 or not queries.size:
        raise ValueError(
            f"`queries` must be [N, ...] with one row or more. Received: shape {queries.shape}."
        )
    if queries.shape[1:] != references.shape[1:]:
        raise ValueError(
            "`queries` and `references` must have rows of one shape. "
            f"Received: {queries.shape[1:]} and {references.shape[1:]}."
        )
    if not 1 <= k <= len(references):
        raise ValueError(
            f"`k` must be from 1 to the {len(references)} references. Received: k={k}."
        )
