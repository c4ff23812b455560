"""Sheets of what goes on inside some generators: canvases step by step, and codes."""

import pathlib

import numpy as np

from recipes import sheets
from recipes.studio import MOST_ROWS, Studio
from tfgan_zoo import sampling

CODE_RANGE = 2.0  # the paper's: beyond the [-1, 1] of training


def canvases(studio: Studio) -> list[pathlib.Path]:
    """What is on the canvas after each step: a row per sample, a column per step.

    Reference: Feng et al., GP-WIRGAN, 2020, Figures 8 to 11; Gregor et al., 2015, Figure 7.
    """
    inputs = studio.inputs(MOST_ROWS, studio.options.seed)
    drawn = sampling.generate(studio.generator.canvases(), inputs)
    what = f"after step 1 (left) to {drawn.shape[1]} (right), which is the image"
    title = studio.title("Canvases")
    paths = studio.write("canvases", sheets.sample_sheet(drawn, title, None, what))
    if studio.options.video != "none" and drawn.shape[1] > 1:
        path = studio.path("canvases", studio.options.video)
        sheets.film_of_ways(path, drawn)
        paths.append(path)
    return paths


def codes(studio: Studio) -> list[pathlib.Path]:
    """InfoGAN: for every code a sheet in which it alone changes along the rows.

    Reference: Chen et al., 2016, https://arxiv.org/abs/1606.03657, Figure 2.
    """
    columns = max(2, studio.options.columns)
    spec, paths = studio.generator.spec, []
    labels = studio.classes if studio.conditional else [None] * MOST_ROWS
    latents = np.repeat(studio.latents(1), len(labels) * columns, axis=0)
    inputs = {"latents": latents}
    if studio.conditional:
        inputs["labels"] = np.repeat(np.asarray(labels, np.int32), columns)
    for code in range(spec.codes):
        moved = latents.copy()
        values = np.linspace(-CODE_RANGE, CODE_RANGE, columns)
        moved[:, spec.z_dim - spec.codes + code] = np.tile(values, len(labels))
        images = sampling.generate(studio.generator, {**inputs, "latents": moved})
        images = images.reshape(len(labels), columns, *images.shape[1:])
        names = tuple(f"category {label}" for label in labels) if studio.conditional else None
        what = f"code {code + 1} from {-CODE_RANGE:g} (left) to {CODE_RANGE:g} (right)"
        title = studio.title(f"Code {code + 1} of {spec.codes}, all other latents fixed")
        paths += studio.write(f"code-{code + 1}", sheets.sample_sheet(images, title, names, what))
    return paths
