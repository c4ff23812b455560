"""The fully connected conditional GAN: Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784.

Section 4.1. Latents and images are in [-1, 1] outside, as everywhere here, and in [0, 1] inside, as
in the paper: its learning rates are for that. Which layers have dropout, and their initial weights,
it does not say: here all hidden ones, and Glorot's.
"""

import dataclasses
import math

import keras
from keras import ops

from tfgan_zoo.layers.maxout import Maxout
from tfgan_zoo.layers.noise import Dropout
from tfgan_zoo.models import blocks
from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class CGANMLPSpec(Spec):
    """Both networks. Units are of the layers of latents or images, of classes, and of both.

    Raises:
        ValueError: If there are no classes, not three layers, or all units are dropped.
    """

    resolution: int  # of square images, in pixels
    z_dim: int = 100
    num_classes: int = 10
    channels: int = 1  # of the images
    g_units: tuple[int, ...] = (200, 1000, 1200)  # ReLUs
    d_units: tuple[int, ...] = (240, 50, 240)  # maxout
    d_pieces: tuple[int, ...] = (5, 5, 4)  # linear maps of each of these
    dropout: float = 0.5
    initializer: str = "glorot"  # one of blocks.INITIALIZERS

    def __post_init__(self):
        if self.num_classes < 1:
            raise ValueError(
                "`num_classes` must be at least 1: both networks have a layer of classes. "
                f"Received: num_classes={self.num_classes}. Without classes take dcgan-mnist."
            )
        for name in ("g_units", "d_units", "d_pieces"):
            sizes = getattr(self, name)
            if len(sizes) != 3 or min(sizes) < 1:
                raise ValueError(
                    f"`{name}` must be three numbers of at least 1: of the layer of latents or "
                    f"images, of classes, and of both. Received: {name}={sizes}."
                )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(
                "`dropout` must be at least 0 and below 1. "
                f"Received: dropout={self.dropout}. 0 is for none."
            )
        blocks.check_initializer(self.initializer)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Of one image."""
        return (self.resolution, self.resolution, self.channels)

    def kernel(self):
        """An initializer of kernels."""
        return blocks.INITIALIZERS[self.initializer][0].clone()


VARIANTS = {
    "cgan-mlp-mnist": CGANMLPSpec(28),
    # Ours, small. Not a baseline: in 4,000 steps on the embedded digits it collapsed to one image.
    "cgan-mlp-digits": CGANMLPSpec(
        28, z_dim=32, g_units=(64, 64, 256), d_units=(64, 16, 64), dropout=0.2
    ),
}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class CGANMLPGenerator(Network):
    """{"latents": [batch, z_dim], "labels": int32 [batch]} -> images in [-1, 1], NHWC float32."""

    spec_class = CGANMLPSpec

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, latents=(spec.z_dim,))

        def hidden(number, name):
            return _dense(spec.g_units[number], name, spec, activation="relu")

        x = keras.layers.Rescaling(0.5, 0.5)(inputs["latents"])
        x = _joined(x, inputs["labels"], hidden, spec)
        count, last = math.prod(spec.image_shape), {"activation": "sigmoid", "dtype": "float32"}
        x = _dense(count, "pixels", spec, **last)(x)
        x = keras.layers.Rescaling(2.0, -1.0, dtype="float32")(x)
        images = keras.layers.Reshape(spec.image_shape, dtype="float32", name="images")(x)
        super().__init__(inputs, images, spec, **kwargs)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class CGANMLPDiscriminator(Network):
    """{"images": [batch, H, W, C] in [-1, 1], "labels": int32 [batch]} -> logits [batch, 1]."""

    spec_class = CGANMLPSpec

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, images=spec.image_shape)

        def hidden(number, name):
            units, pieces = spec.d_units[number], spec.d_pieces[number]
            return Maxout(units, pieces, spec.kernel(), name=name)

        x = keras.layers.Rescaling(0.5, 0.5)(keras.layers.Flatten()(inputs["images"]))
        x = _joined(x, inputs["labels"], hidden, spec)
        logits = _dense(1, "logits", spec, dtype="float32")(x)
        super().__init__(inputs, logits, spec, **kwargs)


def _joined(x, labels, hidden, spec):
    """A layer of its own for x and for one-hot labels, then one of both, all with dropout."""
    dropout = Dropout(spec.dropout, name="dropout")
    classes = ops.one_hot(labels, spec.num_classes, dtype=x.dtype)
    x, classes = dropout(hidden(0, "own")(x)), dropout(hidden(1, "classes")(classes))
    return dropout(hidden(2, "joint")(keras.layers.Concatenate()([x, classes])))


def _dense(units, name, spec, **settings):
    return keras.layers.Dense(units, kernel_initializer=spec.kernel(), name=name, **settings)
