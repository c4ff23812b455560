"""Kernel Inception Distance: Bińkowski et al., 2018, https://arxiv.org/abs/1801.01401, Section 4.

The distance is the squared maximum mean discrepancy with k(a, b) = (a b / dimensions + 1)^3,
estimated without bias: around 0 for equal distributions, and negative half of the time. It is
never clipped.
"""

import itertools
from collections.abc import Callable

import numpy as np

from tfgan_zoo.metrics.moments import CHUNK, check_pair


def kid(
    real_features,
    fake_features,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 2020,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[float, float]:
    """Returns mean and population standard deviation of the distance over random subsets.

    Subsets are drawn as torch-fidelity does: from one `RandomState`, for each subset first from
    the real, then from the fake features, without replacement. They overlap, so the deviation
    is no standard error.

    Args:
        real_features: array [samples, dimensions], at least `subset_size` samples.
        fake_features: array [samples, dimensions], at least `subset_size` samples.
        subsets: number of subsets.
        subset_size: samples drawn from each set for one subset.
        seed: of the draws.
        progress: called with the numbers of subsets done and in all.
    """
    real, fake = check_pair("real_features", real_features, "fake_features", fake_features)
    if subsets < 1:
        raise ValueError(f"`subsets` must be 1 or more. Received: subsets={subsets}.")
    if not 2 <= subset_size <= min(len(real), len(fake)):
        raise ValueError(
            "`subset_size` must lie between 2 and the samples of the smaller set: pass a smaller "
            f"`subset_size=` or more features. Received: subset_size={subset_size}, {len(real)} "
            f"real and {len(fake)} fake samples."
        )
    random = np.random.RandomState(seed)
    distances = []
    for done in range(1, subsets + 1):
        real_rows = random.choice(len(real), subset_size, replace=False)
        fake_rows = random.choice(len(fake), subset_size, replace=False)
        distances.append(polynomial_mmd(real[real_rows], fake[fake_rows]))
        if progress:
            progress(done, subsets)
    return float(np.mean(distances)), float(np.std(distances))


def polynomial_mmd(real, fake, progress: Callable[[int, int], None] | None = None) -> float:
    """Returns the unbiased distance between two whole sets of features.

    Time grows with the square of the samples, memory does not.

    Args:
        real: array [samples, dimensions], at least two samples.
        fake: array [samples, dimensions], at least two samples; their number may differ.
        progress: called with the numbers of blocks done and in all.
    """
    real, fake = check_pair("real", real, "fake", fake)
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            "`real` and `fake` must have two or more samples each: pass more features. "
            f"Received: {len(real)} and {len(fake)}."
        )
    counts = [-(-len(rows) // CHUNK) for rows in (real, fake)]
    total = sum(count * (count + 1) // 2 for count in counts) + counts[0] * counts[1]
    done = itertools.count(1)

    def tick():
        if progress:
            progress(next(done), total)

    across = _mean_across(real, fake, tick)
    return _mean_of_pairs(real, tick) + _mean_of_pairs(fake, tick) - 2.0 * across


def _mean_across(a: np.ndarray, b: np.ndarray, tick: Callable[[], None]) -> float:
    """Returns the mean kernel of a row of `a` and one of `b`, in blocks: memory stays small."""
    total = 0.0
    for i in range(0, len(a), CHUNK):
        left = a[i : i + CHUNK].astype(np.float64)
        for j in range(0, len(b), CHUNK):
            total += _kernel_sum(left, b[j : j + CHUNK].astype(np.float64))
            tick()
    return total / (len(a) * len(b))


def _mean_of_pairs(rows: np.ndarray, tick: Callable[[], None]) -> float:
    """Returns the mean kernel of two different rows."""
    total = 0.0
    for i in range(0, len(rows), CHUNK):
        left = rows[i : i + CHUNK].astype(np.float64)
        total += _kernel_sum(left, left)
        total -= float(_cube(np.sum(left * left, axis=1) / rows.shape[1] + 1.0).sum())
        tick()
        for j in range(i + CHUNK, len(rows), CHUNK):
            total += 2.0 * _kernel_sum(left, rows[j : j + CHUNK].astype(np.float64))
            tick()
    return total / (len(rows) * (len(rows) - 1))


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    return float(_cube(a @ b.T / a.shape[1] + 1.0).sum())


def _cube(x: np.ndarray) -> np.ndarray:
    return x * x * x  # x**3 is many times slower
