"""Presets are made: a generator's folder, with its description and a card for people."""

import dataclasses
import os
import pathlib
import shutil

import keras
import numpy as np

import tfgan_zoo
from tfgan_zoo import pictures, sampling
from tfgan_zoo.presets import card, reading
from tfgan_zoo.presets.description import Description

COLUMNS = 10  # of the samples that a card shows


def save_to_preset(generator: keras.Model, path: str, about: Description) -> Description:
    """Writes a generator as a folder for `from_preset`, which `keras.models.load_model` reads too.

    Beside the network there are gan.json, README.md and samples.png.

    Args:
        generator: {"latents", perhaps "labels"} -> images in [-1, 1].
        path: Of the folder, which must not exist.
        about: What people know of it; what the network says of itself is filled in.

    Returns:
        The complete description.

    Raises:
        ValueError: If the folder exists, or the description does not fit the generator.
    """
    folder = pathlib.Path(path)
    if folder.exists():
        raise ValueError(f"`path` must not exist. Received: {folder}. Name another folder.")
    _check_classes(generator, about)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        generator.save(unfinished, zipped=False)
        _drop_empty(unfinished)
        about = _completed(about, generator, unfinished)
        (unfinished / reading.ABOUT).write_text(about.to_json(), encoding="utf-8")
        images = _samples(generator, about)
        pictures.write_png(unfinished / reading.SAMPLES, images, scale=_scale(about))
        (unfinished / reading.CARD).write_text(card.text(about), encoding="utf-8")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return about


def _check_classes(generator, about):
    conditional = "labels" in _shapes(generator)
    known = generator.spec.num_classes if conditional else 0
    if len(about.class_names) != known:
        raise ValueError(
            f"`class_names` must name the generator's {known} classes. "
            f"Received: {len(about.class_names)} names."
        )


def _drop_empty(folder: pathlib.Path) -> None:
    """Keras makes folders for files that none of our layers has."""
    for path in folder.iterdir():
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _completed(about, generator, folder):
    weights = generator.trainable_weights
    return dataclasses.replace(
        about,
        inputs={name: list(shape) for name, shape in _shapes(generator).items()},
        image=tuple(generator.outputs[0].shape[1:]),
        parameters=int(sum(np.prod(weight.shape) for weight in weights)),
        variables=len(generator.variables),
        files={name: reading.sha256(folder / name) for name in (reading.CONFIG, reading.WEIGHTS)},
        versions={module.__name__: module.__version__ for module in (tfgan_zoo, keras)},
    )


def _shapes(generator):
    return {tensor.name: tensor.shape[1:] for tensor in generator.inputs}


def _samples(generator, about):
    """A grid of samples as the card recommends them: a column per class, if there are few."""
    columns = len(about.class_names) if 2 <= len(about.class_names) <= 20 else COLUMNS
    inputs = sampling.inputs(generator, 8 * columns, 0, about.truncation, about.prior)
    return pictures.grid(sampling.generate(generator, inputs), columns)


def _scale(about):
    """Small images are enlarged until one can see them."""
    return max(1, 48 // max(about.image[:2]))
