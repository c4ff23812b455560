"""Pictures, as files or bytes of any origin, to arrays of one size."""

import contextlib
import io
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

# Of all that Pillow opens: no others, whatever a file is called. Some of them run programs.
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP")
SPARE = 2  # what cheap steps leave, in sizes of the result: then nobody sees them
FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}
RULE = (
    "shorter side to size by antialiased {} interpolation (Pillow), after JPEG's own scaling to "
    "2 or more times the size; centre square"
)


def rule(kind: str = "bicubic") -> str:
    """Describes what `fit` does, for records."""
    return RULE.format(kind)


@contextlib.contextmanager
def _opened(source: Path | bytes) -> Iterator[Image.Image]:
    """Opens a file, or bytes. What is no regular file, as a pipe, could make us wait for ever."""
    if isinstance(source, Path) and not source.is_file():
        raise ValueError("not a file, or a link to none")
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    with Image.open(stream, formats=FORMATS) as image:
        limit = Image.MAX_IMAGE_PIXELS
        if limit and image.width * image.height > limit:
            raise ValueError(
                f"{image.width} x {image.height} pixels, more than the {limit:,} of "
                "PIL.Image.MAX_IMAGE_PIXELS: make it smaller"
            )
        yield image


def is_gray(source: Path | bytes) -> bool:
    """Whether a picture has no colours, as far as its header tells; True if it cannot be read."""
    try:
        with _opened(source) as image:
            if image.mode == "P":
                colours = np.reshape(image.getpalette("RGB"), (-1, 3))
                return bool((colours == colours[:, :1]).all())
            return image.mode in ("1", "L", "LA") or image.mode.startswith("I")
    except Exception:  # whatever Pillow raises here, `decode` raises again
        return True


def all_gray(sources: list[Path] | list[bytes]) -> bool:
    """Whether no picture has colours."""
    with ThreadPool() as pool:
        return all(pool.imap(is_gray, sources, chunksize=64))


def decode(source: Path | bytes, resolution: int, channels: int) -> np.ndarray:
    """Returns a picture as uint8 [resolution, resolution, channels].

    Turned as EXIF says; of animated ones the first frame, transparent ones on white, 16 bits of
    gray divided by 257; then see `fit`. Raises nearly any kind of error.
    """
    with _opened(source) as opened:
        opened.draft(None, (SPARE * resolution,) * 2)  # JPEG only: an eighth, quarter or half
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I"):  # 16 bits, which Pillow's convert("L") clips or shifts
        image = Image.fromarray(np.round(np.asarray(image) / 257.0).clip(0, 255).astype(np.uint8))
    return fit(image, resolution, channels)


def fit(image: Image.Image, resolution: int, channels: int, kind: str = "bicubic") -> np.ndarray:
    """Returns a picture as uint8 [resolution, resolution, channels]: see `rule`.

    Args:
        image: Of 8 bits, of any mode.
        resolution: Sides of the result.
        channels: 1 or 3.
        kind: One of FILTERS.
    """
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.fit(image, (resolution, resolution), FILTERS[kind])
    return np.asarray(image).reshape(resolution, resolution, channels)


def fit_array(
    pixels: np.ndarray, resolution: int, channels: int, kind: str = "bicubic"
) -> np.ndarray:
    """Returns uint8 [H, W, 1, 3 or 4] as uint8 [resolution, resolution, channels]: see `fit`."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return fit(image, resolution, channels, kind)
