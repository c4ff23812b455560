r"""PGGAN's Table 1 and its claim about speed, on the digits from 4 to 32 px, with verdicts.

    python -m recipes.pggan_tables --runs=runs/pggan-tables

Trains what is missing, resumes what was interrupted, and writes tables and pictures to --results.
At the paper's scale the rows are recipes/flagfiles/pggan/table1-*.flags.
Paper: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Table 1, sections 6.1 and 6.2.
"""

import gc
import itertools
import pathlib
import statistics

import numpy as np
from absl import app
from matplotlib.figure import Figure
from PIL import Image

from recipes import scores, sheets, tables, timing
from recipes.pggan_speed import OurGame
from recipes.tables import Claim, Row
from tfgan_zoo import sampling
from tfgan_zoo.data import sources
from tfgan_zoo.metrics.ms_ssim import of_consecutive_pairs
from tfgan_zoo.models import registry
from tfgan_zoo.training.checkpoints import replace_text

FLAGFILE = pathlib.Path(__file__).parent / "flagfiles/pggan/digits.flags"
# An interval that no phase reaches: a sheet after the last step of each.
SHEETS = "--sample_every=1000000"
BASE = (f"--flagfile={FLAGFILE}", "--swd_patches=16", "--noexport", SHEETS)
BATCH_SIZE = 16
PAIRS = 1000  # of samples, for MS-SSIM
ROUNDS = 40  # of timed steps
SHOWN = 10  # samples of each phase in a row of the picture
# The digits' rows differ as the paper's: half of its 64 images, and its rates, in a and b.
GULRAJANI = (
    "--variant=pggan-digits-gulrajani",
    "--d_steps=5",
    "--g_learning_rate=1e-4",
    "--d_learning_rate=1e-4",
    "--beta_2=0.9",
    "--drift=0",
)
LARGE = ("--batch_size=32", "--ema_decay=0.904")  # 0.99^10: the average of as many images
FIXED = "--first_resolution=32"
SLOW = ("--g_learning_rate=1e-4", "--d_learning_rate=1e-4")
PLAIN = "--spec=equalized=false,g_norm=none"
ROWS = [
    Row("a", "Gulrajani et al., 2017", (*GULRAJANI, *LARGE, FIXED), "9.28 / 0.285", "pggan"),
    Row("b", "as a, growing", (*GULRAJANI, *LARGE), "4.28 / 0.284", "pggan"),
    Row("c", "as b, half the batch", (*GULRAJANI, "--ema_decay=0.951"), "46.23 / 0.407", "pggan"),
    Row("d", "revised training", (f"{PLAIN},variety=none", *SLOW), "8.07 / 0.303", "pggan"),
    Row(
        "e-star",
        "as d, minibatch discrimination",
        (f"{PLAIN},variety=discrimination", *SLOW),
        "9.84 / 0.306",
        "pggan",
    ),
    Row("e", "as d, minibatch deviation", (PLAIN, *SLOW), "7.04 / 0.295", "pggan"),
    Row("f", "as e, equalized rates", ("--spec=g_norm=none",), "4.39 / 0.290", "pggan"),
    Row("g", "as f, pixelwise norm: PGGAN", (), "3.56 / 0.285", "pggan"),
    Row("g-fixed", "as g, 32 px from the start", (FIXED,), "none", "pggan"),
]
GROWN, AT_ONCE = ROWS[-2:]
CLAIMS = [
    Claim("growing is better (SWD 9.28 to 4.28)", "b", "a", "swd"),
    Claim("half the batch is worse (4.28 to 46.23)", "b", "c", "swd"),
    Claim("the revised training is better (46.23 to 8.07)", "d", "c", "swd"),
    Claim("minibatch deviation is better (8.07 to 7.04)", "e", "d", "swd"),
    Claim("and better than discrimination (9.84 to 7.04)", "e", "e-star", "swd"),
    Claim("equalized rates are better (7.04 to 4.39)", "f", "e", "swd"),
    Claim("pixelwise norm is better (4.39 to 3.56)", "g", "f", "swd"),
    Claim("all together is better than the start (9.28 to 3.56)", "g", "a", "swd"),
    Claim("growing is better at equal images", "g", "g-fixed", "swd"),
    Claim("growing is better at equal images", "g", "g-fixed", "fid"),
]
PROTOCOL = """\
scikit-learn's digits at 32 px (1,438 training images), flags of
`recipes/flagfiles/pggan/digits.flags`, {seeds} seeds, {images:,} real images shown in every row, as
in the paper (where they are 10 million): rows with five discriminator updates per step and larger
batches have fewer steps. The paper's batches of 64 and 16 are 32 and 16 here.
SWD: 1,000 times the sliced Wasserstein distance, 1,438 generated images against the training
images, 16 patches of each, levels 32 and 16 px; less is better. MS-SSIM: of {pairs:,} pairs of
samples; less is more variety, and the training images have {real:.3f}. FID: 1,797 samples, features
of the shipped digits classifier. All of the averaged generator; ± is the standard deviation over
seeds. A verdict needs a difference of two standard errors, a weak test with so few seeds: with
three, chance alone passes it one time in nine. This is the beginning of training: what learns
faster looks better.
"""
TIME_PROTOCOL = """\
Scores of both rows over training time: images shown, at the seconds per image of each level, which
were measured in turn in one process ({rounds} rounds, batches of {batch}, medians; all CPU threads
of the process). Building, tracing and scoring are not counted, which growing does seven times.
"""


