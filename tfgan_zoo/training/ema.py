"""The moving average of a generator that is sampled from and saved."""

import dataclasses

import keras
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class EMA:
    """Exponential moving average of all variables: weights, moments and singular vectors.

    Before `start_step` it is a plain copy. Variables that are not floats are always copied.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Appendix C (decay 0.9999).

    Raises:
        ValueError: If `decay` is not in [0, 1).
    """

    decay: float = 0.9999
    start_step: int = 0

    def __post_init__(self):
        if not 0.0 <= self.decay < 1.0:
            raise ValueError(
                f"`decay` must be in [0, 1). Received: decay={self.decay}. "
                "Take 0.0 to follow the generator at once."
            )

    def update(self, average, source, step):
        """Moves the variables of `average` towards those of `source`; `step` counts from 0."""
        decay = tf.where(step < self.start_step, 0.0, self.decay)
        for mean, value in zip(average.variables, source.variables, strict=True):
            if keras.backend.is_float_dtype(value.dtype):
                mean.assign(value + tf.cast(decay, value.dtype) * (mean - value))
            else:
                mean.assign(value)
