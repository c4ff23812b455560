"""Small pictures of all kinds, as bytes, and ways to damage them."""

import io

import numpy as np
from PIL import Image


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def palette_with_alpha():
    image = Image.fromarray(noise(9, 9, 3)).quantize(8)
    return encoded(image, "png", transparency=2)


def animated(kind):
    first, second = (Image.fromarray(noise(9, 9, 3, seed=seed)) for seed in range(2))
    return encoded(first, kind, save_all=True, append_images=[second])


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(noise(9, 12, 3)), "jpeg", exif=exif)


# Each is a picture.
GOOD = {
    "plain.png": encoded(Image.fromarray(noise(9, 12, 3)), "png"),
    "plain.jpg": encoded(Image.fromarray(noise(16, 24, 3)), "jpeg"),
    "progressive.jpg": encoded(Image.fromarray(noise(16, 16, 3)), "jpeg", progressive=True),
    "turned.jpg": turned(),
    "cmyk.jpg": encoded(Image.fromarray(noise(9, 9, 4), "CMYK"), "jpeg"),
    "deep.png": encoded(Image.fromarray(noise(9, 9).astype(np.uint16) * 257), "png"),
    "palette.png": palette_with_alpha(),
    "alpha.webp": encoded(Image.fromarray(noise(9, 9, 4)), "webp"),
    "bits.png": encoded(Image.fromarray(noise(9, 9)).convert("1"), "png"),
    "moving.gif": animated("gif"),
    "moving.webp": animated("webp"),
    "plain.bmp": encoded(Image.fromarray(noise(9, 9, 3)), "bmp"),
    "one pixel.png": encoded(Image.fromarray(noise(1, 1, 3)), "png"),
    "line.png": encoded(Image.fromarray(noise(1, 700, 3)), "png"),
}

# None is, and what is said of it.
BAD = {
    "zero.png": (b"", "cannot identify"),
    "text.png": (b"hello, this is a text\n", "cannot identify"),
    "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage", "identify"),
    "cut.jpg": (GOOD["plain.jpg"][:-100], "truncated|Truncated"),
    "cut.png": (GOOD["plain.png"][:-60], "truncated|broken"),
    "bomb.png": (encoded(Image.new("1", (20_000, 20_000)), "png"), "exceeds limit"),
    "large.png": (encoded(Image.new("1", (10_000, 10_000)), "png"), "10000 x 10000 pixels"),
}


def damaged(content, random):
    """The bytes with some changed, cut off, left out or repeated."""
    content = bytearray(content)
    for _ in range(random.integers(1, 4)):
        if not content:
            break
        place, end = np.sort(random.integers(0, len(content), 2))
        action = random.integers(4)
        if action == 0:
            content[place] = random.integers(256)
        elif action == 1:
            del content[place:]
        elif action == 2:
            del content[place:end]
        else:
            content[place:place] = content[place:end][:200]
    return bytes(content)
