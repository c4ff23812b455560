"""What packaging, pins and BUILD files promise about one another."""

import ast
import functools
import importlib.metadata
import pathlib
import re
import runpy
import shutil
import subprocess
import sys

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tfgan_zoo

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ["tfgan_zoo", "recipes", "export"]
distributions = functools.cache(importlib.metadata.packages_distributions)


def run_setup(monkeypatch, folder=ROOT):
    """Returns what folder's setup.py hands to setuptools."""
    received = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: received.update(arguments))
    runpy.run_path(str(folder / "setup.py"))
    return received


def requirements(arguments):
    """Returns the requirements of the package and of all its extras."""
    lines = [arguments["install_requires"], *arguments["extras_require"].values()]
    return [Requirement(line) for group in lines for line in group]


@pytest.fixture(name="pins")
def fixture_pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def needed_by(names):
    """Returns the names and all they need here, directly or not, as far as it is installed."""
    seen, queue = set(), [canonicalize_name(name) for name in names]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        needs = [Requirement(line) for line in lines]
        queue += [
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
    return seen


def python_folders():
    """Returns the folders of our packages that hold Python files, relative to the checkout."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted({path.parent.relative_to(ROOT) for path in files})


def imported_modules(file):
    """Returns dotted names; those of `from a import b` are "a.b", whatever b is."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    plain = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return plain + [f"{node.module}.{name.name}" for node in froms for name in node.names]


def label(module):
    """Returns Bazel's label for a module of ours or of another package, None for Python's own."""
    first, *rest = module.split(".")
    if first in sys.stdlib_module_names:
        return None
    if first not in PACKAGES:
        name = distributions().get(first, [first])[0]  # an optional one may not be installed
        return "@pypi//" + canonicalize_name(name).replace("-", "_")
    folder = first
    for part in rest:
        if (ROOT / folder / part).is_dir():
            folder += "/" + part
    return "//" + folder


def labels_needed(folder):
    """Returns the labels that folder's files import, leaving out folders it lies in, and itself."""
    modules = {module for file in (ROOT / folder).glob("*.py") for module in imported_modules(file)}
    around = {f"//{path.as_posix()}" for path in [folder, *folder.parents]}
    return {label(module) for module in modules} - around - {None}


def test_version_is_the_package_s(monkeypatch):
    assert run_setup(monkeypatch)["version"] == tfgan_zoo.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", tfgan_zoo.__version__)


def test_missing_version_is_named(monkeypatch, tmp_path):
    (tmp_path / "tfgan_zoo").mkdir()
    (tmp_path / "tfgan_zoo" / "__init__.py").write_text("version = 1\n", encoding="utf-8")
    shutil.copy(ROOT / "setup.py", tmp_path)
    with pytest.raises(ValueError, match="__version__"):
        run_setup(monkeypatch, tmp_path)


def test_every_folder_with_python_is_installed(monkeypatch):
    found = run_setup(monkeypatch)["packages"]
    assert sorted(found) == [".".join(folder.parts) for folder in python_folders()]


def test_extras_that_messages_name_exist(monkeypatch):
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    named = {name for text in texts for name in re.findall(r"tfgan_zoo\[(\w+)\]", text)}
    assert named <= run_setup(monkeypatch)["extras_require"].keys()


def test_pins_are_in_the_ranges_of_setup(monkeypatch, pins):
    for need in requirements(run_setup(monkeypatch)):
        assert pins[canonicalize_name(need.name)] in need.specifier, str(need)


def test_nothing_needed_is_unpinned(monkeypatch, pins):
    names = [need.name for need in requirements(run_setup(monkeypatch))]
    assert needed_by(names) - pins.keys() == set()


def test_nothing_is_pinned_twice_or_unsorted(pins):
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([\w.-]+)==[\w.]+$", text, re.MULTILINE)
    assert len(names) == len(pins)
    assert names == sorted(names, key=str.lower)


@pytest.mark.parametrize("folder", [*python_folders(), pathlib.Path("tests")], ids=str)
def test_build_file_asks_for_known_packages(folder, pins):
    build = ROOT / folder / "BUILD"
    assert build.is_file(), f"{folder} holds Python files: give it a BUILD file."
    packages = re.findall(r'"@pypi//(\w+)"', build.read_text(encoding="utf-8"))
    assert {canonicalize_name(name) for name in packages} <= pins.keys()


@pytest.mark.parametrize("folder", python_folders(), ids=str)
def test_build_file_asks_for_what_is_imported(folder):
    text = (ROOT / folder / "BUILD").read_text(encoding="utf-8")
    names = re.findall(r'"((?:@pypi)?//[\w/]+)"', text)
    given = tuple(f"{name}/" for name in names)  # "//tfgan_zoo" brings what is below it
    lacking = {name for name in labels_needed(folder) if not f"{name}/".startswith(given)}
    assert lacking == set(), f"{folder}/BUILD lacks deps."


def test_make_refuses_other_pythons(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "setup.py").touch()
    (tmp_path / "constraints.txt").touch()
    old = tmp_path / "old python"
    old.write_text('#!/bin/sh\ntest "$1" = --version && echo Python 3.9.1\n', encoding="utf-8")
    old.chmod(0o755)
    command = ["make", "setup", "PYTHON=./old python"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13; ./old python is Python 3.9.1" in done.stderr
    assert not (tmp_path / ".venv").exists()
