"""Learning rates that change while training."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """`rate` up to the update `start`, then in a straight line to 0 at the update `end`.

    Reference: Miyato et al., 2018, https://arxiv.org/abs/1802.05957, as in its authors' code.

    Raises:
        ValueError: Unless 0 <= start < end.
    """

    def __init__(self, rate: float, start: int, end: int):
        if not 0 <= start < end:
            raise ValueError(
                "`start` must be at least 0 and below `end`. "
                f"Received: start={start}, end={end}. Both count updates, not steps."
            )
        self.rate = rate
        self.start = start
        self.end = end

    def __call__(self, step):
        done = (ops.cast(step, "float32") - self.start) / (self.end - self.start)
        return self.rate * (1.0 - ops.clip(done, 0.0, 1.0))

    def get_config(self):
        return {"rate": self.rate, "start": self.start, "end": self.end}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class TriplingEpochs(keras.optimizers.schedules.LearningRateSchedule):
    """`rate`, multiplied by 10^(-1 / c) after 2, 8, 26, ..., 3^k - 1 epochs; c = log_3(epochs / 2).

    So every rate lasts three times as long as the one before, and after 5,000 epochs of 5,000 it is
    about a tenth of the first. Reference: Im et al., 2017, https://arxiv.org/abs/1511.06406, as in
    their code for MNIST.

    Args:
        rate: The first.
        epochs: That training is to take.
        updates: In an epoch; not always a whole number.

    Raises:
        ValueError: Unless `epochs` is above 2 and `updates` positive.
    """

    def __init__(self, rate: float, epochs: float, updates: float):
        if not (epochs > 2 and updates > 0):
            raise ValueError(
                "`epochs` must be above 2, after which the rate falls for the first time, and "
                f"`updates` positive. Received: epochs={epochs}, updates={updates}."
            )
        self.rate = rate
        self.epochs = epochs
        self.updates = updates

    def __call__(self, step):
        # 3^20 epochs are more than any run has.
        ends = ops.array([(3**k - 1) * self.updates for k in range(1, 21)], "float32")
        falls = ops.sum(ops.cast(ops.cast(step, "float32") >= ends, "float32"))
        return self.rate * 10.0 ** (-falls * math.log(3) / math.log(self.epochs / 2))

    def get_config(self):
        return {"rate": self.rate, "epochs": self.epochs, "updates": self.updates}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DividedDecay(keras.optimizers.schedules.LearningRateSchedule):
    """`rate` divided by `divisor` after each update, but not below `lowest`.

    Reference: Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784, section 4.1.

    Raises:
        ValueError: If `divisor` is below 1, or not 0 <= lowest <= rate.
    """

    def __init__(self, rate: float, divisor: float, lowest: float = 0.0):
        if divisor < 1 or not 0 <= lowest <= rate:
            raise ValueError(
                "`divisor` must be at least 1, and `lowest` at least 0 and at most `rate`. "
                f"Received: rate={rate}, divisor={divisor}, lowest={lowest}."
            )
        self.rate = rate
        self.divisor = divisor
        self.lowest = lowest

    def __call__(self, step):
        # Not a power of the divisor: 1.00004 is 1.00004005 in float32.
        divided = self.rate * ops.exp(-math.log(self.divisor) * ops.cast(step, "float32"))
        return ops.maximum(divided, self.lowest)

    def get_config(self):
        return {"rate": self.rate, "divisor": self.divisor, "lowest": self.lowest}
