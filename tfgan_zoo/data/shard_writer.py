"""Writes data sets as shards: see `shards`."""

import glob
import hashlib
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import tensorflow as tf
from PIL import Image

from tfgan_zoo.data import shards
from tfgan_zoo.data.image_set import ImageSet

LEVEL = 6  # of PNG's compression


def write(
    directory: Path,
    name: str,
    sets: list[ImageSet],
    shard_size: int,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes splits of one data set. Whoever is interrupted continues: full shards are kept.

    Kept is what holds the images that are to be written, and whose SHA-256 is the manifest's.

    Args:
        directory: Created.
        name: What the files' names begin with.
        sets: The splits, of images of 1 or 3 channels.
        shard_size: Images of a shard.
        overwrite: Whether another data set of the folder may be replaced.
        progress: Called with (images done, images in all).

    Returns:
        The manifest's file.

    Raises:
        ValueError: If something does not fit.
    """
    check_free(directory, name, overwrite)
    if shard_size < 1:
        raise ValueError(f"`shard_size` must be at least 1. Received: {shard_size}.")
    target, plan = directory / f"{name}{shards.MANIFEST}", _plan(name, sets, shard_size)
    before = _known(target)
    if before.keys() and before["complete"] and not overwrite and _differ(before, plan):
        raise ValueError(f"{directory} holds another data set: name another, or --overwrite.")
    directory.mkdir(parents=True, exist_ok=True)
    known = {shard["file"]: shard for shard in before.get("shards", ())}
    manifest = {**plan, "complete": False, "shards": []}
    done, total = 0, sum(len(each.images) for each in sets)
    for file, image_set, rows in _shards(name, sets, shard_size):
        images, labels = np.asarray(image_set.images[rows]), image_set.labels[rows]
        found = {
            "file": file,
            "split": image_set.split,
            "count": len(images),
            "pixels": _fingerprint(images, labels),
        }
        kept = known.get(file, {})
        path = directory / file
        if any(kept.get(key) != value for key, value in found.items()) or not _is(path, kept):
            _write_shard(path, images, labels)
            kept = {**found, "sha256": shards.digest(path)}
        manifest["shards"].append(kept)
        listed = {shard["file"] for shard in manifest["shards"]}
        rest = [shard for key, shard in known.items() if key not in listed]
        _write_manifest(target, {**manifest, "shards": manifest["shards"] + rest})
        done += len(images)
        if progress:
            progress(done, total)
    _remove_others(directory, name, {shard["file"] for shard in manifest["shards"]})
    _write_manifest(target, {**manifest, "complete": True})
    return target


def check_free(directory: Path, name: str, overwrite: bool = False) -> None:
    """Raises ValueError if a data set cannot be written there."""
    if not re.fullmatch(r"[\w.-]*\w", name) or name.startswith("."):
        raise ValueError(
            f"`name` must be of letters, digits, dots and dashes. Received: name={name!r}."
        )
    found = sorted(directory.glob(f"*{shards.MANIFEST}")) if directory.is_dir() else []
    others = [path.name for path in found if path.name != f"{name}{shards.MANIFEST}"]
    if others:
        raise ValueError(f"{directory} holds another data set, {others[0]}: take another folder.")
    strange = sorted(directory.glob("*.tfrecord*")) if directory.is_dir() else []
    if strange and not found and not overwrite:
        raise ValueError(
            f"{directory} holds TFRecords of others, {strange[0].name}: take another folder."
        )


def _plan(name: str, sets: list[ImageSet], shard_size: int) -> dict:
    """What the manifest says besides the shards."""
    first = sets[0]
    return {
        "name": name,
        "source": first.name,
        "resize": first.resize or "unknown",
        "image_shape": list(first.images.shape[1:]),
        "class_names": list(first.class_names),
        "counts": {
            each.split: np.bincount(each.labels, minlength=each.num_classes).tolist()
            for each in sets
        },
        "skipped": list(first.skipped),
        "shard_size": shard_size,
        "versions": {
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "pillow": PIL.__version__,
        },
    }


def _differ(before: dict, plan: dict) -> bool:
    keys = plan.keys() - {"versions", "shard_size"}
    return any(before.get(key) != plan[key] for key in keys)


def _known(target: Path) -> dict:
    """Returns an earlier manifest, {} without one; one that is broken counts as none."""
    try:
        return shards.parse_manifest(target) if target.exists() else {}
    except ValueError:
        return {}


def _shards(name, sets, shard_size):
    """Yields (file's name, image set, slice of its rows)."""
    for each in sets:
        count = -(-len(each.images) // shard_size)
        for number in range(count):
            file = f"{name}-{each.split}-{number:05}-of-{count:05}.tfrecord"
            yield file, each, slice(number * shard_size, (number + 1) * shard_size)


def _fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    """Returns the SHA-256 of what a shard is to hold."""
    found = hashlib.sha256(repr((images.shape, labels.tolist())).encode())
    found.update(np.ascontiguousarray(images))
    return found.hexdigest()


def _is(path: Path, shard: dict) -> bool:
    return path.is_file() and shards.digest(path) == shard["sha256"]


def _write_shard(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        with tf.io.TFRecordWriter(str(unfinished)) as writer:
            for image, label in zip(images, labels, strict=True):
                writer.write(encode(image, int(label)))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def encode(image: np.ndarray, label: int) -> bytes:
    """Returns uint8 [H, W, 1 or 3] and its label as a serialized Example."""
    stream = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(stream, "png", compress_level=LEVEL)
    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[stream.getvalue()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _remove_others(directory: Path, name: str, files: set[str]) -> None:
    """Removes shards of an earlier data set of that name."""
    for path in directory.glob(f"{glob.escape(name)}-*-of-*.tfrecord"):
        if path.name not in files:
            path.unlink()


def _write_manifest(path: Path, manifest: dict) -> None:
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
