"""CelebA's photographs, turned and cut by their landmarks: what CelebA-HQ was made of.

Karras et al., 2018, https://arxiv.org/abs/1710.10196, Appendix C, with the constants of their code.
CelebA-HQ itself needs two networks that were never released, or the differences to their results,
which are encrypted and not read here. So what comes out is called "celeba-aligned", not CelebA-HQ.

Points are (x, y) from the top left corner of a picture, so pixel 0 has its centre at 0.5.
"""

import functools
import os
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from PIL import Image

NAME = "celeba-aligned"
SIZE = 1024
SUPERSAMPLING = 4  # the turned picture is this much larger before it is shrunk to its size
EXAMPLE = "000001.jpg 165 184 244 176 196 249 194 271 266 260"


def read_landmarks(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads list_landmarks_celeba.txt, of pictures in the wild.

    Returns:
        float64 [5, 2] for each name of a file: (x, y) of left eye, right eye, nose, left and right
        corner of the mouth, as the viewer sees them.

    Raises:
        ValueError: At the first line that is not as it should be.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise ValueError(f"No such file of landmarks: {path}.")
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines[2:] if line.strip()]
    if not lines or lines[0].strip() != str(len(rows)):
        raise ValueError(
            f"{path} must begin with the number of its pictures and a line of headings: is it cut "
            f"off? Received: {lines[0] if lines else ''!r}, and {len(rows)} pictures."
        )
    return dict(_parse(row, path) for row in rows)


def _parse(row: list[str], path: Path) -> tuple[str, np.ndarray]:
    try:
        name, *numbers = row
        if Path(name).name != name:
            raise ValueError("names must not have folders")
        return name, np.array([int(number) for number in numbers], np.float64).reshape(5, 2)
    except ValueError as error:
        raise ValueError(
            f"Lines of {path} must read like {EXAMPLE!r}. Received: {' '.join(row)!r}."
        ) from error


def _quarter_turn(vector: np.ndarray) -> np.ndarray:
    """Right becomes down."""
    return np.array([-vector[1], vector[0]])


def crop_corners(landmarks: np.ndarray) -> np.ndarray:
    """Returns the square to cut out: top left, bottom left, bottom right, top right, [4, 2].

    Args:
        landmarks: [5, 2], of pixels, see `read_landmarks`.
    """
    left, right, _, *mouth = landmarks + 0.5  # pixels to their centres
    eyes, mouth = (left + right) / 2, (mouth[0] + mouth[1]) / 2
    across, down = right - left, mouth - eyes
    x = across - _quarter_turn(down)
    x *= max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down)) / np.hypot(*x)
    y = _quarter_turn(x)
    centre = eyes + 0.1 * down
    return centre + np.stack([-x - y, -x + y, x + y, x - y])


def align(image: Image.Image, landmarks: np.ndarray, size: int = SIZE) -> Image.Image:
    """Returns the face upright, in a picture of size x size.

    Args:
        image: In RGB, of any size.
        landmarks: [5, 2], of pixels, see `read_landmarks`.
        size: Sides of the result.
    """
    image, corners = _shrink(image, crop_corners(landmarks), size)
    border = max(round(0.1 * size / _zoom(corners, size)), 3)
    image, corners = _crop(image, corners, border)
    image, corners = _enlarge(image, corners, size)
    image, corners = _extend(image, corners, border, size)
    large = (SUPERSAMPLING * size,) * 2
    quad = Image.Transform.QUAD
    image = image.transform(large, quad, corners.ravel().tolist(), Image.Resampling.BILINEAR)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def _zoom(corners, size) -> float:
    """Pixels of the result per pixel of the picture that the corners lie in."""
    return size / np.hypot(*(corners[3] - corners[0]))


def _shrink(image, corners, size):
    """Makes pictures that are four times too large, or more, two to three times too large."""
    factor = int(0.5 / _zoom(corners, size))
    if factor < 2:
        return image, corners
    smaller = [round(side / factor) for side in image.size]
    return image.resize(smaller, Image.Resampling.LANCZOS), corners / factor


def _crop(image, corners, border):
    """Leaves out what lies further away from the corners than the border."""
    first = np.maximum(np.floor(corners.min(axis=0)).astype(int) - border, 0)
    last = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + border, image.size)
    return image.crop((*first.tolist(), *last.tolist())), corners - first


def _enlarge(image, corners, size):
    """Doubles too small pictures until they are large enough: in place of super-resolution."""
    factor = 1
    while _zoom(corners, size) > factor:
        factor *= 2
    if factor == 1:
        return image, corners
    larger = [side * factor for side in image.size]
    return image.resize(larger, Image.Resampling.LANCZOS), corners * factor


