"""A convolution of few pixels: the function of `keras.ops.conv`, with a faster gradient.

On x86 CPUs the gradient of a 3x3 kernel with 512 channels takes 0.4 times as long as a product of
two matrices at 4 pixels, 0.7 times at 8, and as long at 16. On other devices and backends, and for
all other convolutions, it is Keras's.
"""

from keras import ops

from tfgan_zoo.layers.devices import only_cpus

SMALL = 8  # height and width up to which that is done


def conv(images, kernel):
    """Stride 1 and zero padding: [batch, H, W, C], [k, k, C, filters] -> [batch, H, W, filters]."""
    _, height, width, _ = images.shape
    if max(height, width) <= SMALL and kernel.shape[:2] == (3, 3) and only_cpus():
        return _conv(ops.convert_to_tensor(images), ops.convert_to_tensor(kernel))
    return ops.conv(images, kernel, padding="same")


# A convolution, the gradient of its images and that of its kernel are linear in each of their two
# arguments, and the gradients of each are the other two.


@ops.custom_gradient
def _conv(images, kernel):
    outputs = ops.conv(images, kernel, padding="same")
    return outputs, lambda g: (_images_gradient(g, kernel), _kernel_gradient(images, g))


@ops.custom_gradient
def _images_gradient(upstream, kernel):
    """[batch, H, W, filters], [3, 3, C, filters] -> [batch, H, W, C]."""
    outputs = ops.conv_transpose(upstream, kernel, strides=1, padding="same")
    return outputs, lambda g: (_conv(g, kernel), _kernel_gradient(g, upstream))


@ops.custom_gradient
def _kernel_gradient(images, upstream):
    """[batch, H, W, C], [batch, H, W, filters] -> [3, 3, C, filters]."""
    channels, filters = images.shape[-1], upstream.shape[-1]
    columns = ops.reshape(upstream, (-1, filters))
    outputs = ops.matmul(ops.transpose(_patches(images)), columns)
    outputs = ops.reshape(outputs, (3, 3, channels, filters))
    return outputs, lambda g: (_images_gradient(upstream, g), _conv(images, g))


def _patches(images):
    """What each output sees: [batch, H, W, C] -> [batch * H * W, 9 * C]."""
    _, height, width, channels = images.shape
    padded = ops.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    pieces = [
        padded[:, row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]
    return ops.reshape(ops.concatenate(pieces, axis=-1), (-1, 9 * channels))
