"""Learning rates that change while training."""

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
