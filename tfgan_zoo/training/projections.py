"""What is done to a network's weights after each of its updates."""

import dataclasses

import tensorflow as tf

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
    """Lowers every singular value of every kernel that is above `limit` to `limit`.

    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 4.1, eq. 5; there only
    the largest value is clamped, here all of them, by a full decomposition: costly.
    """

    limit: float = 1.0

    def __call__(self, network):
        for kernel in kernels(network):
            matrix = tf.reshape(kernel.value, [-1, kernel.shape[-1]])
            s, u, v = tf.linalg.svd(matrix)
            clamped = tf.matmul(u * tf.minimum(s, self.limit), v, transpose_b=True)
            kernel.assign(tf.reshape(clamped, kernel.shape))
