"""Scores of points whose true distribution is known: modes, share of good points, distance."""

import numpy as np

ROWS = 64  # whose distances to all others are held at once


def modes_covered(
    points, centres, std: float, within: float = 10.0, more_than: int = 20
) -> tuple[int, np.ndarray]:
    """Counts the Gaussians that are met.

    Args:
        points: array [N, dims].
        centres: array [count, dims] of the Gaussians.
        std: of each of them.
        within: a point belongs to its nearest centre if it is at most so many `std` away.
        more_than: a centre is met if more points than that belong to it. Of 10,000 points, 20.

    Returns:
        How many centres are met, and int64 [count]: how many points belong to each.
    """
    if more_than < 0:
        raise ValueError(f"`more_than` must be 0 or more. Received: more_than={more_than}.")
    nearest, good = _nearest(points, centres, std, within)
    counts = np.bincount(nearest[good], minlength=len(centres))
    return int(np.sum(counts > more_than)), counts


def high_quality_share(points, centres, std: float, within: float = 3.0) -> float:
    """Share of the points that are at most `within` * `std` from a centre.

    3 is usual, which 0.989 of a round Gaussian's points in the plane satisfy; 10 is lenient.

    Args:
        points: array [N, dims].
        centres: array [count, dims] of the Gaussians.
        std: of each of them.
        within: how many of them.
    """
    _, good = _nearest(points, centres, std, within)
    return float(np.mean(good))


def energy_distance(first, second) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| of two samples.

    A V-statistic: each point is also compared with itself, so that the value is 0 for equal samples
    and never negative, and of N and M points of one distribution it is E|X - X'| (1/N + 1/M) on
    average. Reference: Szekely and Rizzo, 2013, https://doi.org/10.1016/j.jspi.2013.03.018, eq. 5.

    Args:
        first: array [N, dims].
        second: array [M, dims].
    """
    first, second = _points("first", first), _points("second", second)
    _check_dims("first", first, "second", second)
    across = _mean_distance(first, second)
    return 2.0 * across - _mean_distance(first, first) - _mean_distance(second, second)


def _mean_distance(first: np.ndarray, second: np.ndarray) -> float:
    total = 0.0
    for start in range(0, len(first), ROWS):
        block = first[start : start + ROWS]
        squares = np.zeros((len(block), len(second)))
        for mine, other in zip(block.T, second.T, strict=True):
            squares += (mine[:, None] - other) ** 2
        total += float(np.sum(np.sqrt(squares)))
    return total / (len(first) * len(second))


def _nearest(points, centres, std, within):
    """Index of each point's nearest centre, and whether it is near enough."""
    points, centres = _points("points", points), _points("centres", centres)
    _check_dims("points", points, "centres", centres)
    for name, value in (("std", std), ("within", within)):
        if not value > 0:
            raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
    squares = np.sum((points[:, None] - centres) ** 2, axis=-1)
    return np.argmin(squares, axis=1), np.min(squares, axis=1) <= (within * std) ** 2


def _points(name: str, values) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(
            f"`{name}` must be [N, dims] with one point or more. Received: shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity.")
    return values


def _check_dims(name, values, other_name, others):
    if values.shape[1] != others.shape[1]:
        raise ValueError(
            f"`{name}` and `{other_name}` must have the same dimensions. "
            f"Received: {values.shape[1]} and {others.shape[1]}."
        )
