"""Labelled images as arrays: data sets by name, checks on them, and a description for people."""

import dataclasses
from collections.abc import Callable

import numpy as np
from PIL import Image

from tfgan_zoo.data import arrays, cache, folders, photographs, shards, tfds_sets, tfrecords
from tfgan_zoo.data.image_set import ImageSet, Request, view
from tfgan_zoo.data.splits import SPLITS, held_out, in_parts

try:  # an optional dependency: only "digits" needs it
    from sklearn import datasets as sklearn_datasets
except ImportError:
    sklearn_datasets = None

Progress = Callable[[int, int], None]


def load(
    dataset: str,
    resolution: int,
    channels: int | None = None,
    data_dir: str | None = None,
    split: str = "train",
    progress: Progress | None = None,
    on_bad_image: str = "error",
    try_gcs: bool = False,
) -> ImageSet:
    """Returns one split of a data set.

    Args:
        dataset: One of LOADERS, see docs/data.md: "digits" (scikit-learn's), "folder:PATH" (one
            sub-folder per class), "npz:PATH" (arrays), "tfrecord:PATTERN" (shards),
            "tfrecords:PATH" (a level of multi-resolution TFRecords), "tfds:NAME" (TensorFlow
            Datasets) or "photographs" (crops of scikit-learn's two).
        resolution: Sides of the images, in pixels.
        channels: 1, 3, or None for 1 if everything is gray and 3 otherwise.
        data_dir: Where prepared images are kept, by default ~/.cache/tfgan_zoo; and TensorFlow
            Datasets' own, by default where that keeps them.
        split: "train" or "held_out". Fixed, stratified by class, the same at all resolutions; but
            crops of photographs are drawn.
        progress: Called with (images done, images in all) while files are decoded.
        on_bad_image: What files that cannot be read do: "error", or "skip": they are left out, and
            listed in the result.
        try_gcs: Whether TensorFlow Datasets may fetch prepared sets from Google's storage.

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
    if on_bad_image not in cache.ON_BAD_IMAGE:
        raise ValueError(
            f"`on_bad_image` must be one of {cache.ON_BAD_IMAGE}. Received: {on_bad_image!r}."
        )
    return LOADERS[prefix].read(
        Request(dataset, resolution, channels, data_dir, split, progress, on_bad_image, try_gcs)
    )


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
    chosen = _rows(image_set, np.flatnonzero(image_set.labels == label))
    labels, names = np.zeros_like(chosen.labels), (image_set.class_names[label],)
    return dataclasses.replace(chosen, labels=labels, class_names=names)


def subset(image_set: ImageSet, count: int, seed: int = 0) -> ImageSet:
    """Some of the images, classes in the proportions that they have.

    Those of a smaller subset are all in a larger one of the same seed.

    Raises:
        ValueError: If there are not so many images.
    """
    if not 1 <= count <= len(image_set.images):
        raise ValueError(
            f"`count` must be in [1, {len(image_set.images)}], the images of {image_set.name}, "
            f"split {image_set.split}. Received: count={count}."
        )
    ranks = np.empty(len(image_set.labels))  # of each image within its class, in (0, 1]
    for label in np.unique(image_set.labels):
        rows = np.flatnonzero(image_set.labels == label)
        order = np.random.default_rng([seed, label]).permutation(rows)
        ranks[order] = (np.arange(len(rows)) + 0.5) / len(rows)
    return _rows(image_set, np.sort(np.argsort(ranks, kind="stable")[:count]))


def _rows(image_set: ImageSet, rows: np.ndarray) -> ImageSet:
    return dataclasses.replace(
        image_set,
        images=view(image_set.images, rows),
        labels=image_set.labels[rows],
        files=image_set.files and tuple(image_set.files[row] for row in rows),
    )


def require_classes(image_set: ImageSet) -> None:
    """Raises ValueError if there is nothing to condition on or to balance."""
    if image_set.num_classes < 2:
        raise ValueError(
            "Conditional networks and balanced batches need images of at least 2 classes: pass a "
            "data set with one folder per class, or do without both. "
            f"Received: {image_set.name} with classes {image_set.class_names}."
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
    if image_set.skipped:
        first = "; ".join(image_set.skipped[:rows])
        lines.insert(1, f"left out, as unreadable: {len(image_set.skipped)}: {first}")
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


def _resize_digit(digit: np.ndarray, resolution: int) -> np.ndarray:
    """Returns a digit of values in [0, 16] as uint8 [resolution, resolution]."""
    image = Image.fromarray(digit.astype(np.float32) * (255.0 / 16.0))
    image = image.resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _digits(request: Request) -> ImageSet:
    """1,797 handwritten digits of 8x8 pixels, 20% of each class held out."""
    if sklearn_datasets is None:
        raise ValueError("'digits' needs scikit-learn: pip install tfgan_zoo[train].")
    digits = sklearn_datasets.load_digits()
    labels = digits.target.astype(np.int32)
    mask = held_out(labels, 0.2) == (request.split == "held_out")
    side = request.resolution
    images = np.stack([_resize_digit(digit, side) for digit in digits.images[mask]])
    images = np.repeat(images[..., None], request.channels or 1, axis=-1)
    names = tuple("0123456789")
    how = "as published" if side == 8 else "bicubic interpolation of 8x8 digits (Pillow)"
    return ImageSet(request.name, request.split, images, labels[mask], names, resize=how)


def _tfrecords(request: Request) -> ImageSet:
    """One level, decoded once into a memory map. Gray images become coloured if `channels` is 3.

    Images are held out as they were where they came from, if that was written with them; otherwise
    10% of each class, drawn by their order, the same at all levels.
    """
    name, resolution = request.name, request.resolution
    stored = tfrecords.find(request.argument)
    path = tfrecords.level_of(stored, resolution)
    if request.channels == 1 and stored.channels == 3:
        raise ValueError(f"{name} is in colour: `channels` must be 3 or None. Received: 1.")
    labels, class_names = tfrecords.read_labels(stored)
    mask = tfrecords.held_out(stored)
    mask = held_out(labels, 0.1) if mask is None else mask
    order, rows = in_parts(name, mask, request.split)
    files = [file for file in (path, stored.labels, stored.record_file) if file.exists()]
    key = folders.cache_name(stored.directory, files, resolution, request.channels)
    prepared = cache.folder(request.data_dir) / key
    if not prepared.exists():
        shape = (resolution, resolution, request.channels or stored.channels)
        tfrecords.prepare(prepared, path, order, shape, request.progress)
    images = np.load(prepared, mmap_mode="r")[rows]
    how = "2x2 means of the largest level"
    return ImageSet(name, request.split, images, labels[order][rows], class_names, resize=how)


def _photographs(request: Request) -> ImageSet:
    return photographs.load(request.name, request.resolution, request.channels, request.split)


@dataclasses.dataclass(frozen=True)
class Loader:
    """How a data set is written, and what reads it."""

    grammar: str
    read: Callable[[Request], ImageSet]


LOADERS = {
    "digits": Loader("digits", _digits),
    "folder": Loader("folder:PATH", folders.load),
    "npz": Loader("npz:PATH", arrays.load),
    "tfrecord": Loader("tfrecord:PATTERN", shards.load),
    "tfds": Loader("tfds:NAME", tfds_sets.load),
    "tfrecords": Loader("tfrecords:PATH", _tfrecords),
    "photographs": Loader("photographs", _photographs),
}
