"""Last layers of discriminators."""

import keras
from keras import ops

from tfgan_zoo.layers import spectral


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class ClassProjection(keras.layers.Layer):
    """Logit of an image being real and of its class: linear(h) + <embedding(label), h>.

    [features, labels] of shapes [batch, units] and int [batch] -> [batch, 1]. Both maps are
    spectrally normalised; only the linear one may have a bias.

    Reference: Miyato and Koyama, 2018, https://arxiv.org/abs/1802.05637, eq. 3.

    Args:
        num_classes: Rows of the embedding.
        kernel_initializer: Of both maps.
        epsilon: Of their spectral normalisation.
        normalize: False for none.
        use_bias: Whether the linear map has a bias.
    """

    def __init__(
        self,
        num_classes,
        kernel_initializer="orthogonal",
        epsilon=1e-6,
        normalize=True,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.epsilon = epsilon
        self.normalize = normalize
        self.use_bias = use_bias

    def build(self, input_shape):
        features, labels = input_shape
        shared = {
            "kernel_initializer": self.kernel_initializer,
            "epsilon": self.epsilon,
            "normalize": self.normalize,
            "dtype": self.dtype_policy,
        }
        self.linear = spectral.SNDense(1, use_bias=self.use_bias, name="linear", **shared)
        self.linear.build(features)
        self.embedding = spectral.SNEmbedding(
            self.num_classes, features[-1], name="embedding", **shared
        )
        self.embedding.build(labels)

    def call(self, inputs, training=False):
        features, labels = inputs
        embedded = self.embedding(labels, training=training)
        projected = ops.sum(embedded * features, axis=1, keepdims=True)
        return self.linear(features, training=training) + projected

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 1)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "epsilon": self.epsilon,
            "normalize": self.normalize,
            "use_bias": self.use_bias,
        }