def main(argv):
    """Trains, then writes the tables."""
    del argv
    lab, results = OPEN(BASE)
    tables.write_or_exit(lambda: _write(lab, results))


def _write(lab, results):
    lab.train(ROWS)
    train = sources.load("digits", 32)
    lines = [_line(lab, row) for row in ROWS]
    protocol = PROTOCOL.format(
        seeds=len(lab.seeds),
        images=_images(lab, GROWN),
        pairs=PAIRS,
        real=_similarity(np.random.default_rng(0).permutation(train.images)),
    )
    claims = tables.judge(lab, CLAIMS, ROWS)
    page = ["# Table 1 of PGGAN on the digits\n", protocol, tables.markdown(lines)]
    page += ["## Claims\n", tables.markdown(claims)]
    replace_text(results / "table1.csv", tables.csv_text(lines))
    title = "Table 1 of PGGAN on the digits at 32 px"
    sheets.write(
        results / "table1.png", tables.dots(lab, ROWS, "swd", "SWD x 1000, lower is better", title)
    )
    page += _time(lab, results)
    replace_text(results / "table1.md", "\n".join(page))
    sheets.write(results / "phases.png", _phases(lab))
    sheets.write(results / "growth.png", _growth(lab))


def _line(lab, row):
    found = {f"SWD {level}": lab.values(row, f"swd_{level}") for level in (32, 16)}
    return {
        "row": row.name.replace("-star", "*"),
        "what": row.what,
        "parameters": f"{lab.parameters(row):,}",
        "steps": max(lab.curve(row, "swd")),
        **{name: tables.spread(values) for name, values in found.items()},
        "SWD": tables.spread(lab.values(row, "swd")),
        "MS-SSIM": tables.spread([_variety(lab, row, seed) for seed in lab.seeds]),
        "FID": tables.spread(lab.values(row, "fid")),
        "best FID": tables.spread(lab.best(row, "fid")),
        "paper, SWD / MS-SSIM": row.paper,
    }


def _images(lab, row):
    """Real images shown in a run."""
    return lab.run(row, lab.seeds[0]).rows("log.jsonl")[-1]["images"]


def _variety(lab, row, seed):
    """MS-SSIM of a run's samples."""
    generator = lab.generator(row, seed)
    inputs = scores.generator_inputs(generator, 2 * PAIRS, seed)
    return _similarity(sampling.generate(generator, inputs))


