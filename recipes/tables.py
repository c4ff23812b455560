"""Tables of small experiments: runs of recipes for rows and seeds, and verdicts on claims."""

import concurrent.futures
import csv
import dataclasses
import io
import math
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Callable

import keras
import numpy as np
from absl import flags
from keras.models import load_model
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, StrMethodFormatter

import tfgan_zoo  # noqa: F401  Keras then knows the classes of the networks in files.
from recipes import scores
from recipes.run_directory import RunDirectory
from tfgan_zoo.training.checkpoints import replace_text

FLAGFILES = pathlib.Path(__file__).parent / "flagfiles"


@dataclasses.dataclass(frozen=True)
class Row:
    """One configuration: a recipe, its flags, and what the paper has for it."""

    name: str
    what: str
    flags: tuple[str, ...] = ()
    paper: str = ""
    recipe: str = "biggan"
    may_fail: bool = False  # whether stopping early is one of the results


@dataclasses.dataclass(frozen=True)
class Claim:
    """That one row has a lower (or higher) score than another; `paper` is its statement."""

    paper: str
    better: str
    worse: str
    metric: str = "fid"
    lower: bool = True


class Lab:
    """Runs what is missing, resumes what was interrupted, and remembers what is there.

    Args:
        folder: Of the runs: one folder per row and seed.
        base: Flags of all rows; a row's own come after them and win.
        seeds: Of each row.
        jobs: Processes at a time.
        threads: Of each process.
    """

    def __init__(
        self, folder: str, base: tuple[str, ...], seeds: list[int], jobs: int, threads: int
    ):
        self.folder = pathlib.Path(folder)
        self.base = base
        self.seeds = seeds
        self.jobs = jobs
        self.threads = threads

    def run(self, row: Row, seed: int) -> RunDirectory:
        """The folder of one run, which may not be there yet."""
        return RunDirectory(str(self.folder / f"{row.name}-seed{seed}"))

    def train(self, rows: list[Row]) -> None:
        """Trains all rows with all seeds, seed by seed.

        Raises:
            RuntimeError: If a run fails that should not.
        """
        self._all(self._train, rows, lambda row, seed: not self._done(row, seed))

    def _all(self, do, rows, needed):
        """Calls do(row, seed) for all that are needed, seed by seed, several at a time."""
        todo = [(row, seed) for seed in self.seeds for row in rows if needed(row, seed)]
        with (
            scores.progress(len(todo), "run") as bar,
            concurrent.futures.ThreadPoolExecutor(self.jobs) as pool,
        ):
            for _ in pool.map(lambda job: do(*job), todo):
                bar.update()

    def _done(self, row, seed):
        return (self.run(row, seed).path / "finished.txt").exists()

    def _train(self, row, seed):
        run = self.run(row, seed)
        done = self._call(row, seed, *self.base, *row.flags, f"--seed={seed}")
        if done.returncode and not (row.may_fail and "Stopped:" in done.stderr):
            raise RuntimeError(f"{' '.join(done.args)} failed:\n{done.stderr[-3000:]}")
        replace_text(run / "finished.txt", done.stderr[-2000:] if done.returncode else "to the end")

    def _call(self, row, seed, *flags):
        return subprocess.run(
            [
                sys.executable,
                "-m",
                f"recipes.{row.recipe}",
                *flags,
                f"--run_dir={self.run(row, seed).path}",
            ],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "TF_NUM_INTRAOP_THREADS": str(self.threads),
                "TF_NUM_INTEROP_THREADS": str(self.threads),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
        )

    def sample(self, rows: list[Row], made: str, *flags: str) -> None:
        """Runs --mode=sample with `flags` on all runs whose sheets/`made` is missing.

        Raises:
            RuntimeError: If one fails.
        """

        def draw(row, seed):
            done = self._call(row, seed, "--mode=sample", *flags)
            if done.returncode:
                raise RuntimeError(f"{' '.join(done.args)} failed:\n{done.stderr[-3000:]}")

        def missing(row, seed):
            return not (self.run(row, seed).path / "sheets" / made.format(seed=seed)).exists()

        self._all(draw, rows, missing)

    def generator(self, row: Row, seed: int) -> keras.Model:
        """Of a finished run."""
        return load_model(self.run(row, seed).path / "generator.keras", compile=False)

    def parameters(self, row: Row) -> int:
        """Trainable parameters of the networks of a row."""
        folder = self.run(row, self.seeds[0]).path
        return sum(
            int(np.prod(weight.shape))
            for path in sorted(folder.glob("*.keras"))
            for weight in load_model(path, compile=False).trainable_weights
        )

    def values(self, row: Row, metric: str) -> list[float]:
        """The last value of a metric in every seed's run."""
        found = (scores.latest(self.run(row, seed).rows("scores.jsonl")) for seed in self.seeds)
        return [records[metric]["value"] for records in found if metric in records]

    def best(self, row: Row, metric: str) -> list[float]:
        """The lowest value of a metric during every seed's run."""
        return [
            min(record["value"] for record in records)
            for records in self._curves(row, metric)
            if records
        ]

    def _curves(self, row, metric):
        runs = (self.run(row, seed).rows("scores.jsonl") for seed in self.seeds)
        return [[record for record in rows if record["metric"] == metric] for rows in runs]

    def curve(self, row: Row, metric: str) -> dict[int, list[float]]:
        """{step: the values of all seeds}."""
        found = {}
        for records in self._curves(row, metric):
            for record in records:
                found.setdefault(record["step"], []).append(record["value"])
        return dict(sorted(found.items()))


