r"""The toy experiments of GP-WIRGAN: what clipped and penalised critics learn of points.

    python -m recipes.toys --runs=runs/toys --results=recipes/results/wirgan --seeds=0,1,2,3,4

Trains what is missing and writes a page, a CSV file and pictures in the layout of the paper.
Paper: Feng et al., 2020, Chinese Journal of Computers 43(2), section 4.3.2, Figs. 4-6. What it
leaves open is as in the code of Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.
"""

import itertools
import pathlib

import numpy as np
from absl import app, flags
from matplotlib.figure import Figure

from recipes import scores, sheets, tables
from recipes.toy_runs import (
    BATCH,
    D_STEPS,
    GENERATORS,
    METHODS,
    REACH,
    SAMPLES,
    SIDE,
    Run,
    all_runs,
    grid,
    train_missing,
)
from tfgan_zoo.data import points
from tfgan_zoo.metrics.points import energy_distance, high_quality_share, modes_covered
from tfgan_zoo.training.checkpoints import replace_text

WITHIN = 10.0  # standard deviations from a centre that still count; 3 is usual
NAMES = {
    "clip": "clipping",
    "penalty": "penalty",
    "noise": "no generator",
    "t1": "T = 1",
    "t3": "T = 3",
    "swiss-roll": "Swiss roll",
    "8-gaussians": "8 Gaussians",
    "25-gaussians": "25 Gaussians",
}
FIGURES = {"noise": 4, "t1": 5, "t3": 6}  # their numbers in the paper
SCORES = {  # name: (title, whether less is better)
    "energy": ("energy distance", True),
    "modes": (f"modes, {WITHIN:g} sigma", False),
    "strict": ("modes, 3 sigma", False),
    "good": (f"within {WITHIN:g} sigma", False),
    "usual": ("within 3 sigma", False),
}
SIMPLE = {
    "bend": ("clipped has straighter level lines: curvature", True),
    "quadratic": ("clipped has lower moments: quadratic R2", False),
}
FOLLOWS = {"above": ("penalised follows the data: data above ground", False)}


class Results:
    """The files of the seeds that are complete, and their scores.

    Args:
        runs: Of all seeds, those without a file too.
        folder: Of the files.
    """

    def __init__(self, runs: list[Run], folder: pathlib.Path):
        by_seed = {run.seed: [other for other in runs if other.seed == run.seed] for run in runs}
        self.runs = [
            run
            for whole in by_seed.values()
            if all((folder / run.file).exists() for run in whole)
            for run in whole
        ]
        self.seeds = sorted({run.seed for run in self.runs})
        if not self.runs:
            raise ValueError(f"No seed is complete in {folder}. Train first: drop --notrain.")
        self.kept = {_key(run): dict(np.load(folder / run.file)) for run in self.runs}
        self.scores = {}
        with scores.progress(len(self.runs), "score") as bar:
            for run in self.runs:
                self.scores[_key(run)] = score(run, self.kept[_key(run)])
                bar.update()

    def values(self, data: str, method: str, generator: str, metric: str) -> list[float]:
        """Of all seeds; empty if it is not measured there."""
        found = (self.scores[data, method, generator, seed] for seed in self.seeds)
        return [each[metric] for each in found if metric in each]


def _key(run):
    return run.data, run.method, run.generator, run.seed


def score(run: Run, kept: dict[str, np.ndarray]) -> dict[str, float]:
    """All numbers of a run."""
    real = points.sample(run.data, SAMPLES, (run.seed, 3))
    found = shape(kept["grid"], real)
    found["estimate"] = float(np.mean(kept["estimates"][-50:]))
    return found | (_quality(run.data, kept["points"], real) if GENERATORS[run.generator] else {})


def _quality(data, found, real):
    """How good points are: one number for each of `SCORES`; of the Swiss roll the first alone."""
    values = {"energy": energy_distance(found, real)}
    if data in points.GAUSSIANS:
        about = points.GAUSSIANS[data].centres, points.GAUSSIANS[data].std
        values["modes"], _ = modes_covered(found, *about, within=WITHIN)
        values["strict"], _ = modes_covered(found, *about, within=3.0)
        values["good"] = high_quality_share(found, *about, within=WITHIN)
        values["usual"] = high_quality_share(found, *about)
    return values


