r"""Times the metrics at the size papers use, and what memory they need beyond the features.

    python -m recipes.metrics_speed --output=recipes/results/metrics/speed.md --note="nothing else"

Features are random: 50,000 real and 50,000 fake rows of 2,048 dimensions, float32, which 256
factors of falling weight correlate, no value negative: as of a pooled ReLU layer. The page is
written after every measurement; all of them take about ten minutes on two idle cores. The square
root is compared with SciPy's, where that is installed (pip install scipy), turn by turn.
"""

import functools
import os
import pathlib
import platform
import sys
import time
from collections.abc import Callable

import numpy as np
from absl import app, flags

from recipes import scores, tables, timing
from tfgan_zoo.metrics import fid, kid, prdc
from tfgan_zoo.metrics.moments import Moments
from tfgan_zoo.training.checkpoints import replace_text

try:
    import scipy
    from scipy import linalg
except ImportError:
    scipy = linalg = None

OURS, THEIRS = "tfgan_zoo", "scipy.linalg.sqrtm"
FACTORS = 256
CLEAR = pathlib.Path("/proc/self/clear_refs")
CHUNK = 5000  # rows made at once


def features(rows: int, dimensions: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """float32 [rows, dimensions], at least 0, correlated.

    Args:
        rows: How many.
        dimensions: Of each.
        seed: Of the rows; the factors are the same for all seeds.
        spread: Of the factors: another one is another distribution.
    """
    weights = np.linspace(1.0, 0.05, FACTORS)[:, None]
    mixing = np.random.default_rng(0).normal(size=(FACTORS, dimensions)) * weights / 16.0
    random = np.random.default_rng([1, seed])
    found = np.empty((rows, dimensions), np.float32)
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        chunk = spread * random.normal(size=(size, FACTORS)) @ mixing
        chunk += 0.1 * random.normal(size=chunk.shape)
        found[start : start + size] = np.maximum(chunk, 0.0)
    return found


def measure(what: str, function: Callable[[], object], shown: Callable[[object], str]) -> dict:
    """A line of the page: seconds of one call, and the memory it needed at most."""
    if CLEAR.exists():
        CLEAR.write_text("5", encoding="ascii")  # begins the peak anew
    before, start = timing.peak_memory(), time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    return {
        "what": what,
        "seconds": f"{seconds:.4g}",
        "peak extra memory, MiB": f"{(timing.peak_memory() - before) / 2**20:.0f}",
        "result": shown(result),
    }


def with_bar(unit: str, function: Callable[..., object]) -> object:
    """Calls it with a `progress` that is seen."""
    with scores.progress(0, unit) as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return function(progress=progress)


def moments_of(rows: np.ndarray) -> Moments:
    """Mean and covariance."""
    found = Moments()
    found.update(rows)
    return found


def measurements(real: np.ndarray, fake: np.ndarray, moments: list[Moments]):
    """Yields (what, function, how to show its result); the first of them fills `moments`."""
    few = min(1000, len(real), len(fake))
    yield (
        "FID: means and covariances of both sets",
        lambda: moments.extend(moments_of(rows) for rows in (real, fake)),
        lambda _: "",
    )
    yield (
        "FID: the distance of these",
        lambda: fid.frechet_distance(*moments),
        lambda distance: f"{distance:.6g}",
    )
    yield (
        f"FID of {few:,} rows of each",
        lambda: fid.fid(real[:few], fake[:few]),
        lambda distance: f"{distance:.6g}",
    )
    yield (
        f"KID of 100 subsets of {few:,}",
        lambda: with_bar("subset", functools.partial(kid.kid, real, fake, subset_size=few)),
        lambda found: f"{found[0]:.4g} ± {found[1]:.2g}",
    )
    yield (
        "precision and recall, density and coverage",
        lambda: with_bar(
            "block", functools.partial(prdc.precision_recall_density_coverage, real, fake)
        ),
        lambda found: ", ".join(f"{value:.4f}" for value in found[:4]),
    )


def square_roots(moments: list[Moments], rounds: int) -> tuple[list[dict], str]:
    """Lines of the trace of the square root, ours and SciPy's, and how far they differ."""
    a, b = (part.covariance for part in moments)
    values = {}
    functions = {
        OURS: lambda: values.update({OURS: fid.trace_sqrt_product(a, b)}),
        THEIRS: lambda: values.update({THEIRS: np.trace(linalg.sqrtm(a @ b)).real}),
    }
    timings = timing.interleaved(functions, rounds=rounds, warm_up=0)
    difference = abs(values[OURS] / values[THEIRS] - 1.0)
    return timing.lines(timings, (THEIRS,)), f"They differ by {difference:.1e}, relatively."


def page(lines: list[dict], roots: tuple[list[dict], str] | None, load: float) -> str:
    """Markdown."""
    text = (
        "# Speed and memory of the metrics\n\n"
        f"{SAMPLES.value:,} real and {SAMPLES.value:,} fake rows of {DIMENSIONS.value:,} "
        "dimensions, float32, random and correlated (recipes/metrics_speed.py); each measured "
        "once, in one process. Memory is the peak beyond what was held before, which is the "
        f"features. {os.cpu_count()} CPU cores, no GPU; load {load:.1f} at the start, "
        f"{os.getloadavg()[0]:.1f} at the end; beside it ran: {NOTE.value}. NumPy "
        f"{np.__version__}, Python {platform.python_version()}.\n\n{tables.markdown(lines)}"
    )
    if roots:
        text += (
            f"\nThe trace of the square root of the product of both covariances, in turn "
            f"({ROUNDS.value} of each), SciPy {scipy.__version__}. {roots[1]}\n\n"
            f"{tables.markdown(roots[0])}"
        )
    return text


def main(_):
    """Measures all, and writes the page after each."""
    if ROUNDS.value and scipy is None:
        sys.exit("Error: --rounds compares with SciPy, which is missing: pip install scipy, or 0.")
    path, load = pathlib.Path(OUTPUT.value), os.getloadavg()[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    real = features(SAMPLES.value, DIMENSIONS.value, seed=0)
    fake = features(SAMPLES.value, DIMENSIONS.value, seed=1, spread=0.98)
    lines, moments = [], []
    for what, function, shown in measurements(real, fake, moments):
        lines.append(measure(what, function, shown))
        replace_text(path, page(lines, None, load))
        print(", ".join(f"{name}: {value}" for name, value in lines[-1].items()), flush=True)
    if not ROUNDS.value:
        return
    roots = square_roots(moments, ROUNDS.value)
    replace_text(path, page(lines, roots, load))
    print(tables.markdown(roots[0]), roots[1], sep="")


if __name__ == "__main__":
    OUTPUT = flags.DEFINE_string("output", None, "The page to write.", required=True)
    SAMPLES = flags.DEFINE_integer("samples", 50_000, "Rows of each set.", lower_bound=6)
    DIMENSIONS = flags.DEFINE_integer("dimensions", 2048, "Of the features.", lower_bound=1)
    ROUNDS = flags.DEFINE_integer(
        "rounds", 2, "Of both square roots; 0: no comparison with SciPy.", lower_bound=0
    )
    NOTE = flags.DEFINE_string("note", "unknown", "What else the machine does.")
    app.run(main)
