"""Generative adversarial metric: each model's critic judges the other model's samples.

References: Im et al., 2016, https://arxiv.org/abs/1602.05110, section 4; the ratios and the band
of Feng et al., 2020 (GP-WIRGAN), eq. 17-19. It depends on how strong the critics are, so it goes
with other scores, not in their place.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FAIR = (0.85, 1.1)  # open interval of r_test
CONFIDENCE = 0.95


class CriticScores(NamedTuple):
    """What one model's critic says; a higher score is more real.

    Attributes:
        real: [N] scores of test images.
        first: [M] scores of the first model's samples.
        second: [M] scores of the second model's samples, drawn from the same latents.
        threshold: What is above it is called real: 0 for logits of cross-entropy and hinge losses,
            `midpoint_threshold` for Wasserstein critics, fixed before they see the opponent.
    """

    real: Sequence[float]
    first: Sequence[float]
    second: Sequence[float]
    threshold: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Outcome of a comparison; pairs are (first model's critic, second model's critic).

    Attributes:
        winner: "M1", "M2", "tie" or "unfair".
        r_test: Ratio of their error rates on test images: how equal the critics are.
        r_sample: Ratio of their error rates on the other model's samples; below 1 the first
            critic is fooled less.
        interval: Of r_sample: 95 % of the bootstrap.
        r_test_accuracy: r_test with 1 - error for error, as the code of Im et al. has it.
        r_sample_accuracy: r_sample likewise: above 1 where r_sample is below.
        test_errors: Real images called fake.
        sample_errors: The other model's samples called real.
        own_errors: The own model's samples called real.
        test_count: Of real images.
        sample_count: Of each model's samples.
    """

    winner: str
    r_test: float
    r_sample: float
    interval: tuple[float, float]
    r_test_accuracy: float
    r_sample_accuracy: float
    test_errors: tuple[int, int]
    sample_errors: tuple[int, int]
    own_errors: tuple[int, int]
    test_count: int
    sample_count: int


def midpoint_threshold(real_scores, own_fake_scores) -> float:
    """Halfway between the mean scores of training images and of the critic's own model's samples.

    Args:
        real_scores: [N] of the critic, whose scores have no natural boundary.
        own_fake_scores: [M] of the same.
    """
    real, fake = _scores("real_scores", real_scores), _scores("own_fake_scores", own_fake_scores)
    return float((np.mean(real) + np.mean(fake)) / 2.0)


def gam(
    first: CriticScores,
    second: CriticScores,
    fair: tuple[float, float] = FAIR,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Lets two models compete.

    A zero count k of n is counted as the rate (k + 1/2) / (n + 1). Swapping the models inverts all
    ratios and the interval; the band is not symmetric, so that it can change what is unfair.

    Args:
        first: Scores of the first model's critic, for the same images as `second`.
        second: Scores of the second model's critic.
        fair: Open interval of r_test outside of which there is no verdict.
        resamples: Of the latents, for the interval.
        seed: Of these.

    Returns:
        The winner: "unfair" if the critics are too unequal, "tie" if the interval includes 1, else
        the model whose critic is fooled by fewer of the other's samples.
    """
    _check(first, second, fair, resamples)
    test = tuple(~_called_real(critic, "real") for critic in (first, second))
    sample = _called_real(first, "second"), _called_real(second, "first")
    own = _called_real(first, "first"), _called_real(second, "second")
    r_test, r_test_accuracy = _ratios(*test)
    r_sample, r_sample_accuracy = _ratios(*sample)
    interval = _bootstrap(*sample, resamples, seed)
    return Comparison(
        _winner(r_test, r_sample, interval, fair),
        float(r_test),
        float(r_sample),
        interval,
        float(r_test_accuracy),
        float(r_sample_accuracy),
        *((int(np.sum(one)), int(np.sum(two))) for one, two in (test, sample, own)),
        test_count=len(test[0]),
        sample_count=len(sample[0]),
    )


def _winner(r_test, r_sample, interval, fair):
    if not fair[0] < r_test < fair[1]:
        return "unfair"
    if interval[0] <= 1.0 <= interval[1]:
        return "tie"
    return "M1" if r_sample < 1.0 else "M2"


def _called_real(critic, name):
    return np.asarray(getattr(critic, name), np.float64) > critic.threshold


def _ratios(first, second):
    """Of the error rates and of the accuracies; the last axis of both arrays is that of images."""
    count = first.shape[-1]
    errors = np.sum(first, axis=-1), np.sum(second, axis=-1)
    right = count - errors[0], count - errors[1]
    return tuple(_not_zero(a, count) / _not_zero(b, count) for a, b in (errors, right))


def _not_zero(number, count):
    """Counts out of `count`; 0 becomes what gives the rate 0.5 / (count + 1)."""
    return np.where(number == 0, 0.5 * count / (count + 1.0), number)


def _bootstrap(first, second, resamples, seed):
    """Both models drew from the same latents, so these are what is drawn again."""
    count = len(first)
    chosen = np.random.default_rng(seed).integers(count, size=(resamples, count))
    errors, _ = _ratios(first[chosen], second[chosen])
    # Of logarithms, so that swapping inverts the ends exactly.
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.exp(np.quantile(np.log(errors), [tail, 1.0 - tail]))
    return float(low), float(high)


def _scores(name, values):
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(
            f"`{name}` must be [N] with one score or more. Received: shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity.")
    return values


def _check(first, second, fair, resamples):
    for name in ("real", "first", "second"):
        sizes = [
            len(_scores(f"{side}.{name}", getattr(critic, name)))
            for side, critic in (("first", first), ("second", second))
        ]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"Both critics must score the same images. Received: {sizes[0]} and {sizes[1]} "
                f"scores `{name}`."
            )
    if len(first.first) != len(first.second):
        raise ValueError(
            "Both models must give equally many samples, of the same latents. "
            f"Received: {len(first.first)} and {len(first.second)}."
        )
    for side, critic in (("first", first), ("second", second)):
        if not np.isfinite(critic.threshold):
            raise ValueError(
                f"`{side}.threshold` must be finite. Received: threshold={critic.threshold}."
            )
    if not 0 < fair[0] < fair[1]:
        raise ValueError(f"`fair` must be 0 < low < high. Received: fair={fair}.")
    if resamples < 1:
        raise ValueError(f"`resamples` must be at least 1. Received: resamples={resamples}.")
