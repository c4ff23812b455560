"""DRAW's windows: N x N Gaussian filters that read a patch of an image, or write one on it.

Gregor et al., 2015, https://arxiv.org/abs/1502.04623, section 3.2. Images are square. Pixels are
counted from 1, as there: the first one of a row has its centre at 1.
"""

from typing import NamedTuple

import numpy as np
from keras import KerasTensor as Tensor
from keras import ops

NUMBERS = 5  # that a network says about each window: x, y, log variance, log stride, log intensity
SMALLEST_SUM = 1e-8  # of a filter; one that lies far outside the image has next to nothing in it


class Window(NamedTuple):
    """Where an N x N patch lies in an image, and how strong it is; all float32.

    Attributes:
        rows: [batch, N, H], what each filter takes of each row of pixels; sums of 1.
        columns: [batch, N, W], the same of columns.
        gamma: [batch, 1, 1, 1], the intensity.
    """

    rows: Tensor
    columns: Tensor
    gamma: Tensor


def window(numbers: Tensor, size: int, resolution: int) -> Window:
    """The window of [batch, 5] numbers, equations 19 to 26; that of zeros is the whole image.

    Args:
        numbers: Centre, x and y, 0 being that of the image and -1 and 1 a pixel beyond its first
            and last; then logarithms: of the filters' variance in square pixels, of their distance
            (0: the outermost are on the outermost pixels), of the intensity.
        size: N, filters in each direction.
        resolution: Of the image, in pixels.

    Raises:
        ValueError: If `size` is below 2: there would be no distance.
    """
    check_size(size=size)
    numbers = ops.reshape(ops.cast(numbers, "float32"), (-1, NUMBERS, 1, 1))
    x, y, *logarithms = ops.split(numbers, NUMBERS, axis=1)
    variance, stride, gamma = map(ops.exp, logarithms)
    # Both directions at once: every operation in one of many steps takes time to trace and to run.
    centres = (resolution + 1) / 2 * (ops.concatenate([x, y], 1) + 1.0)
    offsets = (np.arange(size, dtype="float32")[:, None] - (size - 1) / 2) * (
        (resolution - 1) / (size - 1)
    )
    pixels = np.arange(1, resolution + 1, dtype="float32")
    # In this order: NumPy's arrays do not subtract tensors of PyTorch.
    distances = centres + stride * offsets - pixels
    weights = ops.exp(-0.5 * ops.square(distances) / variance)
    filters = weights / ops.maximum(ops.sum(weights, -1, keepdims=True), SMALLEST_SUM)
    columns, rows = ops.unstack(filters, 2, axis=1)
    return Window(rows, columns, gamma)


def read(images: Tensor, at: Window) -> Tensor:
    """What a window sees, equation 27: [batch, H, W, C] -> [batch, N, N, C], each channel alone."""
    return at.gamma * _along_both(at.rows, images, at.columns)


def write(patches: Tensor, at: Window) -> Tensor:
    """What a window adds, equation 29: [batch, N, N, C] -> [batch, H, W, C], each channel alone."""
    rows, columns = (ops.transpose(filters, (0, 2, 1)) for filters in (at.rows, at.columns))
    return _along_both(rows, patches / at.gamma, columns)


def _along_both(rows, maps, columns):
    """rows [b, i, h], maps [b, h, w, C], columns [b, j, w] -> [b, i, j, C]."""
    _, height, width, channels = maps.shape
    rows_after, columns_after = rows.shape[1], columns.shape[1]
    # Products of two matrices each, twice as fast as one of four axes that broadcasts `columns`.
    maps = ops.matmul(rows, ops.reshape(maps, (-1, height, width * channels)))
    maps = ops.transpose(ops.reshape(maps, (-1, rows_after, width, channels)), (0, 2, 1, 3))
    maps = ops.matmul(columns, ops.reshape(maps, (-1, width, rows_after * channels)))
    maps = ops.reshape(maps, (-1, columns_after, rows_after, channels))
    return ops.transpose(maps, (0, 2, 1, 3))


def check_size(**sizes: int) -> None:
    """Raises ValueError for sizes of windows, by argument, that are below 2."""
    for name, size in sizes.items():
        if size < 2:
            raise ValueError(
                f"`{name}` must be at least 2: filters have a distance. Received: {name}={size}."
            )
