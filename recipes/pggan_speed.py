r"""Times PGGAN's training beside the same in PyTorch, in one process, turn by turn, level by level.

    python -m recipes.pggan_speed --threads=2 --output=recipes/results/pggan/speed.md

The networks are those of Karras et al., 2018, https://arxiv.org/abs/1710.10196, Table 2, grown to a
level; an iteration is one update of the discriminator, with gradient penalty and drift, one of the
generator, and one of its average, on images in memory. The page is written after every level. At
128 pixels an iteration of 16 images takes minutes on two cores; --batch_size=8 --rounds=3 takes
a third of the time.
"""

import concurrent.futures
import gc
import math
import multiprocessing
import os
import pathlib
import platform
from collections.abc import Callable

import keras
import tensorflow as tf
from absl import app, flags

from recipes import pggan_torch, tables, timing
from recipes.pggan_torch import ADAM, DECAY, DRIFT, DTYPES, MISSING, PENALTY
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training import gan, penalties, priors
from tfgan_zoo.training.checkpoints import replace_text
from tfgan_zoo.training.ema import EMA

VARIANT = "pggan-1024"
LEVELS = (4, 8, 16, 32, 64, 128)
IMAGES = 1000  # whose seconds are told
THEIRS = {"PyTorch (usual)": False, "PyTorch (channels last)": True}
NAMES = ("tfgan_zoo", *THEIRS)


class OurGame:
    """The zoo's GAN at one level.

    Args:
        level: Resolution in pixels.
        dtype: One of DTYPES.
        batch_size: Images of an update.
        **changes: To the networks, for tests.
    """

    def __init__(self, level: int, dtype: str, batch_size: int, **changes: int):
        keras.config.set_dtype_policy("float32" if dtype == "float32" else f"mixed_{dtype}")
        generator, discriminator, average = (
            build(VARIANT, resolution=level, **changes)
            for build in (
                registry.build_generator,
                registry.build_discriminator,
                registry.build_generator,
            )
        )
        keras.config.set_dtype_policy("float32")
        self.spec = generator.spec
        prior = priors.Normal((self.spec.z_dim,))
        self.gan = gan.GAN(generator, discriminator, prior, ema_generator=average)
        self.gan.compile(
            loss=losses.WASSERSTEIN,
            generator=gan.UpdateRule(keras.optimizers.Adam(**ADAM)),
            discriminator=gan.UpdateRule(
                keras.optimizers.Adam(**ADAM),
                penalties=(penalties.GradientPenalty(PENALTY), penalties.Drift(DRIFT)),
            ),
            ema=EMA(DECAY),
            score_together=False,
            jit_compile=False,
        )
        shape = (batch_size, level, level, self.spec.channels)
        self.batch = {"images": tf.random.uniform(shape, -1.0, 1.0)}
        self.train_step = tf.function(self.gan.train_step, autograph=False)

    @property
    def counts(self) -> tuple[int, int]:
        """Trained weights of generator and discriminator."""
        networks = (self.gan.generator, self.gan.discriminator)
        return tuple(
            sum(math.prod(weight.shape) for weight in network.trainable_variables)
            for network in networks
        )

    def step(self) -> dict[str, float]:
        """One iteration."""
        return {name: float(value) for name, value in self.train_step(self.batch).items()}


def build(name: str, level: int, dtype: str, batch_size: int, **changes: int):
    """The game of one of NAMES, which has `counts` and `step`.

    Raises:
        ValueError: If PyTorch is missing.
    """
    if pggan_torch.torch is None:
        raise ValueError(MISSING)
    if name not in THEIRS:
        return OurGame(level, dtype, batch_size, **changes)
    spec = registry.spec(VARIANT, resolution=level, **changes)
    return pggan_torch.TheirGame(spec, dtype, batch_size, THEIRS[name])


