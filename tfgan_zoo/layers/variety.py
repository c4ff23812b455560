"""What lets a discriminator see how alike the images of a batch are, and noise that slows it down.

With the first two, the images of a batch influence one another's logits.
"""

import keras
from keras import ops

from tfgan_zoo.layers.noise import Drawing

CODES = 2**23  # of the integers that noise is made of: the same with and without XLA


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class MinibatchStdDev(keras.layers.Layer):
    """Adds a map of how much the images of a group differ: [batch, H, W, C] to C + 1 channels.

    The standard deviation of every feature over the group, averaged over all features and pixels.
    Of a batch of M groups, images m, m + M, m + 2 M, ... are a group, as in the authors' code.
    Computed in float32.
    Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, section 3, which takes the
    whole batch; their TensorFlow code takes groups of 4.

    Args:
        group: Images in a group; 0, or more than there are, for all. It must divide the batch.

    Raises:
        ValueError: If `group` is negative, or at the first call with a batch it does not divide.
    """

    def __init__(self, group=4, **kwargs):
        super().__init__(**kwargs)
        if group < 0:
            raise ValueError(f"`group` must be at least 0. Received: group={group}. 0 is for all.")
        self.group = group

    def call(self, inputs):
        batch, height, width, channels = inputs.shape
        if batch is None or not self.group:
            batch = ops.shape(inputs)[0]
        size = self._group_size(batch)
        x = ops.reshape(ops.cast(inputs, "float32"), (size, -1, height, width, channels))
        variance = ops.mean(ops.square(x - ops.mean(x, axis=0, keepdims=True)), axis=0)
        deviation = ops.mean(ops.sqrt(variance + 1e-8), axis=(1, 2, 3))
        maps = ops.tile(deviation, (size,))[:, None, None, None]
        maps = ops.cast(maps, inputs.dtype) * ops.ones_like(inputs[..., :1])
        return ops.concatenate([inputs, maps], axis=-1)

    def _group_size(self, batch):
        if not self.group:
            return batch
        if not isinstance(batch, int):
            return ops.minimum(self.group, batch)
        if batch > self.group and batch % self.group:
            raise ValueError(
                "`group` of MinibatchStdDev must divide the batch on each device, or be larger. "
                f"Received: group={self.group}, a batch of {batch}. Take group=0 for all images."
            )
        return min(self.group, batch)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group": self.group}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class MinibatchDiscrimination(keras.layers.Layer):
    """Adds learned measures of nearness to the rest: [batch, F] -> [batch, F + kernels].

    Each kernel maps the features to `units` numbers; the measure is the sum over all other images
    of exp(-L1 distance of these). Computed in float32.
    Reference: Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.2.

    Args:
        kernels: Measures.
        units: Numbers that each looks at.
    """

    def __init__(self, kernels=100, units=5, **kwargs):
        super().__init__(**kwargs)
        self.kernels = kernels
        self.units = units

    def build(self, input_shape):
        # Wider kernels see all distances as infinite, and have no gradients.
        self.kernel = self.add_weight(
            (input_shape[-1], self.kernels * self.units),
            keras.initializers.RandomNormal(stddev=0.05),
            name="kernel",
            autocast=False,
        )

    def call(self, inputs):
        x = ops.matmul(ops.cast(inputs, "float32"), self.kernel)
        x = ops.reshape(x, (-1, self.kernels, self.units))
        distances = ops.sum(ops.abs(x[:, None] - x[None]), axis=3)
        nearness = ops.sum(ops.exp(-distances), axis=1) - 1.0  # without the image itself
        return ops.concatenate([inputs, ops.cast(nearness, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] + self.kernels)

    def get_config(self):
        return {**super().get_config(), "kernels": self.kernels, "units": self.units}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DrivenNoise(Drawing):
    """Multiplies channels by noise whose strength follows how sure the discriminator is.

    [batch, ..., C] -> the same shape: x * (1 + strength * sqrt(C) * n), n ~ N(0, 1) for each image
    and channel, in training only. One layer serves all places of a network.
    Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Appendix B, and its authors'
    code, which drives it by the loss, where the paper has the output, as here.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.strength, self.average = (
            self.add_weight(
                (),
                "zeros",
                trainable=False,
                autocast=False,
                aggregation="only_first_replica",
                name=name,
            )
            for name in ("strength", "average")
        )

    def call(self, inputs, training=False):
        if not training:
            return inputs
        channels = inputs.shape[-1]
        shape = (ops.shape(inputs)[0], *[1] * (len(inputs.shape) - 2), channels)
        uniform = (2.0 * ops.cast(self.integers(shape, CODES), "float32") + 1.0) / CODES - 1.0
        normal = 2.0**0.5 * ops.erfinv(uniform)
        return inputs * ops.cast(1.0 + self.strength * channels**0.5 * normal, inputs.dtype)

    def observe(self, output):
        """Moves the strength; `output` is the mean of the logits that drive it, a scalar.

        They are moved towards it with weight 0.1, and the strength is 0.2 max(0, average - 0.5)^2.
        """
        output = ops.clip(ops.cast(output, "float32"), 0.0, 1.0)
        average = 0.9 * self.average + 0.1 * output
        self.average.assign(average)
        self.strength.assign(0.2 * ops.square(ops.relu(average - 0.5)))

    def compute_output_shape(self, input_shape):
        return input_shape
