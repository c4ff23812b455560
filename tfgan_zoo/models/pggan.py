"""PGGAN: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Table 2 and Appendix A.

Both networks grow by a block for every doubling of the resolution. A network here is that of one
moment of the growing: `resolution`, and whether its last block is `fading` in. It keeps what it
does not use any more, the layers between maps and images of lower resolutions, and `at` gives the
network of any other moment with all the weights that it shares with this one.
"""

import dataclasses

import keras
from keras import ops

from tfgan_zoo.layers.equalized import HE, EqualizedConv2D, EqualizedDense
from tfgan_zoo.layers.normalization import BatchNorm, PixelNorm, ScalarLayerNorm
from tfgan_zoo.layers.resampling import FadeIn, Upsample2D
from tfgan_zoo.layers.strided import LeakyReLU
from tfgan_zoo.layers.variety import DrivenNoise, MinibatchDiscrimination, MinibatchStdDev
from tfgan_zoo.models import blocks
from tfgan_zoo.models.network import Network, Spec

FIRST = 4  # pixels of the first feature map
CHOICES = {
    "g_norm": ("pixel", "batch", "none"),
    "d_norm": ("none", "layer"),
    "variety": ("stddev", "discrimination", "none"),
}


@dataclasses.dataclass(frozen=True)
class PGGANSpec(Spec):
    """Both networks of one PGGAN at one moment; the fields from `equalized` on are of Table 1.

    Raises:
        ValueError: If the fields contradict one another.
    """

    resolution: int  # of square images, in pixels: 4 doubled several times
    fading: bool = False  # whether the last block is being mixed in
    fmap_base: int = 8192  # a feature map of R pixels has fmap_base / (R / 2) channels,
    fmap_max: int = 512  # and no more than this
    z_dim: int = 512
    channels: int = 3  # of the images
    num_classes: int = 0  # one-hot beside the latents, and recognised by the discriminator
    group: int = 4  # images whose deviation the discriminator sees; 0: all of a batch
    d_noise: bool = False  # of the least-squares variant, see DrivenNoise
    equalized: bool = True
    g_norm: str = "pixel"  # or "batch", "none"
    d_norm: str = "none"  # or "layer"
    variety: str = "stddev"  # how the discriminator compares images; or "discrimination", "none"
    unit_latents: bool = True  # whether latents are normalised to mean squares of 1
    g_slope: float = 0.2  # of the generator's LeakyReLUs; 0 for ReLUs
    tanh: bool = False  # of the images; they are linear without

    def __post_init__(self):
        if self.resolution not in self.resolutions:
            raise ValueError(
                f"`resolution` must be {FIRST} doubled several times. "
                f"Received: resolution={self.resolution}. Take {self.resolutions[-1]}."
            )
        if self.fading and self.resolution == FIRST:
            raise ValueError(
                f"`fading` is for blocks that double the resolution. Received: fading=True, "
                f"resolution={FIRST}, which has none."
            )
        narrowest = self.width_at(self.resolution)
        if narrowest < 1:
            raise ValueError(
                "`fmap_base` must be at least half of the resolution, or there is a feature map "
                f"without channels. Received: fmap_base={self.fmap_base}, "
                f"resolution={self.resolution}."
            )
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {known}. Received: {name}={getattr(self, name)!r}."
                )

    @property
    def recognises(self) -> bool:
        """Whether the discriminator names classes instead of being told them."""
        return self.num_classes > 0

    @property
    def resolutions(self) -> list[int]:
        """From the first feature map to the images, in pixels."""
        return [FIRST << number for number in range((self.resolution // FIRST).bit_length() or 1)]

    def width_at(self, resolution: int) -> int:
        """Channels of the feature maps of so many pixels."""
        return min(2 * self.fmap_base // resolution, self.fmap_max)


VARIANTS = {
    "pggan-1024": PGGANSpec(1024),
    "pggan-256": PGGANSpec(256),
    # Table 3, with the widths of the released code; the paper says those of the others.
    "pggan-cifar10": PGGANSpec(32, fmap_base=4096, fmap_max=128, z_dim=128),
    # Table 1: rows a to c have another one.
    "pggan-table1": PGGANSpec(128, fmap_base=2048),
    "pggan-table1-gulrajani": PGGANSpec(
        128,
        fmap_base=2048,
        z_dim=128,
        equalized=False,
        g_norm="batch",
        d_norm="layer",
        variety="none",
        unit_latents=False,
        g_slope=0.0,
        tanh=True,
    ),
    # Ours, for the embedded digits.
    "pggan-digits": PGGANSpec(32, fmap_base=256, fmap_max=32, z_dim=32, channels=1),
}
VARIANTS["pggan-digits-gulrajani"] = dataclasses.replace(
    VARIANTS["pggan-table1-gulrajani"],
    **{
        name: getattr(VARIANTS["pggan-digits"], name)
        for name in ("resolution", "fmap_base", "fmap_max", "channels")
    },
    z_dim=32,
)


class Growing(Network):
    """A network of one moment, which knows those of others.

    Args:
        idle: The layers that it keeps without using them; built.
        fade: The layer that mixes, while it is `fading`.
    """

    spec_class = PGGANSpec

    def __init__(self, inputs, outputs, spec, idle, fade, **kwargs):
        super().__init__(inputs, outputs, spec, **kwargs)
        self.idle = idle
        for layer in idle:
            layer.trainable = False
        self._fade = fade

    @property
    def alpha(self) -> keras.Variable | None:
        """The share in [0, 1] of the block that is fading in; None if none is."""
        return self._fade.alpha if self._fade else None

    def at(self, resolution: int, fading: bool = False) -> "Growing":
        """A network for images of another resolution, with copies of the weights that both have.

        What only the new one has is drawn afresh. With `fading` it first does what a network of
        half the resolution does: its `alpha` is 0.

        Raises:
            ValueError: If there is no such network.
        """
        spec = dataclasses.replace(self.spec, resolution=resolution, fading=fading)
        other = type(self)(spec, name=self.name)
        other.inherit(self)
        return other

    def inherit(self, other: "Growing") -> None:
        """Copies all weights of the other network that this one has too, but not `alpha`."""
        found = {weight.path: weight for weight in other.weights}
        for weight in self.weights:
            source = found.get(weight.path)
            if source is not None and source.dtype == "float32" and weight is not self.alpha:
                weight.assign(source)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class PGGANGenerator(Growing):
    """{"latents": [batch, z_dim], perhaps "labels": int32 [batch]} -> images, NHWC float32.

    They are in [-1, 1], nearly: the output is linear, so that values beyond have to be clipped. Any
    lower resolution is to be had: `generator.at(64)`. Latents are normalised before classes are
    joined to them, as in the code that the paper's numbers come from.
    """

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, latents=(spec.z_dim,))
        x = inputs["latents"]
        x = PixelNorm(name="unit_latents")(x) if spec.unit_latents else x
        if spec.num_classes:
            classes = ops.one_hot(inputs["labels"], spec.num_classes, dtype=x.dtype)
            x = keras.layers.Concatenate()([x, classes])
        draw = _GeneratorLayers(spec)
        x = draw.seed(x)
        outputs = []
        for resolution in spec.resolutions:
            x = draw.block(x, resolution)
            outputs.append(draw.to_rgb(x, resolution))
        fade = FadeIn(name="fade") if spec.fading else None
        images = fade([Upsample2D()(outputs[-2]), outputs[-1]]) if fade else outputs[-1]
        last = keras.layers.Activation(
            "tanh" if spec.tanh else "linear", dtype="float32", name="images"
        )
        idle = draw.rgb_layers[: -2 if fade else -1]
        super().__init__(inputs, last(images), spec, idle, fade, **kwargs)


class _GeneratorLayers:
    """Draws the layers of a generator, and remembers those that may become idle."""

    def __init__(self, spec):
        self.spec = spec
        self.rgb_layers = []
        self.settings = {"equalized": spec.equalized, "use_bias": spec.g_norm != "batch"}

    def seed(self, x):
        """The 4x4 convolution of one pixel: a dense layer, with He's constant of a convolution."""
        width = self.spec.width_at(FIRST)
        shape = (FIRST, FIRST, width)
        layer = EqualizedDense(shape, gain=HE / FIRST, name="seed", **self.settings)
        return self._activated(layer(x), "seed")

    def block(self, x, resolution):
        """The convolutions of one resolution: the first doubles, but for the first resolution."""
        first = resolution == FIRST
        for number in (2,) if first else (1, 2):
            name = f"{resolution}_conv_{number}"
            layer = EqualizedConv2D(
                self.spec.width_at(resolution), upsample=number == 1, name=name, **self.settings
            )
            x = self._activated(layer(x), name)
        return x

    def to_rgb(self, x, resolution):
        layer = EqualizedConv2D(
            self.spec.channels,
            1,
            gain=1.0,
            equalized=self.spec.equalized,
            name=f"{resolution}_to_rgb",
        )
        self.rgb_layers.append(layer)
        return layer(x)

    def _activated(self, x, name):
        if self.spec.g_norm == "batch":
            x = BatchNorm(name=f"{name}_norm", standing=len(self.spec.standing))(x)
        x = LeakyReLU(self.spec.g_slope)(x)
        return PixelNorm()(x) if self.spec.g_norm == "pixel" else x


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class PGGANDiscriminator(Growing):
    """{"images": [batch, H, W, C] in [-1, 1]} -> logits [batch, 1], float32.

    With classes it also takes "labels": int32 [batch] and returns {"logits": [batch, 1],
    "class_error": [batch], the cross entropy of the label in nats}: an auxiliary classifier (Odena
    et al., 2017, https://arxiv.org/abs/1610.09585). Images of a batch influence one another's
    logits, unless `variety` is "none": `GAN` needs score_together=False then.
    """

    def __init__(self, spec, **kwargs):
        shape = (spec.resolution, spec.resolution, spec.channels)
        inputs = blocks.input_layers(spec.num_classes, images=shape)
        draw = _DiscriminatorLayers(spec)
        from_rgb = {side: draw.from_rgb(side) for side in spec.resolutions}
        fade = FadeIn(name="fade") if spec.fading else None
        halves = spec.resolutions[::-1]
        x = LeakyReLU()(from_rgb[spec.resolution](inputs["images"]))
        for resolution in halves[:-1]:
            x = draw.block(x, resolution)
            if fade and resolution == spec.resolution:
                small = keras.layers.AveragePooling2D(2)(inputs["images"])
                x = fade([LeakyReLU()(from_rgb[resolution // 2](small)), x])
        outputs = draw.head(x)
        if spec.num_classes:
            error = blocks.class_error(inputs, outputs[:, 1:])
            outputs = {"logits": outputs[:, :1], "class_error": error}
        idle = [from_rgb[side] for side in halves[2 if fade else 1 :]]
        super().__init__(inputs, outputs, spec, idle, fade, **kwargs)


class _DiscriminatorLayers:
    """Draws the layers of a discriminator."""

    def __init__(self, spec):
        self.spec = spec
        self.noise = DrivenNoise(name="noise") if spec.d_noise else None

    def from_rgb(self, resolution):
        """The layer that makes maps of images; built, as it may be idle."""
        layer = EqualizedConv2D(
            self.spec.width_at(resolution),
            1,
            equalized=self.spec.equalized,
            name=f"{resolution}_from_rgb",
        )
        if not layer.built:
            layer.build((None, resolution, resolution, self.spec.channels))
            layer.built = True
        return layer

    def block(self, x, resolution):
        """Two convolutions, the second to the width of the next lower resolution; then means."""
        x = self._conv(x, self.spec.width_at(resolution), f"{resolution}_conv_1")
        x = self._conv(x, self.spec.width_at(resolution // 2), f"{resolution}_conv_2")
        return keras.layers.AveragePooling2D(2)(x)

    def head(self, x):
        """The layers of the last 4x4 pixels: [batch, 4, 4, C] -> [batch, 1 + num_classes]."""
        spec = self.spec
        if spec.variety == "stddev":
            x = MinibatchStdDev(spec.group, name="stddev")(x)
        x = self._conv(x, spec.width_at(FIRST), f"{FIRST}_conv_1")
        x = keras.layers.Flatten()(self.noise(x) if self.noise else x)
        x = self._layer(EqualizedDense, spec.width_at(FIRST // 2), "dense")(x)
        x = self._activated(x, "dense")
        if spec.variety == "discrimination":
            x = MinibatchDiscrimination(name="discrimination")(x)
        last = EqualizedDense(
            1 + spec.num_classes,
            gain=1.0,
            equalized=spec.equalized,
            dtype="float32",
            name="logits",
        )
        return last(x)

    def _conv(self, x, width, name):
        x = self.noise(x) if self.noise else x
        return self._activated(self._layer(EqualizedConv2D, width, name)(x), name)

    def _layer(self, kind, width, name):
        spec = self.spec
        return kind(width, equalized=spec.equalized, use_bias=spec.d_norm == "none", name=name)

    def _activated(self, x, name):
        if self.spec.d_norm == "layer":
            x = ScalarLayerNorm(name=f"{name}_norm")(x)
        return LeakyReLU()(x)
