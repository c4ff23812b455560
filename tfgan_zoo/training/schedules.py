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
