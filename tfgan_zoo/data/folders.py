"""Pictures in folders: finding them, and decoding them once into one memory-mapped array."""

import functools
import hashlib
import itertools
import os
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
LAYOUT = (
    "Expected one sub-folder per class: PATH/CLASS/IMAGE.png (or " + " ".join(SUFFIXES[1:]) + ")."
)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _images_below(folder: Path) -> list[Path]:
    """Returns the images in a folder and its sub-folders, sorted."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += filter(_is_image, (Path(parent, name) for name in names))
    return sorted(found)


def scan(root: Path) -> tuple[tuple[str, ...], list[Path], np.ndarray]:
    """Returns the classes, the files sorted by class and name, and int32 labels of the files."""
    if not root.is_dir():
        raise ValueError(f"No such folder: {root}. {LAYOUT}")
    strays = sorted(path for path in root.iterdir() if path.is_file() and _is_image(path))
    if strays:
        raise ValueError(
            f"{len(strays)} images lie directly in {root}, so they have no class; the first is "
            f"{strays[0].name}. {LAYOUT} For images of one kind, make one sub-folder."
        )
    folders = sorted(
        path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
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


def cache_name(root: Path, files: list[Path], resolution: int, channels: int | None) -> str:
    """Returns a name that changes with the files, their order and how they are prepared."""
    digest = hashlib.sha256(repr((resolution, channels)).encode())
    for path in files:
        stat = path.stat()
        entry = (path.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns)
        digest.update(repr(entry).encode())
    return f"{root.resolve().name}-{resolution}px-{digest.hexdigest()[:16]}.npy"


def _is_gray(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            if image.mode == "P":
                colours = np.reshape(image.getpalette("RGB"), (-1, 3))
                return bool((colours == colours[:, :1]).all())
            return image.mode in ("1", "L", "LA") or image.mode.startswith("I")
    except Exception:  # whatever Pillow raises here, `_decode` reports
        return True


def common_channels(files: list[Path]) -> int:
    """Returns 1 if all pictures are gray, otherwise 3."""
    with ThreadPool() as pool:
        return 1 if all(pool.imap(_is_gray, files, chunksize=64)) else 3


def _decode(path: Path, resolution: int, channels: int) -> np.ndarray:
    """Returns a file's picture as uint8 [resolution, resolution, channels]."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I"):  # 16 bits, which Pillow's convert("L") clips or shifts
        image = Image.fromarray(np.round(np.asarray(image) / 257.0).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.fit(image, (resolution, resolution), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(resolution, resolution, channels)


def _decode_into(images: np.ndarray, files: list[Path], row: int) -> str | None:
    """Decodes one file into its row. Returns what is wrong with it, if anything."""
    try:
        images[row] = _decode(files[row], *images.shape[2:])
    except Exception as error:  # broken files make Pillow raise nearly every kind of error
        return f"{files[row]} ({error})"
    return None


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


def _decode_all(
    files: list[Path], progress: Callable[[int, int], None] | None, images: np.ndarray
) -> None:
    unreadable = []
    with ThreadPool() as pool:
        decode = functools.partial(_decode_into, images, files)
        problems = pool.imap(decode, range(len(files)), chunksize=4)
        for done, problem in enumerate(problems, start=1):
            unreadable += [problem] if problem else []
            if progress:
                progress(done, len(files))
    if unreadable:
        raise ValueError(
            f"{len(unreadable)} of {len(files)} images cannot be read: remove or replace "
            f"them. The first: {'; '.join(unreadable[:3])}."
        )


def prepare(
    cache: Path,
    files: list[Path],
    resolution: int,
    channels: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Decodes all files into one .npy file, which appears only when it is complete."""
    shape = (len(files), resolution, resolution, channels)
    build(cache, shape, functools.partial(_decode_all, files, progress))
