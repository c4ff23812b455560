"""Image sets of TensorFlow Datasets, decoded once into memory maps."""

import hashlib
import itertools
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np

from tfgan_zoo.data import cache, decoding
from tfgan_zoo.data.catalogue import TABLE, Entry
from tfgan_zoo.data.image_set import ImageSet, Request

try:  # an optional dependency
    import tensorflow_datasets as tfds
except ImportError:
    tfds = None

CHUNK = 256  # images that are decoded before any is resized
OTHERS = ("test", "validation")


def load(request: Request) -> ImageSet:
    """Any image set by name, "cifar10" or "lsun/bedroom"; those of papers as `catalogue` says.

    Of others, "train" is trained on, and "test" or "validation" held out; with neither, the last
    tenth of "train" is. Without a class label, all images are of one class.

    Raises:
        ValueError: If TensorFlow Datasets is missing, does not know the name, cannot fetch the
            images (the message then has its instructions), or has no images under the name.
    """
    if tfds is None:
        raise ValueError(
            "'tfds:NAME' needs tensorflow-datasets and importlib_resources: pip install."
        )
    entry = TABLE.get(request.argument)
    builder = _builder(entry.builder if entry else request.argument, request)
    image_key, label_key = _keys(builder, request.name)
    _fetch(builder, request)
    entry = entry or _entry(builder)
    if not entry.labelled:
        label_key = None
    split = entry.train if request.split == "train" else entry.held_out
    channels = request.channels or _channels(builder, image_key)
    how = _rule(entry, builder, image_key, request.resolution)
    prepared = _path(builder, split, channels, how, request)
    labels_file = prepared.with_name(f"{prepared.name}.labels.npy")
    if not (prepared.exists() and labels_file.exists()):
        examples = _examples(builder, split, image_key, label_key, request)
        shape = (_count(builder, split, request), request.resolution, request.resolution, channels)
        _prepare(prepared, labels_file, shape, examples, entry, request)
    names = tuple(builder.info.features[label_key].names) if label_key else ("images",)
    images, labels = np.load(prepared, mmap_mode="r"), np.load(labels_file)
    return ImageSet(request.name, request.split, images, labels, names, resize=how)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:400] or repr(error)


def _builder(name: str, request: Request):
    """The builder, with all that can be known before images are fetched."""
    try:
        return tfds.builder(name, data_dir=request.data_dir, try_gcs=request.try_gcs)
    except Exception as error:  # of many kinds, some of them of the network
        raise ValueError(
            f"TensorFlow Datasets has no images called {name!r}: see "
            f"https://www.tensorflow.org/datasets/catalog. Received: {_one_line(error)[:120]}"
        ) from error


def _fetch(builder, request: Request) -> None:
    """Downloads and prepares, unless that is done."""
    try:
        builder.download_and_prepare()
    except ImportError as error:  # some sets need more; all of them importlib_resources
        raise ValueError(
            f"{request.name} needs a package that is not here: {_one_line(error)}. "
            f"pip install {error.name}."
        ) from error
    except (Exception, SystemExit) as error:  # of the network, the disk, and missing files
        manual = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        way_out = (
            f"It must be downloaded by hand, to {builder._data_dir_root}/downloads/manual: "
            f"{' '.join(manual.split())}"
            if manual
            else "Prepare it elsewhere and name its folder with --data_dir, or allow --try_gcs."
        )
        raise ValueError(
            f"{request.name} cannot be fetched: {_one_line(error)} {way_out}"
        ) from error


def _keys(builder, name: str) -> tuple[str, str | None]:
    """Returns the names of the image and, if there is one, of the class."""
    features = builder.info.features
    images = [key for key in features if isinstance(features[key], tfds.features.Image)]
    if "image" not in images and len(images) != 1:
        raise ValueError(
            f"{name} must have one image per example. Received: {', '.join(features)}."
        )
    labels = [key for key in features if isinstance(features[key], tfds.features.ClassLabel)]
    label = "label" if "label" in labels else labels[0] if len(labels) == 1 else None
    return ("image" if "image" in images else images[0]), label


