"""Figures for people: sample sheets, curves, and the film of a training run. Matplotlib."""

import io
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from tfgan_zoo import pictures


def sample_sheet(
    images: np.ndarray, title: str, rows: tuple[str, ...] | None, columns: str
) -> Figure:
    """A grid of uint8 images [rows, columns, H, W, C].

    Args:
        images: The images, row by row.
        title: Above the grid.
        rows: Name of each row, or None.
        columns: What changes along a row.
    """
    height, width = images.shape[0], images.shape[1]
    flat = images.reshape(-1, *images.shape[2:])
    picture = pictures.grid(flat, columns=width)
    inches = max(3.0, 0.62 * width + 0.3), 0.62 * height + 0.6
    figure = Figure(figsize=inches, dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(columns, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    if rows:
        step = picture.shape[0] / height
        axes.set_yticks([(number + 0.5) * step for number in range(height)], rows, fontsize=9)
        axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def curves(
    rows: list[dict], names: dict[str, str], title: str, y: str, log: bool = False
) -> Figure:
    """Quantities of `rows` over their "step".

    Args:
        rows: Of a JSON lines file.
        names: {key in the rows: label of its line}.
        title: Above the axes.
        y: Name and unit of the vertical axis.
        log: Whether it is logarithmic.
    """
    figure = Figure(figsize=(5.6, 3.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    for key, label in names.items():
        points = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
        if points:
            marker = "o" if len(points) < 30 else None
            axes.plot(*zip(*points, strict=True), label=label, linewidth=1.2, marker=marker, ms=3)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    if log:
        axes.set_yscale("log")
    if len(names) > 1:
        axes.legend(fontsize=8)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def write(path: pathlib.Path, figure: Figure) -> None:
    """Writes the figure as a PNG file, under a temporary name until it is complete."""
    temporary = path.with_name(f"tmp-{path.name}")
    temporary.write_bytes(png(figure))
    os.replace(temporary, path)


def film(path: pathlib.Path, sheets: list[pathlib.Path]) -> None:
    """Writes an animation of PNG files of one size."""
    frames = [np.asarray(Image.open(sheet).convert("RGB")) for sheet in sheets]
    if frames:
        pictures.write_gif(path, np.stack(frames + frames[-1:] * 4), seconds_per_frame=0.4)
