"""The multi-resolution TFRecords of PGGAN: one file per level, 4x4 to full size, and labels.

The layout of `dataset_tool` of the code of Karras et al., 2018, https://arxiv.org/abs/1710.10196:
NAME-r02.tfrecords is 4x4, NAME-r03.tfrecords 8x8, and so on. Each record is an Example of "shape",
int64 (C, H, W), and "data", uint8 bytes in that order. NAME-rxx.labels is a .npy array float32
[N, num_classes], one-hot. All hold the images in one shuffled order. Levels are 2x2 means of means,
each rounded on its own.

We add NAME.json, which tells when writing is complete, which images were held out, and the names
of the classes. Folders without it are read as well.
"""

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_zoo.data import cache as caches
from tfgan_zoo.data import pyramid

FRAME = 16  # bytes around each record: its length and two checksums
LAYOUT = "Expected NAME-r02.tfrecords, NAME-r03.tfrecords, ... of one NAME."


@dataclasses.dataclass(frozen=True)
class Stored:
    """A data set as it lies on the disk.

    Args:
        directory: Of all the files.
        name: What their names begin with.
        levels: The file of each resolution, ascending.
        count: Number of images.
        channels: 1 or 3.
        record: What NAME.json says, {} without one.
    """

    directory: Path
    name: str
    levels: dict[int, Path]
    count: int
    channels: int
    record: dict

    @property
    def labels(self) -> Path:
        return labels_path(self.directory, self.name)

    @property
    def record_file(self) -> Path:
        return record_path(self.directory, self.name)


def level_path(directory: Path, name: str, resolution: int) -> Path:
    """Returns the file of one level."""
    return directory / f"{name}-r{resolution.bit_length() - 1:02}.tfrecords"


def labels_path(directory: Path, name: str) -> Path:
    """Returns the file of the labels."""
    return directory / f"{name}-rxx.labels"


def record_path(directory: Path, name: str) -> Path:
    """Returns the file that tells whether writing is complete."""
    return directory / f"{name}.json"


def shuffled(count: int) -> np.ndarray:
    """Returns the order of the images: row i of the files is image number order[i]."""
    order = np.arange(count)
    np.random.RandomState(123).shuffle(order)
    return order


def encode(image: np.ndarray) -> bytes:
    """Returns uint8 [H, W, C] as a serialized Example."""
    planes = np.ascontiguousarray(np.moveaxis(image, -1, 0))
    shape = tf.train.Feature(int64_list=tf.train.Int64List(value=planes.shape))
    data = tf.train.Feature(bytes_list=tf.train.BytesList(value=[planes.tobytes()]))
    features = tf.train.Features(feature={"shape": shape, "data": data})
    return tf.train.Example(features=features).SerializeToString()


def decode(record: bytes) -> np.ndarray:
    """Returns a serialized Example as uint8 [H, W, C].

    Raises:
        ValueError: If it is none, or not one of such an image.
    """
    try:
        feature = tf.train.Example.FromString(record).features.feature
        shape = tuple(feature["shape"].int64_list.value)
        (data,) = feature["data"].bytes_list.value
        planes = np.frombuffer(data, np.uint8).reshape(shape)
        channels, height, width = planes.shape
    except Exception as error:  # of several kinds, one of them protobuf's own
        raise ValueError(f'not an Example of "shape", (C, H, W), and "data": {error}') from error
    if height != width or channels not in (1, 3):
        raise ValueError(f"an image of shape {shape}: (C, H, W) must be square, C 1 or 3")
    return np.moveaxis(planes, 0, -1)


def record_at(path: Path, row: int) -> np.ndarray:
    """Returns one image of a level. Records of a level have one size, so none has to be searched.

    Raises:
        ValueError: If there is none.
    """
    with open(path, "rb") as file:
        size = _record_size(file)
        file.seek(row * (size + FRAME) + FRAME - 4)
        record = file.read(size)
    try:
        return decode(record)
    except ValueError as error:
        raise ValueError(f"Image {row} of {path} cannot be read: {error}.") from error


def _record_size(file) -> int:
    """Returns the bytes of the first record, without its frame; 0 for an empty file."""
    return int.from_bytes(file.read(8), "little")


def count_records(path: Path) -> int:
    """Returns how many images a level has.

    Raises:
        ValueError: If the file ends within one.
    """
    with open(path, "rb") as file:
        size = _record_size(file) + FRAME
    total = path.stat().st_size
    if total == 0 or total % size:
        raise ValueError(
            f"{path} must be full records of {size} bytes, as the first one is: it is cut off, or "
            f"of another layout. Write or fetch it again. Received: {total} bytes."
        )
    return total // size


def find(directory: str | os.PathLike) -> Stored:
    """Returns what a folder holds.

    Raises:
        ValueError: If it is no data set, several, or an unfinished one.
    """
    directory = Path(directory).expanduser()
    if not directory.is_dir():
        raise ValueError(f"No such folder: {directory}. {LAYOUT}")
    matches = [re.fullmatch(r"(.+)-r(\d\d)\.tfrecords", path.name) for path in directory.iterdir()]
    names = sorted({match[1] for match in matches if match})
    if len(names) != 1:
        raise ValueError(f"{directory} must hold one data set. {LAYOUT} Received: {names}.")
    (name,) = names
    levels = {2 ** int(match[2]): directory / match[0] for match in matches if match}
    levels = dict(sorted(levels.items()))
    record = read_record(directory, name)
    if record and not record["complete"]:
        raise ValueError(f"{directory} was not written to the end: write it again.")
    smallest, *_ = levels.values()
    count = count_records(smallest)
    if record and record["count"] != count:
        raise ValueError(
            f"{record_path(directory, name)} says {record['count']} images, {smallest} holds "
            f"{count}: write or fetch them again."
        )
    channels = record_at(smallest, 0).shape[-1]
    return Stored(directory, name, levels, count, channels, record)


