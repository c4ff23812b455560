"""The kinds of TFLite files as data, and the inputs that full quantisation is calibrated with."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo import sampling


class Kind(NamedTuple):
    """How a file stores weights, and computes with them."""

    batch_size: int | None  # None for any
    optimizations: tuple[tf.lite.Optimize, ...]
    types: tuple[tf.DType, ...]
    calibrated: bool  # activations have scales of their own, measured beforehand
    min_psnr: float  # in dB; a file below it is broken


SMALLER = (tf.lite.Optimize.DEFAULT,)
# Bounds lie below what all presets reached: float16 76 dB, int8 43; float32 of BigGAN 138.
KINDS = {
    "float32": Kind(None, (), (), False, 90.0),
    "float16": Kind(None, SMALLER, (tf.float16,), False, 60.0),
    # int8 kernels of a dynamic batch would take 16 times longer than float32's, not half as long.
    "int8": Kind(1, SMALLER, (), False, 30.0),
}
# Not for all generators: LiteRT scales one-hot labels wrongly (12 dB), fails in DRAW and GRAN, and
# loses too much in PGGAN and DAVE (22, 27 dB). Eight of thirteen were at 38 dB or more.
ALL_KINDS = KINDS | {"int8_full": Kind(1, SMALLER, (), True, 30.0)}
EXAMPLES = 100  # that scales are measured on
SEED = 1_000_000  # of these: files are compared on others


def representative(
    generator: keras.Model, count: int = EXAMPLES, prior: str | None = None
) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """Returns a function as the converter wants it: it yields inputs of one image each.

    Args:
        generator: What will be converted.
        count: How many images; all labels in turn.
        prior: Of the latents; see `sampling.inputs`.
    """
    inputs = sampling.inputs(generator, count, SEED, prior=prior)

    def examples():
        for row in range(count):
            yield {name: values[row : row + 1] for name, values in inputs.items()}

    return examples
