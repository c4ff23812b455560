"""Labelled images as arrays: data sets by name, checks on them, and a description for people."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tfgan_zoo.data import folders, photographs, tfrecords
from tfgan_zoo.data.image_set import ImageSet

try:  # an optional dependency: only "digits" needs it
    from sklearn import datasets as sklearn_datasets
except ImportError:
    sklearn_datasets = None

SPLITS = ("train", "held_out")
CACHE_DIR = "~/.cache/tfgan_zoo"

Progress = Callable[[int, int], None]


def load(
    dataset: str,
    resolution: int,
    channels: int | None = None,
    data_dir: str | None = None,
    split: str = "train",
    progress: Progress | None = None,
) -> ImageSet:
    """Returns one split of a data set.

    Args:
        dataset: "digits" (scikit-learn's 8x8 digits) or "folder:PATH" (one sub-folder per class,
            pictures of any size; transparent ones are laid on white), "tfrecords:PATH" (a level
            of multi-resolution TFRecords, see `tfrecords`) or "photographs" (crops of
            scikit-learn's two photographs, see `photographs.load`).
        resolution: Sides of the images, in pixels.
        channels: 1, 3, or None for 1 if everything is gray and 3 otherwise.
        data_dir: Where prepared images are kept. Default: ~/.cache/tfgan_zoo.
        split: "train" or "held_out". Fixed, stratified by class, the same at all resolutions; but
            crops of photographs are drawn.
        progress: Called with (images done, images in all) while files are decoded.

    Raises:
        ValueError: for unknown data sets and splits, and for files that cannot be used.
    """
    prefix, _, argument = dataset.partition(":")
    if prefix not in LOADERS:
        known = ", ".join(loader.grammar for loader in LOADERS.values())
        raise ValueError(f"`dataset` must be one of: {known}. Received: dataset={dataset!r}.")
    if bool(argument) != (":" in LOADERS[prefix].grammar):
        raise ValueError(
            f"`dataset` must read {LOADERS[prefix].grammar!r}. Received: dataset={dataset!r}."
        )
    if resolution < 1:
        raise ValueError(f"`resolution` must be at least 1. Received: resolution={resolution}.")
    if channels not in (None, 1, 3):
        raise ValueError(f"`channels` must be 1, 3 or None. Received: channels={channels}.")
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {SPLITS}. Received: split={split!r}.")
    read = LOADERS[prefix].read
    return read(dataset, resolution, channels, data_dir, split, progress)


def of_class(image_set: ImageSet, label: int) -> ImageSet:
    """The images of one class, which is then class 0 of 1.

    Raises:
        ValueError: If there is no such class.
    """
    if not 0 <= label < image_set.num_classes:
        raise ValueError(
            f"`label` must be in [0, {image_set.num_classes}), the classes of {image_set.name}. "
            f"Received: label={label}."
        )
    rows = np.flatnonzero(image_set.labels == label)
    return dataclasses.replace(
        image_set,
        images=image_set.images[rows],
        labels=np.zeros(len(rows), np.int32),
        class_names=(image_set.class_names[label],),
        files=image_set.files and tuple(image_set.files[row] for row in rows),
    )


def require_conditional(image_set: ImageSet) -> None:
    """Raises ValueError if there is nothing to condition on."""
    if image_set.num_classes < 2:
        raise ValueError(
            "A conditional network needs images of at least 2 classes: pass a data set with one "
            "folder per class, or an unconditional variant. Received: "
            f"{image_set.name} with classes {image_set.class_names}."
        )


def require_labels_below(image_set: ImageSet, num_classes: int) -> None:
    """Raises ValueError at the first label that a network of `num_classes` classes cannot take."""
    wrong = np.flatnonzero((image_set.labels < 0) | (image_set.labels >= num_classes))
    if wrong.size:
        first = wrong[0]
        where = image_set.files[first] if image_set.files else f"image {first}"
        raise ValueError(
            f"Labels must lie in [0, {num_classes}), the classes of the network: build it with "
            f"num_classes={image_set.num_classes}, or leave classes out. "
            f"Received: label {image_set.labels[first]} for {where} of {image_set.name}."
        )


def describe(image_set: ImageSet, rows: int = 20) -> str:
    """Returns a few lines for people: shapes, range of values, and a histogram of the classes."""
    images = image_set.images
    seen = images[:1000]  # all of a memory map would take minutes
    part = " (range of the first 1000)" if len(images) > len(seen) else ""
    counts = np.bincount(image_set.labels, minlength=image_set.num_classes)
    lines = [
        f"{image_set.name}, split {image_set.split}: {len(images)} images",
        f"shape {images.shape[1:]}, {images.dtype}, values {seen.min()} to {seen.max()}{part}",
        f"{image_set.num_classes} classes",
    ]
    width = max(len(name) for name in image_set.class_names[:rows])
    for name, count in zip(image_set.class_names[:rows], counts[:rows], strict=True):
        bar = "#" * round(30 * count / counts.max())
        lines.append(f"  {name:<{width}}  {count:>{len(str(counts.max()))}}  {bar}".rstrip())
    rest = counts[rows:]
    if rest.size:
        lines.append(
            f"  ... and {rest.size} more classes, smallest {rest.min()}, largest {rest.max()}"
        )
    return "\n".join(lines)


def _held_out(labels: np.ndarray, fraction: float) -> np.ndarray:
    """Returns a bool mask: `fraction` of each class, at least one image but never all of them."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(len(rows) - 1, max(1, round(fraction * len(rows))))
        mask[np.random.default_rng([0, label]).permutation(rows)[:count]] = True
    return mask


def _resize_digit(digit: np.ndarray, resolution: int) -> np.ndarray:
    """Returns a digit of values in [0, 16] as uint8 [resolution, resolution]."""
    image = Image.fromarray(digit.astype(np.float32) * (255.0 / 16.0))
    image = image.resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _digits(name, resolution, channels, data_dir, split, progress) -> ImageSet:
    """1,797 handwritten digits of 8x8 pixels, 20% of each class held out."""
    if sklearn_datasets is None:
        raise ValueError("'digits' needs scikit-learn: pip install tfgan_zoo[train].")
    digits = sklearn_datasets.load_digits()
    labels = digits.target.astype(np.int32)
    mask = _held_out(labels, 0.2) == (split == "held_out")
    images = np.stack([_resize_digit(digit, resolution) for digit in digits.images[mask]])
    images = np.repeat(images[..., None], channels or 1, axis=-1)
    return ImageSet(name, split, images, labels[mask], tuple("0123456789"))


def _folder(name, resolution, channels, data_dir, split, progress) -> ImageSet:
    """One sub-folder per class, 10% of each class held out; a single image stays in train.

    Classes are sorted by name, images are searched below their class's folder; hidden ones are
    left out. Pictures are turned as their EXIF data say, resized with antialiased bicubic
    interpolation so that the shorter side is `resolution`, and cropped at the centre. Transparent
    ones are laid on white, of animated ones the first frame is taken. They have one channel if
    all are gray, unless `channels` says otherwise. The result is kept as a memory map.
    """
    root = Path(name.partition(":")[2]).expanduser()
    class_names, files, labels = folders.scan(root)
    order, rows = _in_parts(name, _held_out(labels, 0.1), split)
    files = [files[row] for row in order]
    cache = _cache(data_dir, root, files, resolution, channels)
    if not cache.exists():
        channels = channels or folders.common_channels(files)
        folders.prepare(cache, files, resolution, channels, progress)
    images = np.load(cache, mmap_mode="r")[rows]
    return ImageSet(
        name, split, images, labels[order][rows], class_names, tuple(map(str, files[rows]))
    )


def _in_parts(name, mask, split) -> tuple[np.ndarray, slice]:
    """Returns an order with held-out images last, so that one cache serves both splits as slices.

    The second is the slice of the split.
    """
    train_size = np.count_nonzero(~mask)
    if split == "held_out" and train_size == len(mask):
        raise ValueError(f"{name} has no class of two images or more, so nothing is held out.")
    rows = slice(train_size) if split == "train" else slice(train_size, None)
    return np.argsort(mask, kind="stable"), rows


def _cache(data_dir, root, files, resolution, channels) -> Path:
    folder = Path(data_dir or CACHE_DIR).expanduser()
    return folder / folders.cache_name(root, files, resolution, channels)


def _tfrecords(name, resolution, channels, data_dir, split, progress) -> ImageSet:
    """One level, decoded once into a memory map. Gray images become coloured if `channels` is 3.

    Images are held out as they were where they came from, if that was written with them; otherwise
    10% of each class, drawn by their order, the same at all levels.
    """
    stored = tfrecords.find(name.partition(":")[2])
    path = tfrecords.level_of(stored, resolution)
    if channels == 1 and stored.channels == 3:
        raise ValueError(f"{name} is in colour: `channels` must be 3 or None. Received: 1.")
    labels, class_names = tfrecords.read_labels(stored)
    mask = tfrecords.held_out(stored)
    mask = _held_out(labels, 0.1) if mask is None else mask
    order, rows = _in_parts(name, mask, split)
    files = [file for file in (path, stored.labels, stored.record_file) if file.exists()]
    cache = _cache(data_dir, stored.directory, files, resolution, channels)
    if not cache.exists():
        shape = (resolution, resolution, channels or stored.channels)
        tfrecords.prepare(cache, path, order, shape, progress)
    images = np.load(cache, mmap_mode="r")[rows]
    return ImageSet(name, split, images, labels[order][rows], class_names)


def _photographs(name, resolution, channels, data_dir, split, progress) -> ImageSet:
    return photographs.load(name, resolution, channels, split)


@dataclasses.dataclass(frozen=True)
class Loader:
    """How a data set is written, and what reads it: called as `_folder` is."""

    grammar: str
    read: Callable[..., ImageSet]


LOADERS = {
    "digits": Loader("digits", _digits),
    "folder": Loader("folder:PATH", _folder),
    "tfrecords": Loader("tfrecords:PATH", _tfrecords),
    "photographs": Loader("photographs", _photographs),
}
