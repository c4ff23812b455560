"""Multi-scale structural similarity: of pairs of images, and as a measure of a set's variety.

References: Wang et al., 2003, https://doi.org/10.1109/ACSSC.2003.1292216, eq. 7; as a score of
generators Odena et al., 2017, https://arxiv.org/abs/1610.09585, section 4.2, and Karras et al.,
2018, https://arxiv.org/abs/1710.10196, section 5, whose windows shrink with small images.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics.pixels import require_uint8

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, the finest first
WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
MULTIPLE = 2 ** (len(WEIGHTS) - 1)  # of which a side must be one, to be halved exactly
VALUES = 2**20  # of one of the images, in work at once
BLOCK = 64  # of filtered pixels made by one matrix product
Progress = Callable[[int, int], None] | None


class Variety(NamedTuple):
    """Similarities within classes; lower is more varied.

    Attributes:
        mean: Of all classes.
        largest: Of one class: near 1 if that class has collapsed.
        classes: {label: mean of its pairs}.
    """

    mean: float
    largest: float
    classes: dict[int, float]


def ms_ssim(first, second, progress: Progress = None) -> np.ndarray:
    """Returns float64 [N]: the similarity of each pair, 1 for equal images and 0 at least.

    Args:
        first: uint8 [N, H, W, channels], sides multiples of 16; an array, or what has a shape and
            can be sliced like one.
        second: Likewise, of the same shape.
        progress: Called with the numbers of pairs done and in all.

    Raises:
        ValueError: If the images are not so.
    """
    _check("first", first)
    _check("second", second)
    if tuple(first.shape) != tuple(second.shape):
        raise ValueError(
            "`first` and `second` must have the same shape. "
            f"Received: {tuple(first.shape)} and {tuple(second.shape)}."
        )
    batch = max(1, VALUES // int(np.prod(first.shape[1:])))
    found = []
    for start in range(0, len(first), batch):
        found.append(_of_batch(first[start : start + batch], second[start : start + batch]))
        if progress:
            progress(min(start + batch, len(first)), len(first))
    return np.concatenate(found)


def of_consecutive_pairs(images, progress: Progress = None) -> float:
    """Returns the mean similarity of images 0 and 1, 2 and 3, and so on; lower is more varied.

    PGGAN's score is that of 20,000 random images.

    Args:
        images: uint8 [N, H, W, channels], N even.
        progress: Called with the numbers of pairs done and in all.

    Raises:
        ValueError: If N is odd, or the images are not as `ms_ssim` wants them.
    """
    _check("images", images)
    if len(images) % 2:
        raise ValueError(
            f"`images` must be an even number, to be paired. Received: {len(images)} images."
        )
    return float(np.mean(ms_ssim(images[0::2], images[1::2], progress)))


def within_classes(
    images, labels, pairs: int = 100, seed: int = 0, progress: Progress = None
) -> Variety:
    """Similarities of random pairs of different images of each class; AC-GAN's score.

    A pair is drawn at most once. The classes of the real images tell what is to be reached.

    Args:
        images: uint8 [N, H, W, channels]; an array or a memory map.
        labels: integers [N].
        pairs: Of each class.
        seed: Of their choice.
        progress: Called with the numbers of classes done and in all.

    Raises:
        ValueError: If a class has fewer pairs, or the images are not as `ms_ssim` wants them.
    """
    _check("images", images)
    labels = np.asarray(labels)
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`labels` must be integers [{len(images)}], one for each image. "
            f"Received: {labels.dtype} {labels.shape}."
        )
    random = np.random.default_rng(seed)
    classes, names = {}, np.unique(labels)
    for done, label in enumerate(names, start=1):
        rows = np.flatnonzero(labels == label)
        first, second = (rows[chosen] for chosen in _pairs(random, len(rows), pairs, label))
        classes[int(label)] = float(np.mean(ms_ssim(images[first], images[second])))
        if progress:
            progress(done, len(names))
    return Variety(float(np.mean(list(classes.values()))), max(classes.values()), classes)


def _pairs(random, size, count, label):
    """`count` of the size * (size - 1) / 2 pairs of different numbers below `size`."""
    number = size * (size - 1) // 2
    if not 1 <= count <= number:
        raise ValueError(
            f"`pairs` must be 1 or more, and no more than every class has: pass more images or a "
            f"smaller `pairs=`. Received: pairs={count}; class {label} has {size} images, "
            f"{number} pairs."
        )
    chosen = random.choice(number, count, replace=False)
    # Pairs in the order (1, 0), (2, 0), (2, 1), (3, 0), ...: those before (i, 0) are i (i - 1) / 2.
    larger = np.floor((1.0 + np.sqrt(1.0 + 8.0 * chosen)) / 2.0).astype(np.int64)
    return larger, chosen - larger * (larger - 1) // 2


def _of_batch(first, second):
    a, b = (np.ascontiguousarray(np.moveaxis(x, 3, 1), np.float64) for x in (first, second))
    similarity = np.ones(len(a))
    for number, weight in enumerate(WEIGHTS):
        if number:
            a, b = _halve(a), _halve(b)
        luminance, contrast = _maps(a, b)
        if number == len(WEIGHTS) - 1:
            contrast *= luminance
        similarity *= np.maximum(np.mean(contrast, axis=(1, 2, 3)), 0.0) ** weight
    return similarity


def _maps(a, b):
    """Luminance, and contrast times structure, within every window of images [N, C, H, W]."""
    size = min(WINDOW, *a.shape[2:])
    at = np.arange(size) - (size - 1) / 2.0
    window = np.exp(-0.5 * (at / (SIGMA * size / WINDOW)) ** 2)
    window /= window.sum()
    mean_a, mean_b = _filter(a, window), _filter(b, window)
    of_means, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance = _filter(a * b, window) - of_means
    variances = _filter(a * a + b * b, window) - squares
    luminance = (2.0 * of_means + C1) / (squares + C1)
    return luminance, (2.0 * covariance + C2) / (variances + C2)


def _filter(x, window):
    """Weighted means of all whole windows, [N, C, H, W] -> [N, C, H - size + 1, W - size + 1].

    Products with a banded matrix, in blocks near the band, are several times as fast as sums of
    shifted images.
    """
    band = np.zeros((BLOCK + len(window) - 1, BLOCK))
    for column in range(BLOCK):
        band[column : column + len(window), column] = window
    for _ in range(2):
        rows = x.reshape(-1, x.shape[3])
        filtered = np.empty((len(rows), rows.shape[1] - len(window) + 1))
        for start in range(0, filtered.shape[1], BLOCK):
            width = min(BLOCK, filtered.shape[1] - start)
            part = rows[:, start : start + width + len(window) - 1]
            filtered[:, start : start + width] = part @ band[: part.shape[1], :width]
        x = filtered.reshape(*x.shape[:3], -1).swapaxes(2, 3)
    return x


def _halve(x):
    rows = x[:, :, 0::2] + x[:, :, 1::2]
    return (rows[..., 0::2] + rows[..., 1::2]) / 4.0


def _check(name, images):
    shape = tuple(images.shape)
    if len(shape) != 4 or 0 in shape or any(side % MULTIPLE for side in shape[1:3]):
        raise ValueError(
            f"`{name}` must be [N, H, W, channels] with sides that are multiples of {MULTIPLE}, as "
            f"there are {len(WEIGHTS)} scales: crop, pad or resize. Received: shape {shape}."
        )
    require_uint8(name, images)
