"""Generators of presets: found, checked and loaded."""

import hashlib
import importlib
import json
import pathlib
import posixpath
import shutil
import tempfile

import keras

from tfgan_zoo.presets.description import Description

SHIPPED = pathlib.Path(__file__).with_name("shipped")
CACHE = "~/.cache/tfgan_zoo/presets"
ABOUT = "gan.json"
CARD = "README.md"
SAMPLES = "samples.png"
CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
NETWORK = (CONFIG, "metadata.json", WEIGHTS)  # what keras.models.load_model reads
FILES = (*NETWORK, ABOUT, CARD, SAMPLES)


def names() -> list[str]:
    """Sorted names of the generators that come with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{ABOUT}"))


def find(preset: str) -> pathlib.Path:
    """The folder of a preset, downloaded if it is elsewhere.

    Args:
        preset: The name of one that comes with the package, a folder, "hf://user/name" (Hugging
            Face's Hub, which needs the package huggingface_hub), or another address that TensorFlow
            can read, such as "gs://bucket/folder".

    Raises:
        ValueError: If there is none.
    """
    scheme, _, address = str(preset).partition("://")
    if address:
        folder = _from_hub(address) if scheme == "hf" else _from_address(str(preset))
    else:
        folder = SHIPPED / preset if preset in names() else pathlib.Path(preset).expanduser()
    if not (folder / ABOUT).is_file():
        raise ValueError(
            f"`preset` must be one of {', '.join(names()) or 'none shipped'}, a folder with a "
            f"{ABOUT}, hf://user/name or gs://bucket/folder. Received: preset={preset!r}."
        )
    return folder


def describe(preset: str) -> Description:
    """What a preset says about itself; takes what `find` takes, and raises what it raises."""
    path = find(preset) / ABOUT
    try:
        return Description.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be used: {error}") from error


def check(preset: str) -> Description:
    """Compares a preset's files with the hashes in its gan.json, and returns what that says.

    Raises:
        ValueError: If a file is missing, cut off or changed.
    """
    folder, about = find(preset), describe(preset)
    for name in (CONFIG, WEIGHTS):
        if name not in about.files:
            raise ValueError(f"{folder / ABOUT} has no hash of {name}: save the preset again.")
    for name, expected in about.files.items():
        found = sha256(folder / name) if (folder / name).is_file() else "no file"
        if found != expected:
            raise ValueError(
                f"{folder / name} is not the file that was saved: its SHA-256 must be {expected}. "
                f"Received: {found}. It was changed or cut off: fetch the preset again."
            )
    return about


def from_preset(preset: str, load_weights: bool = True) -> keras.Model:
    """Returns a trained generator: {"latents", perhaps "labels"} -> images in [-1, 1].

    What is known about it is in its attribute `preset`, a `Description`. On any Keras backend.

    Args:
        preset: See `find`.
        load_weights: False for a network of the same kind with random weights.

    Raises:
        ValueError: If there is no such preset, or its files were changed.
    """
    folder, about = find(preset), check(preset)
    if load_weights:
        generator = keras.models.load_model(folder, compile=False)
    else:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        generator = keras.saving.deserialize_keras_object({**config, "compile_config": None})
    if len(generator.variables) != about.variables:
        raise ValueError(
            f"{folder} must hold {about.variables} variables, as its {ABOUT} says. "
            f"Received: a network of {len(generator.variables)}. It was saved by another version."
        )
    generator.preset = about
    return generator


def sha256(path: pathlib.Path) -> str:
    """Of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(repository: str) -> pathlib.Path:
    hub = _optional("huggingface_hub", "hf:// addresses need the package huggingface_hub")
    try:
        return pathlib.Path(hub.snapshot_download(repository, allow_patterns=[*FILES]))
    except (OSError, ValueError) as error:  # what the package raises derives from these
        raise ValueError(f"hf://{repository} cannot be fetched: {error}") from error


def _from_address(address: str) -> pathlib.Path:
    """A copy in the cache, made anew when the description there has changed."""
    gfile = _optional("tensorflow", "This address needs TensorFlow").io.gfile
    folder = pathlib.Path(CACHE).expanduser() / hashlib.sha256(address.encode()).hexdigest()[:16]
    try:
        with gfile.GFile(posixpath.join(address, ABOUT), "rb") as file:
            text = file.read()
        if not (folder / ABOUT).is_file() or (folder / ABOUT).read_bytes() != text:
            _copy(gfile, address, folder)
    except Exception as error:  # TensorFlow's errors have no other base
        raise ValueError(f"{address} cannot be read: {error}") from error
    return folder


def _copy(gfile, address: str, folder: pathlib.Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        made = pathlib.Path(unfinished) / "preset"
        made.mkdir()
        for name in FILES:
            if name in NETWORK or gfile.exists(posixpath.join(address, name)):
                gfile.copy(posixpath.join(address, name), str(made / name))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _optional(package: str, need: str):
    """A package that only some presets need, imported by those who have such."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ValueError(f"{need}. Received: none. Install it: pip install {package}.") from error
