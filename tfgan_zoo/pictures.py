"""Pictures for people: grids of images; PNG, GIF and MP4 files. All are uint8."""

import fractions
import importlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1] as uint8 in [0, 255], rounded; what is outside is clipped.

    Raises:
        ValueError: for NaN, which no picture can show.
    """
    images = np.asarray(images, np.float32)
    if np.isnan(images).any():
        raise ValueError(
            "`images` must not hold NaN: the network that made them has diverged. "
            f"Received: NaN in {np.isnan(images).mean():.0%} of the values."
        )
    return np.round(np.clip((images + 1.0) * 127.5, 0, 255)).astype(np.uint8)


def grid(images: np.ndarray, columns: int, padding: int = 2, background: int = 255) -> np.ndarray:
    """Returns uint8 images [N, H, W, C] as one picture [H', W', C], filled row by row.

    Args:
        images: uint8 [N, H, W, C].
        columns: Images per row; the last row may have fewer.
        padding: Pixels around and between the images.
        background: Value of the pixels that no image covers.
    """
    _require_uint8("images", images)
    if columns < 1:
        raise ValueError(f"`columns` must be at least 1. Received: columns={columns}.")
    count, height, width, channels = images.shape
    height, width = height + padding, width + padding
    shape = (-(-count // columns) * height + padding, columns * width + padding, channels)
    picture = np.full(shape, background, np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * height + padding, number % columns * width + padding
        picture[top : top + height - padding, left : left + width - padding] = image
    return picture


def write_png(path: str | os.PathLike, image: np.ndarray, scale: int = 1) -> None:
    """Writes uint8 [H, W], or [H, W, C] of 1, 3 or 4 channels, every pixel `scale` pixels wide."""
    _write(path, _enlarge(image, scale), format="PNG")


def write_gif(
    path: str | os.PathLike, frames: np.ndarray, seconds_per_frame: float = 0.2, scale: int = 1
) -> None:
    """Writes uint8 [N, H, W, C] as an animation that starts over when it ends.

    Args:
        path: The file; one that exists is replaced.
        frames: uint8 [N, H, W, C] of 1, 3 or 4 channels; GIF has 256 colours per frame.
        seconds_per_frame: GIF rounds it to hundredths.
        scale: Every pixel becomes this many pixels wide and high.
    """
    first, *rest = _frames(frames, scale)
    milliseconds = round(1000 * seconds_per_frame)
    _write(
        path, first, format="GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0
    )


def write_mp4(
    path: str | os.PathLike, frames: np.ndarray, seconds_per_frame: float = 0.2, scale: int = 1
) -> None:
    """Writes uint8 [N, H, W, C] as an H.264 film that browsers and players show.

    Args:
        path: The file; one that exists is replaced.
        frames: uint8 [N, H, W, C] of 1 or 3 channels. The format wants even sizes: the last row
            or column of pixels is repeated where they are odd.
        seconds_per_frame: Time that each frame is shown.
        scale: Every pixel becomes this many pixels wide and high.

    Raises:
        ValueError: If the package av is not installed.
    """
    pixels = np.stack([np.asarray(frame.convert("RGB")) for frame in _frames(frames, scale)])
    height, width = pixels.shape[1:3]
    pixels = np.pad(pixels, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], mode="edge")
    rate = 1 / fractions.Fraction(seconds_per_frame).limit_denominator(1000)
    av = require_av()

    def encode(unfinished: Path) -> None:
        with av.open(unfinished, "w", format="mp4", options={"movflags": "faststart"}) as film:
            # yuv420p is the one layout that every player knows.
            stream = film.add_stream("libx264", rate=rate, options={"crf": "16"})
            stream.width, stream.height, stream.pix_fmt = *pixels.shape[2:0:-1], "yuv420p"
            for frame in pixels:
                film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            film.mux(stream.encode())

    _replace(path, encode)


def require_av():
    """Returns the package av, which brings all of FFmpeg: imported by those who want films only.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise ValueError(
            "MP4 files need the package av. Received: none. Install it with pip install av, or "
            "write a GIF."
        ) from error


def _frames(frames: np.ndarray, scale: int) -> list[Image.Image]:
    if not len(frames):
        raise ValueError("`frames` must hold at least 1 image. Received: none.")
    return [_enlarge(frame, scale) for frame in frames]


def _require_uint8(name: str, images: np.ndarray) -> None:
    if images.dtype != np.uint8:
        raise ValueError(
            f"`{name}` must be uint8: pass floats in [-1, 1] through `to_uint8`. "
            f"Received: {images.dtype}."
        )


def _enlarge(image: np.ndarray, scale: int) -> Image.Image:
    _require_uint8("image", image)
    if image.shape[2:] not in ((), (1,), (3,), (4,)):
        raise ValueError(
            f"`image` must be [H, W] or [H, W, C] with C = 1, 3 or 4. Received: {image.shape}."
        )
    if scale < 1:
        raise ValueError(f"`scale` must be at least 1. Received: scale={scale}.")
    image = image[..., 0] if image.shape[2:] == (1,) else image
    return Image.fromarray(image.repeat(scale, axis=0).repeat(scale, axis=1))


def _write(path: str | os.PathLike, image: Image.Image, **options) -> None:
    _replace(path, lambda unfinished: image.save(unfinished, **options))


def _replace(path: str | os.PathLike, write: Callable[[Path], None]) -> None:
    """Writes under a temporary name, so that `path` never shows half a file."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
