"""Images in one .npz file: `images` uint8 [N, H, W, C], and perhaps `labels` and `class_names`."""

import math
import zipfile
from pathlib import Path

import numpy as np

from tfgan_zoo.data import cache, decoding, folders, splits
from tfgan_zoo.data.image_set import ImageSet, Request

LAYOUT = (
    "Expected a .npz of `images`, uint8 [N, H, W, 1 or 3], and, if there are classes, `labels`, "
    "whole numbers [N], and `class_names`, texts."
)
LOCAL_HEADER = 30  # bytes of a .zip's member before its name


def load(request: Request) -> ImageSet:
    """Images of one size, square or not; 10% of each class held out.

    Images that have the right size and channels are not copied; files of `np.savez` (not of
    `savez_compressed`) are then mapped, so that they need not fit into memory. Others are resized
    once, see `decoding.fit`, and kept as a memory map.

    Raises:
        ValueError: If the file is not as it should be; objects are never unpickled.
    """
    path = Path(request.argument).expanduser()
    images, labels, class_names = read(path)
    order, part = splits.in_parts(request.name, splits.held_out(labels, 0.1), request.split)
    channels = request.channels or images.shape[-1]
    wanted = (request.resolution, request.resolution, channels)
    rows, how = order[part], "as stored"
    if images.shape[1:] != wanted:
        how = decoding.rule()
        name = folders.cache_name(path.parent, [path], request.resolution, channels, how)
        prepared = cache.folder(request.data_dir) / name
        if not prepared.exists():
            _resize(prepared, images, order, wanted, request)
        images, rows = cache.load(prepared, "error")[0], np.arange(len(order))[part]
        labels = labels[order]
    picked = cache.select(images, rows)
    return ImageSet(request.name, request.split, picked, labels[rows], class_names, resize=how)


def _resize(prepared, images, order, wanted, request) -> None:
    cache.prepare(
        prepared,
        [f"image {row} of {request.argument}" for row in order],
        wanted,
        lambda row: decoding.fit_array(images[order[row]], *wanted[1:]),
        "error",
        request.progress,
    )


def read(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The file's images, uint8 [N, H, W, C], labels, int32 [N], and names of classes.

    Images of `np.savez` are mapped, not read. Without labels there is one class, called "images".

    Raises:
        ValueError: If there is no such file, or it is not as LAYOUT says.
    """
    if not path.is_file():
        raise ValueError(f"No such file: {path}. {LAYOUT}")
    try:
        return _checked(*_members(path))
    except Exception as error:  # broken files make NumPy and zipfile raise many kinds of error
        text = " ".join(str(error).split())
        raise ValueError(f"{path} cannot be read: {text or repr(error)}. {LAYOUT}") from error


def _members(path: Path) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    with zipfile.ZipFile(path) as file:
        members = {member.filename: member for member in file.infolist()}
        if "images.npy" not in members:
            names = ", ".join(sorted(members)[:5]) or "nothing"
            raise ValueError(f"it has no `images`, but {names}")
        images = _array(path, file, members["images.npy"])
        others = [
            _array(path, file, members[name]) if name in members else None
            for name in ("labels.npy", "class_names.npy")
        ]
    return images, *others


def _array(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Reads one array, as a memory map if it lies in the file as it is."""
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
        header = stream.tell()
    if dtype.hasobject:
        raise ValueError(f"{member.filename} holds Python objects, which are not loaded")
    if math.prod(shape) * dtype.itemsize + header != member.file_size:
        raise ValueError(f"{member.filename} is cut off, or longer than its header says")
    if member.compress_type == zipfile.ZIP_STORED and not fortran and len(shape) == 4:
        offset = _start(path, member) + header
        return np.memmap(path, dtype, "r", offset, shape)
    with file.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _start(path: Path, member: zipfile.ZipInfo) -> int:
    """Returns where a member's bytes begin: after its header, a name and more of any length."""
    with open(path, "rb") as stream:
        stream.seek(member.header_offset + LOCAL_HEADER - 4)
        lengths = stream.read(4)
    name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
    return member.header_offset + LOCAL_HEADER + name + extra


def _checked(images, labels, class_names):
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"`images` are {images.dtype} {list(images.shape)}")
    if 0 in images.shape:
        raise ValueError(f"`images` are empty: {list(images.shape)}")
    if labels is None:
        return images, np.zeros(len(images), np.int32), ("images",)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(f"`labels` are {labels.dtype} {list(labels.shape)}, for {len(images)}")
    if labels.min() < 0 or labels.max() >= 2**31 - 1:
        raise ValueError(f"`labels` lie in [{labels.min()}, {labels.max()}]")
    count = int(labels.max()) + 1
    if class_names is None:
        if count > len(images):
            raise ValueError(f"`labels` go up to {count - 1}, of {len(images)} images: name them")
        names = tuple(map(str, range(count)))
    elif class_names.ndim != 1 or class_names.dtype.kind != "U" or len(class_names) < count:
        raise ValueError(f"`class_names` must be texts, one for each of {count} classes")
    else:
        names = tuple(class_names.tolist())
    return images, labels.astype(np.int32), names
