"""Figures for people: sheets of images, curves, and the film of a training run. Matplotlib."""

import io
import math
import os
import pathlib
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tfgan_zoo import pictures

DPI = 110
CHARACTER = 0.075  # inches that one takes at size 9 or 10, more or less


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
    height, width = images.shape[:2]
    cell = _cell(images)
    names = CHARACTER * max(map(len, rows or [""]))
    inches = max(3.0, cell * width + names + 0.5)
    title, columns = _wrapped(title, inches), _wrapped(columns, inches)
    lines = title.count("\n") + columns.count("\n")
    figure = Figure(
        figsize=(inches, cell * height + 0.6 + 0.17 * lines), dpi=DPI, layout="compressed"
    )
    axes = figure.subplots()
    show(axes, grid(images), rows)
    figure.suptitle(title, fontsize=10)
    figure.supxlabel(columns, fontsize=9)
    return figure


def neighbour_sheet(
    samples: np.ndarray, found: dict[str, np.ndarray], title: str, caption: str
) -> Figure:
    """Samples, and beside each of them its nearest real images.

    Args:
        samples: uint8 [rows, H, W, C].
        found: {what was compared: uint8 [rows, neighbours, H, W, C], the nearest first}.
        title: Above all.
        caption: Below all.
    """
    panels = {"sample": samples[:, None], **found}
    grids = {name: grid(images) for name, images in panels.items()}
    cell = _cell(samples[None])
    columns = sum(images.shape[1] for images in panels.values())
    inches = max(5.0, cell * columns + 0.4 * len(panels))
    title, caption = _wrapped(title, inches), _wrapped(caption, inches)
    lines = title.count("\n") + caption.count("\n")
    figure = Figure(
        figsize=(inches, cell * len(samples) + 1.0 + 0.17 * lines), dpi=DPI, layout="compressed"
    )
    figure.get_layout_engine().set(w_pad=0.12)
    widths = [picture.shape[1] for picture in grids.values()]  # so that all rows are level
    parts = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
    for axes, (name, picture) in zip(parts, grids.items(), strict=True):
        show(axes, picture)
        axes.set_title(name, fontsize=9)
    figure.suptitle(title, fontsize=10)
    figure.supxlabel(caption, fontsize=9)
    return figure


