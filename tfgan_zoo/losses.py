"""Adversarial losses: functions of logits, paired for the two players.

Logits are float32 [batch, 1]; every loss is the mean over the batch and is minimised.
"""

import dataclasses
from collections.abc import Callable

from keras import KerasTensor as Tensor
from keras import ops


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """The two halves of one adversarial objective, both minimised.

    Attributes:
        discriminator: (real logits, fake logits) -> scalar.
        generator: (fake logits) -> scalar.
        perfect: What a discriminator that errs nowhere reaches, after which the generator hardly
            learns; None if there is no such value.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    perfect: float | None = None


def hinge_discriminator(real_logits, fake_logits):
    """Reference: Lim and Ye, 2017, https://arxiv.org/abs/1705.02894, section 3."""
    return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))


def non_saturating_discriminator(real_logits, fake_logits):
    """Reference: Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, eq. 1, on logits."""
    return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


def non_saturating_generator(fake_logits):
    """Reference: Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, section 3."""
    return ops.mean(ops.softplus(-fake_logits))


def minimax_generator(fake_logits):
    """Minus the discriminator's half: Goodfellow et al., 2014, eq. 1. Its gradient fades away."""
    return -ops.mean(ops.softplus(fake_logits))


def least_squares_discriminator(real_logits, fake_logits):
    """Targets 1 for real, 0 for fake: Mao et al., 2017, https://arxiv.org/abs/1611.04076, eq. 9."""
    return 0.5 * (ops.mean((real_logits - 1.0) ** 2) + ops.mean(fake_logits**2))


def least_squares_generator(fake_logits):
    """Target 1: Mao et al., 2017, https://arxiv.org/abs/1611.04076, eq. 9."""
    return 0.5 * ops.mean((fake_logits - 1.0) ** 2)


def reversed_discriminator(real_logits, fake_logits):
    """Targets 0 for real, 1 for fake, a tenth as important: the code of Karras et al., 2018.

    What the least-squares PGGAN of https://arxiv.org/abs/1710.10196, Appendix B, was trained with.
    """
    return ops.mean(real_logits**2) + 0.1 * ops.mean((fake_logits - 1.0) ** 2)


def reversed_generator(fake_logits):
    """Target 0: as `reversed_discriminator`."""
    return ops.mean(fake_logits**2)


def pearson_discriminator(real_logits, fake_logits):
    """Targets 1 for real, -1 for fake: Mao et al., 2017, eq. 8, a Pearson divergence."""
    return 0.5 * (ops.mean((real_logits - 1.0) ** 2) + ops.mean((fake_logits + 1.0) ** 2))


def pearson_generator(fake_logits):
    """Target 0: Mao et al., 2017, eq. 8."""
    return 0.5 * ops.mean(fake_logits**2)


def wasserstein_discriminator(real_logits, fake_logits):
    """Minus the estimated distance: Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875."""
    return ops.mean(fake_logits) - ops.mean(real_logits)


def wasserstein_generator(fake_logits):
    """Also the generator's half of the hinge loss."""
    return -ops.mean(fake_logits)


HINGE = AdversarialLoss(hinge_discriminator, wasserstein_generator, perfect=0.0)
LEAST_SQUARES = AdversarialLoss(least_squares_discriminator, least_squares_generator, perfect=0.0)
MINIMAX = AdversarialLoss(non_saturating_discriminator, minimax_generator, perfect=0.0)
NON_SATURATING = AdversarialLoss(
    non_saturating_discriminator, non_saturating_generator, perfect=0.0
)
PEARSON = AdversarialLoss(pearson_discriminator, pearson_generator, perfect=0.0)
WASSERSTEIN = AdversarialLoss(wasserstein_discriminator, wasserstein_generator)

REVERSED_LEAST_SQUARES = AdversarialLoss(reversed_discriminator, reversed_generator, perfect=0.0)
LOSSES = {
    "hinge": HINGE,
    "least_squares": LEAST_SQUARES,
    "minimax": MINIMAX,
    "non_saturating": NON_SATURATING,
    "pearson": PEARSON,
    "reversed_least_squares": REVERSED_LEAST_SQUARES,
    "wasserstein": WASSERSTEIN,
}
