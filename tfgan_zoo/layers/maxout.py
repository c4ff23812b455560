"""Units that are the largest of several linear maps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Maxout(keras.layers.Layer):
    """max over j of x W_j + b_j: [batch, features] -> [batch, units].

    Reference: Goodfellow et al., 2013, https://arxiv.org/abs/1302.4389, section 3.

    Args:
        units: Of the output.
        pieces: Linear maps that each is the largest of; one unit's are neighbours in the kernel.
        kernel_initializer: Of all pieces.
    """

    def __init__(self, units, pieces, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.pieces = pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        width = self.units * self.pieces
        self.kernel = self.add_weight(
            (input_shape[-1], width), self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight((width,), "zeros", name="bias")

    def call(self, inputs):
        x = ops.matmul(inputs, self.kernel) + self.bias
        return ops.max(ops.reshape(x, (-1, self.units, self.pieces)), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