def _similarity(images):
    return of_consecutive_pairs(images[: 2 * (len(images) // 2)])


# --- growing against training at once ------------------------------------------------------------


def seconds_per_image(rounds: int = ROUNDS, batch_size: int = BATCH_SIZE) -> dict[int, float]:
    """Of training the digits' networks at each level, measured in turn."""
    spec = registry.spec("pggan-digits")
    names = ("fmap_base", "fmap_max", "z_dim", "channels")
    changes = {name: getattr(spec, name) for name in names}
    games = {level: OurGame(level, "float32", batch_size, **changes) for level in spec.resolutions}
    found = timing.interleaved({level: game.step for level, game in games.items()}, rounds)
    del games
    gc.collect()
    return {level: timing.median / batch_size for level, timing in found.items()}


def _seconds(lab, row, cost):
    """{step: seconds of training up to it}, at the steps of the log."""
    rows = lab.run(row, lab.seeds[0]).rows("log.jsonl")
    seconds = {0: 0.0}
    for before, after in itertools.pairwise([{"step": 0, "images": 0}, *rows]):
        share = (after["images"] - before["images"]) * cost[after["resolution"]]
        seconds[after["step"]] = seconds[before["step"]] + share
    return seconds


def _curve(lab, row, metric, cost):
    """{seconds of training: values of all seeds}, at the steps that were scored."""
    seconds = _seconds(lab, row, cost)
    curve = lab.curve(row, metric).items()
    return {seconds[step]: values for step, values in curve if step in seconds}


def _means(curve):
    return {second: statistics.mean(values) for second, values in curve.items()}


def reached(curve: dict[float, float], goal: float) -> float | None:
    """The first second at which a score, of which less is better, is at most `goal`."""
    return next((second for second, value in curve.items() if value <= goal), None)


def _time(lab, results):
    """The part of the page about training time."""
    cost = seconds_per_image()
    levels = [
        {"pixels": level, "seconds per 1,000 images": f"{1000 * s:.3g}"}
        for level, s in cost.items()
    ]
    lines, curves = [], {}
    for metric, label in (("swd", "SWD"), ("fid", "FID")):
        grown, at_once = (_curve(lab, row, metric, cost) for row in (GROWN, AT_ONCE))
        means = [_means(curve) for curve in (grown, at_once)]
        curves[label] = dict(zip(("growing", "32 px from the start"), means, strict=True))
        goal = max(min(curve.values()) for curve in means)
        times = [reached(curve, goal) for curve in means]
        end = max(grown)
        then = max(second for second in at_once if second <= end)
        lines.append(
            {
                "score": label,
                "goal: the worse one's best mean": f"{goal:.3g}",
                "seconds, growing": f"{times[0]:.0f}",
                "seconds, 32 px from the start": f"{times[1]:.0f}",
                "times as fast": f"{times[1] / times[0]:.2f}",
                "growing, at its end": f"{tables.spread(grown[end])} ({end:.0f} s)",
                "32 px from the start, then": f"{tables.spread(at_once[then])} ({then:.0f} s)",
                "growing is better at equal time": tables.verdict(grown[end], at_once[then]),
            }
        )
    sheets.write(results / "time.png", _time_figure(curves))
    return [
        "## Time (paper: 2 times as fast at 128 px, 5.4 times at 1024 px)\n",
        TIME_PROTOCOL.format(rounds=ROUNDS, batch=BATCH_SIZE),
        tables.markdown(levels),
        tables.markdown(lines),
    ]


def _time_figure(curves):
    figure = Figure(figsize=(9.6, 3.6), dpi=110, layout="constrained")
    for axes, (label, found) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        for name, curve in found.items():
            axes.plot(list(curve), list(curve.values()), marker="o", ms=3, label=name)
        axes.set_yscale("log")
        tables.plain(axes.yaxis)
        axes.set_xlabel("training time, s", fontsize=9)
        axes.set_ylabel(f"{label}, mean of seeds, lower is better", fontsize=9)
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8)
    figure.suptitle("Growing against training at 32 px from the start, digits", fontsize=10)
    return figure


def _growth(lab):
    """The sheets that one run drew at the end of each of its phases."""
    paths = sorted(lab.run(GROWN, lab.seeds[0]).path.glob("samples/step-*.png"))[1:]
    columns = -(-len(paths) // 2)
    figure = Figure(figsize=(3.4 * columns, 7.2), dpi=110, layout="constrained")
    for axes, path in zip(figure.subplots(2, columns, squeeze=False).flat, paths, strict=False):
        axes.imshow(Image.open(path))
    for axes in figure.axes:
        axes.set_axis_off()
    figure.suptitle("The averaged generator at the end of each phase, seed 0", fontsize=12)
    return figure


def _phases(lab):
    """Samples of one generator at all its levels, a row each."""
    generator = lab.generator(GROWN, lab.seeds[0])
    inputs = scores.generator_inputs(generator, SHOWN, seed=7)
    levels = generator.spec.resolutions
    images = [
        scores.enlarged(sampling.generate(generator.at(level), inputs), levels[-1])
        for level in levels
    ]
    title = "One finished generator, seen at each of its levels"
    names = tuple(f"{level} px" for level in levels)
    return sheets.sample_sheet(np.stack(images), title, names, "the same latents in a column")


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    OPEN = tables.define_flags("runs/pggan-tables", "recipes/results/pggan")
    app.run(main)
