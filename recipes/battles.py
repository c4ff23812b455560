"""GAM between trained runs: every model's discriminator judges the other model's samples."""

import itertools
import math

import keras
import numpy as np

import tfgan_zoo  # noqa: F401  Keras then knows the classes of the networks in files.
from recipes import scores
from recipes.run_directory import RunDirectory
from tfgan_zoo import sampling
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.gam import Comparison, CriticScores, gam, midpoint_threshold

SAMPLES = 1000
LATENTS_SEED = 12_345  # of no run


class Contender:
    """Both networks of a run, and what its discriminator takes for real.

    Args:
        run: That is finished.
        train: Real images, of which the first 1,000 in random order set the threshold.
        wasserstein: Whether logits have no boundary of their own, so that it is half-way between
            real and own images; else it is 0.
    """

    def __init__(self, run: RunDirectory, train: ImageSet, wasserstein: bool):
        self.generator, self.discriminator = (
            keras.models.load_model(run.path / f"{name}.keras", compile=False)
            for name in ("generator", "discriminator")
        )
        self.samples = sampling.generate(self.generator, {"latents": self._latents()})
        self.threshold = 0.0
        if wasserstein:
            chosen = np.random.default_rng(0).permutation(len(train.images))[:SAMPLES]
            real = self.judge(train.images[np.sort(chosen)])
            self.threshold = midpoint_threshold(real, self.judge(self.samples))

    def _latents(self):
        """The same noise for all: a model gets its first steps and components of it."""
        shape = self.generator.input["latents"].shape[1:]
        steps, size = shape if len(shape) == 2 else (1, *shape)
        noise = sampling.latents(SAMPLES, (16, 128), LATENTS_SEED)
        if steps > noise.shape[1] or size > noise.shape[2]:
            noise = sampling.latents(SAMPLES, (steps, size), LATENTS_SEED)
        return noise[:, :steps, :size].reshape(SAMPLES, *shape)

    def judge(self, images: np.ndarray) -> np.ndarray:
        """Logits [N] of uint8 images."""
        parts = []
        for start in range(0, len(images), scores.BATCH_SIZE):
            batch = images[start : start + scores.BATCH_SIZE].astype(np.float32) / 127.5 - 1.0
            parts.append(keras.ops.convert_to_numpy(self.discriminator({"images": batch})))
        return np.concatenate(parts)[:, 0]


def battle(first: Contender, second: Contender, test: np.ndarray) -> Comparison:
    """One comparison on uint8 test images."""
    return gam(
        *(
            CriticScores(
                side.judge(test),
                side.judge(first.samples),
                side.judge(second.samples),
                side.threshold,
            )
            for side in (first, second)
        )
    )


def line(battles: list[Comparison]) -> dict[str, str]:
    """Columns about the battles of all seeds."""
    return {
        "r_test": _each(battles, "r_test"),
        "r_sample": _each(battles, "r_sample"),
        "geometric mean r_sample": f"{_mean([b.r_sample for b in battles]):.3g}",
        "winner": ", ".join(b.winner for b in battles),
        "by accuracies: r_test": _each(battles, "r_test_accuracy"),
        "by accuracies: r_sample": _each(battles, "r_sample_accuracy"),
        "errors on test images": "; ".join(
            f"{b.test_errors[0]} / {b.test_errors[1]} of {b.test_count}" for b in battles
        ),
        "errors on samples": "; ".join(
            f"{b.sample_errors[0]} / {b.sample_errors[1]} of {b.sample_count}" for b in battles
        ),
    }


def _each(battles, name):
    return ", ".join(f"{getattr(b, name):.3g}" for b in battles)


def _mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def verdict(battles: list[Comparison]) -> str:
    """Whether the second model wins, as all pairs of the paper have it, over all seeds.

    A comparison that is unfair or a tie counts for nobody; all that are decided must agree.
    """
    winners = [b.winner for b in battles]
    decided = [w for w in winners if w in ("M1", "M2")]
    counts = ", ".join(f"{len(list(same))} {name}" for name, same in _grouped(winners))
    if len(decided) < 2 or len(set(decided)) > 1:
        return f"cannot be told: {counts}"
    return f"{'holds' if decided[0] == 'M2' else 'does not hold'}: {counts}"


def _grouped(words):
    return itertools.groupby(sorted(words))
