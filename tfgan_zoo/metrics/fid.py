"""Fréchet Inception Distance: Heusel et al., 2017, https://arxiv.org/abs/1706.08500, eq. 6."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics.moments import CHUNK, Moments, check_pair

ROUND_OFF = 1e-12  # eigenvalues below this share of the largest are round-off of a zero
TOLERANCE = 1e-6  # of the trace: a distance this far below zero is still round-off


class FrechetParts(NamedTuple):
    """A distance, and what it is the sum of.

    Attributes:
        distance: The Fréchet distance.
        means: The squared distance of the means.
        covariances: The rest, which is 0 for equal covariances.
    """

    distance: float
    means: float
    covariances: float


def fid(real_features, fake_features, progress: Callable[[int, int], None] | None = None) -> float:
    """Returns the Fréchet distance between two sets of features; 0 is best.

    It is biased upwards by the number of samples, so compare equal numbers only.

    Args:
        real_features: array [samples, dimensions], at least two samples.
        fake_features: array [samples, dimensions], at least two samples.
        progress: called with the numbers of samples read and in all.
    """
    return fid_parts(real_features, fake_features, progress).distance


def fid_parts(
    real_features, fake_features, progress: Callable[[int, int], None] | None = None
) -> FrechetParts:
    """Returns the same with its parts. Warns and raises like `frechet_parts`.

    Fewer samples than dimensions in both sets take less work, and give the same.
    """
    real, fake = check_pair("real_features", real_features, "fake_features", fake_features)
    if 2 <= min(len(real), len(fake)) and max(len(real), len(fake)) <= real.shape[1]:
        return _parts_of_few(real, fake)
    total = len(real) + len(fake)
    moments = []
    for rows, before in ((real, 0), (fake, len(real))):
        moments.append(Moments())
        for start in range(0, len(rows), CHUNK):
            moments[-1].update(rows[start : start + CHUNK])
            if progress:
                progress(before + min(start + CHUNK, len(rows)), total)
    return frechet_parts(*moments)


def frechet_distance(real: Moments, fake: Moments) -> float:
    """Returns the distance of `frechet_parts`."""
    return frechet_parts(real, fake).distance


def frechet_parts(real: Moments, fake: Moments) -> FrechetParts:
    """Returns |mean difference|^2 and tr(real + fake - 2 (real fake)^(1/2)) of the covariances.

    Warns when a covariance cannot have full rank for want of samples: the number is exact, but
    says little of the distributions.

    Raises:
        ValueError: if the dimensions differ, there are fewer than two samples, or the result is
            negative by more than round-off.
    """
    shift = _mean_shift(real, fake)
    covariances = real.covariance, fake.covariance
    _warn_if_few(real.count, fake.count, len(shift))
    trace = sum(np.trace(covariance) for covariance in covariances)
    return _parts(shift, trace, trace_sqrt_product(*covariances))


def _parts_of_few(real: np.ndarray, fake: np.ndarray) -> FrechetParts:
    """The same, from the singular values of real fake^T: tr((real fake)^(1/2)) is their sum."""
    _warn_if_few(len(real), len(fake), real.shape[1])
    (real, real_mean), (fake, fake_mean) = _centred(real), _centred(fake)
    real /= np.sqrt(len(real) - 1)
    fake /= np.sqrt(len(fake) - 1)
    trace = np.vdot(real, real) + np.vdot(fake, fake)
    root = np.linalg.svd(real @ fake.T, compute_uv=False).sum()
    return _parts(real_mean - fake_mean, trace, root)


def _centred(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    origin = rows[0].astype(np.float64)  # as in Moments: equal rows have a variance of exactly 0
    rows = rows - origin
    mean = rows.mean(axis=0)
    return rows - mean, mean + origin


def _warn_if_few(real_count: int, fake_count: int, dimensions: int) -> None:
    for name, count in (("real", real_count), ("fake", fake_count)):
        if count <= dimensions:
            warnings.warn(
                f"`{name}` has {count} samples of {dimensions} dimensions: below "
                f"{dimensions + 1} its covariance is singular. Use more samples.",
                stacklevel=3,
            )


def _parts(shift: np.ndarray, trace: float, root: float) -> FrechetParts:
    means, covariances = shift @ shift, trace - 2.0 * root
    if not means + covariances >= -TOLERANCE * trace:
        raise ValueError(
            f"`real` and `fake` must have covariances without negative eigenvalues: build them "
            f"with Moments.update. Received: a squared distance of {means + covariances}, trace "
            f"{trace}."
        )
    covariances = max(covariances, -means)
    return FrechetParts(float(means + covariances), float(means), float(covariances))


def _mean_shift(real: Moments, fake: Moments) -> np.ndarray:
    real_mean, fake_mean = real.mean, fake.mean
    if real_mean.shape != fake_mean.shape:
        raise ValueError(
            "`real` and `fake` must have features of the same dimensions, from the same network. "
            f"Received: {len(real_mean)} and {len(fake_mean)} dimensions."
        )
    return real_mean - fake_mean


def trace_sqrt_product(a: np.ndarray, b: np.ndarray) -> float:
    """Returns tr((a b)^(1/2)) of two covariances [dimensions, dimensions].

    Of any a = r r^T, a b has the eigenvalues of the symmetric r^T b r, so no complex numbers
    arise. The square roots of eigenvalues that are round-off would add up: those are set to zero.
    """
    root = _cholesky(a)
    if root is None:
        a, b = b, a
        root = _cholesky(a)
    if root is None:
        values, vectors = np.linalg.eigh(a)
        root = vectors * np.sqrt(_without_round_off(values))
    product = root.T @ b @ root
    values = np.linalg.eigvalsh((product + product.T) / 2.0)
    return float(np.sum(np.sqrt(_without_round_off(values))))


def _cholesky(a: np.ndarray) -> np.ndarray | None:
    """Returns a root in a small part of the time of eigenvectors, or None if `a` is singular."""
    try:
        root = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return None
    pivots = np.diagonal(root) ** 2
    return root if pivots.min() > ROUND_OFF * pivots.max() else None


def _without_round_off(eigenvalues: np.ndarray) -> np.ndarray:
    return np.where(eigenvalues <= ROUND_OFF * eigenvalues.max(), 0.0, eigenvalues)
