"""Random numbers that are the same on every device, with and without XLA.

TensorFlow promises that for integers only: XLA makes other floats of the same random bits.
"""

import math

import keras
import tensorflow as tf

# Named, because the default depends on the device.
ALGORITHM = "philox"


def uniform(shape, seed: tf.Tensor) -> tf.Tensor:
    """Float32 in (-1, 1): odd multiples of 2^-23, so never 0 nor an end. `seed` is int32 [2]."""
    return (2.0 * tf.cast(integers(shape, seed, 2**23), tf.float32) + 1.0) / 2**23 - 1.0


def normal(shape, seed: tf.Tensor, within: float | None = None) -> tf.Tensor:
    """Float32 standard normals, if `within` is given on the condition that none is beyond it.

    Both by the inverse distribution function. None is ever beyond 5.3.
    """
    share = 1.0 if within is None else math.erf(within / math.sqrt(2.0))
    return math.sqrt(2.0) * tf.math.erfinv(share * uniform(shape, seed))


def integers(shape, seed: tf.Tensor, count: int) -> tf.Tensor:
    """Int32, uniform in [0, count)."""
    return tf.random.stateless_uniform(shape, seed, 0, count, tf.int32, alg=ALGORITHM)


def split(seed: tf.Tensor, count: int = 2) -> list[tf.Tensor]:
    """Seeds for `count` draws; two draws from one seed would be correlated."""
    return tf.unstack(tf.random.split(seed, count, ALGORITHM))


def fold_in(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Another seed for every number."""
    return tf.random.fold_in(seed, number, ALGORITHM)


def add_counter(model: keras.Model, name: str, value: int = 0) -> keras.Variable:
    """An int32 weight of the model that noise depends on: saved with it, the same on replicas."""
    counter = model.add_weight(
        (),
        "zeros",
        dtype="int32",
        trainable=False,
        aggregation="only_first_replica",
        name=name,
    )
    counter.assign(value)
    return counter
