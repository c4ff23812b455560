"""What all data sets are once they are loaded: images that may be computed late, with labels."""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class LazyImages:
    """Images that are computed each time they are asked for; otherwise like an array.

    Indices pick images: integers, slices, arrays of integers or booleans. What comes is an
    ndarray, as it is from `np.asarray`, for which all must fit into memory.

    Args:
        shape: [N, H, W, C].
        compute: int64 rows [n], each in [0, N) -> uint8 images [n, H, W, C].
    """

    shape: tuple[int, int, int, int]
    compute: Callable[[np.ndarray], np.ndarray]

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index) -> np.ndarray:
        rows = np.arange(len(self))[index]
        return self.compute(rows.ravel()).reshape(*rows.shape, *self.shape[1:])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if copy is False:
            raise ValueError("These images are computed: an array of them is a copy.")
        return np.asarray(self[:], dtype)

    def astype(self, dtype) -> np.ndarray:
        """Returns all images as an array of another type."""
        return np.asarray(self, dtype)


def view(images: np.ndarray | LazyImages, rows: np.ndarray) -> np.ndarray | LazyImages:
    """Returns some of the images, in memory only if all of them are."""
    if isinstance(images, LazyImages) or isinstance(images, np.memmap):
        return LazyImages((len(rows), *images.shape[1:]), lambda index: images[rows[index]])
    return images[rows]


@dataclasses.dataclass(frozen=True)
class Request:
    """What `sources.load` was asked for, with its arguments' meaning.

    Args:
        name: All of `dataset`: "folder:PATH".
    """

    name: str
    resolution: int
    channels: int | None
    data_dir: str | None
    split: str
    progress: Callable[[int, int], None] | None
    on_bad_image: str
    try_gcs: bool

    @property
    def argument(self) -> str:
        """What follows the colon."""
        return self.name.partition(":")[2]


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """One split of a data set of square images, each of one class.

    Args:
        name: As `sources.load` takes it: "digits", "folder:PATH", ...
        split: "train" or "held_out".
        images: uint8 [N, resolution, resolution, channels], perhaps a read-only memory map, or
            LazyImages.
        labels: int32 [N] in [0, num_classes).
        class_names: One name per class.
        files: Where each image came from, if from a file.
        resize: How images were brought to their size; None if that is not known.
        skipped: What was left out of both splits because it could not be read, and why.
    """

    name: str
    split: str
    images: np.ndarray | LazyImages
    labels: np.ndarray
    class_names: tuple[str, ...]
    files: tuple[str, ...] | None = None
    resize: str | None = None
    skipped: tuple[str, ...] = ()

    @property
    def resolution(self) -> int:
        return self.images.shape[1]

    @property
    def channels(self) -> int:
        return self.images.shape[3]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)