def shape(values: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """What a critic looks like in the smallest rectangle around the real points.

    Args:
        values: [128, 128] of the critic on `grid()`.
        real: [N, 2].

    Returns:
        "bend": median curvature of the level lines, the inverse of a radius; 0 if they are
        straight. "quadratic": share of the variance that a quadratic function of the coordinates
        explains. "above": chance that the critic is higher at a real point than at any point
        there; 1/2 for one that knows nothing.
    """
    values, places = values.astype(np.float64), grid().astype(np.float64)
    inside = np.all((places >= real.min(axis=0)) & (places <= real.max(axis=0)), axis=1)
    (x, y), critic = places[inside].T, values.ravel()[inside]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    rest = critic - terms @ np.linalg.lstsq(terms, critic, rcond=None)[0]
    columns = np.rint((real + REACH) / (2 * REACH) * (SIDE - 1)).astype(int)
    at_real, ranked = values[columns[:, 1], columns[:, 0]], np.sort(critic)
    below, up_to = (np.searchsorted(ranked, at_real, side) for side in ("left", "right"))
    return {
        "bend": float(np.median(_curvature(values).ravel()[inside])),
        "quadratic": float(1.0 - np.var(rest) / np.var(critic)),
        "above": float(np.mean(below + up_to) / (2 * len(critic))),
    }


def _curvature(values):
    """|fxx fy^2 - 2 fxy fx fy + fyy fx^2| / |gradient|^3 by differences; 0 where it is flat."""
    step = 2.0 * REACH / (SIDE - 1)
    fy, fx = np.gradient(values, step)
    fxy, fxx = np.gradient(fx, step)
    fyy, _ = np.gradient(fy, step)
    cubes = (fx**2 + fy**2) ** 1.5
    bends = np.abs(fxx * fy**2 - 2.0 * fxy * fx * fy + fyy * fx**2)
    return np.divide(bends, cubes, out=np.zeros_like(bends), where=cubes > 0)


def table(results: Results) -> list[dict[str, str]]:
    """One line per configuration: means and standard deviations over the seeds."""
    lines = []
    for data, generator, method in itertools.product(points.SETS, GENERATORS, METHODS):

        def cell(metric, place=(data, method, generator)):
            return tables.spread(results.values(*place, metric))

        lines.append(
            {
                "data": NAMES[data],
                "generator": NAMES[generator],
                "critic": NAMES[method],
                **{title: cell(metric) for metric, (title, _) in SCORES.items()},
                "curvature": cell("bend"),
                "quadratic R2": cell("quadratic"),
                "data above ground": cell("above"),
                "W estimate": cell("estimate"),
            }
        )
    return lines


def floors(results: Results) -> list[dict[str, str]]:
    """What points reach that are real, and that are anywhere around the real ones."""
    lines = []
    for data in points.SETS:
        pairs = []
        for seed in results.seeds:
            real = points.sample(data, SAMPLES, (seed, 3))
            anywhere = np.random.default_rng((seed, 4)).uniform(
                real.min(axis=0), real.max(axis=0), real.shape
            )
            pairs.append((points.sample(data, SAMPLES, (seed, 4)), anywhere, real))
        for number, name in enumerate(("other real points", "points anywhere around them")):
            found = [_quality(data, pair[number], pair[2]) for pair in pairs]
            lines.append(
                {
                    "data": NAMES[data],
                    "points": name,
                    **{
                        title: tables.spread([each[metric] for each in found if metric in each])
                        for metric, (title, _) in SCORES.items()
                    },
                }
            )
    return lines


def claims(results: Results) -> list[dict[str, str]]:
    """The paper's claims on the generated points, with verdicts."""
    lines = []
    generators = [name for name, steps in GENERATORS.items() if steps]
    for data, generator in itertools.product(points.SETS, generators):
        claim = f"{NAMES[data]}, {NAMES[generator]}: the penalty is better than clipping"
        pair = (data, "penalty", generator), (data, "clip", generator)
        lines.append({"claim": claim, **_judge(results, *pair, SCORES)})
    for data, method in itertools.product(points.SETS, METHODS):
        claim = f"{NAMES[data]}, {NAMES[method]}: T = 3 is better than T = 1"
        pair = (data, method, "t3"), (data, method, "t1")
        lines.append({"claim": claim, **_judge(results, *pair, SCORES)})
    return lines


def level_lines(results: Results) -> list[dict[str, str]]:
    """The paper's claims on the critics: simple ones if clipped, shaped like the data if not."""
    lines = []
    for data, generator in itertools.product(points.SETS, GENERATORS):
        clip, penalty = ((data, method, generator) for method in METHODS)
        lines.append(
            {
                "data and generator": f"{NAMES[data]}, {NAMES[generator]}",
                **_judge(results, clip, penalty, SIMPLE),
                **_judge(results, penalty, clip, FOLLOWS),
            }
        )
    return lines


def _judge(results, better, worse, metrics):
    """A verdict for each score; none where it is not measured."""
    return {
        title: tables.verdict(*pair, lower) if all(pair) else ""
        for metric, (title, lower) in metrics.items()
        for pair in [[results.values(*place, metric) for place in (better, worse)]]
    }


def picture(results: Results, generator: str) -> Figure:
    """Level lines of the critics, over real points and darker generated ones."""
    figure = Figure(figsize=(10.2, 7.2), dpi=110, layout="constrained")
    seed = results.seeds[0]
    ticks = grid()[:SIDE, 0]
    for row, method in zip(figure.subplots(2, 3), METHODS, strict=True):
        for axes, data in zip(row, points.SETS, strict=True):
            kept = results.kept[data, method, generator, seed]
            real = points.sample(data, 1500, (seed, 3))
            axes.plot(*real.T, ".", color="#b0b0b0", markersize=2.5, zorder=1)
            if GENERATORS[generator]:
                axes.plot(*kept["points"][:1500].T, ".", color="#08306b", markersize=2, zorder=2)
            axes.contour(
                ticks, ticks, kept["grid"], 14, cmap="autumn", linewidths=0.9, alpha=0.85, zorder=3
            )
            axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
            axes.set_title(f"{NAMES[data]}, {NAMES[method]}", fontsize=10)
            axes.tick_params(labelsize=8)
    steps = len(kept["estimates"])
    generated = ", generated ones blue" if GENERATORS[generator] else ""
    told = (
        f"level lines of the critic (red: low), real points grey{generated}; "
        f"seed {seed}, {steps} steps of {D_STEPS} critic updates"
    )
    figure.suptitle(
        f"Fig. {FIGURES[generator]} of GP-WIRGAN, {NAMES[generator]}\n{told}", fontsize=10
    )
    return figure


def progress(results: Results) -> Figure:
    """Energy distance of the generated points over the steps: mean and range of the seeds."""
    figure = Figure(figsize=(10.2, 3.6), dpi=110, layout="constrained")
    kinds = list(itertools.product(METHODS, [name for name, t in GENERATORS.items() if t]))
    for axes, data in zip(figure.subplots(1, 3, sharey=True), points.SETS, strict=True):
        for method, generator in kinds:
            curves = []
            for seed in results.seeds:
                kept = results.kept[data, method, generator, seed]
                real = points.sample(data, kept["snapshots"].shape[1], (seed, 3))
                curves.append([energy_distance(found, real) for found in kept["snapshots"]])
            steps = kept["snapshot_steps"]
            label = f"{NAMES[method]}, {NAMES[generator]}"
            (line,) = axes.plot(steps, np.mean(curves, axis=0), marker="o", ms=3, label=label)
            low, high = np.min(curves, axis=0), np.max(curves, axis=0)
            axes.fill_between(steps, low, high, alpha=0.15, color=line.get_color(), linewidth=0)
        axes.set_yscale("log")
        axes.set_title(NAMES[data], fontsize=10)
        axes.set_xlabel("step", fontsize=9)
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].set_ylabel("energy distance", fontsize=9)
    figure.axes[0].legend(fontsize=7)
    figure.suptitle(
        f"Generated points during training: mean and range of {len(results.seeds)} seeds, "
        "2,000 points, for which real ones have 0.002",
        fontsize=10,
    )
    return figure


