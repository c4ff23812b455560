"""Data sets as shards: plain TFRecords of PNG images, with a manifest.

NAME-train-00000-of-00008.tfrecord, and so on; each record is an Example of "image", the bytes of a
PNG, and "label", int64: as TensorFlow Datasets writes them. NAME.manifest.json, which we add, tells
splits, classes, counts and the SHA-256 of each shard. Other people's records of this kind are read
without one.
"""

import glob
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_zoo.data import cache, decoding, folders, splits
from tfgan_zoo.data.image_set import ImageSet, Request

LAYOUT = 'Expected TFRecords of tf.train.Example, with "image", encoded, and perhaps "label".'
FRAME = 16  # bytes around each record: its length and two checksums
MANIFEST = ".manifest.json"
KEYS = {
    "complete": bool,
    "name": str,
    "resize": str,
    "image_shape": list,
    "class_names": list,
    "shards": list,
}
SHARD_KEYS = {"file": str, "split": str, "count": int, "sha256": str}


class Record(NamedTuple):
    """Where one Example lies."""

    file: Path
    number: int
    offset: int
    size: int


def find(pattern: str) -> list[Path]:
    """Returns the files of a pattern, or of a folder, sorted.

    Raises:
        ValueError: If there are none.
    """
    path = Path(pattern).expanduser()
    if path.is_dir():
        pattern = f"{glob.escape(str(path))}/*.tfrecord*"
    found = sorted(map(Path, glob.glob(str(Path(pattern).expanduser()))))
    found = [file for file in found if file.is_file() and not file.name.endswith(".tmp")]
    if not found:
        raise ValueError(f"No such files: {pattern}. {LAYOUT}")
    return found


def read_manifest(files: list[Path]) -> dict | None:
    """Returns the manifest that lies beside files, if one does.

    Raises:
        ValueError: If there are several, or it is not ours, unfinished, or of other files.
    """
    found = sorted(path for path in files[0].parent.iterdir() if path.name.endswith(MANIFEST))
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{files[0].parent} must hold one data set. Received: {names}.")
    manifest = parse_manifest(found[0])
    if not manifest["complete"]:
        raise ValueError(f"{found[0].parent} was not written to the end: prepare it again.")
    strange = {file.name for file in files} - {shard["file"] for shard in manifest["shards"]}
    if strange:
        raise ValueError(f"{found[0]} does not list {min(strange)}: remove one of the two.")
    return manifest


