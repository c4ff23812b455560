"""GRAN, WIRGAN and GP-WIRGAN: generators that draw an image in several steps.

GRAN: Im et al., 2016, https://arxiv.org/abs/1602.05110, and its authors' code. WIRGAN: Feng et al.,
GP-WIRGAN, Chinese Journal of Computers 43(2), 2020, sections 3.1 and 3.2, Table 2. A step is an
encoder of the last canvas, which the first step has not, and a decoder of its code and of latents.

The WIRGAN paper leaves much open. Kernels of 5x5 and stride 2, LeakyReLUs of 0.2, the encoder's
tanh and the initialisation are those of the WGAN-GP and GRAN authors' code. Its Table 2 has the
columns of encoder and decoder swapped. Weights are shared over the steps, as in GRAN. Batch norm
has moving averages of every step, for images that do not depend on the batch they are in; the
reference codes use the moments of the batch also for samples.
"""

import dataclasses
import functools
import itertools
import operator

import keras
from keras import ops

from tfgan_zoo.models import blocks, strided
from tfgan_zoo.models.dcgan import DCGANDiscriminator, DCGANSpec
from tfgan_zoo.models.network import Network


@dataclasses.dataclass(frozen=True)
class GRANSpec(DCGANSpec):
    """Both networks of a GRAN or WIRGAN; the encoder has the decoder's widths, backwards.

    Raises:
        ValueError: If the fields contradict one another.
    """

    z_dim: int = 128  # of the latents of a step, and of what the encoder says of a canvas
    time_steps: int = 3
    share_weights: bool = True  # over the steps
    # What GRAN has and WIRGAN has not: latents that go through a layer and stay the same for all
    # steps, and an image that is the sum of all canvases.
    accumulate: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.time_steps < 1:
            raise ValueError(f"`time_steps` must be at least 1. Received: {self.time_steps}.")
        if self.num_classes or self.infers:
            raise ValueError(
                "`num_classes` must be 0: these networks are not conditional. "
                f"Received: num_classes={self.num_classes}, infers={self.infers}."
            )

    @property
    def latents_shape(self):
        return (self.z_dim,) if self.accumulate else (self.time_steps, self.z_dim)


LAYOUTS = {
    "digits": GRANSpec(28, 16, (2, 1), (1, 2), z_dim=32, channels=1),  # ours
    "mnist": GRANSpec(28, 128, (2, 1), (1, 2), channels=1),
    "cifar10": GRANSpec(32, 128, (4, 2, 1), (1, 2, 4)),
    "64": GRANSpec(64, 128, (8, 4, 2, 1), (1, 2, 4, 8)),
}
WIRGAN = {f"wirgan-{data}": spec for data, spec in LAYOUTS.items()}
GP_WIRGAN = {
    f"gp-wirgan-{data}": dataclasses.replace(spec, d_norm="none") for data, spec in LAYOUTS.items()
}
_gran = functools.partial(
    GRANSpec,
    accumulate=True,
    unit_norm=True,
    g_norm="dense",
    d_norm="all",
    biases="gran",
    initializer="gran",
    slope=0.0,
    hidden=100,
    bn_epsilon=1e-6,
)
# GRAN's authors' widths; as WIRGAN has them, with --spec=width=128,g_widths=2:1,d_widths=1:2.
GRAN = {
    # Ours. A norm after the first convolution too makes the discriminator blind to contrast, as it
    # looks at real and at generated batches apart: with one step samples stayed grey.
    "gran-digits": _gran(28, 16, (2, 1), (2, 1), z_dim=32, channels=1, hidden=32, d_norm="inner"),
    "gran-mnist": _gran(28, 40, (2, 1), (2, 1), z_dim=60, channels=1),
    "gran-cifar10": _gran(32, 256, (4, 2, 1), (4, 2, 1), z_dim=100),
    "gran-64": _gran(64, 172, (1, 8, 4, 2), (8, 4, 2, 1), z_dim=100),
}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class GRANGenerator(Network):
    """{"latents": [batch, T, z_dim], of GRAN [batch, z_dim]} -> images in [-1, 1], NHWC float32.

    With one step there is no encoder: WIRGAN is WGAN then, and GP-WIRGAN is WGAN-GP.
    """

    spec_class = GRANSpec

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(0, latents=spec.latents_shape)
        latents = inputs["latents"]
        if spec.accumulate:
            drawn = _unroll([_mixed(latents, spec)] * spec.time_steps, spec)
            squash = keras.layers.Activation("tanh", dtype="float32", name="canvas")
            canvases = [squash(x) for x in itertools.accumulate(drawn, operator.add)]
        else:
            canvases = _unroll([latents[:, step] for step in range(spec.time_steps)], spec)
        super().__init__(inputs, canvases[-1], spec, canvases=canvases, **kwargs)


