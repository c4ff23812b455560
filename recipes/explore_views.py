"""What the explorer draws: plain functions, a generator and numbers in, uint8 pictures out."""

import dataclasses

import keras
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfgan_zoo import pictures, sampling

ALL = "all classes"
UNLIMITED = 3.0  # the right end of the slider: no truncation
SIDE = 64  # least pixels that an image is shown with
MARGIN = 90  # pixels for the names of rows
LARGEST_SEED = 2**31 - 1
NAMES = {"fid": "Fréchet distance", "class_share": "share of the class asked for"}


@dataclasses.dataclass(frozen=True)
class Shown:
    """A generator, its name, and how its latents are drawn: "normal" or "uniform"."""

    name: str
    generator: keras.Model
    prior: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """Empty if it has no classes."""
        if "labels" not in self.generator.input:
            return ()
        about = getattr(self.generator, "preset", None)
        known = about.class_names if about else ()
        return known or tuple(map(str, range(self.generator.spec.num_classes)))

    @property
    def parts(self) -> int:
        """Chunks that its latents fall into: BigGAN's, steps of time, else 4 or fewer."""
        shape = self.generator.input["latents"].shape[1:]
        if len(shape) > 1:
            return shape[0]
        parts = getattr(self.generator.spec, "z_parts", 1)
        return parts if parts > 1 else next(n for n in (4, 2, 1) if shape[0] % n == 0)


def about(shown: Shown) -> str:
    """One line, in Markdown, that says what a generator is."""
    known = getattr(shown.generator, "preset", None)
    if known is None:
        return f"**{shown.name}**: nothing is known about it; {shown.prior} latents."
    scores = [
        f"{NAMES[record['metric']]} {record['value']:.3g} of {record['fake_count']:,} images in "
        f"features of {record['backbone']}"
        for record in known.scores
        if record["metric"] in NAMES
    ]
    return f"**{known.method}**, trained on {known.data}. {'; '.join(scores) or 'Not scored'}."


def samples(shown: Shown, label: str, seed: float, count: float, truncation: float) -> np.ndarray:
    """A picture of `count` samples, of each class if `label` is ALL; rows share their latents."""
    count = whole("number", count, 1, 64)
    z = latents(shown, seed, count, truncation)
    labels = numbers(shown, label)
    if labels is None:
        return rows(_draw(shown, z, None).reshape(1, count, *shown.generator.output.shape[1:]), [])
    images = _draw(shown, np.concatenate([z] * len(labels)), np.repeat(labels, count))
    return rows(
        images.reshape(len(labels), count, *images.shape[1:]),
        [shown.class_names[number] for number in labels],
    )


def interpolation(
    shown: Shown, labels: tuple[str, str], seeds: tuple[float, float], steps: float, limit: float
) -> np.ndarray:
    """Images [ways, steps, H, W, C] from a seed and class to others: 4 ways, or one per class."""
    steps = whole("steps", steps, 2, 32)
    found = [numbers(shown, label) for label in labels]
    count = 4 if found[0] is None else max(map(len, found))
    ends = []
    for seed, classes in zip(seeds, found, strict=True):
        end = {"latents": latents(shown, seed, count, limit)}
        if classes is not None:
            end["labels"] = np.resize(classes, count).astype(np.int32)
        ends.append(end)
    return sampling.interpolate(shown.generator, *ends, steps)


def chunks(shown: Shown, label: str, seeds: tuple[float, float], part: float, limit: float):
    """A picture of what each chunk of the latents changes, or chunk `part` alone; 0: all."""
    part = whole("part", part, 0, shown.parts)
    kept = range(shown.parts) if part == 0 else [part - 1]
    start, other = (latents(shown, seed, 1, limit)[0] for seed in seeds)
    size = len(start) // shown.parts
    ends = np.stack([start] * len(kept))
    for row, chunk in zip(ends, kept, strict=True):
        row[chunk * size : (chunk + 1) * size] = other[chunk * size : (chunk + 1) * size]
    labels = numbers(shown, label)
    extra = {} if labels is None else {"labels": np.full(len(kept), labels[0], np.int32)}
    first = {"latents": np.stack([start] * len(kept)), **extra}
    images = sampling.interpolate(shown.generator, first, {**first, "latents": ends}, 10)
    return rows(images, [f"part {chunk + 1}" for chunk in kept])


def canvases(shown: Shown, label: str, seed: float, limit: float) -> np.ndarray:
    """uint8 images [6, T, H, W, C]: what is on the canvas after each step."""
    inputs = {"latents": latents(shown, seed, 6, limit)}
    labels = numbers(shown, label)
    if labels is not None:
        inputs["labels"] = np.resize(labels, 6).astype(np.int32)
    return sampling.generate(shown.generator.canvases(), inputs)


def latents(shown: Shown, seed: float, count: int, truncation: float) -> np.ndarray:
    """As the generator was trained with; a truncation of UNLIMITED is none."""
    seed = whole("seed", seed, 0, LARGEST_SEED)
    unlimited = shown.prior == "uniform" or (truncation is not None and truncation >= UNLIMITED)
    if not unlimited and not (truncation and truncation > 0):
        raise ValueError(f"Truncation must be above 0. Received: {truncation}. Move it right.")
    limit = None if unlimited else truncation
    return sampling.inputs(shown.generator, count, seed, limit, shown.prior)["latents"]


def numbers(shown: Shown, label: str) -> np.ndarray | None:
    """Numbers of the class, or of ALL classes; None if the generator has none."""
    names = shown.class_names
    if not names:
        return None
    if label == ALL:
        return np.arange(len(names))
    if label not in names:
        raise ValueError(f"{shown.name} has the classes {', '.join(names)}. Received: {label}.")
    return np.asarray([names.index(label)])


def whole(name: str, value: float, least: int, most: int) -> int:
    """Returns a whole number in [least, most], or raises ValueError."""
    if value is None or value != value // 1 or not least <= value <= most:
        raise ValueError(
            f"{name.capitalize()} must be a whole number from {least} to {most:,}. "
            f"Received: {value}."
        )
    return int(value)


def rows(images: np.ndarray, names: list[str]) -> np.ndarray:
    """One picture [H', W', 3] of images [rows, columns, H, W, C], with names at the left."""
    scale = max(1, SIDE // images.shape[2])
    picture = pictures.grid(images.reshape(-1, *images.shape[2:]), images.shape[1])
    picture = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    picture = np.broadcast_to(picture, (*picture.shape[:2], 3))
    if not names:
        return picture
    margin = Image.new("RGB", (MARGIN, len(picture)), "white")
    pen, font = ImageDraw.Draw(margin), ImageFont.load_default(14)
    for row, name in enumerate(names):
        middle = (row + 0.5) * len(picture) / len(names)
        pen.text((MARGIN - 8, middle), name[:12], fill="black", font=font, anchor="rm")
    return np.concatenate([np.asarray(margin), picture], axis=1)


def film(images: np.ndarray) -> np.ndarray:
    """Frames [T, H', W', 3] of images [rows, T, H, W, C]: all rows move at the same time."""
    return np.stack([rows(images[:, [time]].swapaxes(0, 1), []) for time in range(images.shape[1])])


def _draw(shown, z, labels):
    inputs = {"latents": z} if labels is None else {"latents": z, "labels": np.int32(labels)}
    return sampling.generate(shown.generator, inputs)
