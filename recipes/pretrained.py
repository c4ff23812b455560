r"""Trains the generators that come with the package: one of each method, on the digits.

    python -m recipes.pretrained --runs=runs/pretrained

What is there already is neither trained nor written again: delete a preset's folder to renew it.
"""

import sys

from absl import app

from recipes import preset, tables
from tfgan_zoo.presets import reading

DATA = (
    "scikit-learn's 1,797 digits, train split (1,438): a copy of the test set of UCI's Optical "
    "Recognition of Handwritten Digits"
)
LICENCE = "see https://archive.ics.uci.edu/dataset/80"
LIMITS = (
    "It draws handwritten digits of 8x8 pixels, enlarged as the recipe says, and nothing else: it "
    "shows what the method does in minutes on two CPU cores. Its scores compare with those of the "
    "same data and feature network only, not with published ones."
)


def rows() -> list[tables.Row]:
    """A run of each method, by its flagfile for the digits."""
    return [
        tables.Row(
            f"{recipe.replace('_', '-')}-digits",
            what=method,
            flags=(f"--flagfile=recipes/flagfiles/{recipe}/digits.flags",),
            recipe=recipe,
        )
        for recipe, (method, _) in preset.METHODS.items()
    ]


def main(argv: list[str]) -> None:
    """Trains what is missing, and writes its preset."""
    if argv[1:]:
        sys.exit(f"Error: Flags begin with --. Received: {' '.join(argv[1:])}.")
    tables.write_or_exit(_make)


def _make():
    lab, folder = OPEN(())
    wanted = [row for row in rows() if not (folder / row.name).exists()]
    lab.train(wanted)
    for row in wanted:
        run = lab.run(row, lab.seeds[0]).path
        output = str(folder / row.name)
        about = preset.make(run, output, row.name, row.recipe, DATA, LICENCE, LIMITS)
        print(f"{about.name}: {about.parameters:,} parameters, step {about.step:,}")


if __name__ == "__main__":
    OPEN = tables.define_flags("runs/pretrained", str(reading.SHIPPED), ("0",))
    app.run(main)
