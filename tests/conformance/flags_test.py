"""Every recipe answers --help, every flagfile parses, and every flag is read."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
FLAGFILES = sorted((ROOT / "recipes/flagfiles").glob("*/*.flags"))
SOURCE = "\n".join(path.read_text() for path in RECIPES)
DEFINED = re.findall(r"^([A-Z0-9_]+) = flags\.DEFINE_\w+\(\s*\"(\w+)\"", SOURCE, re.MULTILINE)


def check_arguments(module, *arguments):
    """The finished process of a recipe that only checks its arguments."""
    return subprocess.run(
        [sys.executable, "-m", module, "--only_check_args", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_flagfile_parses(path):
    done = check_arguments(f"recipes.{path.parent.name}", f"--flagfile={path}")
    assert done.returncode == 0, done.stderr[-2000:]
    text = path.read_text()
    assert text.startswith("# "), "a flagfile begins with what it reproduces"
    assert f"--run_dir=runs/{path.parent.name}-{path.stem}\n" in text


def test_flags_were_found():
    assert len(DEFINED) > 25


@pytest.mark.parametrize("holder, name", DEFINED)
def test_flag_is_read(holder, name):
    # As itself, or in a loop over holders.
    assert re.search(rf"\b{holder}(\.value\b|,|\))", SOURCE), f"--{name} is never read"


@pytest.mark.parametrize("holder, name", DEFINED)
def test_flag_is_named_as_its_holder(holder, name):
    assert holder == name.upper()