def parse_manifest(path: Path) -> dict:
    """Returns what a manifest says.

    Raises:
        ValueError: If it is not ours.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        _require(manifest, KEYS)
        for shard in manifest["shards"]:
            _require(shard, SHARD_KEYS)
            if Path(shard["file"]).name != shard["file"] or shard["split"] not in splits.SPLITS:
                raise ValueError(f"a shard {shard['file']!r} of {shard['split']!r}")
        if not manifest["image_shape"]:
            raise ValueError("image_shape must be three numbers")
        if not all(isinstance(name, str) for name in manifest["class_names"]):
            raise ValueError("class_names must be texts")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a manifest of ours: remove it to read the records without. "
            f"Received: {error!r}."
        ) from error
    return manifest


def _require(found: dict, keys: dict[str, type]) -> None:
    for key, kind in keys.items():
        if not isinstance(found[key], kind):
            raise ValueError(f"{key} must be a {kind.__name__}")


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(manifest_file: Path) -> dict:
    """Compares shards with their manifest. Returns it.

    Raises:
        ValueError: At the first one that is missing or another.
    """
    manifest = parse_manifest(manifest_file)
    if not manifest["complete"]:
        raise ValueError(f"{manifest_file.parent} was not written to the end: prepare it again.")
    for shard in manifest["shards"]:
        path = manifest_file.parent / shard["file"]
        if not path.is_file():
            raise ValueError(f"{path} is missing: prepare the data set again, or fetch it.")
        if digest(path) != shard["sha256"]:
            raise ValueError(
                f"{path} is not what was written: its SHA-256 is another. Prepare the data set "
                "again, or fetch it."
            )
    return manifest


def index(file: Path) -> tuple[list[Record], list[int]]:
    """Returns where the records of a file lie, and their labels. Verifies all checksums.

    Raises:
        ValueError: If the file is broken, or of another kind.
    """
    records, labels, offset = [], [], 0
    try:
        texts = tf.data.TFRecordDataset(str(file), buffer_size=2**23).as_numpy_iterator()
        for number, text in enumerate(texts):
            labels.append(parse(text)[1])
            records.append(Record(file, number, offset + FRAME - 4, len(text)))
            offset += len(text) + FRAME
    except Exception as error:  # TensorFlow's, protobuf's and ours
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"Record {len(records)} of {file} cannot be read: {reason}. {LAYOUT}"
        ) from error
    return records, labels


def parse(text: bytes) -> tuple[bytes, int]:
    """Returns the encoded image of a serialized Example, and its label, 0 without one."""
    feature = tf.train.Example.FromString(text).features.feature
    if "image" not in feature:
        names = ", ".join(sorted(feature)[:5]) or "nothing"
        raise ValueError(f'it has no "image", but {names}')
    (image,) = feature["image"].bytes_list.value
    (label,) = feature["label"].int64_list.value if "label" in feature else [0]
    if not 0 <= label < 2**31 - 1:
        raise ValueError(f"its label is {label}")
    return image, label


def image_of(record: Record) -> bytes:
    """Returns the encoded image of a record."""
    with open(record.file, "rb") as file:
        file.seek(record.offset)
        return parse(file.read(record.size))[0]


def load(request: Request) -> ImageSet:
    """Records that match a pattern, decoded once into a memory map.

    Splits and classes are as the manifest says; without one, or if nothing is held out among the
    files, 10% of each class is, drawn by the order of the records, and classes are numbers. Images
    of another size are resized, see `decoding.decode`.
    """
    files = find(request.argument)
    manifest = read_manifest(files)
    how = _how(manifest, request.resolution)
    name = folders.cache_name(files[0].parent, files, request.resolution, request.channels, how)
    prepared = cache.folder(request.data_dir) / name
    labels_file = prepared.with_name(f"{name}.labels.npy")
    if not (prepared.exists() and labels_file.exists()):
        _prepare(prepared, labels_file, files, request)
    labels = np.load(labels_file)
    images, good, skipped = cache.load(prepared, request.on_bad_image)
    class_names, held_out = _described(files, labels, manifest)
    mask = held_out if held_out.any() else splits.held_out(labels, 0.1)
    order, part = splits.in_parts(request.name, mask, request.split)
    rows = order[part]
    rows = rows[good[rows]]
    if not len(rows):
        raise ValueError(f"No image of {request.name}, split {request.split}, can be read.")
    return ImageSet(
        request.name,
        request.split,
        cache.select(images, rows),
        labels[rows],
        class_names,
        resize=how,
        skipped=skipped,
    )


def _how(manifest: dict | None, resolution: int) -> str:
    """Describes how images came to their size, since they were pictures."""
    if manifest is None:
        return decoding.rule()
    if manifest["image_shape"][0] == resolution:
        return manifest["resize"]
    return f"{manifest['resize']}; then {decoding.rule()}"


def _prepare(prepared: Path, labels_file: Path, files: list[Path], request: Request) -> None:
    """Decodes all records, in their order."""
    records, labels = [], []
    for file in files:
        found = index(file)
        records += found[0]
        labels += found[1]
    if not records:
        raise ValueError(f"{request.argument} holds no records. {LAYOUT}")
    channels = request.channels
    if channels is None:
        channels = 1 if all(decoding.is_gray(image_of(record)) for record in records) else 3
    cache.save_labels(labels_file, np.int32(labels))
    cache.prepare(
        prepared,
        [f"record {record.number} of {record.file}" for record in records],
        (request.resolution, request.resolution, channels),
        lambda row: decoding.decode(image_of(records[row]), request.resolution, channels),
        request.on_bad_image,
        request.progress,
    )


def _described(files, labels, manifest) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the classes and a bool mask of what was held out, as far as they are known."""
    if manifest is None:
        count = int(labels.max()) + 1
        if count > len(labels):
            raise ValueError(
                f"Labels of {len(labels)} records must be below that number without a manifest. "
                f"Received: {count - 1} in {files[0].parent}."
            )
        return tuple(map(str, range(count))), np.zeros(len(labels), bool)
    shards = {shard["file"]: shard for shard in manifest["shards"]}
    mine = [shards[file.name] for file in files]
    counts = [shard["count"] for shard in mine]
    names = tuple(manifest["class_names"])
    if sum(counts) != len(labels) or labels.max() >= len(names):
        raise ValueError(
            f"The manifest in {files[0].parent} does not suit its records: {sum(counts)} images of "
            f"{len(names)} classes, but {len(labels)} of {labels.max() + 1}. Check the data set."
        )
    return names, np.repeat([shard["split"] == "held_out" for shard in mine], counts)
