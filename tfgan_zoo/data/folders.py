"""Pictures in folders: finding them, and decoding them once into one memory-mapped array."""

import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfgan_zoo.data import cache, decoding, splits
from tfgan_zoo.data.image_set import ImageSet, Request

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
LAYOUT = (
    "Expected one sub-folder per class: PATH/CLASS/IMAGE.png (or " + " ".join(SUFFIXES[1:]) + ")."
)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _images_below(folder: Path) -> list[Path]:
    """Returns the images in a folder and its sub-folders, sorted. Links are followed."""
    found, pending = [], [(folder, ())]
    while pending:
        here, above = pending.pop()
        real = os.path.realpath(here)
        if real in above:
            raise ValueError(f"{here} is a link to a folder that it lies in: remove it.")
        for path in here.iterdir():
            if _is_folder(path):
                pending.append((path, (*above, real)))
            elif _is_image(path):
                found.append(path)
    return sorted(found)


def scan(root: Path) -> tuple[tuple[str, ...], list[Path], np.ndarray]:
    """Returns the classes, the files sorted by class and name, and int32 labels of the files."""
    if not root.is_dir():
        raise ValueError(f"No such folder: {root}. {LAYOUT}")
    strays = sorted(path for path in root.iterdir() if not path.is_dir() and _is_image(path))
    if strays:
        raise ValueError(
            f"{len(strays)} images lie directly in {root}, so they have no class; the first is "
            f"{strays[0].name}. {LAYOUT} For images of one kind, make one sub-folder."
        )
    folders = sorted(filter(_is_folder, root.iterdir()))
    if not folders:
        raise ValueError(f"No sub-folders in {root}. {LAYOUT}")
    files = [_images_below(folder) for folder in folders]
    empty = [folder.name for folder, found in zip(folders, files, strict=True) if not found]
    if empty:
        raise ValueError(
            f"No images in {len(empty)} sub-folders of {root}: {', '.join(empty[:3])}. {LAYOUT}"
        )
    labels = np.repeat(np.arange(len(folders), dtype=np.int32), [len(found) for found in files])
    return tuple(folder.name for folder in folders), list(itertools.chain(*files)), labels


def cache_name(
    root: Path, files: list[Path], resolution: int, channels: int | None, how: str = ""
) -> str:
    """Returns a name that changes with the files, their order and how they are prepared."""
    digest = hashlib.sha256(repr((resolution, channels, how)).encode())
    for path in files:
        try:
            stat = path.stat()
            size, changed = stat.st_size, stat.st_mtime_ns
        except OSError:  # a link to nothing, or to itself; decoding will tell
            size, changed = -1, -1
        entry = (path.relative_to(root).as_posix(), size, changed)
        digest.update(repr(entry).encode())
    return f"{root.resolve().name}-{resolution}px-{digest.hexdigest()[:16]}.npy"


def prepare(
    path: Path,
    files: list[Path],
    resolution: int,
    channels: int,
    on_bad_image: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Decodes all files into one .npy file, which appears only when it is complete."""
    cache.prepare(
        path,
        list(map(str, files)),
        (resolution, resolution, channels),
        lambda row: decoding.decode(files[row], resolution, channels),
        on_bad_image,
        progress,
    )


def load(request: Request) -> ImageSet:
    """One sub-folder per class, 10% of each class held out; a single image stays in train.

    Classes are sorted by name, images are searched below their class's folder; hidden ones are
    left out. How pictures are read: see `decoding.decode`. They have one channel if all are gray,
    unless `channels` says otherwise. The result is kept as a memory map.
    """
    root = Path(request.argument).expanduser()
    class_names, files, labels = scan(root)
    order, part = splits.in_parts(request.name, splits.held_out(labels, 0.1), request.split)
    files = [files[row] for row in order]
    how = decoding.rule()
    name = cache_name(root, files, request.resolution, request.channels, how)
    path = cache.folder(request.data_dir) / name
    if not path.exists():
        channels = request.channels or (1 if decoding.all_gray(files) else 3)
        progress = request.progress
        prepare(path, files, request.resolution, channels, request.on_bad_image, progress)
    images, good, skipped = cache.load(path, request.on_bad_image)
    rows = np.arange(len(files))[part]
    rows = rows[good[rows]]
    _check_classes(labels[order][rows], class_names, request)
    return ImageSet(
        request.name,
        request.split,
        cache.select(images, rows),
        labels[order][rows],
        class_names,
        tuple(str(files[row]) for row in rows),
        how,
        skipped,
    )


def _check_classes(labels, class_names, request) -> None:
    """Raises ValueError if skipping left a class, or all that was held out, without images."""
    lost = set(range(len(class_names))) - set(labels.tolist())
    if request.split == "train" and lost:
        first = class_names[min(lost)]
        raise ValueError(
            f"No image of {request.name} in the class {first!r} can be read: remove its folder, or "
            "replace its images."
        )
    if not len(labels):
        raise ValueError(f"No image that was held out of {request.name} can be read.")