PROTOCOL = """\
Clipping is RMSProp 5e-5 with weights in [-0.01, 0.01], penalty is Adam 1e-4 (0.5, 0.9) with weight
0.1: the optimizer differs too, as in the paper. Networks of 3 hidden layers of 512 units (528,898
parameters of f, 527,874 of g, 527,361 of the critic), batch {batch}, {d_steps} critic updates per
step, seeds {seeds}; ± is the standard deviation over them. **{steps} steps for both, {critic}
critic updates where there is no generator**: the code this follows has 100,000, so what learns
faster looks better here. Without a generator, fake points are real ones plus N(0, I).

{samples} generated points: a Gaussian is a mode that is met if more than 20 are within 10 (or 3)
sigma of it. Energy distance: from {samples} real points, V-statistic. In the smallest rectangle
around the real points: curvature, the median over a grid of that of the critic's level lines (0:
straight pieces, 1/r: circles); quadratic R2, the share of its variance that a quadratic function of
the coordinates explains, so moments up to the second; data above ground, the chance that it is
higher at a real point than anywhere there (1/2: it knows nothing, as it may where the generator is
right). W estimate: mean of the last 50 steps; the critics' scales differ, so only alike ones
compare. A verdict needs a difference of two standard errors.

"""


def page(results: Results, lines: list[dict[str, str]], steps: int) -> str:
    """The page in Markdown."""
    protocol = PROTOCOL.format(
        batch=BATCH,
        d_steps=D_STEPS,
        seeds=", ".join(map(str, results.seeds)),
        steps=f"{steps:,}",
        critic=f"{max(steps // 2, 1) * D_STEPS:,}",
        samples=f"{SAMPLES:,}",
    )
    parts = [
        "# Toy distributions: Figs. 4-6 of GP-WIRGAN\n\n",
        protocol,
        tables.markdown(lines),
        "\n## What can be reached, and what chance reaches\n\n",
        tables.markdown(floors(results)),
        "\n## Claims on the generated points\n\n",
        tables.markdown(claims(results)),
        "\n## Claims on the critics\n\n",
        tables.markdown(level_lines(results)),
        "\n",
        *(f"![Fig. {number}](toys-fig{number}.png)\n" for number in FIGURES.values()),
        "![During training](toys-progress.png)\n",
    ]
    return "".join(parts)


