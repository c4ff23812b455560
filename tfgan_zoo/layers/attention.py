"""Self-attention over the pixels of a feature map."""

import keras
from keras import ops

from tfgan_zoo.layers import spectral


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class SelfAttention2D(keras.layers.Layer):
    """Adds to every pixel a mixture of what all 2x2 neighbourhoods of the map hold.

    [batch, H, W, C] -> the same shape; H and W even, C a multiple of 8. Queries and keys have
    C / 8 channels, values C / 2; keys and values are max-pooled; the weights are a softmax without
    a temperature; `gamma`, the share of the mixture, starts at 0. The paper's text has no pooling
    and other widths; this is what the authors' code does and all published numbers come from.

    Reference: Zhang et al., 2019, https://arxiv.org/abs/1805.08318, section 3.

    Args:
        kernel_initializer: Of the four spectrally normalised 1x1 convolutions.
        epsilon: Of their spectral normalisation.
        normalize: False for none.
    """

    def __init__(self, kernel_initializer="orthogonal", epsilon=1e-6, normalize=True, **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.epsilon = epsilon
        self.normalize = normalize

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if channels % 8 or height % 2 or width % 2:
            raise ValueError(
                "`SelfAttention2D` needs channels that are a multiple of 8 and an even height and "
                f"width. Received: shape {tuple(input_shape)}. Change the width of the network."
            )
        self.query = self._convolution(channels // 8, "query")
        self.key = self._convolution(channels // 8, "key")
        self.value = self._convolution(channels // 2, "value")
        self.output_projection = self._convolution(channels, "output")
        for layer in (self.query, self.key, self.value):
            layer.build(input_shape)
        self.output_projection.build((None, height, width, channels // 2))
        self.gamma = self.add_weight((), "zeros", name="gamma")

    def _convolution(self, filters, name):
        return spectral.SNConv2D(
            filters,
            1,
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            epsilon=self.epsilon,
            normalize=self.normalize,
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, inputs, training=False):
        _, height, width, channels = inputs.shape
        pixels, pooled = height * width, height * width // 4
        queries = ops.reshape(self.query(inputs, training=training), (-1, pixels, channels // 8))
        keys = ops.max_pool(self.key(inputs, training=training), 2, 2)
        values = ops.max_pool(self.value(inputs, training=training), 2, 2)
        keys = ops.reshape(keys, (-1, pooled, channels // 8))
        values = ops.reshape(values, (-1, pooled, channels // 2))
        weights = ops.softmax(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))))
        mixture = ops.reshape(ops.matmul(weights, values), (-1, height, width, channels // 2))
        return inputs + self.gamma * self.output_projection(mixture, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "epsilon": self.epsilon,
            "normalize": self.normalize,
        }