def define_flags(
    runs: str, results: str, seeds: tuple[str, ...] = ("0", "1", "2")
) -> Callable[[tuple[str, ...]], tuple[Lab, pathlib.Path]]:
    """Defines the flags of a program that makes tables; not to be called at import.

    Tests import several programs, whose flags have the same names.

    Args:
        runs: Default of --runs.
        results: Default of --results.
        seeds: Default of --seeds.

    Returns:
        A function of the flags of all rows: the lab that the flags describe, and the folder of its
        results, which is there then.
    """
    RUNS = flags.DEFINE_string("runs", runs, "Folder of the runs.")
    RESULTS = flags.DEFINE_string("results", results, "Folder of the tables.")
    SEEDS = flags.DEFINE_list("seeds", [*seeds], "Of each row.")
    JOBS = flags.DEFINE_integer("jobs", 2, "Runs at a time.", lower_bound=1)
    THREADS = flags.DEFINE_integer("threads", 1, "CPU threads of each run.", lower_bound=1)

    def make(base):
        folder = pathlib.Path(RESULTS.value)
        folder.mkdir(parents=True, exist_ok=True)
        seeds = list(map(int, SEEDS.value))
        return Lab(RUNS.value, base, seeds, JOBS.value, THREADS.value), folder

    return make


def write_or_exit(write: Callable[[], None]) -> None:
    """Writes a table; ends the program with one line if something that it needs is not there."""
    try:
        write()
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"Error: {error}")


def spread(values: list[float]) -> str:
    """Mean and standard deviation over seeds, as 0.123 ± 0.004; of one seed its value."""
    if not values:
        return "none"
    mean = f"{statistics.mean(values):.3g}"
    return f"{mean} ± {statistics.stdev(values):.2g}" if len(values) > 1 else mean


def verdict(better: list[float], worse: list[float], lower: bool = True) -> str:
    """Whether `better` is better, in words, with the difference and its standard error.

    "holds" or "does not hold" if the means differ by more than two standard errors of their
    difference, else "cannot be told". With three seeds that is a weak test: chance alone passes it
    one time in nine.
    """
    if min(len(better), len(worse)) < 2:
        return "cannot be told: fewer than two seeds"
    difference = statistics.mean(worse) - statistics.mean(better)
    difference = difference if lower else -difference
    error = math.sqrt(sum(statistics.variance(v) / len(v) for v in (better, worse)))
    if abs(difference) <= 2.0 * error:
        word = "cannot be told"
    else:
        word = "holds" if difference > 0 else "does not hold"
    return f"{word}: better by {difference:.3g} ± {error:.2g}"


