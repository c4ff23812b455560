"""Trains every small variant on one and on two replicas; run in a process of its own.

TensorFlow allows one MirroredStrategy and one layout of logical devices per process. What three
steps did to each variable must be the same to 10 % of the largest change: round-off grows that much
in the larger networks, where multiplying all weights by 1 +- 1e-7 does the same. A loss that is not
divided among replicas would be off by 100 %. Prints the worst of each variant.
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
    """[(path, its change by three steps)] of all variables of a GAN, on the same images."""
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
    before = [variable.numpy() for variable in gan.variables]
    loop.train(gan, data, STEPS, strategy=strategy)
    for variable in gan.variables:
        copies = strategy.experimental_local_results(variable.value)
        for copy in copies[1:]:
            np.testing.assert_array_equal(copies[0].numpy(), copy.numpy(), variable.path)
    return [(v.path, v.numpy() - old) for v, old in zip(gan.variables, before, strict=True)]


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
            change = float(np.abs(a).max())
            np.testing.assert_allclose(b, a, rtol=0, atol=0.1 * change + 2e-5, err_msg=path)
            worst = max(worst, float(np.abs(a - b).max()) / (change + 1e-4))
        print(f"{name}: the changes of {len(alone)} variables differ by at most {worst:.2%}")


if __name__ == "__main__":
    main()
