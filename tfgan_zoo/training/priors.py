"""What generators are fed while they train: (batch size, seed, step) -> inputs.

A seed is an int32 [2] tensor, a step the number of those already trained; the same ones always
give the same inputs. The number of examples is static. Latents are float32 [batch, *shape];
labels, if there are classes, are uniform int32. Where nothing else is said, the distributions are
those of Brock et al., 2019, https://arxiv.org/abs/1809.11096, Appendix E.
"""

import dataclasses

import tensorflow as tf

from tfgan_zoo.training import noise


@dataclasses.dataclass(frozen=True)
class _Prior:
    """Latents of some distribution, and uniform labels if there are classes."""

    shape: tuple[int, ...]
    num_classes: int = 0

    def __call__(self, batch_size, seed, step=0):
        latent_seed, label_seed = noise.split(seed)
        inputs = {"latents": self._latents([batch_size, *self.shape], latent_seed, step)}
        if self.num_classes:
            inputs["labels"] = noise.integers([batch_size], label_seed, self.num_classes)
        return inputs


class Uniform(_Prior):
    """Latents uniform in (-1, 1)."""

    def _latents(self, shape, seed, step):
        return noise.uniform(shape, seed)


class Normal(_Prior):
    """Standard normal latents."""

    def _latents(self, shape, seed, step):
        return noise.normal(shape, seed)


@dataclasses.dataclass(frozen=True)
class Truncated(_Prior):
    """Normal latents on the condition that every component is within [-truncation, truncation].

    Drawn without rejection, so a small truncation costs no more than a large one.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 3.1.

    Raises:
        ValueError: If `truncation` is not positive.
    """

    truncation: float = 2.0

    def __post_init__(self):
        if self.truncation <= 0:
            raise ValueError(
                f"`truncation` must be positive. Received: truncation={self.truncation}. "
                "Use the prior `Normal` for none."
            )

    def _latents(self, shape, seed, step):
        return noise.normal(shape, seed, self.truncation)


class Bernoulli(_Prior):
    """Every component is 0 or 1, with equal chances."""

    def _latents(self, shape, seed, step):
        return _bits(shape, seed)


class Signs(_Prior):
    """Every component is -1 or 1, with equal chances."""

    def _latents(self, shape, seed, step):
        return 2.0 * _bits(shape, seed) - 1.0


class Categorical(_Prior):
    """Every component is -1, 0 or 1, with equal chances."""

    def _latents(self, shape, seed, step):
        return tf.cast(noise.integers(shape, seed, 3) - 1, tf.float32)


class Censored(_Prior):
    """max(normal, 0): half of the components are 0."""

    def _latents(self, shape, seed, step):
        return tf.maximum(noise.normal(shape, seed), 0.0)


class NormalTimesBernoulli(_Prior):
    """A standard normal times 0 or 1, with equal chances."""

    def _latents(self, shape, seed, step):
        normal_seed, bits_seed = noise.split(seed)
        return noise.normal(shape, normal_seed) * _bits(shape, bits_seed)


@dataclasses.dataclass(frozen=True)
class NormalAndBernoulli(_Prior):
    """The first half of the components is standard normal, the second half 0 or 1.

    Raises:
        ValueError: If the last axis of `shape` is odd.
    """

    def __post_init__(self):
        if self.shape[-1] % 2:
            raise ValueError(
                "The last axis of `shape` must be even: one half is normal, the other 0 or 1. "
                f"Received: shape={self.shape}. Take one component more."
            )

    def _latents(self, shape, seed, step):
        normal_seed, bits_seed = noise.split(seed)
        half = [*shape[:-1], shape[-1] // 2]
        return tf.concat([noise.normal(half, normal_seed), _bits(half, bits_seed)], -1)


@dataclasses.dataclass(frozen=True)
class Annealed(_Prior):
    """Normal latents whose standard deviation falls from 2 to 1, linearly over `steps` steps.

    Raises:
        ValueError: If `steps` is below 1.
    """

    steps: int = dataclasses.field(kw_only=True)

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError(
                f"`steps` must be at least 1. Received: steps={self.steps}. "
                "Use the prior `Normal` for a standard deviation of 1 from the start."
            )

    def _latents(self, shape, seed, step):
        done = tf.minimum(tf.cast(step, tf.float32) / self.steps, 1.0)
        return (2.0 - done) * noise.normal(shape, seed)


@dataclasses.dataclass(frozen=True)
class PerSampleScale(_Prior):
    """Normal latents; the standard deviation of each example is uniform in [low, high].

    Raises:
        ValueError: If not 0 <= low <= high, or `high` is 0.
    """

    # The paper names no numbers: around 1, as the others.
    low: float = 0.5
    high: float = 1.5

    def __post_init__(self):
        if not 0 <= self.low <= self.high or self.high == 0:
            raise ValueError(
                "`low` and `high` must be 0 <= low <= high and not both 0. "
                f"Received: low={self.low}, high={self.high}."
            )

    def _latents(self, shape, seed, step):
        normal_seed, scale_seed = noise.split(seed)
        share = 0.5 + 0.5 * noise.uniform([shape[0]] + [1] * len(self.shape), scale_seed)
        return (self.low + (self.high - self.low) * share) * noise.normal(shape, normal_seed)


# By the names that the paper's ablation has in flags.
PRIORS = {
    "normal": Normal,
    "uniform": Uniform,
    "bernoulli01": Bernoulli,
    "censored": Censored,
    "bernoulli_signs": Signs,
    "categorical3": Categorical,
    "normal_times_bernoulli": NormalTimesBernoulli,
    "normal_and_bernoulli": NormalAndBernoulli,
    "annealed": Annealed,
    "per_sample_scale": PerSampleScale,
}


def _bits(shape, seed):
    return tf.cast(noise.integers(shape, seed, 2), tf.float32)