def _entry(builder) -> Entry:
    """How a data set that is in no table is split."""
    for split in OTHERS:
        if split in builder.info.splits:
            return Entry(builder.name, held_out=split)
    return Entry(builder.name, "train[:90%]", "train[90%:]")


def _channels(builder, image_key: str) -> int:
    return 1 if builder.info.features[image_key].shape[-1] == 1 else 3


def _rule(entry: Entry, builder, image_key: str, resolution: int) -> str:
    height, width = builder.info.features[image_key].shape[:2]
    if _framed(entry, height, width, resolution):
        return f"{entry.frame} pixels of zeros around"
    if entry.crop is None and height == width == resolution:
        return "as stored"
    crop = "" if entry.crop is None else f"crop (left, top, right, bottom) {entry.crop}; "
    return crop + decoding.rule(entry.kind)


def _framed(entry: Entry, height: int | None, width: int | None, resolution: int) -> bool:
    return bool(entry.frame) and height == width == resolution - 2 * entry.frame


def _path(builder, split: str, channels: int, how: str, request: Request) -> Path:
    key = (builder.info.full_name, split, request.resolution, channels, how)
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    stem = builder.info.full_name.split("/")[0]
    return cache.folder(request.data_dir) / f"tfds-{stem}-{request.resolution}px-{digest}.npy"


def _count(builder, split: str, request: Request) -> int:
    try:
        return builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{request.name} has no split {split!r}. Received: {', '.join(builder.info.splits)}."
        ) from error


def _examples(builder, split, image_key, label_key, request) -> Iterator[tuple[np.ndarray, int]]:
    """Yields images and labels in the order in which they lie on the disk."""
    try:
        dataset = builder.as_dataset(split=split, shuffle_files=False)
        keep = {"image": image_key, **({"label": label_key} if label_key else {})}
        dataset = dataset.map(lambda example: {name: example[key] for name, key in keep.items()})
        for example in dataset.as_numpy_iterator():
            yield example["image"], int(example.get("label", 0))
    except Exception as error:  # broken or missing files
        raise ValueError(f"{request.name} cannot be read: {_one_line(error)}") from error


def _prepare(prepared, labels_file, shape, examples, entry, request) -> None:
    labels = np.full(shape[0], -1, np.int32)

    def fit(pixels):
        return _fit(pixels, entry, *shape[2:])

    def fill(images):
        done = 0
        with ThreadPool() as pool:
            while chunk := list(itertools.islice(examples, CHUNK)):
                rows = slice(done, done + len(chunk))
                done += len(chunk)
                if done > len(images):
                    break
                images[rows] = pool.map(fit, [pixels for pixels, _ in chunk])
                labels[rows] = [label for _, label in chunk]
                if request.progress:
                    request.progress(done, len(images))
        if done != len(images):
            raise ValueError(
                f"{request.name} must hold {len(images)} images, as its record says, and holds "
                f"{'more' if done > len(images) else done}: prepare it again."
            )
        if labels.min() < 0:
            raise ValueError(f"{request.name} has images without a label in {request.split}.")
        cache.save_labels(labels_file, labels)

    cache.build(prepared, shape, fill)


def _fit(pixels: np.ndarray, entry: Entry, resolution: int, channels: int) -> np.ndarray:
    if pixels.dtype == np.uint16:
        pixels = np.round(pixels / 257.0).astype(np.uint8)
    if _framed(entry, *pixels.shape[:2], resolution):
        around = (entry.frame, entry.frame)
        pixels = np.pad(pixels, (around, around, (0, 0)))
    elif entry.crop:
        left, top, right, bottom = entry.crop
        pixels = pixels[top:bottom, left:right]
    return decoding.fit_array(pixels, resolution, channels, entry.kind)
