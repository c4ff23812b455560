"""Sliced Wasserstein distance between patches of images, at every scale of a Laplacian pyramid.

Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, section 5.
"""

from collections.abc import Callable
from multiprocessing.pool import ThreadPool

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tfgan_zoo.metrics.pixels import require_uint8

COARSEST = 16  # pixels of the last level
SCALE = 1e3  # distances are reported so many times as large
VALUES = 2**22  # pixels times channels that are in work at once
DIRECTIONS = 16  # onto which all patches are projected at once
FLAT = 1e-4  # a deviation below this, in grey levels, is none


def swd(
    real,
    fake,
    patches: int = 128,
    patch_size: int = 7,
    directions: int = 512,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[int, float], float]:
    """Returns 1000 times the distance at each resolution, and the mean of these; 0 is best.

    Patches lie at the same random places in both sets, so that a set is at exactly 0 from itself.
    The distance of two halves of the real images is what the score's noise amounts to; compare
    equal numbers of images only, the paper's being 16,384. One level is in memory at a time: for
    both sets 8 * images * patches * patch_size^2 * channels bytes, which is 2.5 GB then.

    Args:
        real: uint8 [N, R, R, channels], R a power of 2; an array, or what has a shape and can be
            sliced like one, as a memory map.
        fake: As many images of the same shape.
        patches: Taken from each image at each level.
        patch_size: Their width and height.
        directions: Random ones, onto which patches are projected. The paper's code has 4 x 128.
        seed: Of places and directions.
        progress: Called with the numbers of images done and in all: each is read once per level.

    Returns:
        {resolution: distance} from R down to 16, or of R alone if it is less; and their mean.

    Raises:
        ValueError: If images are not as above or too small, or a set is flat at some level.
    """
    _check_positive(patches=patches, patch_size=patch_size, directions=directions)
    shape = _check_images(real, fake, patch_size)
    sides = _levels(shape[1])
    done, total = 0, 2 * len(sides) * shape[0]

    def advance(images):
        nonlocal done
        done += images
        if progress:
            progress(done, total)

    distances = {}
    for halvings, side in enumerate(sides):
        random = np.random.default_rng([seed, side])
        corners = random.integers(side - patch_size + 1, size=(2, shape[0], patches))
        bases = random.normal(size=(patch_size**2 * shape[3], directions))
        sets = []
        for name, images in (("real", real), ("fake", fake)):
            found = np.empty((shape[0] * patches, len(bases)), np.float32)
            _gather(found, images, halvings, side == sides[-1], corners, patch_size, advance)
            _normalise(found.reshape(len(found), shape[3], -1), name, side)
            sets.append(found)
        distances[side] = SCALE * sliced_distance(*sets, bases)
    return distances, float(np.mean(list(distances.values())))


def sliced_distance(first: np.ndarray, second: np.ndarray, directions: np.ndarray) -> float:
    """Mean distance of two equally large sets of points along lines.

    On a line it is the mean difference between the points of one set and those of the other that
    have the same rank.

    Args:
        first: float32 [N, dims].
        second: float32 [N, dims].
        directions: [dims, count] of any length but 0.
    """
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32).T
    total = 0.0
    with ThreadPool() as pool:  # sorting takes most of the time
        for start in range(0, len(directions), DIRECTIONS):
            block = directions[start : start + DIRECTIONS]
            difference, other = block @ first.T, block @ second.T
            pool.map(np.ndarray.sort, [*difference, *other], chunksize=1)
            difference -= other
            total += float(np.sum(np.abs(difference, out=difference), dtype=np.float64))
    return total / (len(directions) * len(first))


