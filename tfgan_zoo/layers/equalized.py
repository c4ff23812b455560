"""Layers with an equalized learning rate: He's constant multiplies the kernel at every call.

Weights are all drawn from N(0, 1), so Adam, whose steps do not know the size of a weight, moves all
layers at the same relative speed.
Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, section 4.1. The paper writes that
weights are divided by the constant; its authors' code, and this one, multiplies.
"""

import math

import keras
from keras import ops

from tfgan_zoo.layers import resampling, small_maps

HE = math.sqrt(2.0)  # the gain before a LeakyReLU
USUAL_BATCH = 16  # images that speed is chosen for


class Equalized(keras.layers.Layer):
    """What the layers below have in common: a kernel, its constant gain / sqrt(fan in), a bias.

    Args:
        gain: sqrt(2) before a LeakyReLU, 1 before nothing.
        use_bias: Whether to add a bias, which starts at 0 and is not scaled.
        equalized: False for He's initialisation once, and no factor at calls.
    """

    def __init__(self, gain=HE, use_bias=True, equalized=True, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain
        self.use_bias = use_bias
        self.equalized = equalized

    def _add_weights(self, shape, units):
        """The kernel, whose axes but the last feed each of its units, and the bias."""
        constant = self.gain / math.sqrt(math.prod(shape[:-1]))
        self.scale = constant if self.equalized else 1.0
        initializer = keras.initializers.RandomNormal(stddev=constant / self.scale)
        self.kernel = self.add_weight(shape, initializer, name="kernel", autocast=False)
        self.bias = self.add_weight((units,), "zeros", name="bias") if self.use_bias else None

    def _scaled(self, inputs, values):
        """(inputs, kernel) in the layer's compute dtype, one of them scaled: the smaller one.

        Scaling a kernel of 512 channels takes a fifth of the time of its convolution at 4 pixels.

        Args:
            inputs: Of the call.
            values: That an example of the inputs has, times the images of a usual batch.
        """
        kernel = ops.convert_to_tensor(self.kernel)
        if values < math.prod(self.kernel.shape):
            return inputs * self.scale, ops.cast(kernel, self.compute_dtype)
        return inputs, ops.cast(kernel * self.scale, self.compute_dtype)

    def _add_bias(self, outputs):
        return outputs if self.bias is None else outputs + self.bias

    def get_config(self):
        return {
            **super().get_config(),
            "gain": self.gain,
            "use_bias": self.use_bias,
            "equalized": self.equalized,
        }


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class EqualizedConv2D(Equalized):
    """Convolution of stride 1 with zero padding, perhaps after an upsampling.

    [batch, H, W, C] -> [batch, H, W, filters], or [batch, 2 H, 2 W, filters] if pixels are repeated
    before it. That is folded into the kernel where `folded` is true, which changes speed, not the
    function.

    Args:
        filters: Channels of the output.
        kernel_size: Height and width of the kernel.
        upsample: Whether pixels are repeated; for 3x3 kernels.
        **kwargs: Those of `Equalized` and of `keras.layers.Layer`.

    Raises:
        ValueError: If the kernel beside an upsampling is not 3x3.
    """

    def __init__(self, filters, kernel_size=3, upsample=False, **kwargs):
        super().__init__(**kwargs)
        if upsample and kernel_size != 3:
            raise ValueError(
                "`upsample` goes with kernel_size=3. "
                f"Received: kernel_size={kernel_size}. Put `Upsample2D` before other kernels."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.upsample = upsample
        self.folded = True

    def build(self, input_shape):
        size = (self.kernel_size, self.kernel_size)
        self._add_weights((*size, input_shape[-1], self.filters), self.filters)

    def call(self, inputs, training=False):
        inputs, kernel = self._scaled(inputs, USUAL_BATCH * math.prod(inputs.shape[1:]))
        if self.upsample:
            outputs = resampling.conv_after_upsampling(inputs, kernel, self.folded)
        elif training:
            outputs = small_maps.conv(inputs, kernel)
        else:  # exports cannot keep gradients of one's own, and warn of them
            outputs = ops.conv(inputs, kernel, padding="same")
        return self._add_bias(outputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        factor = 2 if self.upsample else 1
        return (batch, factor * height, factor * width, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "upsample": self.upsample,
        }


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class EqualizedDense(Equalized):
    """Linear map: [batch, features] -> [batch, units].

    Args:
        units: Of the output, or its shape without the batch, such as (4, 4, 512), whose last axis
            has the biases then: one for all pixels of a map.
        **kwargs: Those of `Equalized` and of `keras.layers.Layer`.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = (units,) if isinstance(units, int) else tuple(units)

    def build(self, input_shape):
        self._add_weights((input_shape[-1], math.prod(self.units)), self.units[-1])

    def call(self, inputs):
        outputs = ops.matmul(*self._scaled(inputs, USUAL_BATCH * inputs.shape[1]))
        return self._add_bias(ops.reshape(outputs, (-1, *self.units)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
