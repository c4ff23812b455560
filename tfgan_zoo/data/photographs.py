"""Natural images that need no download: crops of the two photographs that scikit-learn brings."""

import functools

import numpy as np
from PIL import Image

from tfgan_zoo.data.image_set import ImageSet, LazyImages

try:  # an optional dependency
    from sklearn.datasets import load_sample_image
except ImportError:
    load_sample_image = None

CLASS_NAMES = ("china", "flower")
COUNTS = {"train": 20_000, "held_out": 2_000}


def load(name: str, resolution: int, channels: int | None, split: str) -> ImageSet:
    """Returns random crops, native pixels, of china.jpg and flower.jpg: both 427 x 640.

    The crops of a split are always the same ones, but differ from resolution to resolution: take
    levels of one resolution with `pyramid.at`. Held-out crops are drawn anew, and so they overlap
    with those of training: scores on them say nothing about unseen pictures.

    Raises:
        ValueError: If scikit-learn is missing, or crops do not fit.
    """
    if load_sample_image is None:
        raise ValueError("'photographs' needs scikit-learn: pip install tfgan_zoo[train].")
    photographs = np.stack([_photograph(stem, channels or 3) for stem in CLASS_NAMES])
    spare = np.array(photographs.shape[1:3]) - resolution
    if spare.min() < 0:
        raise ValueError(
            "`resolution` must be at most 427, the height of the photographs that crops are cut "
            f"from. Received: resolution={resolution}."
        )
    random = np.random.default_rng([0, list(COUNTS).index(split)])
    count = COUNTS[split]
    labels = random.integers(len(photographs), size=count, dtype=np.int32)
    corners = random.integers(spare + 1, size=(count, 2))
    windows = np.lib.stride_tricks.sliding_window_view(
        photographs, (resolution, resolution), axis=(1, 2)
    )
    compute = functools.partial(_cut, windows, labels, corners)
    shape = (count, resolution, resolution, photographs.shape[-1])
    images = LazyImages(shape, compute)
    return ImageSet(name, split, images, labels, CLASS_NAMES, resize="native pixels")


def _photograph(stem: str, channels: int) -> np.ndarray:
    image = Image.fromarray(load_sample_image(f"{stem}.jpg"))
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def _cut(windows, labels, corners, rows) -> np.ndarray:
    """Returns crops [n, R, R, C] from windows [photograph, top, left, C, R, R]."""
    top, left = corners[rows].T
    return np.moveaxis(windows[labels[rows], top, left], 1, -1)
