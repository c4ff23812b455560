"""What generators are fed while they train: (batch size, seed) -> inputs.

A seed is an int32 [2] tensor; the same one always gives the same inputs. The number of examples
is static. Latents are float32 [batch, *shape]; labels, if there are classes, are uniform int32.
"""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class _Prior:
    """Latents of some distribution, and uniform labels if there are classes."""

    shape: tuple[int, ...]
    num_classes: int = 0

    def __call__(self, batch_size, seed):
        # Two draws from one seed would be correlated.
        latent_seed, label_seed = tf.unstack(tf.random.split(seed, 2))
        inputs = {"latents": self._latents([batch_size, *self.shape], latent_seed)}
        if self.num_classes:
            inputs["labels"] = tf.random.stateless_uniform(
                [batch_size], label_seed, 0, self.num_classes, tf.int32
            )
        return inputs


class Normal(_Prior):
    """Standard normal latents."""

    def _latents(self, shape, seed):
        return tf.random.stateless_normal(shape, seed)


class Uniform(_Prior):
    """Latents uniform in [-1, 1]."""

    def _latents(self, shape, seed):
        return tf.random.stateless_uniform(shape, seed, -1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Truncated(_Prior):
    """Normal latents on the condition that every component is within [-truncation, truncation].

    Drawn by the inverse distribution function, so a small truncation costs no more than a large
    one. Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 3.1.
    """

    truncation: float = 2.0

    def __post_init__(self):
        if self.truncation <= 0:
            raise ValueError(
                f"`truncation` must be positive. Received: truncation={self.truncation}. "
                "Use the prior `Normal` for none."
            )

    def _latents(self, shape, seed):
        inside = math.erf(self.truncation / math.sqrt(2.0))
        uniform = tf.random.stateless_uniform(shape, seed, -inside, inside)
        return math.sqrt(2.0) * tf.math.erfinv(uniform)
