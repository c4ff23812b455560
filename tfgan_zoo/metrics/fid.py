"""Fréchet Inception Distance: Heusel et al., 2017, https://arxiv.org/abs/1706.08500, eq. 6."""

import warnings

import numpy as np

from tfgan_zoo.metrics.moments import Moments

ROUND_OFF = 1e-12  # eigenvalues below this share of the largest are round-off of a zero
TOLERANCE = 1e-6  # of the trace: a distance this far below zero is still round-off


def fid(real_features, fake_features) -> float:
    """Returns the Fréchet distance between two sets of features; 0 is best.

    It is biased upwards by the number of samples, so compare equal numbers only.

    Args:
        real_features: array [samples, dimensions], at least two samples.
        fake_features: array [samples, dimensions], at least two samples.
    """
    real, fake = Moments(), Moments()
    real.update(real_features)
    fake.update(fake_features)
    return frechet_distance(real, fake)


def frechet_distance(real: Moments, fake: Moments) -> float:
    """Returns |mean difference|^2 + tr(real + fake - 2 (real fake)^(1/2)) of the covariances.

    Warns when a covariance cannot have full rank for want of samples: the number is exact, but
    says little of the distributions.

    Raises:
        ValueError: if the dimensions differ, there are fewer than two samples, or the result is
            negative by more than round-off.
    """
    mean_shift = _mean_shift(real, fake)
    covariances = real.covariance, fake.covariance
    for name, moments in (("real", real), ("fake", fake)):
        if moments.count <= len(mean_shift):
            warnings.warn(
                f"`{name}` has {moments.count} samples of {len(mean_shift)} dimensions: below "
                f"{len(mean_shift) + 1} its covariance is singular. Use more samples.",
                stacklevel=2,
            )
    trace = sum(np.trace(covariance) for covariance in covariances)
    distance = mean_shift @ mean_shift + trace - 2.0 * trace_sqrt_product(*covariances)
    if not distance >= -TOLERANCE * trace:
        raise ValueError(
            f"`real` and `fake` must have covariances without negative eigenvalues: build them "
            f"with Moments.update. Received: a squared distance of {distance}, trace {trace}."
        )
    return max(float(distance), 0.0)


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

    a b has the eigenvalues of the symmetric a^(1/2) b a^(1/2), so no complex numbers arise. The
    square roots of eigenvalues that are round-off would add up: those are set to zero.
    """
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(_without_round_off(values))) @ vectors.T
    product = root @ b @ root
    values = np.linalg.eigvalsh((product + product.T) / 2.0)
    return float(np.sum(np.sqrt(_without_round_off(values))))


def _without_round_off(eigenvalues: np.ndarray) -> np.ndarray:
    return np.where(eigenvalues <= ROUND_OFF * eigenvalues.max(), 0.0, eigenvalues)
