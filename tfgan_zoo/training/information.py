"""InfoGAN's part of both players' losses."""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class MutualInformation:
    """Minus a lower bound, in nats, of what images tell about the codes they were made of.

    weight * (minus log Q(c | x) - H(c)), in the turns of both players. Q is the discriminator's
    heads "classes" and "codes"; of the latter only the means are used, with deviations of 1 as in
    the authors' code, where the constants of a Gaussian and the entropy of its codes are left out.
    Reference: Chen et al., 2016, https://arxiv.org/abs/1606.03657, eq. 5 and 6.

    Args:
        weight: Of the bound.
        num_classes: Categories, given to the generator as "labels"; 0 for none.
        codes: Last components of the latents that are to be found again.
    """

    weight: float
    num_classes: int
    codes: int

    def __call__(self, turn):
        total = tf.zeros(())
        if self.num_classes:
            surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(
                turn.inputs["labels"], turn.fake_heads["classes"]
            )
            total += tf.reduce_mean(surprise) - math.log(self.num_classes)
        if self.codes:
            means = turn.fake_heads["codes"][:, : self.codes]
            off = means - turn.inputs["latents"][:, -self.codes :]
            total += 0.5 * tf.reduce_mean(tf.reduce_sum(off**2, axis=1))
        return self.weight * total
