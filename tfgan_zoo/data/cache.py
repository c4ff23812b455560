"""Prepared images: uint8 .npy files, read as memory maps, that appear only when complete."""

import json
import os
from collections.abc import Callable, Iterable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np

from tfgan_zoo.data.image_set import view

FOLDER = "~/.cache/tfgan_zoo"
ON_BAD_IMAGE = ("error", "skip")

Progress = Callable[[int, int], None]


def folder(data_dir: str | None) -> Path:
    """Returns where prepared images are kept."""
    return Path(data_dir or FOLDER).expanduser()


def build(cache: Path, shape: tuple[int, ...], fill: Callable[[np.ndarray], None]) -> None:
    """Writes one uint8 .npy file, which appears only when `fill` has filled its array."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    unfinished = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
    try:
        images = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        fill(images)
        images.flush()
        del images  # some systems do not rename a file while it is mapped
        os.replace(unfinished, cache)
    finally:
        unfinished.unlink(missing_ok=True)


def fill(
    images: np.ndarray,
    names: list[str],
    decode: Callable[[int], np.ndarray],
    progress: Progress | None = None,
) -> dict[int, str]:
    """Decodes all images in threads; those that fail stay black.

    Args:
        images: uint8 [N, R, R, C], to be filled.
        names: Of the N images, for people.
        decode: Number of an image -> uint8 [R, R, C].
        progress: Called with (images done, images in all).

    Returns:
        What is wrong with those that failed, by their numbers.
    """

    def into(row: int) -> str | None:
        try:
            images[row] = decode(row)
        except Exception as error:  # broken files make Pillow raise nearly every kind of error
            return f"{names[row]} ({' '.join(str(error).split())})"
        return None

    bad = {}
    with ThreadPool() as pool:
        for row, problem in enumerate(pool.imap(into, range(len(names)), chunksize=4)):
            bad |= {row: problem} if problem else {}
            if progress:
                progress(row + 1, len(names))
    return bad


def prepare(
    cache: Path,
    names: list[str],
    shape: tuple[int, int, int],
    decode: Callable[[int], np.ndarray],
    on_bad_image: str,
    progress: Progress | None = None,
) -> None:
    """Decodes all images into one file, and lists those that failed in another one.

    Args:
        cache: The file to write.
        names: See `fill`.
        shape: (R, R, C).
        decode: See `fill`.
        on_bad_image: "error" or "skip".
        progress: See `fill`.

    Raises:
        ValueError: If images failed, unless they may be skipped; then nothing is kept.
    """

    def all_of(images):
        bad = fill(images, names, decode, progress)
        _judge(list(bad.values()), len(names), on_bad_image)
        _write_list(_list_of_bad(cache), bad)

    build(cache, (len(names), *shape), all_of)


def load(cache: Path, on_bad_image: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Returns all rows of a file, which of them are images, and what is wrong with the others.

    Raises:
        ValueError: If images are missing, unless they may be skipped.
    """
    listed = _list_of_bad(cache)
    bad = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else {}
    images = np.load(cache, mmap_mode="r")
    _judge(list(bad.values()), len(images), on_bad_image)
    good = np.ones(len(images), bool)
    good[[int(row) for row in bad]] = False
    return images, good, tuple(bad.values())


def save_labels(path: Path, labels: np.ndarray) -> None:
    """Writes a .npy file, at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(unfinished, "wb") as file:
        np.save(file, labels)
    os.replace(unfinished, path)


def select(images: np.ndarray, rows: np.ndarray):
    """Returns the rows, as a slice of the memory map if they are neighbours."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return images[rows[0] : rows[0] + len(rows)]
    return view(images, rows)


def _list_of_bad(cache: Path) -> Path:
    return cache.with_name(f"{cache.name}.bad.json")


def _write_list(path: Path, bad: dict[int, str]) -> None:
    path.unlink(missing_ok=True)
    if bad:
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        unfinished.write_text(json.dumps(bad, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)


def _judge(problems: Iterable[str], total: int, on_bad_image: str) -> None:
    if problems and (on_bad_image == "error" or len(problems) == total):
        way_out = ", or leave them out with --on_bad_image=skip" if len(problems) < total else ""
        raise ValueError(
            f"{len(problems)} of {total} images cannot be read: remove or replace them{way_out}. "
            f"The first: {'; '.join(problems[:3])}."
        )
