"""Who may import whom (STYLE): read from the source, so that nothing has to be imported for it."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("tfgan_zoo", "recipes", "export")
    for path in (ROOT / folder).rglob("*.py")
)
# Below tfgan_zoo: the parts that import nothing of ours but their own folder, and what others may.
ALONE = ("losses", "layers", "training", "metrics", "data", "pictures")
MAY = {
    "models": {"models", "layers"},
    "sampling": {"pictures"},
    "standing": {"sampling", "layers"},
    "convert": {"convert", "models", "layers", "standing", "metrics"},
    "presets": {"presets", "pictures", "sampling"},
    "vis": set(),
    "__init__": {"models", "presets"},
}
# Keras only, so that saved generators load on any backend, and scores need no TensorFlow.
WITHOUT_TENSORFLOW = (
    *("losses", "layers", "models", "metrics", "pictures", "sampling", "standing"),
    *("presets", "__init__"),
)


def imports(path):
    """Dotted names of all modules that a file imports."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(path):
    """The folder or module below tfgan_zoo that a file belongs to."""
    return path.parts[1].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports(path):
    names = list(imports(path))
    assert not [name for name in names if name.startswith("tests")]
    if path.parts[0] == "export":
        assert not [name for name in names if name.startswith("recipes")]
    if path.parts[0] != "tfgan_zoo":
        return
    # Programs have flags; the library has arguments.
    forbidden = {"recipes", "export"} | (set() if path.name == "__main__.py" else {"absl"})
    assert not [name for name in names if name.split(".")[0] in forbidden]
    ours = {name.split(".")[1] for name in names if name.startswith("tfgan_zoo.")}
    allowed = MAY.get(part(path), {part(path)} if part(path) in ALONE else None)
    assert allowed is not None, f"{path}: new part: say here what it may import"
    assert ours <= allowed, f"{path} imports {ours - allowed}"
    if part(path) in WITHOUT_TENSORFLOW:
        assert not [name for name in names if name.split(".")[0] == "tensorflow"]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_imports_in_functions(path):
    for function in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(function, ast.FunctionDef):
            inner = [n for n in ast.walk(function) if isinstance(n, (ast.Import, ast.ImportFrom))]
            assert not inner, f"{path}:{inner[0].lineno}"


def test_import_needs_keras_only():
    code = (
        "import sys\n"
        "sys.modules['PIL'] = None  # as if it were not installed\n"
        "import tfgan_zoo\n"
        "del sys.modules['PIL']\n"
        "import tfgan_zoo.sampling, tfgan_zoo.presets.writing\n"
        "assert not {'tensorflow', 'torch'} & sys.modules.keys()\n"
    )
    environment = {"KERAS_BACKEND": "jax", "PATH": "", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