def judge(lab: Lab, claims: list[Claim], rows: list[Row]) -> list[dict[str, str]]:
    """One line per claim: what the paper says, both rows' scores here, and the verdict."""
    by_name = {row.name: row for row in rows}
    lines = []
    for claim in claims:
        better, worse = (
            lab.values(by_name[name], claim.metric) for name in (claim.better, claim.worse)
        )
        lines.append(
            {
                "claim": claim.paper,
                "score": claim.metric,
                "should be better": f"{claim.better}: {spread(better)}",
                "than": f"{claim.worse}: {spread(worse)}",
                "verdict": verdict(better, worse, claim.lower),
            }
        )
    return lines


def markdown(lines: list[dict]) -> str:
    """A table of dictionaries with the same keys."""
    names = list(lines[0])
    rows = [names, ["---"] * len(names), *([str(line[name]) for name in names] for line in lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def csv_text(lines: list[dict]) -> str:
    """The same as comma-separated values."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue()


class _Plain(LogFormatter):
    """Labels where its parent has some, without exponents."""

    def __call__(self, x, pos=None):
        return f"{x:g}" if super().__call__(x, pos) else ""


def plain(axis):
    """Numbers on a logarithmic axis as people write them."""
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(_Plain(labelOnlyBase=False, minor_thresholds=(1.5, 0.6)))


def dots(lab: Lab, rows: list[Row], metric: str, label: str, title: str) -> Figure:
    """A metric of all rows on a logarithmic axis: a dot for each seed, a line at their mean."""
    figure = Figure(figsize=(7.6, 0.42 * len(rows) + 1.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    for number, row in enumerate(rows):
        values = lab.values(row, metric)
        axes.plot(values, [number] * len(values), "o", color="#3182bd", markersize=5, alpha=0.8)
        axes.plot([statistics.mean(values)] * 2, [number - 0.3, number + 0.3], color="#08306b")
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [f"{row.name}: {row.what}" for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"{label}; a dot is a seed, a line the mean", fontsize=9)
    plain(axes.xaxis)
    figure.suptitle(title, fontsize=10)
    axes.grid(alpha=0.3, axis="x", which="both")
    return figure


def lines(lab: Lab, rows: list[Row], metric: str, label: str, title: str) -> Figure:
    """A metric of all rows over the steps: mean over seeds, and the range of all seeds."""
    figure = Figure(figsize=(7.6, 4.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    for row in rows:
        curve = lab.curve(row, metric)
        means = [statistics.mean(values) for values in curve.values()]
        (line,) = axes.plot(list(curve), means, marker="o", ms=3, label=row.what)
        low, high = ([end(v) for v in curve.values()] for end in (min, max))
        axes.fill_between(list(curve), low, high, alpha=0.15, color=line.get_color(), linewidth=0)
    axes.set_yscale("log")
    plain(axes.yaxis)
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel(f"{label}, mean and range of {len(lab.seeds)} seeds", fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    return figure


def trade_off(curves: dict[str, dict], title: str) -> Figure:
    """FID against Inception Score, a line per row over the thresholds; means over seeds.

    Args:
        curves: {label: {(threshold, metric): values of all seeds}}.
        title: Above the axes.
    """
    figure = Figure(figsize=(6.4, 4.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    for label, found in curves.items():
        limits = dict.fromkeys(limit for limit, _ in found)
        x, y = (
            [statistics.mean(found[limit, metric]) for limit in limits]
            for metric in ("inception_score", "fid")
        )
        axes.plot(x, y, marker="o", ms=4, label=label)
        for limit, *place in zip(limits, x, y, strict=True):
            axes.annotate(
                "none" if limit is None else f"{limit:g}",
                place,
                fontsize=7,
                xytext=(3, 3),
                textcoords="offset points",
            )
    axes.set_yscale("log")
    plain(axes.yaxis)
    axes.set_xlabel("Inception Score, higher is better", fontsize=9)
    axes.set_ylabel("FID, lower is better", fontsize=9)
    axes.set_title(f"{title}\nnumbers are thresholds", fontsize=10)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    return figure