def _mixed(latents, spec):
    """GRAN's h_z: a dense layer, batch norm and tanh."""
    style = strided.Style.of(spec)
    return keras.layers.Activation("tanh")(
        style.norm("latents_norm")(style.dense(spec.z_dim, "latents_dense")(latents))
    )


def _unroll(latents, spec):
    """What is drawn in each step: canvases of WIRGAN, and of GRAN what is added to the canvas."""
    decoders = _of_steps(_decoder, spec.time_steps, spec)
    encoders = _of_steps(_encoder, spec.time_steps - 1, spec)
    drawn, code = [], ops.zeros_like(latents[0])
    for step, z in enumerate(latents):
        if step:
            layers, call = encoders[step - 1]
            code = strided.run(layers, drawn[-1], call)
        layers, call = decoders[step]
        drawn.append(strided.run(layers, keras.layers.Concatenate()([z, code]), call))
    return drawn


def _of_steps(draw, count, spec):
    """(layers, which call of them it is) for each of `count` steps."""
    if not spec.share_weights:
        return [(draw(spec, 1, f"step_{step}_"), 0) for step in range(1, count + 1)]
    layers = draw(spec, count, "") if count else []
    return [(layers, step) for step in range(count)]


def _decoder(spec, calls, prefix):
    """f: latents and code -> what is drawn."""
    layers = strided.decoder(
        strided.Style.of(spec, calls),
        [spec.width * multiple for multiple in spec.g_widths],
        spec.resolution,
        spec.channels,
        norms=spec.g_norm,
        unit_norm=spec.unit_norm,
        prefix=prefix,
    )
    if not spec.accumulate:
        layers += [keras.layers.Activation("tanh", dtype="float32", name=f"{prefix}canvas")]
    return layers


def _encoder(spec, calls, prefix):
    """g: what was drawn in the last step -> its code."""
    style = strided.Style.of(spec, calls)
    widths = [spec.width * multiple for multiple in spec.g_widths[::-1]]
    # In GRAN's code the innermost convolution has a norm at 28 pixels only.
    plain = spec.accumulate and len(widths) > 2
    layers = strided.encoder(
        style,
        widths,
        lambda number: not plain or number < len(widths) - 1,
        slope=0.0,
        prefix=f"{prefix}read_",
        kind=keras.layers.Conv2D,  # part of a generator, which is exported
    )
    norm = [style.norm(f"{prefix}code_norm")] if spec.accumulate else []
    tanh = keras.layers.Activation("tanh")
    return [*layers, style.dense(spec.z_dim, f"{prefix}code"), *norm, tanh]


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class GRANDiscriminator(DCGANDiscriminator):
    """{"images": [batch, H, W, C] in [-1, 1]} -> logits [batch, 1]."""

    spec_class = GRANSpec

    def hidden_layers(self, spec, style, units, name):
        """GRAN's: without norm, with tanh."""
        return [style.dense(units, name), keras.layers.Activation("tanh")]
