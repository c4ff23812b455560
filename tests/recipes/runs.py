"""Runs of recipes in processes of their own."""

import os
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


def run(*arguments, module="recipes.biggan"):
    """The finished process of a recipe."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