def _extend(image, corners, border, size):
    """Mirrors the picture at its edges, ever more blurred, if the corners come near them.

    Close to the new edges, what is blurred becomes the median colour of all.
    """
    before = border - np.floor(corners.min(axis=0)).astype(int)
    after = np.ceil(corners.max(axis=0)).astype(int) + border - image.size
    if max(*before, *after) <= border - 4:
        return image, corners
    zoom = _zoom(corners, size)
    least = round(0.3 * size / zoom)
    before, after = np.maximum(before, least), np.maximum(after, least)
    padding = [(before[1], after[1]), (before[0], after[0]), (0, 0)]
    pixels = np.pad(np.float32(image), padding, mode="reflect")
    mask = _nearness(pixels.shape[:2], before[::-1], after[::-1])[..., None]
    pixels += (_blur(pixels, 0.02 * size / zoom) - pixels) * np.clip(3.0 * mask + 1.0, 0.0, 1.0)
    pixels += (np.median(pixels, axis=(0, 1)) - pixels) * np.clip(mask, 0.0, 1.0)
    pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels), corners + before


def _nearness(shape, before, after) -> np.ndarray:
    """Returns [height, width]: 1 at an edge, 0 where the padding ends, negative further inside."""
    sides = [
        np.minimum(np.arange(length) / first, np.arange(length)[::-1] / last)
        for length, first, last in zip(shape, before, after, strict=True)
    ]
    return np.float32(1.0 - np.minimum(sides[0][:, None], sides[1][None, :]))


def _blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Returns [H, W, C] convolved with a Gaussian, cut off at 4 sigma; edges are mirrored.

    By Fourier transforms, as sigma is 20 to 40 pixels where pictures become 1024 of them.
    """
    radius = int(4.0 * sigma + 0.5)
    blurred = np.empty_like(pixels)
    for channel in range(pixels.shape[-1]):
        plane = pixels[..., channel]
        for _ in range(2):  # down, and then across
            size = len(plane)
            length = -(-(size + 2 * radius) // 256) * 256  # others may take five times as long
            padding = ((radius, length - size - radius), (0, 0))
            spectrum = np.fft.rfft(np.pad(plane, padding, mode="symmetric"), axis=0)
            spectrum *= np.fft.rfft(_gaussian(sigma, radius, length))[:, None]
            plane = np.fft.irfft(spectrum, length, axis=0)[radius : radius + size].T
        blurred[..., channel] = plane
    return blurred


def _gaussian(sigma: float, radius: int, length: int) -> np.ndarray:
    """Returns float32 [length]: a Gaussian around 0 of sum 1, its left half at the end."""
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.bincount(offsets % length, weights / weights.sum(), length).astype(np.float32)


def write(
    images: str | os.PathLike,
    landmarks: str | os.PathLike,
    directory: str | os.PathLike,
    size: int = SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Aligns all pictures of a list of landmarks: DIRECTORY/celeba-aligned/NAME.png.

    So `directory` can be loaded as "folder:DIRECTORY". What is there already is left alone, so that
    whoever is interrupted continues.

    Args:
        images: Folder of the pictures in the wild, named as in the list.
        landmarks: The list, see `read_landmarks`.
        directory: Folder to write to; created.
        size: Sides of the results: a power of two, if networks that grow are to be trained on them.
        progress: Called with (pictures done, pictures in all).

    Returns:
        The number of pictures.

    Raises:
        ValueError: Before anything is written, if the list is broken, or if pictures are missing or
            were written in another size; in the end, if pictures could not be read.
    """
    if size < 4:
        raise ValueError(f"`size` must be at least 4. Received: size={size}.")
    images, points = Path(images).expanduser(), read_landmarks(landmarks)
    missing = [name for name in points if not (images / name).is_file()]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(points)} pictures are not in {images}: take them out of the "
            f"list, and out of its count. The first: {', '.join(missing[:3])}."
        )
    folder = Path(directory).expanduser() / NAME
    pairs = [(images / name, (folder / name).with_suffix(".png")) for name in points]
    _check_sizes([target for _, target in pairs if target.exists()], size)
    folder.mkdir(parents=True, exist_ok=True)
    unreadable = []
    with ThreadPool() as pool:
        align_file = functools.partial(_align_file, size=size)
        work = [(*pair, points[pair[0].name]) for pair in pairs]
        for done, problem in enumerate(pool.imap(align_file, work), start=1):
            unreadable += [problem] if problem else []
            if progress:
                progress(done, len(work))
    if unreadable:
        raise ValueError(
            f"{len(unreadable)} of {len(pairs)} pictures cannot be aligned, the others are "
            f"written. The first: {'; '.join(unreadable[:3])}."
        )
    return len(pairs)


def _check_sizes(written: list[Path], size: int) -> None:
    for path in written:
        with Image.open(path) as image:
            if image.size != (size, size):
                raise ValueError(
                    f"{path} is of another size, {image.size[0]}: name another folder, or remove "
                    f"what is in it. Received: size={size}."
                )


def _align_file(task: tuple[Path, Path, np.ndarray], size: int) -> str | None:
    """Writes one file, unless it exists. Returns what is wrong with the picture, if anything."""
    source, target, points = task
    if target.exists():
        return None
    unfinished = target.with_name(f".{target.name}.tmp")
    try:
        with Image.open(source) as opened:
            aligned = align(opened.convert("RGB"), points, size)
        aligned.save(unfinished, format="png")
        os.replace(unfinished, target)
    except Exception as error:  # broken files make Pillow raise nearly every kind of error
        unfinished.unlink(missing_ok=True)
        return f"{source} ({error})"
    return None
