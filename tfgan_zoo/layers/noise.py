"""Layers that draw random numbers in training, and go on where they were when they are loaded."""

import random

import keras
from keras import ops


class Drawing(keras.layers.Layer):
    """A layer with a weight, `draws`, that its random numbers depend on: a seed, and draws so far.

    Keras does not save the state of its own `SeedGenerator`: a run that is resumed would have other
    noise. One layer may serve several places of a network; each draw is another. Replicas of a
    strategy get the same noise.
    """

    def build(self, input_shape):
        self.draws = self.add_weight(
            (2,),
            lambda shape, dtype: ops.array([random.randrange(2**31), 0], dtype),
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
            name="draws",
        )

    def integers(self, shape, count):
        """Int32, uniform in [0, count): the same with and without XLA, which floats are not."""
        return keras.random.randint(shape, 0, count, "int32", seed=_Seeds(self.draws))


class _Seeds(keras.random.SeedGenerator):
    """What `keras.random` takes seeds from, with a state that is a layer's weight."""

    def __init__(self, draws):
        self.draws = draws

    def next(self, ordered=True):
        seed = ops.convert_to_tensor(self.draws)
        self.draws.assign(seed + ops.array([0, 1], "int32"))
        return ops.cast(seed, "uint32") if keras.backend.backend() == "jax" else seed


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Dropout(Drawing):
    """Sets a share of all values to 0, in training only, and divides the others by what is left.

    Any shape -> the same shape. Keras's own loses its noise's state when it is saved.
    Reference: Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html, section 10.

    Args:
        rate: The share, in multiples of 2^-16.

    Raises:
        ValueError: If `rate` is not in [0, 1).
    """

    CODES = 2**16

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"`rate` must be at least 0 and below 1. Received: rate={rate}.")
        self.rate = rate

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        kept = self.integers(ops.shape(inputs), self.CODES) >= round(self.rate * self.CODES)
        return inputs * ops.cast(kept, inputs.dtype) / (1.0 - self.rate)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
