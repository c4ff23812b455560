"""The levels of an image set: 2x2 means over and over, as PGGAN's data have them.

Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, and the layout of its code.
"""

import dataclasses
import functools

import numpy as np

from tfgan_zoo.data.image_set import ImageSet, LazyImages

CHUNK = 2**26  # bytes of float32 pixels that are worked on at a time


def halve(images: np.ndarray) -> np.ndarray:
    """Returns the 2x2 means of float32 images [..., H, W, C], H and W even."""
    rows = images[..., ::2, :, :] + images[..., 1::2, :, :]
    return 0.25 * (rows[..., ::2, :] + rows[..., 1::2, :])


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Returns float images as uint8: rounded, halves to the even neighbour, and clipped."""
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def at(image_set: ImageSet, resolution: int) -> ImageSet:
    """Returns the set at a lower level: its images are means of blocks of pixels, rounded once.

    They are computed when they are asked for, so that sets of any size have all levels at once.

    Args:
        image_set: Images of any kind, also memory-mapped or computed ones.
        resolution: That of the set divided by a power of two.

    Raises:
        ValueError: If there is no such level.
    """
    whole = image_set.resolution
    times, rest = divmod(whole, resolution) if resolution > 0 else (0, 0)
    if times < 1 or rest or times & (times - 1):
        raise ValueError(
            f"`resolution` must be that of the images, {whole}, or a half, a quarter, an eighth, "
            f"... of it: load {image_set.name} at a resolution that is. "
            f"Received: resolution={resolution}."
        )
    if times == 1:
        return image_set
    shape = (len(image_set.images), resolution, resolution, image_set.channels)
    compute = functools.partial(_shrink, image_set.images, times)
    how = f"{image_set.resize or 'unknown'}; then 2x2 means"
    return dataclasses.replace(image_set, images=LazyImages(shape, compute), resize=how)


def _shrink(images: np.ndarray, times: int, rows: np.ndarray) -> np.ndarray:
    """Returns rows of uint8 [N, R, R, C] as uint8 [n, R / times, R / times, C]."""
    _, whole, _, channels = images.shape
    side = whole // times
    shrunk = np.empty((len(rows), side, side, channels), np.uint8)
    count = max(1, CHUNK // (4 * whole * whole * channels))
    for start in range(0, len(rows), count):
        chunk = images[rows[start : start + count]].astype(np.float32)
        while chunk.shape[1] > side:
            chunk = halve(chunk)
        shrunk[start : start + count] = to_pixels(chunk)
    return shrunk