def contestants(level: int, dtype: str, batch_size: int, **changes: int) -> dict:
    """The iterations to be timed, by name.

    Raises:
        ValueError: If PyTorch is missing, or the networks differ in size.
    """
    games = {name: build(name, level, dtype, batch_size, **changes) for name in NAMES}
    counts = {name: game.counts for name, game in games.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"All networks must have as many weights as ours. Received: {counts}.")
    return {name: game.step for name, game in games.items()}


def added_memory(
    name: str, level: int, dtype: str, batch_size: int, threads: int, **changes: int
) -> float:
    """MB by which the peak memory of this process, a fresh one, grows with two iterations."""
    set_threads(threads)
    before = timing.peak_memory()
    game = build(name, level, dtype, batch_size, **changes)
    for _ in range(2):
        game.step()
    return (timing.peak_memory() - before) / 2**20


def in_fresh_process(function: Callable, *args, **kwargs):
    """What a function of a module returns in a process that has done nothing else."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as process:
        return process.submit(function, *args, **kwargs).result()


def measure(
    level: int, dtype: str, batch_size: int, rounds: int, threads: int, **changes: int
) -> list[dict]:
    """The lines of one level."""
    found = timing.interleaved(contestants(level, dtype, batch_size, **changes), rounds, warm_up=1)
    gc.collect()
    factor = IMAGES / batch_size
    scaled = {
        name: timing.Timing(t.median * factor, t.low * factor, t.high * factor, t.calls)
        for name, t in found.items()
    }
    lines = timing.lines(scaled, tuple(THEIRS))
    for line in lines:
        given = (line["what"], level, dtype, batch_size, threads)
        line["peak memory, MB"] = f"{in_fresh_process(added_memory, *given, **changes):.0f}"
    return [{"pixels": level, **line} for line in lines]


def page(lines: dict[str, list[dict]], batch_size: int, rounds: int, threads: int) -> str:
    """The measured lines of every type of numbers, as a text in Markdown."""
    text = (
        f"Seconds per {IMAGES:,} images of PGGAN's training ({VARIANT} at each level: one update "
        "of the discriminator with gradient penalty and drift, one of the generator, one of its "
        f"average; batch {batch_size}, {threads} threads), medians and quartiles of {rounds} "
        f"interleaved rounds. TensorFlow {tf.__version__}, Keras {keras.__version__}, PyTorch "
        f"{pggan_torch.torch.__version__}, Python {platform.python_version()}. Channels-last "
        "PyTorch has fused Adam too. Memory is what a process of its own needs at most, without "
        "the libraries.\n"
    )
    for dtype, measured in lines.items():
        text += f"\n{dtype}:\n\n" + tables.markdown(measured)
    return text


def set_threads(threads: int) -> None:
    """Of both frameworks; before the first computation."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    pggan_torch.torch.set_num_threads(threads)


def main(_) -> None:
    """Prints the comparison and writes it, level by level."""
    if pggan_torch.torch is None:
        raise app.UsageError(MISSING)
    threads = THREADS.value or len(os.sched_getaffinity(0))
    set_threads(threads)
    settings = (BATCH_SIZE.value, ROUNDS.value, threads)
    lines = {}
    for dtype in DTYPE.value:
        for level in map(int, LEVEL.value):
            measured = measure(level, dtype, *settings)
            lines.setdefault(dtype, []).extend(measured)
            print(tables.markdown(measured), flush=True)
            if OUTPUT.value:
                path = pathlib.Path(OUTPUT.value)
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_text(path, page(lines, *settings))


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    LEVEL = flags.DEFINE_multi_enum(
        "level", [str(level) for level in LEVELS], [str(level) for level in LEVELS], "In pixels."
    )
    BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "Images of an update.", lower_bound=1)
    ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed iterations of each.", lower_bound=1)
    THREADS = flags.DEFINE_integer("threads", 0, "Of each; 0 for all cores.", lower_bound=0)
    DTYPE = flags.DEFINE_multi_enum("dtype", ["float32"], DTYPES, "What the networks compute in.")
    OUTPUT = flags.DEFINE_string("output", None, "Markdown file for the table.")
    app.run(main)
