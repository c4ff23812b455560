"""Builds the GANs of all flagfiles of one recipe, with few channels; run in a process of its own.

python -m tests.conformance.flagfiles_check biggan
"""

import importlib
import pathlib
import sys

import numpy as np
from absl import flags

from recipes import common
from tfgan_zoo.data.sources import ImageSet

FLAGFILES = pathlib.Path(__file__).parents[2] / "recipes/flagfiles"


def check(module, family, path):
    """Parses one flagfile and builds what it describes, for images of three classes."""
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS(["check", f"--flagfile={path}"])
    common.require_flags(family)
    module.check_flags(replicas=1)
    flags.FLAGS.spec = [*common.SPEC.value, "width=8"]
    spec = common.flag_spec()
    shape = (1, spec.resolution, spec.resolution, spec.channels)
    labels = np.zeros(1, np.int32)
    images = ImageSet("noise", "train", np.zeros(shape, np.uint8), labels, tuple("abc"))
    gan = module.build_gan(images)
    assert gan.generator.output_shape[1:] == shape[1:]
    return gan


def main():
    """Prints a line per flagfile."""
    recipe = sys.argv[1]
    module = importlib.import_module(f"recipes.{recipe}")
    for path in sorted((FLAGFILES / recipe).glob("*.flags")):
        gan = check(module, recipe, path)
        print(path.stem, gan.generator.count_params(), gan.discriminator.count_params())


if __name__ == "__main__":
    main()
