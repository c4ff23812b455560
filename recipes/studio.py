"""What the sheets and films of --mode=sample have in common: a generator, and how it is drawn."""

import dataclasses
import pathlib

import keras
import numpy as np
from matplotlib.figure import Figure

from recipes import scores, sheets
from tfgan_zoo import standing
from tfgan_zoo.data.sources import ImageSet

MOST_ROWS = 10
SHEET_PASSES = 10  # moments that are off by a percent cannot be seen
UNLIMITED = 6.0  # as good as no threshold: one normal in 500 million is beyond


@dataclasses.dataclass(frozen=True)
class Options:
    """What to draw of a generator, and how.

    Attributes:
        columns: Of the sheets.
        seed: Of all latents.
        truncation: Largest latent where a sheet does not compare several, or None.
        kinds: As --sheets; none: all that need no data set and suit the generator.
        classes: Of the rows; none: the first ten.
        truncations: Thresholds to compare.
        standing_passes: Batches that batch-norm moments are measured with for each truncation;
            0: none, the moving averages of training stay.
        video: "gif", "mp4" or "none".
        num_scored: Samples that are scored at each threshold, and counted for leakage.
        step: Of the training, for the records.
    """

    columns: int = 10
    seed: int = 0
    truncation: float | None = None
    kinds: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    truncations: tuple[float | None, ...] = (2.0, 1.5, 1.0, 0.5, 0.04)
    standing_passes: int = 100
    video: str = "gif"
    num_scored: int = 5000
    step: int = 0


@dataclasses.dataclass(frozen=True)
class Studio:
    """Where a generator is drawn.

    Attributes:
        generator: {"latents", maybe "labels"} -> images in [-1, 1]; its batch-norm moments are
            those of the options' truncation.
        folder: For the files.
        about: Which generator it is: the second line of all titles begins with it.
        options: What to draw, and how.
        images: (train, held_out) real images, or None.
        scorer: Of these images, or None where there is no feature network for them.
        plain: The generator as it was saved.
        draw: (count, seed) -> latents, if they are not normal.
    """

    generator: keras.Model
    folder: pathlib.Path
    about: str
    options: Options
    images: tuple[ImageSet, ImageSet] | None
    scorer: scores.Scorer | None
    plain: keras.Model
    draw: scores.Draw | None

    @property
    def conditional(self) -> bool:
        return "labels" in self.generator.input

    @property
    def classes(self) -> tuple[int, ...]:
        """Of the rows."""
        return self.options.classes or tuple(range(min(self.num_classes, MOST_ROWS)))

    @property
    def num_classes(self) -> int:
        return self.generator.spec.num_classes if self.conditional else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Of all classes: those of the data, if there are data of these classes."""
        if self.images and self.images[0].num_classes == self.num_classes:
            return self.images[0].class_names
        return tuple(map(str, range(self.num_classes)))

    def latents(self, count: int, part: int = 0) -> np.ndarray:
        """Latents of the options' truncation; those of another `part` are independent."""
        return self.inputs(count, (self.options.seed + 1_000_003 * part) % 2**31)["latents"]

    def inputs(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """Latents of the options' truncation, and labels that take turns."""
        limit = self.options.truncation
        return scores.generator_inputs(self.generator, count, seed, limit, self.draw)

    def at(self, truncation: float | None) -> keras.Model:
        """The generator with batch-norm moments of a truncation, as exact as a sheet needs them."""
        passes = min(self.options.standing_passes, SHEET_PASSES)
        if not passes:
            return self.plain
        return standing.measure(self.plain, truncation, passes, seed=self.options.seed + 1)

    def title(self, heading: str, truncated: bool = True) -> str:
        limit = f", {_limit(self.options.truncation)}" if truncated else ""
        return f"{heading}\n{self.about}, seed {self.options.seed}{limit}"

    def path(self, kind: str, suffix: str, truncated: bool = True) -> pathlib.Path:
        limit = f"-{_limit(self.options.truncation).replace(' ', '-')}" if truncated else ""
        return self.folder / f"{kind}-seed{self.options.seed}{limit}.{suffix}"

    def write(self, kind: str, figure: Figure, truncated: bool = True) -> list[pathlib.Path]:
        path = self.path(kind, "png", truncated)
        sheets.write(path, figure)
        return [path]


def _limit(truncation):
    return "no truncation" if truncation is None else f"truncation {truncation:g}"
