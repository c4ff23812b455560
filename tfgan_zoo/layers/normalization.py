"""Batch normalisation with the statistics of the global batch, plain and conditional."""

import keras
from keras import ops


class Standardized(keras.layers.Layer):
    """Moments over all images, pixels and replicas, and their moving averages.

    A training call uses the batch's biased variance, any other call the moving averages; all
    statistics are float32. `keras.layers.BatchNormalization(synchronized=True)` would do the
    same, but it does not load on the JAX and PyTorch backends.

    Args:
        momentum: Weight of the old moving average (PyTorch's is 1 minus this).
        epsilon: Added to the variance.
        standing: Rows of two tables beside the moving averages, for the moments at several
            truncations of the latents; see `tfgan_zoo.standing`, which fills and reads them.
        steps: How often a recurrent network calls the layer, each time with moments of their own:
            images of different steps are not alike, and their mixed moments would suit none.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, standing=0, steps=1, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon
        self.standing = standing
        self.steps = steps

    def _add_moments(self, channels):
        shape = (channels,) if self.steps == 1 else (self.steps, channels)
        self.moving_mean = self._add_moment(shape, "zeros", "moving_mean")
        self.moving_variance = self._add_moment(shape, "ones", "moving_variance")
        if self.standing:
            table = (self.standing, *shape)
            self.standing_mean = self._add_moment(table, "zeros", "standing_mean")
            self.standing_variance = self._add_moment(table, "ones", "standing_variance")

    def _add_moment(self, shape, initializer, name):
        # Replicas agree on the statistics, so any one of them may tell the new average.
        return self.add_weight(
            shape,
            initializer,
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name=name,
        )

    def _moments(self, images, training, step=0):
        """(mean, variance) of each channel, and the step of the moving averages if `training`."""
        averages = (self.moving_mean, self.moving_variance)
        if not training:
            return averages if self.steps == 1 else tuple(table[step] for table in averages)
        images = ops.cast(images, "float32")
        # The pixels of an image first: what has to cross replicas is then small and goes at once.
        pixels = tuple(range(1, len(images.shape) - 1))
        per_image = ops.concatenate(
            [ops.mean(images, axis=pixels), ops.mean(ops.square(images), axis=pixels)]
            if pixels
            else [images, ops.square(images)],
            axis=1,
        )
        synchronized = keras.backend.backend() == "tensorflow"
        both, _ = ops.moments(per_image, axes=[0], synchronized=synchronized)
        mean, square = ops.split(both, 2)
        variance = ops.maximum(square - ops.square(mean), 0.0)
        for average, value in zip(averages, (mean, variance), strict=True):
            moved = self.momentum * average + (1.0 - self.momentum) * value
            if self.steps > 1:
                moved = ops.where(ops.arange(self.steps)[:, None] == step, moved, average)
            average.assign(moved)
        return mean, variance

    def _normalize(self, images, gain, bias, training, step=0):
        """(images - mean) / deviation * gain + bias, with gain and bias [C] or [batch, C]."""
        mean, variance = self._moments(images, training, step)
        scale = ops.cast(gain, "float32") * ops.rsqrt(variance + self.epsilon)
        shift = ops.cast(bias, "float32") - mean * scale
        if len(scale.shape) == 2 and len(images.shape) == 4:
            scale, shift = scale[:, None, None, :], shift[:, None, None, :]
        return images * ops.cast(scale, images.dtype) + ops.cast(shift, images.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "standing": self.standing,
            "steps": self.steps,
        }


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class BatchNorm(Standardized):
    """Batch normalisation with one learned gain and bias per channel.

    [batch, H, W, C] or [batch, C] -> the same shape. `step`, from 0, tells a layer with several
    `steps` whose moments to use; gain and bias are common to all.
    Reference: Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167, Algorithm 1.
    """

    def build(self, input_shape):
        self.gain = self.add_weight((input_shape[-1],), "ones", name="gain")
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")
        self._add_moments(input_shape[-1])

    def call(self, inputs, step=0, training=False):
        return self._normalize(inputs, self.gain, self.bias, training, step)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class ConditionalBatchNorm(Standardized):
    """Batch normalisation whose gain and bias depend on each image's condition.

    [images, gain, bias] of shapes [batch, H, W, C], [batch, C], [batch, C] -> [batch, H, W, C].
    The gain is 1 + the given one: projections of the condition stay centred at 0. (compare_gan
    lacks the 1, a known mistake.) Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096,
    Appendix B.
    """

    def build(self, input_shape):
        self._add_moments(input_shape[0][-1])

    def call(self, inputs, training=False):
        images, gain, bias = inputs
        return self._normalize(images, 1.0 + ops.cast(gain, "float32"), bias, training)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class PixelNorm(keras.layers.Layer):
    """Divides by the root of the mean square over the last axis: of every pixel, or of latents.

    [batch, ..., C] -> the same shape, with a mean square of 1; computed in float32.
    Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, section 4.2. The paper speaks
    of unit length; its formula, and this layer, give length sqrt(C).

    Args:
        epsilon: Added to the mean square.
    """

    def __init__(self, epsilon=1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        square = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return inputs * ops.cast(ops.rsqrt(square + self.epsilon), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class ScalarLayerNorm(keras.layers.Layer):
    """Layer normalisation of each example, with one gain for all and a bias per channel.

    [batch, ..., C] -> the same shape; computed in float32. Keras's own have a gain per channel.
    Reference: Ba et al., 2016, https://arxiv.org/abs/1607.06450, eq. 3; in this form in the code of
    Karras et al., 2018, for rows a to c of Table 1.

    Args:
        epsilon: Added to the variance.
    """

    def __init__(self, epsilon=1e-4, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gain = self.add_weight((), "ones", name="gain", autocast=False)
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias", autocast=False)

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        axes = tuple(range(1, len(x.shape)))
        x = x - ops.mean(x, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(x), axis=axes, keepdims=True)
        outputs = x * ops.rsqrt(variance + self.epsilon) * self.gain + self.bias
        return ops.cast(outputs, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
