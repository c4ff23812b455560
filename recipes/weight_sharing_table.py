r"""The weight-sharing cGAN on the digits: what sharing saves, what it costs, and what holds of it.

    python -m recipes.weight_sharing_table --runs=runs/weight-sharing

Trains what is missing, resumes what was interrupted, and writes the table as Markdown, CSV and
pictures to --results. At paper scale the rows are flagfiles of recipes.sharing.
"""

import json
import pathlib
import statistics
import subprocess
import sys

import numpy as np
from absl import app, flags
from matplotlib.figure import Figure

from recipes import scores, sheets, tables
from recipes.tables import Claim, Lab, Row
from tfgan_zoo import sampling
from tfgan_zoo.data import sources
from tfgan_zoo.metrics.classifier import Classifier
from tfgan_zoo.metrics.fid import fid
from tfgan_zoo.training.checkpoints import replace_text

# Names of flagfiles, and what they are.
WHAT = {
    "digits-unshared": "unshared",
    "digits": "global, both players update",
    "digits-global-d_only": "global, the discriminator updates",
    "digits-global-g_only": "global, the generator updates",
    "digits-global-average": "global, mean of both gradients",
    "digits-global-soft": "global, two copies, averaged",
    "digits-mirror": "mirror: adjoint kernels",
    "digits-local-soft": "local, soft gates",
    "digits-local-hard": "local, hard gates",
    "digits-equal-depth": "unshared, as deep as local",
    "digits-narrow": "unshared, as small as global",
    "digits-linear": "global, residual blocks without activations",
}
MODES = [name for name in WHAT if name.startswith(("digits-global", "digits-unshared"))]
MODES.insert(1, "digits")
CLAIMS = [
    Claim("lower error: global sharing is better than none", "digits", "digits-unshared"),
    Claim("global sharing is better than small networks", "digits", "digits-narrow"),
    Claim("lower error: local sharing is better than none", "digits-local-soft", "digits-unshared"),
    Claim(
        "local sharing is better than as deep a network", "digits-local-soft", "digits-equal-depth"
    ),
    Claim(
        "(ours) both players' updates are better than the discriminator's alone",
        "digits",
        "digits-global-d_only",
    ),
    Claim("residual blocks with activations are better than without", "digits", "digits-linear"),
]
SAMPLES = 1430  # of a generator for FID within classes: 143 each, about as many as real ones


def rows(steps: int | None) -> list[Row]:
    """All rows, with another number of steps if one is given."""
    more = (f"--steps={steps}",) if steps else ()
    return [
        Row(
            name,
            what,
            (f"--flagfile={tables.FLAGFILES / 'sharing' / name}.flags", "--noexport", *more),
            recipe="sharing",
        )
        for name, what in WHAT.items()
    ]


def costs(folder: pathlib.Path, names: list[str], timed: int) -> dict[str, dict]:
    """What `sharing_costs` says of each row; kept in `folder`, measured if it is not there.

    Times are of one process, in which the rows take turns; memory is of a process for each row.
    """
    path = folder / f"costs-{timed}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        together = {line["row"]: line for line in _measured(names, timed)}
        for name in names:
            together[name]["peak_bytes"] = _measured([name], 1)[0]["peak_bytes"]
        replace_text(path, json.dumps(together, indent=1))
    return json.loads(path.read_text(encoding="utf-8"))


