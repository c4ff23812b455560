"""What generators are fed while they train: (batch size, seed) -> inputs.

A seed is an int32 [2] tensor; the same one always gives the same inputs. The number of examples
is static. Latents are float32 [batch, *shape]; labels, if there are classes, are uniform int32.
"""

import dataclasses

from tfgan_zoo.training import noise


@dataclasses.dataclass(frozen=True)
class _Prior:
    """Latents of some distribution, and uniform labels if there are classes."""

    shape: tuple[int, ...]
    num_classes: int = 0

    def __call__(self, batch_size, seed):
        latent_seed, label_seed = noise.split(seed)
        inputs = {"latents": self._latents([batch_size, *self.shape], latent_seed)}
        if self.num_classes:
            inputs["labels"] = noise.integers([batch_size], label_seed, self.num_classes)
        return inputs


class Uniform(_Prior):
    """Latents uniform in (-1, 1)."""

    def _latents(self, shape, seed):
        return noise.uniform(shape, seed)


class Normal(_Prior):
    """Standard normal latents."""

    def _latents(self, shape, seed):
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

    def _latents(self, shape, seed):
        return noise.normal(shape, seed, self.truncation)
