"""Every recipe answers --help, every flagfile parses, and every flag is read."""

import pathlib
import re

import pytest

from tests.conformance.chosen import run

ROOT = pathlib.Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
FLAGFILES = sorted((ROOT / "recipes/flagfiles").glob("*/*.flags"))
SOURCE = "\n".join(path.read_text() for path in RECIPES)
DEFINED = re.findall(r"^ *([A-Z0-9_]+) = flags\.DEFINE_\w+\(\s*\"(\w+)\"", SOURCE, re.MULTILINE)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_flagfile_says_what_it_is(path):
    text = path.read_text()
    assert text.startswith("# "), "a flagfile begins with what it reproduces"
    assert f"--run_dir=runs/{path.parent.name}-{path.stem}\n" in text


def test_flagfiles_parse_and_build():
    built = [line.split()[0] for line in run("flagfiles_check").splitlines()]
    assert built == [f"{path.parent.name}/{path.stem}" for path in FLAGFILES]


def test_every_recipe_of_a_method_has_a_row_on_the_digits():
    methods = {p.stem for p in RECIPES if re.search(r"^METHOD = ", p.read_text(), re.MULTILINE)}
    assert methods == {path.parent.name for path in FLAGFILES if path.stem == "digits"}
    assert len(methods) == 17


def test_flags_were_found():
    assert len(DEFINED) > 25


@pytest.mark.parametrize("holder, name", DEFINED)
def test_flag_is_read(holder, name):
    # As itself, or in a loop over holders.
    assert re.search(rf"\b{holder}(\.value\b|,|\))", SOURCE), f"--{name} is never read"


@pytest.mark.parametrize("holder, name", DEFINED)
def test_flag_is_named_as_its_holder(holder, name):
    assert holder == name.upper()


def test_every_program_starts():
    number, *failing = run("programs_check").split()
    assert int(number) > 30 and not failing
