"""Drop-in layers for strided networks: same weights and function, faster.

A gradient penalty goes back through the gradient of the discriminator, and the gradients of strided
convolutions are where most of the time of such an update is.
"""

import keras
from keras import ops

from tfgan_zoo.layers.devices import only_cpus

# Height and width of the smaller maps up to which gradients are products of matrices: on x86 CPUs
# TensorFlow's own take up to seven times as long as the convolution, at 4 pixels.
SMALL = 4
# Up to which the gradient of images, but not that of kernels, is faster by other means.
TRANSPOSED = 8


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class LeakyReLU(keras.layers.Layer):
    """max(x, negative_slope * x), without a second derivative.

    That of the frameworks' own op is a tensor of zeros, which they carry back through all layers
    before: 12 to 20 % of a penalised update.

    Args:
        negative_slope: In [0, 1]; 0 for a ReLU.

    Raises:
        ValueError: If the slope is not in that range.
    """

    def __init__(self, negative_slope=0.2, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= negative_slope <= 1:
            raise ValueError(
                "`negative_slope` must be in [0, 1]. "
                f"Received: negative_slope={negative_slope}. Take keras.layers.LeakyReLU."
            )
        self.negative_slope = negative_slope
        self.supports_masking = True

    def call(self, inputs):
        return ops.maximum(inputs, self.negative_slope * inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with other gradients where they are faster.

    Convolutions of stride 2 with `padding="same"` to at most SMALL pixels, from an even number of
    them, on CPUs with TensorFlow. All others are Keras's.
    """

    def convolution_op(self, inputs, kernel):
        halves = [side // 2 if side and side % 2 == 0 else None for side in inputs.shape[1:3]]
        if not _is_fast(self, halves, SMALL):
            return super().convolution_op(inputs, kernel)
        # A copy is a tensor: gradients of one's own are not for variables.
        return _conv(ops.convert_to_tensor(inputs), ops.copy(kernel))


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, in training by another algorithm where that is faster.

    The adjoint of `Conv2D`: of stride 2 with `padding="same"`, from at most TRANSPOSED pixels. Out
    of training, and so in exports, it is Keras's.
    """

    def call(self, inputs, training=False):
        if not (training and _is_fast(self, inputs.shape[1:3], TRANSPOSED)):
            return super().call(inputs)
        outputs = _images_gradient(ops.convert_to_tensor(inputs), ops.copy(self.kernel))
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


def _is_fast(layer, maps, largest):
    """Whether the functions below do what the layer does, and faster.

    `maps` are height and width of its smaller side, None if unknown or not half of the larger.
    """
    settings = (layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
    others = (getattr(layer, "groups", 1), getattr(layer, "output_padding", None))
    return (
        settings == ((2, 2), "same", "channels_last", (1, 1))
        and others == (1, None)
        and min(layer.kernel_size) >= 2
        and all(side and side <= largest for side in maps)
        and only_cpus()
    )


# A convolution, the gradient of its images and that of its kernel are linear in each of their two
# arguments, and the gradients of each are the other two.


@ops.custom_gradient
def _conv(images, kernel):
    """[batch, 2 H, 2 W, C], [h, w, C, filters] -> [batch, H, W, filters]."""
    outputs = ops.conv(images, kernel, strides=2, padding="same")
    return outputs, lambda g: (_images_gradient(g, kernel), _kernel_gradient(images, g, kernel))


@ops.custom_gradient
def _images_gradient(upstream, kernel):
    """[batch, H, W, filters], [h, w, C, filters] -> [batch, 2 H, 2 W, C]."""
    small = max(upstream.shape[1:3]) <= SMALL
    outputs = (_added_patches if small else _by_parity)(upstream, kernel)
    return outputs, lambda g: (_conv(g, kernel), _kernel_gradient(g, upstream, kernel))


def _kernel_gradient(images, upstream, kernel):
    """[batch, 2 H, 2 W, C], [batch, H, W, filters] -> [h, w, C, filters], like `kernel`."""

    @ops.custom_gradient
    def gradient(images, upstream):
        patches = _patches(images, *kernel.shape[:2])
        columns = ops.reshape(upstream, (-1, upstream.shape[-1]))
        outputs = ops.reshape(ops.matmul(ops.transpose(patches), columns), kernel.shape)
        return outputs, lambda g: (_images_gradient(upstream, g), _conv(images, g))

    return gradient(images, upstream)


def _patches(images, height, width):
    """What each output of a convolution sees: [batch, 2 H, 2 W, C] -> [batch * H * W, h * w * C].

    Pixels are taken by number and parity, because slices with a stride are slow.
    """
    _, rows, columns, channels = images.shape
    # Even, so that parities stay.
    around = [taps // 2 + taps // 2 % 2 for taps in (height, width)]
    padded = ops.pad(images, [(0, 0), *((size, size) for size in around), (0, 0)])
    shape = (-1, rows // 2 + around[0], 2, columns // 2 + around[1], 2, channels)
    pairs = ops.reshape(padded, shape)
    starts = [
        [divmod(size - (taps - 2) // 2 + tap, 2) for tap in range(taps)]
        for size, taps in zip(around, (height, width), strict=True)
    ]
    pieces = [
        pairs[:, i : i + rows // 2, a, j : j + columns // 2, b]
        for i, a in starts[0]
        for j, b in starts[1]
    ]
    return ops.reshape(ops.concatenate(pieces, axis=-1), (-1, height * width * channels))


def _added_patches(upstream, kernel):
    """The images' gradient: what each output says of all pixels that it sees, added up."""
    taps_h, taps_w, channels, filters = kernel.shape
    _, rows, columns, _ = upstream.shape
    flat = ops.reshape(ops.transpose(kernel, (3, 0, 1, 2)), (filters, -1))
    patches = ops.matmul(ops.reshape(upstream, (-1, filters)), flat)
    patches = ops.reshape(patches, (-1, rows, columns, taps_h, taps_w * channels))
    bands = ops.reshape(_add_up(patches, 1), (-1, 2 * rows, columns, taps_w, channels))
    return _add_up(bands, 2)


def _add_up(pieces, axis):
    """Sums, along an axis, what taps say of pixels 2 i + tap - (taps - 2) // 2.

    [batch, rows, columns, taps, N] -> the same with twice as many rows (`axis` 1) or columns (2),
    and without taps.
    """
    taps = pieces.shape[3]
    sums = [[], []]
    for tap in range(taps):
        shift, parity = divmod(tap - (taps - 2) // 2, 2)
        sums[parity].append(_shifted(pieces[:, :, :, tap], axis, shift))
    doubled = ops.stack([sum(found[1:], found[0]) for found in sums], axis=axis + 1)
    shape = list(pieces.shape[:3]) + [pieces.shape[4]]
    shape[0], shape[axis] = -1, 2 * shape[axis]
    return ops.reshape(doubled, shape)


def _shifted(x, axis, shift):
    """`x` moved along an axis, with zeros for what comes in."""
    size = x.shape[axis]
    shift = max(-size, min(size, shift))
    around = [(0, 0)] * len(x.shape)
    around[axis] = (max(shift, 0), max(-shift, 0))
    kept = [slice(None)] * len(x.shape)
    kept[axis] = slice(max(-shift, 0), size - max(shift, 0))
    return ops.pad(x[tuple(kept)], around)


def _by_parity(upstream, kernel):
    """The images' gradient: pixels of each parity are a convolution of stride 1."""
    taps_h, taps_w, channels, _ = kernel.shape
    _, rows, columns, _ = upstream.shape
    turned = ops.flip(ops.transpose(kernel, (0, 1, 3, 2)), (0, 1))
    edge = [(size + 1) // 2 for size in (taps_h, taps_w)]
    padded = ops.pad(upstream, [(0, 0), *((size, size) for size in edge), (0, 0)])

    def pixels(row, column):
        (i, a), (j, b) = _taps(taps_h, row), _taps(taps_w, column)
        part = turned[a::2, b::2]
        top, left = edge[0] + i, edge[1] + j
        bottom, right = top + rows + part.shape[0] - 1, left + columns + part.shape[1] - 1
        return ops.conv(padded[:, top:bottom, left:right], part, padding="valid")

    doubled = ops.stack(
        [ops.stack([pixels(row, column) for column in (0, 1)], axis=3) for row in (0, 1)], axis=2
    )
    return ops.reshape(doubled, (-1, 2 * rows, 2 * columns, channels))


def _taps(taps, parity):
    """Of pixels 2 i + parity: (the first output that sees them, less i; its tap, from the last)."""
    before = (taps - 2) // 2
    last = taps - 1 - (taps - 1 - parity - before) % 2
    return (parity + before - last) // 2, taps - 1 - last
