"""What a saved generator has learnt, in titled sheets, films and numbers: --mode=sample."""

import dataclasses
import logging
import math
import pathlib
from collections.abc import Callable

import keras
import numpy as np
from absl import flags

from recipes import comparisons, processes, scores, sheets
from recipes.studio import MOST_ROWS, UNLIMITED, Options, Studio
from tfgan_zoo import pictures, sampling
from tfgan_zoo.data.sources import ImageSet

SHEETS = flags.DEFINE_list(
    "sheets",
    "",
    "What --mode=sample draws: classes, latents, labels, both (ways between inputs), chunks, "
    "truncation, canvases (of generators that draw in steps), codes (InfoGAN's), and, from the "
    "data set, neighbours, leakage, sweep. Default: all that suit the generator and need no data.",
)
CLASSES = flags.DEFINE_list(
    "classes", "", "Classes of the sheets, by number. Default: the first ten."
)
TRUNCATIONS = flags.DEFINE_list(
    "truncations", "2,1.5,1,0.5,0.04", "Thresholds of the sheets truncation and sweep, or none."
)
STANDING_PASSES = flags.DEFINE_integer(
    "standing_passes",
    100,
    "Batches that batch-norm moments are measured with, anew for each truncation; sheets take at "
    "most 10 of them. 0: moving averages of the training as they are.",
    lower_bound=0,
)
VIDEO = flags.DEFINE_enum("video", "gif", ["gif", "mp4", "none"], "Films of ways between inputs.")

FRAMES = 24  # of a film, one way, at least
EFFECT_SAMPLES = 64


def options(**others) -> Options:
    """The options that this file's flags say, and `others`.

    Raises:
        ValueError: If a flag names something that does not exist.
    """
    for kind in SHEETS.value:
        if kind not in KINDS:
            raise ValueError(f"--sheets must be of {', '.join(KINDS)}. Received: {kind!r}.")
    return Options(
        kinds=tuple(SHEETS.value),
        classes=tuple(_number(CLASSES, text, int) for text in CLASSES.value),
        truncations=tuple(
            None if text == "none" else _number(TRUNCATIONS, text, float)
            for text in TRUNCATIONS.value
        ),
        standing_passes=STANDING_PASSES.value,
        video=VIDEO.value,
        **others,
    )


def _number(flag, text, kind):
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"--{flag.name} must be numbers. Received: {text!r}.") from None


