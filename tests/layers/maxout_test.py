"""Maxout by hand."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo.layers.maxout import Maxout


def test_by_hand():
    layer = Maxout(units=2, pieces=3)
    layer.build((None, 1))
    # The first unit is |x| or at least 1, the second x.
    layer.kernel.assign([[1.0, -1.0, 0.0, 1.0, 1.0, 1.0]])
    layer.bias.assign([0.0, 0.0, 1.0, 0.0, -1.0, -2.0])
    found = layer(np.array([[3.0], [-2.0], [0.5]], np.float32))
    np.testing.assert_array_equal(found, [[3.0, 3.0], [2.0, -2.0], [1.0, 0.5]])


def test_gradients_reach_the_largest_piece_alone():
    layer = Maxout(units=1, pieces=2)
    layer.build((None, 2))
    layer.kernel.assign([[1.0, 0.0], [0.0, 1.0]])
    with tf.GradientTape() as tape:
        y = layer(tf.constant([[5.0, 2.0]]))
    np.testing.assert_array_equal(tape.gradient(y, layer.kernel.value), [[5.0, 0.0], [2.0, 0.0]])


def test_weights_shapes_and_configuration():
    layer = Maxout(5, 4, "zeros")
    outputs = layer(keras.Input((3,)))
    assert outputs.shape == (None, 5) and layer.compute_output_shape((7, 3)) == (7, 5)
    assert [weight.shape for weight in layer.weights] == [(3, 20), (20,)]
    again = Maxout.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and (again.units, again.pieces) == (5, 4)
