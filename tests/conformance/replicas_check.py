"""Trains every small variant on one and on two replicas; run in a process of its own.

TensorFlow allows one MirroredStrategy and one layout of logical devices per process.
Prints one line per variant and fails on the first that differs.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from tests.conformance import small
from tfgan_zoo.data import pipelines
from tfgan_zoo.training import loop

STEPS = 3


def train(name, strategy):
    """A GAN after three steps on the same images, as {path: value} of all variables."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        gan = small.gan(name)
    data = pipelines.batches(
        small.images(name),
        batch_size=8,
        seed=0,
        parts=gan.rules["d"].batches,
        replicas=strategy.num_replicas_in_sync,
        labels="labels" in gan.discriminator.input,
    )
    loop.train(gan, data, STEPS, strategy=strategy)
    for variable in gan.variables:
        copies = strategy.experimental_local_results(variable.value)
        for copy in copies[1:]:
            np.testing.assert_array_equal(copies[0].numpy(), copy.numpy(), variable.path)
    return [(variable.path, variable.numpy()) for variable in gan.variables]


def main():
    """Compares the two; exits with 1 on a difference."""
    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name in sys.argv[1:]:
        alone, together = (train(name, s) for s in (tf.distribute.get_strategy(), two))
        worst = 0.0
        for (path, a), (_, b) in zip(alone, together, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5, err_msg=path)
            worst = max(worst, float(np.abs(np.asarray(a, "float64") - b).max()))
        print(f"{name}: {len(alone)} variables differ by at most {worst:.1e}")


if __name__ == "__main__":
    main()
