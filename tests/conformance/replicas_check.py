"""Trains every small variant on one and on two replicas; run in a process of its own.

TensorFlow allows one MirroredStrategy and one layout of logical devices per process. What the
steps did to each variable must be the same to 10 % in the 2-norm: in the larger networks round-off
flips a few ReLUs, and multiplying all weights by 1 +- 1e-7 does as much. A loss that is not divided
among replicas would be off by 100 %. Prints the worst of each variant. Before that: micro-batches
on one and on two replicas must equal one large batch.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from tests.conformance import small
from tests.training import toys
from tfgan_zoo.data import pipelines
from tfgan_zoo.training import loop, penalties
from tfgan_zoo.training.catch_up import CatchUp

STEPS = {"biggan-digits": 3}  # of others 1: what round-off does grows with every step


def train(name, strategy):
    """[(path, its change by the steps)] of all variables of a GAN, on the same images."""
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
    loop.train(gan, data, STEPS.get(name, 1), strategy=strategy)
    for variable in gan.variables:
        copies = strategy.experimental_local_results(variable.value)
        for copy in copies[1:]:
            np.testing.assert_array_equal(copies[0].numpy(), copy.numpy(), variable.path)
    return [(v.path, v.numpy() - old) for v, old in zip(gan.variables, before, strict=True)]


def accumulate(strategy, parts):
    """All weights after two steps on batches of 8, in so many micro-batches on each replica.

    The discriminator plays two rounds alone before the first.

    Toy networks without batch norm: only that sees micro-batches for what they are.
    """
    with strategy.scope():
        gan = toys.gan(num_classes=3)
        rules = {
            side: toys.adam(micro_batches=parts, penalties=(penalties.OffDiagonal(0.1),))
            for side in "gd"
        }
        toys.compiled(gan, **rules)
    catch_up = CatchUp(2, first=1)
    loop.train(gan, toys.dataset(8, num_classes=3), 2, strategy=strategy, catch_up=catch_up)
    return toys.values(gan.generator) + toys.values(gan.discriminator)


def main():
    """Compares the two; exits with 1 on a difference."""
    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    whole = accumulate(tf.distribute.get_strategy(), 1)
    for strategy, parts in ((tf.distribute.get_strategy(), 4), (two, 2)):
        for a, b in zip(whole, accumulate(strategy, parts), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for name in sys.argv[1:]:
        alone, together = (train(name, s) for s in (tf.distribute.get_strategy(), two))
        assert np.mean([bool(np.any(change)) for _, change in alone]) > 0.5, "nothing was trained"
        worst = 0.0
        for (path, a), (_, b) in zip(alone, together, strict=True):
            unmoved = 1e-5 * np.sqrt(a.size)  # the norm of what counts as no change at all
            error = np.linalg.norm(a - b) / (np.linalg.norm(a) + unmoved)
            assert error < 0.1, f"{name}: {path} differs by {error:.1%}"
            worst = max(worst, error)
        print(f"{name}: the changes of {len(alone)} variables differ by at most {worst:.2%}")


if __name__ == "__main__":
    main()