def read_record(directory: Path, name: str) -> dict:
    """Returns what NAME.json says, {} if there is none.

    Raises:
        ValueError: If it is not ours.
    """
    path = record_path(directory, name)
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {key: record[key] for key in ("complete", "count", "train", "class_names")}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a record of a data set: remove it to read the data set without, with "
            f"classes that are numbers. Received: {error!r}."
        ) from error


def level_of(stored: Stored, resolution: int) -> Path:
    """Returns the file of a level.

    Raises:
        ValueError: If there is none, or it has other numbers of images than the smallest one.
    """
    if resolution not in stored.levels:
        raise ValueError(
            f"`resolution` must be one of {list(stored.levels)}, the levels in "
            f"{stored.directory}. Received: resolution={resolution}."
        )
    path = stored.levels[resolution]
    if count_records(path) != stored.count:
        raise ValueError(
            f"All levels must hold {stored.count} images, as the smallest one does. "
            f"Received: {count_records(path)} in {path}."
        )
    return path


def held_out(stored: Stored) -> np.ndarray | None:
    """Returns a bool mask of the images that were held out when written, None if unknown."""
    if not stored.record:
        return None
    return shuffled(stored.count) >= stored.record["train"]


def read_labels(stored: Stored) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns int32 labels [N], and the classes: named by NAME.json, or else by their numbers.

    Without a file of labels, all images are of one class.

    Raises:
        ValueError: If the file does not suit the images.
    """
    names = tuple(stored.record.get("class_names", ()))
    if not stored.labels.exists():
        return np.zeros(stored.count, np.int32), names or ("images",)
    try:
        hot = np.load(stored.labels)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{stored.labels} is not a .npy array: {error}.") from error
    names = names or tuple(map(str, range(hot.shape[-1])))
    if hot.shape != (stored.count, len(names)):
        raise ValueError(
            f"{stored.labels} must hold [{stored.count}, {len(names)}] numbers, one row per image. "
            f"Received: shape {hot.shape}."
        )
    labels = hot.argmax(axis=1).astype(np.int32)
    if not np.array_equal(hot, np.eye(len(names))[labels]):
        raise ValueError(f"{stored.labels} must hold one 1 per image, and 0 otherwise.")
    return labels, names


def describe(stored: Stored) -> str:
    """Returns a line for people."""
    _, names = read_labels(stored)
    levels = list(stored.levels)
    return (
        f"{stored.directory}: {stored.count:,} images of {stored.name}, {levels[0]} to "
        f"{levels[-1]} pixels, {stored.channels} channels, {len(names)} classes"
    )


def prepare(
    cache: Path, path: Path, order: np.ndarray, shape: tuple[int, int, int], progress
) -> None:
    """Decodes a level into one .npy file, which appears only when it is complete.

    Args:
        cache: The file to write.
        path: The level's file.
        order: Row i of the result is image order[i] of the file.
        shape: (R, R, C) of the result; the one channel of gray images is repeated for C 3.
        progress: None, or called with (images done, images in all).
    """

    def fill(images):
        rows = np.argsort(order)
        records = tf.data.TFRecordDataset(str(path), buffer_size=2**23).as_numpy_iterator()
        for done, (row, record) in enumerate(zip(rows, records, strict=True), start=1):
            images[row] = decode(record)
            if progress:
                progress(done, len(rows))

    try:
        caches.build(cache, (len(order), *shape), fill)
    except (ValueError, tf.errors.OpError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Write or fetch it again.") from error


def check(stored: Stored) -> None:
    """Compares what a folder holds with what it should.

    All levels from 4x4 must be there with as many images, whole to the last byte, and with as many
    labels; in each level the first and the last image must be the 2x2 means of the full size.

    Raises:
        ValueError: At the first thing that is wrong.
    """
    largest = max(stored.levels)
    for side in [2**power for power in range(2, largest.bit_length())]:
        path = level_path(stored.directory, stored.name, side)
        if side not in stored.levels:
            raise ValueError(f"{path} is missing, a level below {largest} pixels.")
        level_of(stored, side)
    for row in (0, stored.count - 1):
        _check_row(stored, row)
    read_labels(stored)


def _check_row(stored: Stored, row: int) -> None:
    """Raises ValueError where an image is not the 2x2 means of that of full size."""
    image = None
    for side, path in reversed(stored.levels.items()):
        found = record_at(path, row)
        image = np.float32(found) if image is None else pyramid.halve(image)
        if found.shape != (side, side, stored.channels):
            raise ValueError(f"Image {row} of {path} must be of {side} pixels: {found.shape}.")
        if not np.array_equal(found, pyramid.to_pixels(image)):
            raise ValueError(f"Image {row} of {path} must be the 2x2 means of the largest level.")
