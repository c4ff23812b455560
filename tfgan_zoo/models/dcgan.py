"""DCGAN: Radford et al., 2016, https://arxiv.org/abs/1511.06434, section 3, and its relatives.

WGAN, WGAN-GP, LSGAN, conditional GAN and InfoGAN have rows of the same spec. Outputs are tanh and
images in [-1, 1] throughout; where a paper has sigmoids and [0, 1], that is the same function.
"""

import dataclasses

import keras
from keras import ops

from tfgan_zoo.layers.strided import LeakyReLU
from tfgan_zoo.models import blocks, strided
from tfgan_zoo.models.network import Network, Spec

CHOICES = {
    "g_norm": ("none", "dense", "all"),
    "d_norm": ("none", "inner", "all"),
    "biases": ("all", "none", "gran"),
}


@dataclasses.dataclass(frozen=True)
class DCGANSpec(Spec):
    """Both networks of one DCGAN; widths are in units of `width`.

    Raises:
        ValueError: If the fields contradict one another.
    """

    resolution: int  # of square images, in pixels
    width: int
    g_widths: tuple[int, ...]  # of the seed, then after each doubling but the last
    d_widths: tuple[int, ...]  # after each halving
    z_dim: int = 100
    channels: int = 3  # of the images
    num_classes: int = 0  # joined to the inputs of every layer, unless `infers`
    infers: bool = False  # InfoGAN: the discriminator is not told classes and codes, it infers them
    codes: int = 0  # last components of the latents that it infers
    hidden: int = 0  # units of a dense layer at the latents' and one at the logits' end; 0: none
    kernel_size: int = 5
    initializer: str = "normal_0.02"  # one of blocks.INITIALIZERS
    biases: str = "all"  # or "none", or "gran": all but those of convolutions before a norm
    unit_norm: bool = False  # whether the seed's norm has moments of each unit, not each channel
    g_norm: str = "all"  # batch norm after all layers but the last; or "none", "dense" layers only
    d_norm: str = "inner"  # batch norm after all convolutions but the first; or "none", "all"
    slope: float = 0.2  # of the discriminator's LeakyReLUs; 0 for ReLUs
    bn_epsilon: float = 1e-5

    def __post_init__(self):
        for name in ("g_widths", "d_widths"):
            widths = getattr(self, name)
            if not widths or self.resolution <= 2 ** (len(widths) - 1):
                raise ValueError(
                    f"`{name}` must have an entry per halving of the resolution, at least one and "
                    f"no more than it can bear. Received: {name}={widths}, "
                    f"resolution={self.resolution}."
                )
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {known}. Received: {name}={getattr(self, name)!r}."
                )
        if not 0 <= self.codes <= self.z_dim or (self.codes and not self.infers):
            raise ValueError(
                "`codes` are the last of the `z_dim` latents, and go with infers=True. "
                f"Received: codes={self.codes}, z_dim={self.z_dim}, infers={self.infers}."
            )
        if self.infers and not (self.num_classes or self.codes):
            raise ValueError(
                "`infers` needs classes or codes to infer. Received: num_classes=0, codes=0."
            )
        blocks.check_initializer(self.initializer)

    @property
    def supervised(self):
        return self.num_classes > 0 and not self.infers


def _row(resolution, width, depth, **settings):
    """`depth` halvings to `width`, twice as many channels, and so on, and back."""
    widths = tuple(2**number for number in range(depth))
    return DCGANSpec(resolution, width, widths[::-1], widths, **settings)


VARIANTS = {
    # Ours, for the embedded digits.
    "dcgan-digits": _row(28, 16, 2, z_dim=32, channels=1, biases="none"),
    # The paper's layout with fewer halvings for smaller images, as usual.
    "dcgan-mnist": _row(28, 64, 2, channels=1, biases="none"),
    "dcgan-cifar10": _row(32, 128, 3, biases="none"),
    "dcgan-64": _row(64, 128, 4, biases="none"),
    "dcgan-64-narrow": _row(64, 64, 4, biases="none"),
}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DCGANGenerator(Network):
    """{"latents": [batch, z_dim], perhaps "labels": int32 [batch]} -> images in [-1, 1], NHWC."""

    spec_class = DCGANSpec

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, latents=(spec.z_dim,))
        layers = strided.decoder(
            strided.Style.of(spec),
            [spec.width * multiple for multiple in spec.g_widths],
            spec.resolution,
            spec.channels,
            norms=spec.g_norm,
            hidden=spec.hidden,
            unit_norm=spec.unit_norm,
        )
        join = _joiner(inputs, spec)
        if spec.infers and join:
            x = strided.run(layers, join(inputs["latents"]))
        else:
            x = strided.run(layers, inputs["latents"], join=join)
        images = keras.layers.Activation("tanh", dtype="float32", name="images")(x)
        super().__init__(inputs, images, spec, **kwargs)


def _joiner(inputs, spec):
    """Joins one-hot classes to [batch, units] or, as constant maps, to [batch, H, W, C]."""
    if not spec.num_classes:
        return None

    def join(x):
        classes = ops.one_hot(inputs["labels"], spec.num_classes, dtype=x.dtype)
        if len(x.shape) == 4:
            classes = ops.ones_like(x[..., :1]) * classes[:, None, None, :]
        return keras.layers.Concatenate()([x, classes])

    return join


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DCGANDiscriminator(Network):
    """{"images": [batch, H, W, C] in [-1, 1], perhaps "labels": int32 [batch]} -> [batch, 1].

    If the spec `infers`, there are no "labels", and the output is {"logits": [batch, 1], "classes":
    logits [batch, num_classes], "codes": [batch, 2 * codes], the means of Gaussians and then their
    log deviations}. With batch norm the images of a batch influence one another's logits: `GAN`
    needs score_together=False then.
    """

    spec_class = DCGANSpec

    def __init__(self, spec, **kwargs):
        shape = (spec.resolution, spec.resolution, spec.channels)
        told = 0 if spec.infers else spec.num_classes
        inputs = blocks.input_layers(told, images=shape)
        style = strided.Style.of(spec)
        first_norm = {"none": len(spec.d_widths), "inner": 1, "all": 0}[spec.d_norm]
        widths = [spec.width * multiple for multiple in spec.d_widths]
        layers = strided.encoder(style, widths, lambda number: number >= first_norm, spec.slope)
        if spec.hidden:
            layers += self.hidden_layers(spec, style, spec.hidden, "hidden")
        join = _joiner(inputs, spec) if told else None
        x = strided.run(layers, inputs["images"], join=join)
        head = style.dense(1, "logits", dtype="float32")
        outputs = strided.run([head], x, join=join)
        if spec.infers:
            outputs = {"logits": outputs, **self._inferred(spec, style, x)}
        super().__init__(inputs, outputs, spec, **kwargs)

    def hidden_layers(self, spec, style, units, name):
        """Between the last convolution and a head."""
        norm = [] if spec.d_norm == "none" else [style.norm(f"{name}_norm")]
        return [style.dense(units, name), *norm, LeakyReLU(spec.slope)]

    def _inferred(self, spec, style, x):
        """What InfoGAN's network Q says: it shares all but its last two layers."""
        x = strided.run(self.hidden_layers(spec, style, max(1, spec.hidden // 8), "inferring"), x)
        sizes = {"classes": spec.num_classes, "codes": 2 * spec.codes}
        return {
            name: style.dense(size, name, dtype="float32")(x)
            for name, size in sizes.items()
            if size
        }