def sample(
    generator: keras.Model,
    folder: pathlib.Path,
    about: str,
    chosen: Options,
    images: tuple[ImageSet, ImageSet] | None = None,
    scorer: scores.Scorer | None = None,
    draw: scores.Draw | None = None,
) -> list[pathlib.Path]:
    """Draws what is asked for, prints where it is, and returns the files.

    Args:
        generator: As it was saved.
        folder: For the files; created.
        about: Which generator it is, in titles: "biggan-digits, step 1300".
        chosen: What to draw.
        images: (train, held_out), for the kinds that compare with real images.
        scorer: Of these images, for those that need a feature network.
        draw: (count, seed) -> latents, if they are not normal.

    Raises:
        ValueError: If what is asked for cannot be drawn; before anything is.
    """
    studio = Studio(generator, folder, about, chosen, images, scorer, generator, draw)
    for kind in chosen.kinds:
        if lacking := KINDS[kind].lacking(studio):
            raise ValueError(f"--sheets={kind} {lacking}")
    _check(studio)
    kinds = chosen.kinds or [
        name for name, kind in KINDS.items() if not kind.data and not kind.lacking(studio)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    # Every sheet compiles networks of its own, which TensorFlow takes for a mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if chosen.truncation is not None:
        studio = dataclasses.replace(studio, generator=studio.at(chosen.truncation))
    paths = []
    for kind in kinds:
        found = KINDS[kind].draw(studio)
        print("\n".join(f"  {kind if path is found[0] else '':11s}{path}" for path in found))
        paths += found
    return paths


# --- kinds without data --------------------------------------------------------------------------


def class_grid(studio: Studio) -> list[pathlib.Path]:
    """A row per class, a latent per column."""
    columns = studio.options.columns
    if studio.conditional:
        labels = np.repeat(np.asarray(studio.classes, np.int32), columns)
        z = np.concatenate([studio.latents(columns)] * len(studio.classes))
        inputs = {"latents": z, "labels": labels}
        names, what = _names(studio, studio.classes), "one latent per column, one class per row"
    else:
        inputs = {"latents": studio.latents(MOST_ROWS * columns)}
        names, what = None, "independent samples"
    images = sampling.generate(studio.generator, inputs)
    images = images.reshape(-1, columns, *images.shape[1:])
    heading = "Samples by class" if studio.conditional else "Samples"
    return studio.write("classes", sheets.sample_sheet(images, studio.title(heading), names, what))


def between_latents(studio: Studio) -> list[pathlib.Path]:
    """Each class, from one latent to another."""
    start = _starts(studio)
    end = {**start, "latents": studio.latents(len(start["latents"]), part=1)}
    names = _names(studio, studio.classes) if studio.conditional else None
    heading = "Interpolation in z" + (", the class fixed" if studio.conditional else "")
    return _ways(studio, "latents", start, end, heading, names)


def between_labels(studio: Studio) -> list[pathlib.Path]:
    """Each latent, from one class to the next."""
    start = _starts(studio)
    end = {**start, "labels": np.roll(start["labels"], -1)}
    return _ways(studio, "labels", start, end, "Interpolation in class, z fixed", _turns(studio))


def between_both(studio: Studio) -> list[pathlib.Path]:
    """From one latent and class to others."""
    start = _starts(studio)
    z = studio.latents(len(start["latents"]), part=1)
    end = {"latents": z, "labels": np.roll(start["labels"], -1)}
    return _ways(studio, "both", start, end, "Interpolation in z and class", _turns(studio))


def chunk_sheet(studio: Studio) -> list[pathlib.Path]:
    """A row per chunk of z: it alone moves; its row tells how much that changes."""
    chunks = getattr(studio.generator.spec, "z_parts", 1)
    steps = max(2, studio.options.columns)
    inputs = {"latents": studio.latents(EFFECT_SAMPLES), **_labels(studio, EFFECT_SAMPLES)}
    others = studio.latents(EFFECT_SAMPLES, part=1)
    first = {name: values[:1] for name, values in inputs.items()}
    rows, names = [], []
    for parts in sorted({chunks, 1}, reverse=True):  # also all of z, to compare with
        effects = sampling.chunk_effects(studio.generator, inputs, others, parts)
        rows += [*sampling.traverse_chunks(studio.generator, first, others[:1], parts, steps)[0]]
        names += [
            (f"z {part} of {parts}" if parts > 1 else "all of z") + f": {effect:.3f}"
            for part, effect in enumerate(effects, start=1)
        ]
    what = (
        "a chunk of z moves from one draw (left) to another (right), all else stays\n"
        "numbers: mean absolute change of pixels in [0, 1] when it is drawn anew, of "
        f"{EFFECT_SAMPLES} samples"
    )
    title = studio.title("What each chunk of z changes")
    return studio.write("chunks", sheets.sample_sheet(np.stack(rows), title, tuple(names), what))


def truncation_sheet(studio: Studio) -> list[pathlib.Path]:
    """The same latents at several thresholds."""
    columns = studio.options.columns
    labels = _labels(studio, columns)
    rows = []
    for truncation in studio.options.truncations:
        limit = truncation or UNLIMITED
        inputs = scores.generator_inputs(studio.plain, columns, studio.options.seed, limit)
        rows.append(sampling.generate(studio.at(truncation), {**inputs, **labels}))
    names = tuple("none" if t is None else f"{t:g}" for t in studio.options.truncations)
    what = "one latent" + (" and class" if labels else "") + " per column, one threshold per row"
    title = studio.title("Truncation of z", truncated=False)
    figure = sheets.sample_sheet(np.stack(rows), title, names, what)
    return studio.write("truncation", figure, truncated=False)


def _starts(studio):
    """Inputs of a row for each class, or of ten rows."""
    count = len(studio.classes) if studio.conditional else MOST_ROWS
    return {"latents": studio.latents(count), **_labels(studio, count)}


def _labels(studio, count):
    """{"labels": the classes by turns}, or {} without."""
    if not studio.conditional:
        return {}
    return {"labels": np.resize(np.asarray(studio.classes, np.int32), count)}


def _ways(studio, kind, start, end, heading, names):
    """Writes a sheet of the ways, and a film of all of them at once."""
    columns = max(2, studio.options.columns)
    finer = -(-FRAMES // (columns - 1))
    ways = sampling.interpolate(studio.generator, start, end, finer * (columns - 1) + 1)
    what = "straight from one input (left) to another (right)"
    figure = sheets.sample_sheet(ways[:, ::finer], studio.title(heading), names, what)
    paths = studio.write(kind, figure)
    if studio.options.video != "none":
        path = studio.path(kind, studio.options.video)
        sheets.film_of_ways(path, ways)
        paths.append(path)
    return paths


def _names(studio, classes):
    return tuple(studio.names[label] for label in classes)


def _turns(studio):
    names = _names(studio, studio.classes)
    return tuple(f"{a} to {b}" for a, b in zip(names, names[1:] + names[:1], strict=True))


# --- which kinds there are -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Kind:
    """Something to draw, and what it needs.

    Attributes:
        draw: Writes the files and returns their paths.
        classes: How many at least.
        normal: Whether it needs normal latents.
        data: Whether it needs real images.
        backbone: Whether it needs their feature network.
        same_classes: Whether that has to know the generator's classes.
        steps: Whether the generator must draw in several steps.
        codes: Whether it must have codes that were inferred.
    """

    draw: Callable[[Studio], list[pathlib.Path]]
    classes: int = 0
    normal: bool = False
    data: bool = False
    backbone: bool = False
    same_classes: bool = False
    steps: bool = False
    codes: bool = False

    def lacking(self, studio: Studio) -> str:
        """What it needs and there is not, for an error message; "" if it can be drawn."""
        classes = len(studio.classes) if studio.conditional else 0
        if classes < self.classes:
            return (
                f"needs {self.classes} classes or more. Received: {classes} of a generator that "
                f"has {studio.num_classes}. Name more with --classes, or leave it out."
            )
        if self.steps and not getattr(studio.generator, "draws_in_steps", False):
            return "needs a generator that draws in steps. Received: one that draws at once."
        if self.codes and not getattr(studio.generator.spec, "codes", 0):
            return "needs InfoGAN's codes. Received: a generator that has none."
        if self.normal and studio.draw is not None:
            return "truncates normal latents. Received: others. Leave it out."
        if self.data and studio.images is None:
            return "needs real images. Received: none. Name the data set with --dataset."
        if self.backbone and studio.scorer is None:
            return (
                "needs a feature network for these images. Received: none. Name one with "
                "--backbone; python -m recipes.digits_classifier trains one."
            )
        seen = studio.scorer.backbone.num_classes if studio.scorer else 0
        if self.same_classes and seen != studio.num_classes:
            return (
                f"needs a feature network of the generator's {studio.num_classes} classes. "
                f"Received: one of {seen}. Name another with --backbone."
            )
        return ""


KINDS = {
    "classes": Kind(class_grid),
    "latents": Kind(between_latents),
    "labels": Kind(between_labels, classes=2),
    "both": Kind(between_both, classes=2),
    "chunks": Kind(chunk_sheet),
    "truncation": Kind(truncation_sheet, normal=True),
    "canvases": Kind(processes.canvases, steps=True),
    "codes": Kind(processes.codes, codes=True),
    "neighbours": Kind(comparisons.neighbours, data=True),
    "leakage": Kind(comparisons.leakage, classes=1, data=True, backbone=True, same_classes=True),
    "sweep": Kind(comparisons.sweep, normal=True, data=True, backbone=True),
}


def needs_data(chosen: Options) -> bool:
    """Whether something that is asked for compares with real images."""
    return any(KINDS[kind].data for kind in chosen.kinds)


def _check(studio):
    chosen, count = studio.options, studio.num_classes
    for label in chosen.classes:
        if not 0 <= label < count:
            raise ValueError(
                f"--classes must be in [0, {count}): the generator has {count} classes. "
                f"Received: {label}."
            )
    if chosen.video == "mp4":
        pictures.require_av()
    if not chosen.truncations:
        raise ValueError("--truncations must name one threshold or more. Received: none.")
    if chosen.truncation is not None and studio.draw is not None:
        raise ValueError(
            f"--truncation is for normal latents. Received: {chosen.truncation:g}. Drop it."
        )
    for truncation in (chosen.truncation, *chosen.truncations):
        if truncation is not None and not 0 < truncation < math.inf:
            raise ValueError(
                f"Truncation thresholds must be positive, or none. Received: {truncation:g}."
            )