def write(results: Results, folder: pathlib.Path, steps: int) -> None:
    """Writes the page, the CSV file and the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = table(results)
    pictures = {f"fig{FIGURES[name]}": picture(results, name) for name in GENERATORS}
    for name, figure in {**pictures, "progress": progress(results)}.items():
        sheets.write(folder / f"toys-{name}.png", figure)
    replace_text(folder / "toys.csv", tables.csv_text(lines))
    replace_text(folder / "toys.md", page(results, lines, steps))


def main(argv):
    """Trains what is missing, then writes about it."""
    del argv
    runs = all_runs(list(map(int, SEEDS.value)), STEPS.value)
    folder = pathlib.Path(RUNS.value)
    if TRAIN.value:
        train_missing(runs, folder, JOBS.value)
    results = pathlib.Path(RESULTS.value)
    tables.write_or_exit(lambda: write(Results(runs, folder), results, STEPS.value))
    print(f"Written: {RESULTS.value}/toys.md, toys.csv and pictures.")


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    RUNS = flags.DEFINE_string("runs", "runs/toys", "Folder of the runs.")
    RESULTS = flags.DEFINE_string(
        "results", "recipes/results/wirgan", "Folder of page and pictures."
    )
    SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Of each configuration.")
    STEPS = flags.DEFINE_integer("steps", 1000, "Generator steps of each run.", lower_bound=1)
    JOBS = flags.DEFINE_integer("jobs", 2, "Runs at a time, one CPU thread each.", lower_bound=1)
    TRAIN = flags.DEFINE_bool("train", True, "False: write about the seeds that are complete.")
    app.run(main)
