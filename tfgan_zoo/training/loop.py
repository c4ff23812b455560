"""Runs a GAN's `train_step` on a dataset, under any strategy."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfgan_zoo.training.catch_up import CatchUp
from tfgan_zoo.training.gan import GAN


class Every(keras.callbacks.Callback):
    """Calls `action(step, logs)` after every `interval`-th step of training and after the last one.

    Works in `train` and in `fit`. `step` is the number of steps done, counted over all runs;
    `logs` are those of the step.

    Args:
        interval: In steps; 0 for after the last step only.
        action: What is called.
    """

    def __init__(self, interval: int, action: Callable[[int, dict], None]):
        super().__init__()
        self.interval = interval
        self.action = action

    def on_train_begin(self, logs=None):
        self.step = self.acted = int(self.model.step.numpy())
        self.logs = {}

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        self.logs = logs
        if self.interval and self.step % self.interval == 0:
            self._act()

    def on_train_end(self, logs=None):
        if self.acted != self.step:
            self._act()

    def _act(self):
        self.acted = self.step
        self.action(self.step, self.logs)


def train(
    gan: GAN,
    dataset: tf.data.Dataset,
    steps: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
    catch_up: CatchUp | None = None,
) -> None:
    """Trains until `gan.step` is `steps`, or a callback sets `gan.stop_training`.

    Does what `gan.fit` does, without waiting for the logs of every step, and under strategies
    that `fit` fails with (keras#20585). Steps are traced without AutoGraph, which takes time and
    which nothing here needs: `if` and `for` in losses of your own must not ask tensors.

    Args:
        gan: Compiled, in the strategy's scope.
        dataset: Infinite, of batches for all replicas together, starting with that of step
            `gan.step`.
        steps: To be reached, counted over all runs.
        callbacks: Called in order at the beginning, before and after each step and at the end.
        strategy: Default: the current one.
        catch_up: Rounds that the discriminator plays before some steps; each takes a batch of
            `dataset`, the first rounds that of `gan.step` if they are due.
    """
    strategy = strategy or tf.distribute.get_strategy()

    def on_all_replicas(method):
        on_replica = tf.function(method, jit_compile=gan.jit_compile, autograph=False)

        @tf.function(autograph=False)
        def run(*arguments):
            logs = strategy.run(on_replica, arguments)
            if strategy.num_replicas_in_sync == 1:
                return logs
            return {
                name: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
                for name, value in logs.items()
            }

        return run

    train_step = on_all_replicas(gan.train_step)
    d_round = on_all_replicas(gan.d_round) if catch_up else None
    batches = iter(strategy.experimental_distribute_dataset(dataset))
    gan.stop_training = False
    for callback in callbacks:
        callback.set_model(gan)
        callback.on_train_begin()
    for step in range(int(gan.step.numpy()), steps):
        for callback in callbacks:
            callback.on_train_batch_begin(step)
        for number in range(catch_up.due(step) if catch_up else 0):
            d_round(next(batches), tf.constant(number))
        logs = train_step(next(batches))
        for callback in callbacks:
            callback.on_train_batch_end(step, logs)
        if gan.stop_training:
            break
    for callback in callbacks:
        callback.on_train_end()
