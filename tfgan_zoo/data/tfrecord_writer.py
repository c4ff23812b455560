"""Writes multi-resolution TFRecords: see `tfrecords` for the layout."""

import contextlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_zoo.data import pyramid, tfrecords
from tfgan_zoo.data.image_set import ImageSet


def check_free(directory: Path, name: str, overwrite: bool = False) -> None:
    """Raises ValueError if writing would replace a complete data set, ours or another's, unasked.

    What an interrupted writing left behind may be replaced.
    """
    if not re.fullmatch(r"[\w.-]*\w", name):
        raise ValueError(f"`name` must be letters, digits, '.', '_', '-'. Received: name={name!r}.")
    if not directory.is_dir():
        return
    others = {path.name for path in directory.glob("*.tfrecords")} - {
        path.name for path in _files(directory, name)
    }
    if others:
        raise ValueError(
            f"{directory} holds another data set: name another folder. Received: {min(others)}."
        )
    complete = tfrecords.read_record(directory, name).get("complete", any(_files(directory, name)))
    if complete and not overwrite:
        raise ValueError(
            f"{directory} holds {name} already: name another folder, or allow it with "
            "`overwrite` (--overwrite)."
        )


def _files(directory: Path, name: str) -> list[Path]:
    """Returns the levels and labels that exist."""
    return [
        path
        for path in directory.iterdir()
        if re.fullmatch(re.escape(name) + r"-r(\d\d\.tfrecords|xx\.labels)", path.name)
    ]


def write(
    directory: str | os.PathLike,
    name: str,
    train: ImageSet,
    held_out: ImageSet | None = None,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> tfrecords.Stored:
    """Writes all levels and, of two classes or more, the labels.

    Files have temporary names until all are written. Whoever is interrupted starts anew.

    Args:
        directory: The folder; created.
        name: What the names of the files begin with.
        train: Images of training. Their number is kept, so that readers find the same split.
        held_out: Other images of the same size and classes.
        progress: Called with (images done, images in all).
        overwrite: Whether a complete data set may be replaced.

    Raises:
        ValueError: If such images cannot be written, or the folder is taken.
    """
    directory = Path(directory).expanduser()
    sets = [train] if held_out is None else [train, held_out]
    _check_images(sets)
    check_free(directory, name, overwrite)
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob(f"{name}-r*.tmp"):  # of a process that was killed
        path.unlink()
    order = tfrecords.shuffled(sum(len(each.images) for each in sets))
    sides = [2**power for power in range(2, train.resolution.bit_length())]
    levels = [tfrecords.level_path(directory, name, side) for side in sides]
    labels = [tfrecords.labels_path(directory, name)] if train.num_classes > 1 else []
    unfinished = {path: path.with_name(f"{path.name}.tmp") for path in (*levels, *labels)}
    try:
        _write_levels([unfinished[path] for path in levels], sets, order, progress)
        for path in labels:
            with open(unfinished[path], "wb") as file:
                np.save(file, _one_hot(sets)[order])
        record = {
            "source": train.name,
            "count": len(order),
            "train": len(train.images),
            "class_names": train.class_names,
        }
        _finish(directory, name, unfinished, record)
    finally:
        for path in unfinished.values():
            path.unlink(missing_ok=True)
    return tfrecords.find(directory)


def _one_hot(sets: list[ImageSet]) -> np.ndarray:
    """Returns the labels as float32 [N, num_classes]."""
    labels = np.concatenate([each.labels for each in sets])
    return np.eye(sets[0].num_classes, dtype=np.float32)[labels]


def _finish(directory: Path, name: str, unfinished: dict[Path, Path], record: dict) -> None:
    """Gives the files their names. The record tells if that was interrupted."""
    _write_record(directory, name, {"complete": False, **record})
    for path in _files(directory, name):  # of an earlier data set, perhaps with more levels
        path.unlink()
    for path, written in unfinished.items():
        os.replace(written, path)
    _write_record(directory, name, {"complete": True, **record})


def check_resolution(resolution: int) -> None:
    """Raises ValueError unless images of the size have levels down to 4x4."""
    if resolution < 4 or resolution & (resolution - 1):
        raise ValueError(
            "`resolution` must be a power of two, at least 4, to have levels down to 4x4. "
            f"Received: resolution={resolution}."
        )


def _check_images(sets: list[ImageSet]) -> None:
    check_resolution(sets[0].resolution)
    if sets[0].channels not in (1, 3):
        raise ValueError(
            "`train` must hold images of 1 or 3 channels, as the layout has them. "
            f"Received: {sets[0].channels}."
        )
    if len({(each.images.shape[1:], each.class_names) for each in sets}) > 1:
        raise ValueError("`train` and `held_out` must agree in the shape of images and in classes.")


def _write_levels(paths, sets, order, progress) -> None:
    """Writes each image, in the order, to all files; the last one is of full size."""
    borders = np.cumsum([0, *(len(each.images) for each in sets)])
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(tf.io.TFRecordWriter(str(path))) for path in paths]
        for done, number in enumerate(order, start=1):
            part = np.searchsorted(borders, number, side="right") - 1
            image = np.float32(sets[part].images[number - borders[part]])
            for writer in reversed(writers):
                writer.write(tfrecords.encode(pyramid.to_pixels(image)))
                image = pyramid.halve(image)
            if progress:
                progress(done, len(order))


def _write_record(directory: Path, name: str, record: dict) -> None:
    path = tfrecords.record_path(directory, name)
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
