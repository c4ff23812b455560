"""DAVE, the denoising variational autoencoder: Im et al., 2017, https://arxiv.org/abs/1511.06406.

Its networks are a plain variational autoencoder's; what makes it DAVE is the corruption that
`training.vae` adds to what the posterior sees.
"""

import dataclasses

import keras
from keras import ops

from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class DAVESpec(Spec):
    """Both networks of one DAVE, of dense layers; by default the authors' for MNIST.

    Raises:
        ValueError: If there are classes.
    """

    resolution: int = 28  # of square images, in pixels
    channels: int = 1  # of the images
    e_widths: tuple[int, ...] = (200, 200)  # of the posterior's hidden layers
    d_widths: tuple[int, ...] = (200,)  # of the generator's: one, as in the authors' code
    z_dim: int = 50
    activation: str = "softplus"  # of hidden layers
    num_classes: int = 0

    def __post_init__(self):
        check_unconditional(self)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image."""
        return (self.resolution, self.resolution, self.channels)


def check_unconditional(spec: Spec) -> None:
    """Raises ValueError if there are classes."""
    if spec.num_classes:
        raise ValueError(
            "`num_classes` must be 0: DRAW and DAVE know nothing of classes. "
            f"Received: num_classes={spec.num_classes}."
        )


VARIANTS = {
    "dave-mnist": DAVESpec(),
    # Ours: no published DAVE has these images.
    "dave-digits": DAVESpec(z_dim=20),
    "dave-cifar10": DAVESpec(
        resolution=32, channels=3, e_widths=(500, 500), d_widths=(500, 500), z_dim=100
    ),
    "dave-64": DAVESpec(
        resolution=64, channels=3, e_widths=(500, 500), d_widths=(500, 500), z_dim=100
    ),
}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DAVEGenerator(Network):
    """{"latents": [batch, z_dim]} -> images [batch, H, W, C] in [-1, 1], float32.

    Images are means of Bernoulli variables, scaled.
    """

    spec_class = DAVESpec

    def __init__(self, spec, **kwargs):
        inputs = {"latents": keras.Input(spec.latents_shape, name="latents")}
        decoder = keras.Sequential(
            [
                *_hidden(spec.d_widths, spec, "decoder"),
                keras.layers.Dense(
                    spec.resolution**2 * spec.channels, dtype="float32", name="pixels"
                ),
                keras.layers.Reshape(spec.shape, dtype="float32"),
            ],
            name="decoder",
        )
        super().__init__(inputs, to_images(decoder(inputs["latents"])), spec, **kwargs)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DAVEPosterior(Network):
    """What an image may have been generated from, and what would be generated then.

    {"images": [batch, H, W, C] in [-1, 1], "noise": [batch, z_dim], standard normal} ->
    {"logits": [batch, H, W, C] of the Bernoulli means, "kl": [batch], nats}, float32.

    Args:
        spec: What is drawn.
        generator: Whose weights the reconstruction shares. Default: a new one of the spec.
    """

    spec_class = DAVESpec

    def __init__(self, spec, generator=None, **kwargs):
        generator = generator or DAVEGenerator(spec)
        inputs = {
            "images": keras.Input(spec.shape, name="images"),
            "noise": keras.Input(spec.latents_shape, name="noise"),
        }
        x = keras.layers.Flatten()(0.5 * (inputs["images"] + 1.0))
        for layer in _hidden(spec.e_widths, spec, "encoder"):
            x = layer(x)
        mean = keras.layers.Dense(spec.z_dim, dtype="float32", name="mean")(x)
        log_sigma = keras.layers.Dense(spec.z_dim, dtype="float32", name="log_sigma")(x)
        latents = mean + ops.exp(log_sigma) * inputs["noise"]
        logits = generator.get_layer("decoder")(latents)
        super().__init__(
            inputs, {"logits": logits, "kl": kl_divergence(mean, log_sigma)}, spec, **kwargs
        )
        self.generator = generator


def _hidden(widths, spec, name):
    return [
        keras.layers.Dense(width, spec.activation, name=f"{name}_{number}")
        for number, width in enumerate(widths, start=1)
    ]


def to_images(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Means of Bernoulli variables, from their logits, scaled to [-1, 1]: 2 sigmoid(x) - 1."""
    return ops.tanh(0.5 * logits)


def kl_divergence(mean: keras.KerasTensor, log_sigma: keras.KerasTensor) -> keras.KerasTensor:
    """In nats, of N(mean, sigma^2) from N(0, 1), summed: [batch, z_dim] -> [batch]."""
    return 0.5 * ops.sum(mean**2 + ops.exp(2.0 * log_sigma) - 2.0 * log_sigma - 1.0, axis=-1)
