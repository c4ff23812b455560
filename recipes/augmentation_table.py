r"""Augmentation on 200 digits: what DiffAugment and ADA change where images are few.

    python -m recipes.augmentation_table --runs=runs/augmentation

Trains what is missing, resumes what was interrupted, and writes the table as Markdown, CSV and
pictures to --results.
"""

import pathlib
import statistics

import numpy as np
from absl import app, flags
from matplotlib.figure import Figure

from recipes import scores, sheets, tables
from recipes.tables import Claim, Lab, Row
from recipes.weight_sharing_table import logged
from tfgan_zoo import sampling
from tfgan_zoo.training.augmentation import POLICIES
from tfgan_zoo.training.checkpoints import replace_text

FLAGFILE = pathlib.Path(__file__).parent / "flagfiles" / "biggan" / "digits16.flags"
IMAGES = 200
ALL = f"--augment={','.join(POLICIES)}"
WHAT = {
    "none": ("no augmentation", ()),
    "diffaugment": ("DiffAugment: color, translation, cutout", (ALL,)),
    "ada": ("ADA: the same three, target 0.6", (ALL, "--ada_target=0.6", "--ada_kimg=50")),
}
CLAIMS = [
    Claim("DiffAugment lowers FID where images are few", "diffaugment", "none"),
    Claim("ADA lowers FID where images are few", "ada", "none"),
]
TITLE = f"BigGAN on {IMAGES} digits at 16 px"
PROTOCOL = """\
scikit-learn's digits at 16 px, flagfile `biggan/digits16`, {steps} steps of two updates of the
discriminator at batch 64, {images} training images, classes in their proportions (the same in every
run). Seeds: {seeds}. FID, KID and IS: 1,797 samples of the averaged generator against all 1,438
images of the training split, of which 1,238 were not trained on, features of the shipped digits
classifier. "best" is the lowest FID of those measured every 100 steps. r_t is the mean sign of the
logits of real images, "gap" the distance between the mean logits of real and of generated images:
both of what the discriminator sees, augmented images. ADA: probability from 0 to 1 in 50,000 images
at most (the paper: 500,000 or more), every change with that probability for each image, out of the
three of DiffAugment; the paper has 18 transformations. ± is the standard deviation over seeds; a
verdict needs two seeds and a difference of two standard errors.
"""


def rows(steps: int | None) -> list[Row]:
    """All rows, with another number of steps if one is given."""
    more = (f"--steps={steps}",) if steps else ()
    return [Row(name, what, (*given, *more)) for name, (what, given) in WHAT.items()]


def lines(lab: Lab, all_rows: list[Row]) -> list[dict]:
    """One line per row: scores, and how sure the discriminator was at the end."""
    return [
        {
            "row": row.what,
            "FID": tables.spread(lab.values(row, "fid")),
            "best FID": tables.spread(lab.best(row, "fid")),
            "KID x 1000": tables.spread([1000 * v for v in lab.values(row, "kid")]),
            "IS": tables.spread(lab.values(row, "inception_score")),
            "gap of logits": tables.spread(_gap(lab, row)),
            "r_t": tables.spread(_late(lab, row, "ada_overfitting")),
            "probability": tables.spread(_late(lab, row, "ada_probability")),
        }
        for row in all_rows
    ]


def _gap(lab, row):
    """Between real and generated images' logits, a mean of the last tenth for every seed."""
    pairs = (_late(lab, row, name) for name in ("real_logits", "fake_logits"))
    return [real - fake for real, fake in zip(*pairs, strict=True)]


def _late(lab, row, name):
    """Means of the last tenth of training, of every seed; empty if it is not logged."""
    curve = list(logged(lab, row, name).values())
    return [statistics.mean(values) for values in zip(*curve[-max(1, len(curve) // 10) :])]


def probabilities(lab: Lab, row: Row, title: str) -> Figure:
    """ADA's probability and r_t over the steps, a line for each seed."""
    figure = Figure(figsize=(7.6, 3.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    for name, label, color in (
        ("ada_overfitting", "r_t", "#9ecae1"),
        ("ada_probability", "probability", "#08306b"),
    ):
        curve = logged(lab, row, name)
        axes.plot(list(curve), list(curve.values()), color=color, linewidth=1.2)
        axes.plot([], [], color=color, label=label)
    axes.axhline(0.6, color="#888888", linewidth=1, linestyle="--", label="target of r_t")
    axes.set_xlabel("step", fontsize=9)
    axes.set_title(f"{title}: ADA, a line for each seed", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def samples(lab: Lab, all_rows: list[Row], title: str) -> Figure:
    """A row of ten digits of each row's first seed."""
    drawn = []
    for row in all_rows:
        generator = lab.generator(row, lab.seeds[0])
        drawn.append(sampling.generate(generator, scores.generator_inputs(generator, 10, 0)))
    names = tuple(row.what for row in all_rows)
    return sheets.sample_sheet(np.stack(drawn), title, names, "one class per column")


def write(lab: Lab, all_rows: list[Row], results: pathlib.Path) -> None:
    """Trains what is missing, then writes the table and its figures."""
    lab.train(all_rows)
    table = lines(lab, all_rows)
    steps = max(lab.curve(all_rows[0], "fid"))
    seeds = ", ".join(map(str, lab.seeds))
    page = [
        f"# {TITLE}\n",
        PROTOCOL.format(steps=steps, images=IMAGES, seeds=seeds),
        tables.markdown(table),
        "## Claims\n",
        tables.markdown(tables.judge(lab, CLAIMS, all_rows)),
    ]
    replace_text(results / "table.md", "\n".join(page))
    replace_text(results / "table.csv", tables.csv_text(table))
    sheets.write(results / "fid.png", tables.lines(lab, all_rows, "fid", "FID", TITLE))
    adaptive = next(row for row in all_rows if row.name == "ada")
    sheets.write(results / "ada.png", probabilities(lab, adaptive, TITLE))
    sheets.write(results / "samples.png", samples(lab, all_rows, TITLE))


def main(argv):
    """Trains, then writes everything."""
    del argv
    lab, results = OPEN((f"--flagfile={FLAGFILE}", f"--subset={IMAGES}", "--noexport"))
    tables.write_or_exit(lambda: write(lab, rows(STEPS.value), results))


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    OPEN = tables.define_flags("runs/augmentation", "recipes/results/augmentation")
    STEPS = flags.DEFINE_integer("steps", None, "Of each run. Default: its flagfile's.", 1)
    app.run(main)
