"""Builds the models of all flagfiles of all recipes, with few channels; in a process of its own.

Those on the digits also take a step. Prints RECIPE/ROW and the sizes of the networks.
"""

import importlib
import pathlib

import numpy as np
import tensorflow as tf
from absl import flags

from recipes import common, variants
from tests.conformance import small
from tfgan_zoo.data.sources import ImageSet

FLAGFILES = pathlib.Path(__file__).parents[2] / "recipes/flagfiles"


def parse(method, path):
    """Sets all flags as a program of this recipe would find them."""
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    method.set_defaults()
    flags.FLAGS(["check", f"--flagfile={path}"])
    common.require_flags(method.families)
    method.check_flags(1)
    changes = small.CHANGES.get(small.family(variants.VARIANT.value), {"width": 8})
    texts = [f"{name}={_text(value)}" for name, value in changes.items()]
    flags.FLAGS.spec = [*variants.SPEC.value, *texts]


def _text(value):
    return ":".join(map(str, value)) if isinstance(value, tuple) else value


def build(method):
    """The model that the flags describe, for images of three classes."""
    spec = variants.flag_spec()
    shape = (1, spec.resolution, spec.resolution, spec.channels)
    labels = np.zeros(1, np.int32)
    images = ImageSet("noise", "train", np.zeros(shape, np.uint8), labels, tuple("abc"))
    model = method.build(images, method.phases()[-1])
    assert model.generator.output_shape[1:] == shape[1:]
    return model


def step(model):
    """One step, on two random images per batch."""
    count = 2 * model.batches
    shape = (count, *model.generator.output_shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    batch = {"images": tf.constant(images)}
    if model.takes_labels:
        batch["labels"] = tf.constant(np.arange(count) % 3, tf.int32)
    logs = model.train_step(batch)
    assert all(np.isfinite(value) for value in logs.values()), logs
    assert int(model.step.numpy()) == 1


def main():
    """Prints a line per flagfile."""
    folders = sorted(path for path in FLAGFILES.iterdir() if path.is_dir())
    methods = [importlib.import_module(f"recipes.{folder.name}").METHOD for folder in folders]
    defaults = {name: flags.FLAGS[name].default for name in flags.FLAGS}
    for folder, method in zip(folders, methods, strict=True):
        for name, value in defaults.items():  # another method's do not stay
            if flags.FLAGS[name].default != value:
                flags.FLAGS.set_default(name, value)
        for path in sorted(folder.glob("*.flags")):
            parse(method, path)
            model = build(method)
            if path.stem == "digits":
                step(model)
            sizes = [network.count_params() for network in model.results.values()]
            print(f"{folder.name}/{path.stem}", *sizes, flush=True)


if __name__ == "__main__":
    main()
