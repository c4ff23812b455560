"""Terms added to a player's loss: called with its `Turn`, they return a float32 scalar."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from tfgan_zoo.training import noise, singular_values


@dataclasses.dataclass(frozen=True)
class GradientPenalty:
    """Pulls the gradient's norm to `target` on lines between real and fake examples.

    weight * mean((norm / target - 1)^2), or only of norms above the target if `one_sided`.
    Reference: Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, eq. 3 and section 4;
    `target`: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Appendix A.1.
    """

    weight: float = 10.0
    target: float = 1.0
    one_sided: bool = False

    def __call__(self, turn):
        real, fake = tf.cast(turn.real, tf.float32), tf.cast(turn.fake, tf.float32)
        mix = 0.5 + 0.5 * noise.uniform([real.shape[0]] + [1] * (real.shape.rank - 1), turn.seed)
        excess = _gradient_norm(turn.score, real + mix * (fake - real)) / self.target - 1.0
        excess = tf.nn.relu(excess) if self.one_sided else excess
        return self.weight * tf.reduce_mean(excess**2)

    def check(self, network) -> None:
        """Raises ValueError if `network` has batch norm.

        The penalty wants the gradient of each example's own score.
        """
        norms = [weight.path for weight in network.variables if weight.name == "moving_mean"]
        if norms:
            raise ValueError(
                "The gradient penalty needs a `discriminator` without batch norm: with it, the "
                "score of an example, and so its penalty, depends on the others in its batch "
                f"(Gulrajani et al., 2017, section 4). Received: {network.name} with "
                f'{", ".join(norms)}. Build it without a norm, as with d_norm="none", or with '
                "layer norm."
            )


@dataclasses.dataclass(frozen=True)
class R1:
    """weight / 2 * the mean squared norm of the gradient at real images.

    Reference: Mescheder et al., 2018, https://arxiv.org/abs/1801.04406, eq. 9.
    """

    weight: float = 10.0

    def __call__(self, turn):
        return 0.5 * self.weight * tf.reduce_mean(_gradient_norm(turn.score, turn.real) ** 2)


@dataclasses.dataclass(frozen=True)
class Drift:
    """Keeps the logits of real images near 0: weight * mean(logits^2).

    Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Appendix A.1.
    """

    weight: float = 1e-3

    def __call__(self, turn):
        return self.weight * tf.reduce_mean(turn.real_logits**2)


@dataclasses.dataclass(frozen=True)
class OffDiagonal:
    """BigGAN's orthogonal regularisation: weight * ||W^T W * (1 - I)||^2 over all raw kernels.

    Columns of W are filters; their norms stay free. Embeddings are left out, as in
    BigGAN-PyTorch, whose strength s is weight = s / 2 here.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, eq. 3.
    """

    weight: float = 1e-4

    def __call__(self, turn):
        total = tf.zeros(())
        for kernel in kernels(turn.network):
            columns = singular_values.as_matrix(kernel)
            gram = tf.matmul(columns, columns, transpose_a=True)
            total += tf.reduce_sum(tf.linalg.set_diag(gram, tf.zeros(gram.shape[0])) ** 2)
        return self.weight * total


@dataclasses.dataclass(frozen=True)
class LargestSingularValue:
    """Pulls the largest singular value s0 of every raw kernel: weight * sum of (s0 - target)^2.

    The target is a number, or `ratio` times the second largest value, taken as constant, which a
    kernel of a single row or column has not: it is left alone then. s0 = u0^T W v0, with gradients
    through W only.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 4.1.

    Raises:
        ValueError: If not exactly one of `target` and `ratio` is given, or it is not positive.
    """

    weight: float
    target: float | None = None
    ratio: float | None = None

    def __post_init__(self):
        singular_values.check_one_positive(target=self.target, ratio=self.ratio)

    def __call__(self, turn):
        total = tf.zeros(())
        for kernel in kernels(turn.network):
            matrix = singular_values.as_matrix(kernel)
            if self.ratio is not None and min(matrix.shape) == 1:
                continue
            s, u, v = singular_values.leading(matrix, count=2)
            largest = tf.reduce_sum(matrix * u[:, :1] * v[:, 0])
            target = self.target if self.ratio is None else self.ratio * s[1]
            total += (largest - target) ** 2
        return self.weight * total


@dataclasses.dataclass(frozen=True)
class ClassError:
    """The auxiliary classifier's part of both losses: weight * mean cross entropy of the labels.

    That of the generated images, and in the discriminator's turn that of the real ones beside it,
    or with `real_only` in its place.
    For discriminators with a head "class_error", [batch], in nats.
    Reference: Odena et al., 2017, https://arxiv.org/abs/1610.09585, eq. 3; `real_only`: the code of
    Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.
    """

    weight: float = 1.0
    real_only: bool = False

    def __call__(self, turn):
        real = [turn.real_heads] if turn.real_heads else []
        heads = real if real and self.real_only else [*real, turn.fake_heads]
        return self.weight * sum(tf.reduce_mean(head["class_error"]) for head in heads)


@dataclasses.dataclass(frozen=True)
class L2:
    """Pulls weights to 0: weight / 2 * the sum of their squares.

    Its gradient is `weight` times each weight, which is what the code of DCGAN's authors adds
    (lib/updates.py); that of GRAN's has the half in the loss (convnet_cuda32.py).
    Reference: Radford et al., 2016, https://arxiv.org/abs/1511.06434; Im et al., 2016,
    https://arxiv.org/abs/1602.05110.
    """

    weight: float
    weights: Callable[[keras.Model], list]  # of the network: `kernels`, `dense_kernels`, or others

    def __call__(self, turn):
        losses = (tf.nn.l2_loss(weight.value) for weight in self.weights(turn.network))
        return self.weight * sum(losses, tf.zeros(()))


def kernels(network):
    """The trainable weights of convolutions and linear maps: no biases, no embeddings."""
    return [weight for weight in network.trainable_variables if weight.name == "kernel"]


def dense_kernels(network):
    """The kernels that are matrices: those of dense layers."""
    return [kernel for kernel in kernels(network) if len(kernel.shape) == 2]


def _gradient_norm(score, points):
    """Norm of d score / d points over all axes but the first, [batch], float32.

    The points are float32 too, whatever the network computes in.
    """
    points = tf.cast(points, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(points)
        logits = score(points)
    squares = tape.gradient(logits, points) ** 2
    # The root of 0 has no gradient.
    return tf.sqrt(tf.reduce_sum(squares, axis=range(1, squares.shape.rank)) + 1e-12)