def confusion(shares: np.ndarray, names: tuple[str, ...], title: str, caption: str) -> Figure:
    """A matrix of shares [asked for, seen], each row with a sum of 1, as colours and numbers."""
    count = len(names)
    side = min(10.0, max(4.0, 0.42 * count))
    title, caption = _wrapped(title, side + 1.4), _wrapped(caption, side + 1.4)
    lines = title.count("\n") + caption.count("\n")
    figure = Figure(figsize=(side + 1.4, side + 0.9 + 0.17 * lines), dpi=DPI, layout="compressed")
    axes = figure.subplots()
    picture = axes.imshow(100.0 * shares, cmap="Blues", vmin=0.0, vmax=100.0)
    ticks = range(0, count, -(-count // 25))  # at most 25 names have room
    upright = max(map(len, names)) > 3
    axes.set_xticks(ticks, [names[i] for i in ticks], fontsize=8, rotation=90 if upright else 0)
    axes.set_yticks(ticks, [names[i] for i in ticks], fontsize=8)
    if count <= 25:
        for (row, column), share in np.ndenumerate(shares):
            color = "white" if share > 0.55 else "black" if share > 0.005 else "0.7"
            number = f"{100.0 * share:.0f}"
            axes.text(column, row, number, ha="center", va="center", fontsize=7, color=color)
    axes.set_ylabel("class asked for", fontsize=9)
    axes.set_xlabel("class that the feature network sees", fontsize=9)
    figure.supxlabel(caption, fontsize=9)
    bar = figure.colorbar(picture, ax=axes, shrink=0.75)
    bar.set_label("share of the row, %", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=10)
    return figure


def truncation_curves(points: list[dict], title: str) -> Figure:
    """FID and Inception Score over the truncation threshold.

    Args:
        points: {"truncation": threshold or None, "fid", "inception_score",
            "inception_score_std"} each.
        title: Above the axes.
    """
    points = _ordered(points)
    at = [_position(point, points) for point in points]
    figure = Figure(figsize=(5.6, 4.6), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(at, [point["fid"] for point in points], "o-", linewidth=1.2, ms=4)
    upper.set_ylabel("FID (lower is better)", fontsize=9)
    lower.errorbar(
        at,
        [point["inception_score"] for point in points],
        [point["inception_score_std"] for point in points],
        fmt="o-",
        color="C1",
        linewidth=1.2,
        ms=4,
        capsize=3,
    )
    lower.set_ylabel("Inception Score\n(higher is better)", fontsize=9)
    lower.set_xscale("log")
    lower.set_xticks(at, [_threshold(point) for point in points])
    lower.set_xticks([], minor=True)
    lower.set_xlabel("truncation threshold; bars: deviation of 10 splits", fontsize=9)
    for axes in (upper, lower):
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    figure.suptitle(_wrapped(title, 5.6), fontsize=10)
    return figure


def trade_off(points: list[dict], title: str) -> Figure:
    """FID over Inception Score, a point for each threshold: `points` as in `truncation_curves`.

    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Appendix D, Figure 17.
    """
    points = _ordered(points)
    figure = Figure(figsize=(5.6, 4.0), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    x, y = ([point[name] for point in points] for name in ("inception_score", "fid"))
    axes.plot(x, y, "o-", linewidth=1.2, ms=4)
    for point in points:
        place = (point["inception_score"], point["fid"])
        axes.annotate(
            _threshold(point), place, (6, 5), textcoords="offset points", fontsize=8, color="0.25"
        )
    axes.margins(0.12)
    axes.set_xlabel("Inception Score (higher is better)", fontsize=9)
    axes.set_ylabel("FID (lower is better)", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    figure.suptitle(_wrapped(title, 5.6), fontsize=10)
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
    """Writes an animation of PNG files, all in the size of the last one."""
    opened = [Image.open(sheet).convert("RGB") for sheet in sheets]
    frames = [np.asarray(frame.resize(opened[-1].size)) for frame in opened]
    if frames:
        pictures.write_gif(path, np.stack(frames + frames[-1:] * 4), seconds_per_frame=0.4)


def film_of_ways(path: pathlib.Path, ways: np.ndarray) -> None:
    """Writes a film of uint8 images [rows, steps, H, W, C]: all rows at once, there and back.

    Args:
        path: Its suffix is the format, .gif or .mp4.
        ways: The images.
    """
    columns = -(-len(ways) // 2) if len(ways) > 4 else len(ways)
    there = [pictures.grid(ways[:, step], columns) for step in range(ways.shape[1])]
    frames = np.stack(there + there[-2:0:-1])
    scale = max(1, round(96 / max(ways.shape[2:4])))
    write_film = {".gif": pictures.write_gif, ".mp4": pictures.write_mp4}[path.suffix]
    write_film(path, frames, seconds_per_frame=0.08, scale=scale)


def _cell(images: np.ndarray) -> float:
    """Inches for the longer side of an image: all its pixels, or large enough to see it."""
    return max(0.62, max(images.shape[2:4]) / DPI)


def _wrapped(text: str, inches: float) -> str:
    width = int(inches / CHARACTER)
    return "\n".join(textwrap.fill(line, width) for line in text.split("\n"))


def grid(images: np.ndarray) -> np.ndarray:
    """uint8 images [rows, columns, H, W, C] as one picture."""
    return pictures.grid(images.reshape(-1, *images.shape[2:]), columns=images.shape[1])


def show(axes: Axes, picture: np.ndarray, rows: tuple[str, ...] | None = None) -> None:
    """Draws a picture without axes, with names of its rows."""
    axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    if rows:
        step = picture.shape[0] / len(rows)
        axes.set_yticks([(number + 0.5) * step for number in range(len(rows))], rows, fontsize=9)
        axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _ordered(points: list[dict]) -> list[dict]:
    """By threshold, none being the largest."""
    return sorted(points, key=lambda point: point["truncation"] or math.inf)


def _position(point: dict, points: list[dict]) -> float:
    """Where on an axis: no threshold is drawn to the right of the largest one."""
    largest = max((other["truncation"] or 0.0 for other in points), default=0.0)
    return point["truncation"] or 2.0 * (largest or 1.0)


def _threshold(point: dict) -> str:
    return "none" if point["truncation"] is None else f"{point['truncation']:g}"