def _measured(names, timed):
    command = [sys.executable, "-m", "recipes.sharing_costs", "--run_dir=none"]
    command += [f"--rows={','.join(names)}", f"--timed={timed}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def within_classes(lab: Lab, row: Row, train: sources.ImageSet, backbone: Classifier) -> list:
    """The mean over classes of FID to real images of the class, of every seed's generator."""
    found = []
    for seed in lab.seeds:
        path = lab.run(row, seed) / "within_classes.json"
        if not path.exists():
            generator = lab.generator(row, seed)
            inputs = scores.generator_inputs(generator, SAMPLES, seed)
            features, _ = backbone(sampling.generate(generator, inputs))
            real, _ = backbone(train.images)
            distances = [
                fid(real[train.labels == label], features[inputs["labels"] == label])
                for label in range(train.num_classes)
            ]
            replace_text(path, json.dumps(float(np.mean(distances))))
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def logged(lab: Lab, row: Row, name: str) -> dict[int, list[float]]:
    """{step: the logged values of all seeds}; empty if it is not logged."""
    found = {}
    for seed in lab.seeds:
        for line in lab.run(row, seed).rows("log.jsonl"):
            if name in line:
                found.setdefault(line["step"], []).append(line[name])
    return dict(sorted(found.items()))


def _late(lab, row, name):
    """Means of the second half of training, of every seed."""
    curve = list(logged(lab, row, name).values())
    return [statistics.mean(values) for values in zip(*curve[len(curve) // 2 :], strict=True)]


def _gates(lab, row):
    """The last values of all gates, means over seeds."""
    lines = [lab.run(row, seed).rows("log.jsonl")[-1] for seed in lab.seeds]
    names = [name for name in lines[0] if name.endswith("_gate")]
    shown = (f"{name[:-5]} {statistics.mean(line[name] for line in lines):.3g}" for name in names)
    return ", ".join(shown) or "-"


def lines(lab: Lab, all_rows: list[Row], measured: dict[str, dict]) -> list[dict]:
    """One line per row of all that section's columns."""
    train, backbone = sources.load("digits", 16, 1), Classifier.digits()
    totals = {
        name: sum(cost[role] for role in ("g_private", "d_private", "shared"))
        for name, cost in measured.items()
    }
    return [
        {
            "row": row.what,
            **_weights(measured[row.name], totals, row.name),
            **_speed(measured[row.name]),
            "FID": tables.spread(lab.values(row, "fid")),
            "IS": tables.spread(lab.values(row, "inception_score")),
            "KID x 1000": tables.spread([1000 * v for v in lab.values(row, "kid")]),
            "FID within classes": tables.spread(within_classes(lab, row, train, backbone)),
            "cosine": tables.spread(_late(lab, row, "shared_cosine")),
            "norm, G / D": tables.spread(_late(lab, row, "shared_norm_ratio")),
            "gates": _gates(lab, row),
            "collapses": str(sum(bool(lab.run(row, s).rows("events.jsonl")) for s in lab.seeds)),
        }
        for row in all_rows
    ]


def _weights(cost, totals, name):
    total, unshared = totals[name], totals["digits-unshared"]
    saved = f"{1 - total / unshared:.1%}"
    if "local" in name:
        saved += f" ({1 - total / totals['digits-equal-depth']:.1%} of equal depth)"
    return {
        "G": f"{cost['g_private']:,}",
        "D": f"{cost['d_private']:,}",
        "common": f"{cost['shared']:,}",
        "total": f"{total:,}",
        "saved": saved,
        "optimizers, MB": f"{cost['optimizer_bytes'] / 1e6:.3f}",
        "peak memory, MB": f"{cost['peak_bytes'] / 1e6:.0f}",
    }


def _speed(cost):
    return {
        "step, ms": f"{1000 * cost['step']:.0f} ({1000 * cost['low']:.0f} to "
        f"{1000 * cost['high']:.0f})",
        "images/s": f"{cost['images'] / cost['step']:.0f}",
    }


def cost_claims(measured: dict[str, dict]) -> list[dict]:
    """Verdicts on parameters and times; times differ if their quartiles do not overlap."""
    base, found = measured["digits-unshared"], []
    for name in ("digits", "digits-local-soft"):
        cost = measured[name]
        count = sum(cost[role] for role in ("g_private", "d_private", "shared"))
        before = sum(base[role] for role in ("g_private", "d_private", "shared"))
        found.append(
            _told(
                f"fewer parameters: {WHAT[name]}",
                count < before,
                count > before,
                f"{count:,} against {before:,}",
            )
        )
        found.append(
            _told(
                f"faster: {WHAT[name]}",
                cost["high"] < base["low"],
                cost["low"] > base["high"],
                f"{1000 * cost['step']:.0f} against {1000 * base['step']:.0f} ms",
            )
        )
    return found


def _told(claim, holds, fails, what):
    word = "holds" if holds else "does not hold" if fails else "cannot be told"
    return {"claim": claim, "verdict": f"{word}: {what}"}


def cosines(lab: Lab, all_rows: list[Row], title: str) -> Figure:
    """The cosine between both players' gradients over the steps: mean and range of all seeds."""
    figure = Figure(figsize=(7.6, 4.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    for row in all_rows:
        curve = logged(lab, row, "shared_cosine")
        if not curve:
            continue
        (line,) = axes.plot(list(curve), list(map(statistics.mean, curve.values())), label=row.what)
        low, high = ([end(values) for values in curve.values()] for end in (min, max))
        axes.fill_between(list(curve), low, high, alpha=0.15, color=line.get_color(), linewidth=0)
    axes.axhline(0.0, color="#888888", linewidth=1)
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel("cosine of the gradients on common kernels", fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def samples(lab: Lab, all_rows: list[Row], title: str) -> Figure:
    """A row of ten digits of each row's first seed."""
    drawn = []
    for row in all_rows:
        generator = lab.generator(row, lab.seeds[0])
        drawn.append(sampling.generate(generator, scores.generator_inputs(generator, 10, 0)))
    names = tuple(row.what for row in all_rows)
    return sheets.sample_sheet(np.stack(drawn), title, names, "one class per column")


TITLE = "The weight-sharing cGAN on the digits at 16 px"
PROTOCOL = """\
scikit-learn's digits at 16 px (1,438 training images), flagfiles `digits*` of recipes.sharing,
{seeds} seeds, {steps} steps, the same rates for every row: the beginning of training, so what
learns faster looks better. Scores: 1,797 samples of the averaged
generator, features of the shipped digits classifier; within classes: 143 samples of each against
all real ones. ± is the standard deviation over seeds; a verdict on scores needs a difference of two
standard errors. Cosine and norms compare both players' gradients on the common kernels, means of
the second half of training. A step is two updates of the discriminator and one of the generator at
batch 64, float32, compiled without XLA on CPU cores: median and quartiles of {timed} steps, after
{warm_up}, in which all rows took turns. Peak memory is what building and one step add in a process
of its own.
"""


def write(lab: Lab, all_rows: list[Row], results: pathlib.Path, timed: int) -> None:
    """Trains and measures what is missing, then writes the table and its figures."""
    lab.train(all_rows)
    measured = costs(lab.folder, [row.name for row in all_rows], timed)
    table = lines(lab, all_rows, measured)
    verdicts = tables.judge(lab, CLAIMS, all_rows)
    facts = {"seeds": len(lab.seeds), "steps": max(lab.curve(all_rows[0], "fid")), "timed": timed}
    page = [
        f"# {TITLE}\n",
        PROTOCOL.format(**facts, warm_up=min(20, timed)),
        tables.markdown(table),
        "## Claims\n",
        tables.markdown(cost_claims(measured)),
        tables.markdown(verdicts),
    ]
    replace_text(results / "table.md", "\n".join(page))
    replace_text(results / "table.csv", tables.csv_text(table))
    of_modes = [row for row in all_rows if row.name in MODES]
    sheets.write(results / "fid.png", tables.lines(lab, of_modes, "fid", "FID", TITLE))
    sheets.write(results / "cosine.png", cosines(lab, all_rows, TITLE))
    sheets.write(results / "samples.png", samples(lab, all_rows, TITLE))


def main(argv):
    """Trains, then writes everything."""
    del argv
    lab, results = OPEN(())
    tables.write_or_exit(lambda: write(lab, rows(STEPS.value), results, TIMED.value))


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    OPEN = tables.define_flags("runs/weight-sharing", "recipes/results/sharing")
    STEPS = flags.DEFINE_integer("steps", None, "Of each run. Default: its flagfile's.", 1)
    TIMED = flags.DEFINE_integer("timed", 100, "Timed steps of each row.", lower_bound=1)
    app.run(main)
