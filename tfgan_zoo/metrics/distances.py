"""Which pairs of rows are close: by fast matrix products, then exactly where those cannot tell."""

import numpy as np

ROWS = 4096  # of each side of a tile
FEW = 32  # one pair in so many is worth its exact distance; of more, products in float64 decide
VALUES = 2**21  # of pairs whose exact distances are computed at once
RANGE = 1e30  # of squared norms, outside of which float32 might overflow or vanish


def blocks(rows: int) -> list[slice]:
    """Slices of at most ROWS rows each, all about equally long."""
    count = -(-rows // ROWS)
    bounds = [number * rows // count for number in range(count + 1)]
    return [slice(*ends) for ends in zip(bounds, bounds[1:])]


class Tile:
    """All squared distances between two blocks of rows.

    A distance from products, |a|^2 + |b|^2 - 2 a b, is wrong by what rounding does to these terms.
    That error is bounded, so that products in float32 decide nearly all comparisons, and the few
    others are decided by the float64 sum of squared differences: by it alone results are defined,
    and a copy is at exactly 0. Reference for the bound: Higham, 2002, "Accuracy and Stability of
    Numerical Algorithms", eq. 3.5.

    Args:
        first: Array [A, dimensions].
        second: Array [B, dimensions].
        centre: float64 [dimensions] near both: the smaller the norms, the smaller the error.
        same: Whether the blocks are one and the same, and no row is compared with itself.
    """

    def __init__(self, first, second, centre: np.ndarray, same: bool = False):
        self.first, self.second, self.centre, self.same = first, second, centre, same
        self._compute(np.float32)

    def limits(self, k: int) -> np.ndarray:
        """An upper bound [A] of each first row's k-th smallest squared distance."""
        if self.lower.shape[1] - self.same < k:
            return np.full(len(self.first), np.inf)
        columns = np.argpartition(self.lower, k - 1, axis=1)[:, :k]  # NaN counts as large
        rows = np.repeat(np.arange(len(columns)), k)
        return self.exact(rows, columns.ravel()).reshape(columns.shape).max(axis=1)

    def within(self, reach: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices (first, second) of all pairs that may be no further apart than `reach`.

        Args:
            reach: Squared distances, of the first rows if `axis` is 0, else of the second.
            axis: 0 or 1.
        """
        rows, columns = self._within(reach, axis)
        if self._too_many(len(rows)):
            self._compute(np.float64)
            rows, columns = self._within(reach, axis)
        return rows, columns

    def inside(
        self, reach: np.ndarray, axis: int, inclusive: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Indices (first, second) of the pairs that are less than `reach` apart, or just that far.

        Args:
            reach: Squared distances, of the first rows if `axis` is 0, else of the second.
            axis: 0 or 1.
            inclusive: Whether just that far is inside.
        """
        pairs = self._within(reach, axis)
        doubtful = self._doubtful(pairs, reach[pairs[axis]])
        if self._too_many(np.count_nonzero(doubtful)):
            self._compute(np.float64)
            pairs = self._within(reach, axis)
            doubtful = self._doubtful(pairs, reach[pairs[axis]])
        kept = np.ones(len(doubtful), bool)
        rows, columns = (indices[doubtful] for indices in pairs)
        squares, limits = self.exact(rows, columns), reach[pairs[axis][doubtful]]
        kept[doubtful] = squares <= limits if inclusive else squares < limits
        return pairs[0][kept], pairs[1][kept]

    def exact(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Squared distances [pairs] of first[rows] and second[columns]."""
        squares = np.empty(len(rows))
        step = max(1, VALUES // self.first.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            difference = self.first[rows[part]].astype(np.float64)
            difference -= self.second[columns[part]]
            squares[part] = np.sum(np.square(difference, out=difference), axis=1)
        return squares

    def _compute(self, dtype):
        """Lower bounds `lower` [A, B]; with `slack` of row and column added they are upper ones."""
        a, a_norms = self._centred(self.first, dtype)
        b, b_norms = (a, a_norms) if self.same else self._centred(self.second, dtype)
        largest = max(a_norms.max(), b_norms.max())
        if dtype == np.float32 and not 1 / RANGE < largest < RANGE:
            return self._compute(np.float64)
        # Of a sum of n products n eps / 2; the rest is for norms, sums and `exact`.
        share = (a.shape[1] + 32) * float(np.finfo(dtype).eps)
        self.dtype = dtype
        self.slack = 2.0 * share * a_norms, 2.0 * share * b_norms
        self.lower = (-2.0 * a) @ b.T
        self.lower += ((1.0 - share) * a_norms).astype(dtype)[:, None]
        self.lower += ((1.0 - share) * b_norms).astype(dtype)
        if self.same:
            np.fill_diagonal(self.lower, np.nan)  # never within anything

    def _centred(self, rows, dtype):
        rows = rows - self.centre
        norms = np.einsum("ij,ij->i", rows, rows)
        with np.errstate(over="ignore"):  # norms tell
            return rows.astype(dtype), norms

    def _within(self, reach, axis):
        # Rounded up: comparing numbers of two types takes several times as long.
        reach = np.nextafter(reach.astype(self.dtype), self.dtype(np.inf))
        return np.nonzero(self.lower <= (reach[:, None] if axis == 0 else reach))

    def _doubtful(self, pairs, limits):
        upper = self.lower[pairs] + self.slack[0][pairs[0]] + self.slack[1][pairs[1]]
        return upper >= limits

    def _too_many(self, count):
        return self.dtype == np.float32 and count * FEW > self.lower.size
