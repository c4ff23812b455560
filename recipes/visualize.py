r"""Draws what a discriminator looks at, in real and in generated images, as one sheet.

    python -m recipes.visualize --discriminator=runs/biggan-digits/discriminator.keras \
        --generator=biggan-digits --dataset=digits --output=seen.png

Each row is a class: a real and a generated image, each with the pixels that change the logit most
(saliency, and SmoothGrad: averaged over noisy copies) and the regions that raise it (Grad-CAM); and
the image that ascent from noise finds most real. Needs pip install 'tfgan_zoo[vis]'.
"""

import pathlib
import sys

import keras
import numpy as np
from absl import app, flags
from matplotlib.figure import Figure

from export.inference import load_generator
from recipes import sheets
from tfgan_zoo import from_preset, pictures, presets, sampling, vis
from tfgan_zoo.data import sources

SAMPLES = 25  # noisy copies of SmoothGrad
COLUMNS = ("image", "saliency", "SmoothGrad", "Grad-CAM")


def load_discriminator(path: str) -> keras.Model:
    """The discriminator in a .keras file.

    Raises:
        ValueError: If something else is there.
    """
    try:
        network = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ValueError(
            f"--discriminator must be a discriminator.keras of a run. Received: {path}: {error}"
        ) from error
    if "images" not in {tensor.name for tensor in network.inputs}:
        raise ValueError(f"--discriminator must take images. Received: {path}, which does not.")
    return network


def maps(discriminator: keras.Model, images: np.ndarray, labels: np.ndarray | None) -> list:
    """Images uint8 and the three maps of each, a list of arrays [N, ...] as COLUMNS."""
    x = images.astype(np.float32) / 127.5 - 1.0
    return [
        images,
        vis.saliency(discriminator, x, labels),
        vis.saliency(discriminator, x, labels, samples=SAMPLES),
        vis.grad_cam(discriminator, x, labels),
    ]


def draw(kinds: dict[str, list], ascended: np.ndarray, names: list[str], title: str) -> Figure:
    """The sheet.

    Args:
        kinds: {"real": what `maps` returns, ...}, of as many images each.
        ascended: uint8 images of the last column, [rows, H, W, C].
        names: Of the rows.
        title: Above all.
    """
    columns = [
        (f"{kind}:\n{name}", found)
        for kind, parts in kinds.items()
        for name, found in zip(COLUMNS, parts, strict=True)
    ]
    columns.append(("most real,\nby ascent", ascended))
    figure = Figure(
        figsize=(0.95 * len(columns) + 0.8, 0.95 * len(names) + 1.2), dpi=110, layout="constrained"
    )
    grid = figure.subplots(len(names), len(columns), squeeze=False)
    for row, name in enumerate(names):
        grid[row, 0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
        for axes, (heading, found) in zip(grid[row], columns, strict=True):
            _show(axes, found[row])
            if row == 0:
                axes.set_title(heading, fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.supxlabel("maps from 0 (dark) to 1 (bright), each on a scale of its own", fontsize=8)
    return figure


def _show(axes, picture):
    if picture.dtype == np.uint8:
        axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
    else:
        axes.imshow(picture, cmap="inferno", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])


def run() -> None:
    """Draws what the flags say.

    Raises:
        ValueError: If something that is named does not fit.
    """
    discriminator = load_discriminator(DISCRIMINATOR.value)
    _, side, _, channels = discriminator.input["images"].shape
    real = sources.load(DATASET.value, side, channels)
    labels = np.arange(ROWS.value) % real.num_classes
    conditional = "labels" in discriminator.input
    if conditional and discriminator.spec.num_classes != real.num_classes:
        raise ValueError(
            f"--dataset must have the network's {discriminator.spec.num_classes} classes. "
            f"Received: {DATASET.value} with {real.num_classes}."
        )
    given = labels if conditional else None
    rows = [np.flatnonzero(real.labels == label)[number] for number, label in enumerate(labels)]
    kinds = {"real": maps(discriminator, np.asarray(real.images[rows]), given)}
    if GENERATOR.value:
        kinds["generated"] = maps(discriminator, _generated(side, labels), given)
    found = [vis.most_real(discriminator, int(n) if conditional else None) for n in labels]
    names = [real.class_names[label] for label in labels]
    title = f"What {pathlib.Path(DISCRIMINATOR.value).parent.name}'s discriminator looks at"
    figure = draw(kinds, pictures.to_uint8(np.stack(found)), names, title)
    output = pathlib.Path(OUTPUT.value)
    output.parent.mkdir(parents=True, exist_ok=True)
    sheets.write(output, figure)
    print(f"Wrote {output}")


def _generated(side, labels):
    """One image per row, of its class if there are classes."""
    name = GENERATOR.value
    generator = load_generator(name) if name.endswith(".keras") else from_preset(name)
    if generator.outputs[0].shape[1] != side:
        raise ValueError(
            f"--generator must draw images of {side} pixels, which the discriminator takes. "
            f"Received: {name}, which draws {generator.outputs[0].shape[1]}."
        )
    inputs = sampling.inputs(generator, len(labels), seed=0)
    return sampling.generate(generator, inputs | ({"labels": labels} if "labels" in inputs else {}))


def main(argv: list[str]) -> None:
    """Draws, or ends with one line of what is wrong."""
    try:
        if argv[1:]:
            raise ValueError(f"Flags begin with --. Received: {' '.join(argv[1:])}.")
        run()
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    # Not at import: other programs have flags of such names.
    DISCRIMINATOR = flags.DEFINE_string("discriminator", None, "A .keras file.", required=True)
    GENERATOR = flags.DEFINE_string(
        "generator",
        None,
        "A .keras file or a preset, whose images are looked at too. Presets that come along: "
        + ", ".join(presets.names()),
    )
    DATASET = flags.DEFINE_string("dataset", "digits", "The real images.")
    OUTPUT = flags.DEFINE_string("output", "seen.png", "The sheet.")
    ROWS = flags.DEFINE_integer("rows", 8, "Images of each kind, classes by turns.", lower_bound=1)
    app.run(main)
