"""Precision, recall, density and coverage: how real samples look, and how much they leave out.

Around every row of a set lies a ball that reaches to its k-th nearest other row. References:
Kynkäänniemi et al., 2019, https://arxiv.org/abs/1904.06991, eq. 1-2: precision and recall;
Naeem et al., 2020, https://arxiv.org/abs/2002.09797, eq. 2-3: density and coverage. The papers'
k are 3 and 5; a point on the border of a ball is in it for the first, and not for the second.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics.distances import Tile, blocks
from tfgan_zoo.metrics.moments import check_pair

PRECISION_K, DENSITY_K = 3, 5
Progress = Callable[[int, int], None] | None


class PrecisionRecall(NamedTuple):
    """Shares of samples that lie in the other set's balls.

    Attributes:
        precision: Of the fakes, in a ball around a real one.
        recall: Of the reals, in a ball around a fake one.
        zero_real_radii: Reals with k or more copies: only further copies lie in their balls.
        zero_fake_radii: Such fakes. Many of them are a sign of collapse.
    """

    precision: float
    recall: float
    zero_real_radii: int
    zero_fake_radii: int


class PRDC(NamedTuple):
    """Precision and recall, and what holds the reals' balls more robustly.

    Attributes:
        precision: Of the fakes, the share in a ball around a real one.
        recall: Of the reals, the share in a ball around a fake one.
        density: Reals' balls that a fake lies in, on average, over k; can exceed 1.
        coverage: Share of the reals' balls that hold a fake.
        zero_real_radii: Reals with k or more copies. k is the smallest in use.
        zero_fake_radii: Such fakes.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    zero_real_radii: int
    zero_fake_radii: int


def precision_recall(
    real, fake, k: int = PRECISION_K, progress: Progress = None
) -> PrecisionRecall:
    """Improved precision and recall: borders count.

    Args:
        real: Features [N, dimensions], N > k, finite.
        fake: Features [M, dimensions] of the same network, M > k.
        k: Which neighbour, the row itself not counted, is on the border.
        progress: Called with the numbers of blocks done and in all.

    Raises:
        ValueError: If features or `k` are not so.
    """
    sets = _Sets(real, fake, k, progress)
    real_radii, fake_radii = sets.radii(0, k), sets.radii(1, k)
    balls = sets.balls(0, real_radii[:, k - 1], True), sets.balls(1, fake_radii[:, k - 1], True)
    sets.compare(balls)
    zeros = [int(np.sum(ball.squares == 0.0)) for ball in balls]
    return PrecisionRecall(*(float(np.mean(ball.held)) for ball in balls), *zeros)


def prdc(real, fake, k: int = DENSITY_K, progress: Progress = None) -> PRDC:
    """All four by one k, borders not counting, as the code of Naeem et al. has them.

    Args:
        real: Features [N, dimensions], N > k, finite.
        fake: Features [M, dimensions] of the same network, M > k.
        k: Which neighbour, the row itself not counted, is on the border.
        progress: Called with the numbers of blocks done and in all.

    Raises:
        ValueError: If features or `k` are not so.
    """
    return _four(_Sets(real, fake, k, progress), k, k, inclusive=False)


def precision_recall_density_coverage(real, fake, progress: Progress = None) -> PRDC:
    """`precision_recall` by k = 3 and density and coverage of `prdc` by k = 5, at one cost.

    Args:
        real: Features [N, dimensions], N > 5, finite.
        fake: Features [M, dimensions] of the same network, M > 5.
        progress: Called with the numbers of blocks done and in all.

    Raises:
        ValueError: If features are not so.
    """
    return _four(_Sets(real, fake, DENSITY_K, progress), PRECISION_K, DENSITY_K, inclusive=True)


def expected_coverage(real_count: int, fake_count: int, k: int = DENSITY_K) -> float:
    """Coverage, on average, of samples of the reals' own distribution; its density would be 1.

    Args:
        real_count: Of rows, more than k.
        fake_count: Of rows.
        k: As for `prdc`.
    """
    i = np.arange(1, k + 1)
    return float(1.0 - np.prod((real_count - i) / (real_count + fake_count - i)))


def _four(sets, precision_k, density_k, inclusive):
    real_radii, fake_radii = sets.radii(0, density_k), sets.radii(1, precision_k)
    precise = sets.balls(0, real_radii[:, precision_k - 1], inclusive)
    recalled = sets.balls(1, fake_radii[:, precision_k - 1], inclusive)
    dense = sets.balls(0, real_radii[:, density_k - 1], False)
    same = precision_k == density_k and not inclusive
    sets.compare((precise, recalled) if same else (precise, recalled, dense))
    dense = precise if same else dense
    return PRDC(
        float(np.mean(precise.held)),
        float(np.mean(recalled.held)),
        dense.pairs / (density_k * len(dense.held)),
        float(np.mean(dense.holding)),
        int(np.sum(precise.squares == 0.0)),
        int(np.sum(recalled.squares == 0.0)),
    )


