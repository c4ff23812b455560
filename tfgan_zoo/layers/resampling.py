"""Doubling and halving of images, alone or folded into the 3x3 convolution beside them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Upsample2D(keras.layers.Layer):
    """Doubles height and width by repeating pixels.

    [batch, H, W, C] -> [batch, 2 H, 2 W, C].

    Only concatenations and reshapes to known sizes: `UpSampling2D` does not convert to TFLite
    behind a `Reshape`, and the gradient of a nearest-neighbour resize does not compile under XLA.
    """

    def call(self, inputs):
        return upsample(inputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)


def upsample(images):
    """Repeats every pixel of [batch, H, W, C] images twice along both axes; H and W are static."""
    _, height, width, channels = images.shape
    rows = ops.reshape(ops.concatenate([images, images], axis=3), (-1, height, 2 * width, channels))
    return ops.reshape(ops.concatenate([rows, rows], axis=2), (-1, 2 * height, 2 * width, channels))


def conv_after_upsampling(images, kernel, folded):
    """`upsample`, then a 3x3 convolution with zero padding.

    Folded, it is one transposed convolution of stride 2 whose 4x4 kernel holds the sums of the
    3x3 kernel's neighbours: the same function, borders included, with 2.25 times fewer products.

    Args:
        images: [batch, H, W, C].
        kernel: [3, 3, C, filters].
        folded: Whether to fold. LiteRT's transposed convolution is slow: not for its files.

    Returns:
        [batch, 2 H, 2 W, filters].
    """
    if not folded:
        return ops.conv(upsample(images), kernel, padding="same")
    transposed = ops.transpose(ops.flip(_neighbour_sums(kernel), axis=(0, 1)), (0, 1, 3, 2))
    return ops.conv_transpose(images, transposed, strides=2, padding="same")


def conv_before_downsampling(images, kernel, folded):
    """A 3x3 convolution with zero padding, then the mean of every 2x2 pixels.

    Folded, it is one 4x4 convolution of stride 2: see `conv_after_upsampling`.

    Args:
        images: [batch, H, W, C] with even H and W.
        kernel: [3, 3, C, filters].
        folded: Whether to fold.

    Returns:
        [batch, H / 2, W / 2, filters].
    """
    if not folded:
        return ops.average_pool(ops.conv(images, kernel, padding="same"), 2, 2)
    return ops.conv(images, 0.25 * _neighbour_sums(kernel), strides=2, padding="same")


def _neighbour_sums(kernel):
    """[3, 3, ...] -> [4, 4, ...]: the kernel plus its copies shifted by one row, column or both."""
    rest = [(0, 0)] * (len(kernel.shape) - 2)
    wide = ops.pad(kernel, [(1, 1), (1, 1), *rest])
    rows = wide[1:] + wide[:-1]
    return rows[:, 1:] + rows[:, :-1]


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class FadeIn(keras.layers.Layer):
    """Mixes an old and a new path: [old, new] of one shape -> old + alpha * (new - old).

    `alpha` is a weight that training moves but does not learn, so no step is traced anew; it starts
    at 0, where there is only the old path.
    Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Figure 2.
    """

    def build(self, input_shape):
        self.alpha = self.add_weight(
            (),
            "zeros",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name="alpha",
        )

    def call(self, inputs):
        old, new = inputs
        return old + ops.cast(self.alpha, old.dtype) * (new - old)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
