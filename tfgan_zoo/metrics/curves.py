"""Fidelity against variety by truncation: Brock et al., 2019, https://arxiv.org/abs/1809.11096.

Section 3.1 and Figure 17: smaller latents give better and more similar images.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics.fid import frechet_distance
from tfgan_zoo.metrics.inception_score import inception_score
from tfgan_zoo.metrics.moments import Moments


class CurvePoint(NamedTuple):
    """Scores at one threshold.

    Attributes:
        truncation: Largest latent, or None.
        fid: Against the reals.
        inception_score: Mean over the splits.
        inception_score_std: Their deviation.
    """

    truncation: float | None
    fid: float
    inception_score: float
    inception_score_std: float


def truncation_curve(
    real_features,
    provide: Callable[[float | None], tuple[np.ndarray, np.ndarray]],
    truncations: Sequence[float | None],
    splits: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> list[CurvePoint]:
    """FID and Inception Score at every threshold; only one set of features is held at a time.

    Args:
        real_features: [N, dimensions].
        provide: Truncation -> features [M, dimensions] and logits [M, classes] of generated
            images. To be comparable they are of the same seed and number, with batch-norm moments
            measured anew.
        truncations: Thresholds, None for no truncation; one or more.
        splits: Of the Inception Score.
        progress: Called with the numbers of thresholds done and in all.

    Raises:
        ValueError: If there are no thresholds, or the metrics refuse the features or logits.
    """
    if not len(truncations):
        raise ValueError("`truncations` must name one threshold or more. Received: none.")
    real = Moments()
    real.update(real_features)
    points = []
    for done, truncation in enumerate(truncations, start=1):
        features, logits = provide(truncation)
        fake = Moments()
        fake.update(features)
        points.append(
            CurvePoint(truncation, frechet_distance(real, fake), *inception_score(logits, splits))
        )
        if progress:
            progress(done, len(truncations))
    return points


def best(points: Sequence[CurvePoint]) -> tuple[CurvePoint, CurvePoint]:
    """The points of least FID and of largest Inception Score, which papers quote."""
    return min(points, key=lambda point: point.fid), max(points, key=lambda p: p.inception_score)
