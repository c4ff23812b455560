"""What is done to a network's weights after each of its updates."""

import dataclasses

import tensorflow as tf

from tfgan_zoo.training import singular_values
from tfgan_zoo.training.penalties import kernels


@dataclasses.dataclass(frozen=True)
class ClipWeights:
    """Clips every trainable weight to [-limit, limit].

    Reference: Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, Algorithm 1.
    """

    limit: float = 0.01

    def __call__(self, network):
        for weight in network.trainable_variables:
            weight.assign(tf.clip_by_value(weight.value, -self.limit, self.limit))


@dataclasses.dataclass(frozen=True)
class ClampSingularValues:
    """Lowers the largest singular value s0 of every kernel to a limit, if it is above it.

    W <- W - max(0, s0 - limit) u0 v0^T. The limit is a number, or `ratio` times the second largest
    value, which a kernel of a single row or column has not: it is left alone then.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 4.1, eq. 4 and 5.

    Raises:
        ValueError: If not exactly one of `limit` and `ratio` is given, or it is not positive.
    """

    limit: float | None = None
    ratio: float | None = None

    def __post_init__(self):
        singular_values.check_one_positive(limit=self.limit, ratio=self.ratio)

    def __call__(self, network):
        for kernel in kernels(network):
            matrix = singular_values.as_matrix(kernel)
            if self.ratio is not None and min(matrix.shape) == 1:
                continue
            s, u, v = singular_values.leading(matrix, count=2)
            limit = self.limit if self.ratio is None else self.ratio * s[1]
            excess = tf.maximum(s[0] - limit, 0.0) * u[:, :1] * v[:, 0]
            kernel.assign(tf.reshape(matrix - excess, kernel.shape))
