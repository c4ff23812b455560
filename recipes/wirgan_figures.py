"""Pictures of recipes.wirgan_tables."""

import statistics

import keras
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from recipes import scores, sheets, tables
from recipes.run_directory import RunDirectory
from tfgan_zoo import sampling

SEED = 7  # of all latents
COLUMNS = 10
SHOWN = 4  # sheets of samples beside the curve of Figure 14


def process(generator: keras.Model, title: str) -> Figure:
    """Figures 8 to 11: canvases, a row per sample, a column per step."""
    inputs = scores.generator_inputs(generator, COLUMNS, SEED)
    drawn = sampling.generate(generator.canvases(), inputs)
    what = f"canvas after step 1 (left) to {drawn.shape[1]} (right), the image"
    return sheets.sample_sheet(drawn, title, None, what)


def many(generator: keras.Model, title: str) -> Figure:
    """Figure 15: a sheet of samples."""
    images = sampling.generate(generator, scores.generator_inputs(generator, 10 * COLUMNS, SEED))
    images = images.reshape(-1, COLUMNS, *images.shape[1:])
    return sheets.sample_sheet(images, title, None, "independent samples")


def side_by_side(generators: dict[str, keras.Model], title: str) -> Figure:
    """Figures 12 and 13: samples of several models, a panel each."""
    panels = {}
    for name, generator in generators.items():
        images = sampling.generate(generator, scores.generator_inputs(generator, 64, SEED))
        panels[name] = sheets.grid(images.reshape(8, 8, *images.shape[1:]))
    figure = Figure(figsize=(3.6 * len(panels), 4.2), dpi=110, layout="constrained")
    for axes, (name, picture) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        sheets.show(axes, picture)
        axes.set_title(name, fontsize=10)
    figure.suptitle(title, fontsize=11)
    return figure


def ratios(lines: list[dict], title: str) -> Figure:
    """GAM: r_sample of all seeds on a logarithmic axis; above 1 the second model wins."""
    figure = Figure(figsize=(7.6, 0.5 * len(lines) + 1.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    for number, line in enumerate(lines):
        values = [float(text) for text in line["r_sample"].split(", ")]
        winners = line["winner"].split(", ")
        for value, winner in zip(values, winners, strict=True):
            color = {"unfair": "#bbbbbb", "tie": "#9ecae1"}.get(winner, "#08519c")
            axes.plot(value, number, "o", color=color, markersize=6)
        axes.plot([float(line["geometric mean r_sample"])] * 2, [number - 0.3, number + 0.3], "k-")
    for name, color in (("decided", "#08519c"), ("tie", "#9ecae1"), ("unfair", "#bbbbbb")):
        axes.plot([], [], "o", color=color, label=name)
    axes.axvline(1.0, color="#888888", linewidth=1, linestyle="--")
    axes.set_xscale("log")
    tables.plain(axes.xaxis)
    names = [f"{line['data']}: {line['M1']} / {line['M2']}" for line in lines]
    axes.set_yticks(range(len(lines)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("r_sample: below 1 the first model wins, above 1 the second", fontsize=9)
    axes.set_title(f"{title}\na dot is a seed, a line the geometric mean", fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3, axis="x")
    return figure


def inception_scores(lines: list[dict], context: list[dict]) -> Figure:
    """Figure 7: the scores that the paper compares with, and ours on other data beside them."""
    figure = Figure(figsize=(9.6, 3.8), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [row["model"] for row in context]
    left.barh(names, [row["score"] for row in context], color="#9ecae1")
    left.invert_yaxis()
    left.set_title("Of papers, CIFAR-10, Inception", fontsize=10)
    names = [f"{line['data']}: {line['model']}" for line in lines]
    parts = [[float(part) for part in line["IS"].split(" ± ")] for line in lines]
    values, errors = [part[0] for part in parts], [sum(part[1:]) for part in parts]
    right.barh(names, values, xerr=errors, color="#3182bd")
    right.invert_yaxis()
    right.set_title("Ours, another network: not comparable", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel("Inception Score, higher is better", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3, axis="x")
    return figure


def loss_and_quality(run: RunDirectory) -> list[tuple[float, float, int]]:
    """(estimate of the distance, FID, step) at all scored steps of a run."""
    estimates = {row["step"]: -row["d_loss"] for row in run.rows("log.jsonl")}
    return [
        (estimates[record["step"]], record["value"], record["step"])
        for record in run.rows("scores.jsonl")
        if record["metric"] == "fid" and record["step"] in estimates
    ]


def rank_correlation(first: list[float], second: list[float], *others: object) -> float:
    """Spearman's, of values without ties."""
    ranks = [np.argsort(np.argsort(values)).tolist() for values in (first, second)]
    return statistics.correlation(*ranks)


def loss_figure(folder, curve: list[tuple[float, float, int]], title: str) -> Figure:
    """Figure 14: the discriminator's estimate and FID over training, and samples on the way."""
    figure = Figure(figsize=(10.0, 6.6), dpi=110, layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.1, 1.0])
    axes = upper.subplots()
    estimates, distances, steps = zip(*curve, strict=True)
    axes.plot(steps, estimates, "o-", ms=4, color="#08519c", label="estimate, left")
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel("minus the discriminator's loss without penalty", fontsize=9)
    other = axes.twinx()
    other.plot(steps, distances, "s--", ms=4, color="#e6550d", label="FID, right")
    other.set_yscale("log")
    tables.plain(other.yaxis)
    other.set_ylabel("FID, lower is better", fontsize=9)
    handles = [*axes.get_lines(), *other.get_lines()]
    axes.legend(handles, [handle.get_label() for handle in handles], fontsize=8)
    axes.grid(alpha=0.3)
    axes.set_title(title, fontsize=10)
    paths = sorted(folder.glob("samples/step-*.png"))[1:]
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(SHOWN, len(paths))).astype(int)]
    for panel, path in zip(lower.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True):
        sheets.show(panel, np.asarray(Image.open(path).convert("RGB")))
        panel.set_title(f"step {int(path.stem[5:])}", fontsize=9)
    return figure
