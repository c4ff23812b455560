"""Runs of recipes in processes of their own."""

import json
import os
import pathlib
import subprocess
import sys

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
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def refusals(
    recipe: str, folder: pathlib.Path, common: list[str], cases: list[list[str]]
) -> list[list]:
    """[exit code, standard error] of each case: the recipe with `common` flags and the case's.

    Their run directories would be `folder`/0, `folder`/1 and so on.
    """
    lists = [
        [*common, f"--run_dir={folder / str(number)}", *flags] for number, flags in enumerate(cases)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.recipes.refusals", recipe],
        input=json.dumps(lists),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
