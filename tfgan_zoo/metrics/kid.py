"""Kernel Inception Distance: Bińkowski et al., 2018, https://arxiv.org/abs/1801.01401, Section 4.

The distance is the squared maximum mean discrepancy with k(a, b) = (a b / dimensions + 1)^3,
estimated without bias: around 0 for equal distributions, and negative half of the time. It is
never clipped.
"""

import numpy as np

from tfgan_zoo.metrics.moments import CHUNK, check_rows


def kid(
    real_features, fake_features, subsets: int = 100, subset_size: int = 1000, seed: int = 2020
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
    """
    real, fake = _check_pair("real_features", real_features, "fake_features", fake_features)
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
    for _ in range(subsets):
        real_rows = random.choice(len(real), subset_size, replace=False)
        fake_rows = random.choice(len(fake), subset_size, replace=False)
        distances.append(polynomial_mmd(real[real_rows], fake[fake_rows]))
    return float(np.mean(distances)), float(np.std(distances))


def polynomial_mmd(real, fake) -> float:
    """Returns the unbiased distance between two whole sets of features.

    Time grows with the square of the samples, memory does not.

    Args:
        real: array [samples, dimensions], at least two samples.
        fake: array [samples, dimensions], at least two samples; their number may differ.
    """
    real, fake = _check_pair("real", real, "fake", fake)
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            "`real` and `fake` must have two or more samples each: pass more features. "
            f"Received: {len(real)} and {len(fake)}."
        )
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    across = _kernel_sum(real, fake) / (len(real) * len(fake))
    return _mean_of_pairs(real) + _mean_of_pairs(fake) - 2.0 * across


def _check_pair(real_name: str, real, fake_name: str, fake) -> tuple[np.ndarray, np.ndarray]:
    real, fake = check_rows(real_name, real), check_rows(fake_name, fake)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            f"`{real_name}` and `{fake_name}` must have the same dimensions, from the same network."
            f" Received: {real.shape[1]} and {fake.shape[1]} dimensions."
        )
    return real, fake


def _mean_of_pairs(rows: np.ndarray) -> float:
    """Returns the mean kernel of two different rows."""
    diagonal = _cube(np.sum(rows * rows, axis=1) / rows.shape[1] + 1.0)
    return (_kernel_sum(rows, rows) - diagonal.sum()) / (len(rows) * (len(rows) - 1))


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the sum of the kernel over all pairs, in blocks so that memory stays small."""
    total = 0.0
    for i in range(0, len(a), CHUNK):
        for j in range(0, len(b), CHUNK):
            products = a[i : i + CHUNK] @ b[j : j + CHUNK].T
            total += float(_cube(products / a.shape[1] + 1.0).sum())
    return total


def _cube(x: np.ndarray) -> np.ndarray:
    return x * x * x  # x**3 is many times slower
