r"""What common kernels save: weights, optimizers, memory and time of rows of recipes.sharing.

    python -m recipes.sharing_costs --run_dir=none --rows=digits,digits-unshared --timed=100

Prints a JSON list. One row per process tells peak memory; several in one process, which take turns,
tell times that can be compared.
"""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from recipes import sharing, tables, timing, variants
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.training.gan import GAN

FLAGFILES = tables.FLAGFILES / "sharing"
WARM_UP = 20


def adopt(path: pathlib.Path) -> None:
    """Sets the flags of a flagfile, after those of another one."""
    sharing.METHOD.set_defaults()
    flags.FLAGS.spec, flags.FLAGS.sharing = [], "both"
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, text = line.removeprefix("--").partition("=")
        if line.startswith("--"):
            flags.FLAGS[name].parse(text or "true")


def build(path: pathlib.Path, width: int | None = None) -> GAN:
    """The compiled GAN of a flagfile, for images of ten classes.

    Args:
        path: Of the flagfile.
        width: Of narrower networks, for tests.
    """
    adopt(path)
    if width is not None:
        flags.FLAGS.spec = [*flags.FLAGS.spec, f"width={width}"]
    spec = variants.flag_spec()
    shape = (1, spec.resolution, spec.resolution, spec.channels)
    names = tuple(map(str, range(10)))
    images = ImageSet("noise", "train", np.zeros(shape, np.uint8), np.zeros(1, np.int32), names)
    return sharing.METHOD.build(images, sharing.METHOD.phases()[-1])


def weights(model: GAN) -> dict[str, int]:
    """Numbers of trainable parameters by role, and the bytes of all optimizers' states."""
    of_g, of_d = (
        {id(weight): weight.shape for weight in network.trainable_weights}
        for network in (model.generator, model.discriminator)
    )
    roles = {
        "g_private": [shape for key, shape in of_g.items() if key not in of_d],
        "d_private": [shape for key, shape in of_d.items() if key not in of_g],
        "shared": [shape for key, shape in of_g.items() if key in of_d],
    }
    found = {role: sum(int(np.prod(shape)) for shape in shapes) for role, shapes in roles.items()}
    slots = [v for rule in model.rules.values() for v in rule.optimizer.variables]
    sizes = [int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in slots]
    return {**found, "optimizer_bytes": sum(sizes)}


def stepper(model: GAN, batch_size: int):
    """A step on random images, whose content costs nothing, as a function of nothing."""
    rng = np.random.default_rng(0)
    count = batch_size * model.batches
    shape = (count, *model.generator.output_shape[1:])
    batch = {
        "images": tf.constant(rng.uniform(-1.0, 1.0, shape), tf.float32),
        "labels": tf.constant(np.arange(count) % model.generator.spec.num_classes, tf.int32),
    }
    step = tf.function(model.train_step, jit_compile=model.jit_compile, autograph=False)
    return lambda: float(step(batch)["g_loss"])


def measure(
    rows: list[str], batch_size: int, rounds: int, width: int | None = None
) -> list[dict[str, float]]:
    """Builds all rows, then takes steps with them in turn.

    Args:
        rows: Names of flagfiles.
        batch_size: Images of an update.
        rounds: Timed steps.
        width: Of narrower networks, for tests.
    """
    before = timing.peak_memory()
    models = {row: build(FLAGFILES / f"{row}.flags", width) for row in rows}
    steps = {row: stepper(model, batch_size) for row, model in models.items()}
    times = timing.interleaved(steps, rounds, min(WARM_UP, rounds))
    return [
        {
            "row": row,
            **weights(model),
            "peak_bytes": timing.peak_memory() - before,
            "step": times[row].median,
            "low": times[row].low,
            "high": times[row].high,
            "images": batch_size * model.batches,
        }
        for row, model in models.items()
    ]


def main(argv):
    """Prints what was measured."""
    del argv
    keras.utils.set_random_seed(0)
    print(json.dumps(measure(ROWS.value, TIMED_BATCH.value, TIMED.value)))


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    ROWS = flags.DEFINE_list("rows", ["digits"], "Names of flagfiles of recipes.sharing.")
    TIMED = flags.DEFINE_integer("timed", 100, "Timed steps of each.", lower_bound=1)
    TIMED_BATCH = flags.DEFINE_integer("timed_batch", 64, "Images of an update.", lower_bound=1)
    app.run(main)