class _Balls:
    """Balls around the rows of one set, and what of the other set lies in them.

    Attributes:
        side: 0 around the reals, 1 around the fakes.
        squares: [rows] squared radii.
        inclusive: Whether borders count.
        holding: bool [rows]: which balls hold something.
        held: bool [other rows]: which others lie in a ball.
        pairs: Number of balls and others in them, without those of radius 0.
    """

    def __init__(self, side: int, squares: np.ndarray, inclusive: bool, others: int):
        self.side, self.squares, self.inclusive = side, squares, inclusive
        self.holding, self.held = np.zeros(len(squares), bool), np.zeros(others, bool)
        self.pairs = 0

    def add_copies(self, rows: np.ndarray, others: np.ndarray) -> None:
        """Counts what lies in balls of radius 0. Comparing copies pair by pair could take hours."""
        zero = np.flatnonzero(self.squares == 0.0)
        if not self.inclusive or not len(zero):
            return
        mine, theirs = _fingerprints(rows, zero), _fingerprints(others, range(len(others)))
        self.holding[zero] = np.isin(mine, theirs)
        self.held |= np.isin(theirs, mine)

    def add(self, tile: Tile, parts: tuple[slice, slice]) -> None:
        """Counts pairs of a tile of reals and fakes, which are `parts` of their sets."""
        squares = self.squares[parts[self.side]]
        reach = np.where(squares > 0.0, squares, -np.inf)
        pairs = tile.inside(reach, self.side, self.inclusive)
        self.holding[parts[self.side]][pairs[self.side]] = True
        self.held[parts[1 - self.side]][pairs[1 - self.side]] = True
        self.pairs += len(pairs[0])


class _Sets:
    """Two sets of features, and how far their comparison has come."""

    def __init__(self, real, fake, k, progress):
        self.rows = check_pair("real", real, "fake", fake)
        for name, rows in zip(("real", "fake"), self.rows, strict=True):
            if not 1 <= k < len(rows):
                raise ValueError(
                    f"`k` must be 1 or more, and less than the samples of each set: pass more "
                    f"features or a smaller `k=`. Received: k={k}, {len(rows)} samples `{name}`."
                )
        self.parts = tuple(blocks(len(rows)) for rows in self.rows)
        real_parts, fake_parts = map(len, self.parts)
        # Within a set, every two blocks are compared once; across, all with all.
        self.total = real_parts * (real_parts + 1) // 2 + fake_parts * (fake_parts + 1) // 2
        self.total += real_parts * fake_parts
        self.done, self.progress = 0, progress

    def advance(self):
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)

    def radii(self, side: int, k: int) -> np.ndarray:
        """Squared distances [rows, k] of each row from its nearest others, the nearest first."""
        rows, parts = self.rows[side], self.parts[side]
        centre = np.mean(rows, axis=0, dtype=np.float64)
        nearest = np.full((len(rows), k), np.inf)
        limits = np.full(len(rows), np.inf)
        for part in parts:  # first, as the limits save work later
            tile = Tile(rows[part], rows[part], centre, same=True)
            limits[part] = tile.limits(k)
            _keep(nearest, limits, part, tile, 0)
            self.advance()
        for number, part in enumerate(parts):
            for other in parts[number + 1 :]:
                tile = Tile(rows[part], rows[other], centre)
                _keep(nearest, limits, part, tile, 0)
                _keep(nearest, limits, other, tile, 1)
                self.advance()
        nearest[limits == 0.0] = 0.0
        return nearest

    def balls(self, side: int, squares: np.ndarray, inclusive: bool) -> _Balls:
        """Balls around the reals (side 0) or fakes (1)."""
        return _Balls(side, squares, inclusive, len(self.rows[1 - side]))

    def compare(self, balls: tuple[_Balls, ...]) -> None:
        """Fills the balls."""
        for ball in balls:
            ball.add_copies(self.rows[ball.side], self.rows[1 - ball.side])
        real, fake = self.rows
        centre = np.mean(real, axis=0, dtype=np.float64)
        for real_part in self.parts[0]:
            for fake_part in self.parts[1]:
                tile = Tile(real[real_part], fake[fake_part], centre)
                for ball in balls:
                    ball.add(tile, (real_part, fake_part))
                self.advance()


def _keep(nearest, limits, part, tile, axis):
    """Merges what a tile says of the rows in `part`, those of its `axis`.

    Rows that have k copies already are left alone: `limits` is 0, and will be their radius.
    """
    reach = np.where(limits[part] > 0.0, limits[part], -np.inf)
    pairs = tile.within(reach, axis)
    squares, rows = tile.exact(*pairs), pairs[axis]
    order = np.lexsort((squares, rows))
    rows, squares = rows[order], squares[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    k = nearest.shape[1]
    found = np.full((len(reach), k), np.inf)
    chosen = rank < k
    found[rows[chosen], rank[chosen]] = squares[chosen]
    nearest[part] = np.sort(np.concatenate([nearest[part], found], axis=1), axis=1)[:, :k]
    limits[part] = np.minimum(limits[part], nearest[part, -1])


def _fingerprints(rows, chosen) -> np.ndarray:
    """Hashes, uint64, that are equal for equal rows; among 10^5 others one in 10^9 times."""
    digests = [
        # + 0.0, as -0.0 has other bytes.
        hashlib.blake2b((rows[i].astype(np.float64) + 0.0).tobytes(), digest_size=8).digest()
        for i in chosen
    ]
    return np.frombuffer(b"".join(digests), np.uint64)
