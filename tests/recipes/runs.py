"""Runs of recipes in processes of their own, and flags of recipes in this one."""

import contextlib
import json
import pathlib

from absl import flags
from absl.testing import flagsaver

from tests import programs

FLAGS = [
    "--variant=biggan-digits",
    "--dataset=digits",
    "--batch_size=8",
    "--steps=14",
    "--log_every=1",
    "--save_every=4",
    "--sample_every=0",
    "--evaluate_every=0",
    "--backbone=none",
    "--ema_start=2",
    "--columns=2",
    "--noexport",
]
# For several runs of a test: one block in each network compiles in a third of the time.
SMALL = "--spec=resolution=8,g_widths=1:1,d_widths=1:1,flat_blocks=1,z_dim=8,shared_dim=4,width=4"


def run(*arguments, module="recipes.biggan"):
    """The finished process of a recipe."""
    return programs.run(module, *arguments)


def refusals(
    recipe: str, folder: pathlib.Path, common: list[str], cases: list[list[str]]
) -> list[list]:
    """[exit code, standard error] of each case: the recipe with `common` flags and the case's.

    Their run directories would be `folder`/0, `folder`/1 and so on.
    """
    lists = [
        [*common, f"--run_dir={folder / str(number)}", *flags] for number, flags in enumerate(cases)
    ]
    done = programs.run("tests.recipes.refusals", recipe, json.dumps(lists))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def parser():
    """A function that sets all flags as a program would that is given these, until the end."""

    def parse(*arguments):
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        flags.FLAGS(["test", "--run_dir=none", *arguments])

    with flagsaver.flagsaver():
        yield parse