def _gather(found, images, halvings, last, corners, patch_size, advance):
    """Writes patches of one level of all images into the rows of `found`."""
    size, patches = len(images), corners.shape[2]
    batch = max(1, VALUES // int(np.prod(images.shape[1:])))
    for start in range(0, size, batch):
        part = slice(start, min(start + batch, size))
        level = _level(np.asarray(images[part]), halvings, last)
        windows = sliding_window_view(level, (patch_size, patch_size), axis=(2, 3))
        rows, columns = corners[:, part]
        chosen = windows[np.arange(len(level))[:, None], :, rows, columns]
        found[part.start * patches : part.stop * patches] = chosen.reshape(-1, found.shape[1])
        advance(len(level))


def _level(images: np.ndarray, halvings: int, last: bool) -> np.ndarray:
    """A level of the pyramid: uint8 [N, R, R, C] -> float32 [N, C, R / 2^halvings, the same].

    The last level keeps the image, the others what is lost by halving it once more.
    """
    level = np.ascontiguousarray(np.moveaxis(images, 3, 1), np.float32)
    for _ in range(halvings):
        level = _down(level)
    return level if last else level - _up(_down(level))


def _down(images):
    """Halves both sides: [1 4 6 4 1] / 16 about every second pixel, mirrored at the borders."""
    for axis in (2, 3):
        size = images.shape[axis]
        margins = [(2, 2) if axis == other else (0, 0) for other in range(4)]
        padded = np.moveaxis(np.pad(images, margins, "reflect"), axis, 0)
        a, b, c, d, e = (padded[offset : offset + size : 2] for offset in range(5))
        images = np.moveaxis((a + e + 4.0 * (b + d) + 6.0 * c) / 16.0, 0, axis)
    return images


def _up(images):
    """Doubles both sides: zeros between the pixels, then twice that filter.

    Mirroring comes after the zeros, so the pixel behind the last one is the last one again.
    """
    for axis in (2, 3):
        x = np.moveaxis(images, axis, 0)
        before, after = np.concatenate([x[1:2], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        doubled = np.empty((2 * len(x), *x.shape[1:]), x.dtype)
        doubled[0::2] = (before + 6.0 * x + after) / 8.0
        doubled[1::2] = (x + after) / 2.0
        images = np.moveaxis(doubled, 0, axis)
    return images


def _normalise(patches, name, side):
    """Gives every channel of [patches, channels, pixels] mean 0 and deviation 1, in place."""
    for channel in range(patches.shape[1]):
        values = patches[:, channel]
        values -= np.mean(values, dtype=np.float64)
        square = np.einsum("ij,ij->", values, values, dtype=np.float64) / values.size
        if square < FLAT**2:
            raise ValueError(
                f"`{name}` must have some contrast in every channel at every level: there is "
                f"nothing to divide by. Received: none in channel {channel} at {side} pixels."
            )
        values /= np.sqrt(square)


def _levels(resolution):
    """Resolutions of the pyramid, the finest first."""
    halvings = max(0, resolution.bit_length() - COARSEST.bit_length())
    return [resolution >> number for number in range(halvings + 1)]


def _check_positive(**numbers):
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {name}={number}.")


def _check_images(real, fake, patch_size) -> tuple[int, ...]:
    """Returns the shape of both sets."""
    for name, images in (("real", real), ("fake", fake)):
        shape = tuple(images.shape)
        if len(shape) != 4 or 0 in shape or shape[1] != shape[2] or shape[1] & (shape[1] - 1):
            raise ValueError(
                f"`{name}` must be [N, R, R, channels] with R a power of 2: crop, pad or resize "
                f"the images. Received: shape {shape}."
            )
        require_uint8(name, images)
    if tuple(real.shape) != tuple(fake.shape):
        raise ValueError(
            "`real` and `fake` must be equally many images of one shape. Received: "
            f"{tuple(real.shape)} and {tuple(fake.shape)}."
        )
    smallest = _levels(shape[1])[-1]
    if smallest < patch_size:
        raise ValueError(
            f"Patches must fit into the smallest level: use larger images or a smaller "
            f"`patch_size=`. Received: patch_size={patch_size}, a level of {smallest} pixels."
        )
    return shape
