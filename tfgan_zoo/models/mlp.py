"""Networks for points in the plane: the toy models of Feng et al., 2020 (GP-WIRGAN, Figs. 4-6).

They are not in the registry, whose networks make images.
Widths, depth and initialisation, which that paper leaves open, are those of the toy experiments of
Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.
"""

import dataclasses

import keras
from keras import ops

from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class MLPSpec(Spec):
    """Perceptrons of equal shape in all places.

    Raises:
        ValueError: If a size is below 1, or there are classes.
    """

    time_steps: int  # after which the generator's point is taken
    point_dim: int = 2  # coordinates of a point
    z_dim: int = 2  # of the latents of each time step, and of what is kept between them
    hidden: int = 512  # units of each hidden layer
    layers: int = 3  # hidden ones of each perceptron
    num_classes: int = 0

    def __post_init__(self):
        for name in ("time_steps", "point_dim", "z_dim", "hidden", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: {name}={getattr(self, name)}."
                )
        if self.num_classes:
            raise ValueError(
                "`num_classes` must be 0: these networks have no conditions. "
                f"Received: num_classes={self.num_classes}."
            )

    @property
    def latents_shape(self):
        return (self.time_steps, self.z_dim)


class _Perceptron:
    """Hidden ReLU layers and a linear one, which several places of a drawing can share."""

    def __init__(self, spec, outputs, name):
        self.layers = [
            keras.layers.Dense(
                spec.hidden,
                activation="relu",
                kernel_initializer="he_uniform",
                name=f"{name}_{number}",
            )
            for number in range(1, spec.layers + 1)
        ]
        self.layers.append(
            keras.layers.Dense(
                outputs,
                kernel_initializer="he_uniform",
                dtype="float32",
                name=f"{name}_{spec.layers + 1}",
            )
        )

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class MLPGenerator(Network):
    """{"latents": [batch, time_steps, z_dim]} -> points [batch, point_dim], unbounded.

    C_t = f([z_t, h_t]) with h_1 = 0 and h_t = g(C_{t-1}); the last C_t is the point. A single step
    has no g. Reference: Feng et al., 2020, eq. 8-11.
    """

    spec_class = MLPSpec

    def __init__(self, spec, **kwargs):
        latents = keras.Input(spec.latents_shape, name="latents")
        decode = _Perceptron(spec, spec.point_dim, "decoder")
        encode = _Perceptron(spec, spec.z_dim, "encoder")
        kept = ops.zeros_like(latents[:, 0])
        points = []
        for step in range(spec.time_steps):
            if points:
                kept = encode(points[-1])
            points.append(decode(ops.concatenate([latents[:, step], kept], axis=-1)))
        super().__init__({"latents": latents}, points[-1], spec, canvases=points, **kwargs)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class MLPDiscriminator(Network):
    """{"images": [batch, point_dim]}, which are points -> logits [batch, 1]."""

    spec_class = MLPSpec

    def __init__(self, spec, **kwargs):
        points = keras.Input((spec.point_dim,), name="images")
        logits = _Perceptron(spec, 1, "discriminator")(points)
        super().__init__({"images": points}, logits, spec, **kwargs)
