"""The residual networks of WGAN-GP: Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.

As in their authors' code: that upsamples before the first convolution of a block, where the paper's
Appendix F says the second. Resampling is folded into the 3x3 convolutions. With classes, the norms
of the generator's blocks have a gain and bias for each, and the discriminator has an auxiliary
classifier beside its score (Odena et al., 2017, https://arxiv.org/abs/1610.09585).
"""

import dataclasses

import keras

from tfgan_zoo.layers import resampling, spectral
from tfgan_zoo.models import blocks
from tfgan_zoo.models.network import Network, Spec

NORMS = ("none", "layer")


@dataclasses.dataclass(frozen=True)
class ResNetSpec(Spec):
    """Both networks of one WGAN-GP; widths are in units of `width`.

    Raises:
        ValueError: If the fields contradict one another.
    """

    resolution: int  # of square images, in pixels
    width: int
    g_widths: tuple[int, ...]  # of the first feature map, then after each doubling
    d_widths: tuple[int, ...]  # after each block
    flat_blocks: int = 0  # last blocks of the discriminator that do not halve the resolution
    d_stem: int = 0  # of a convolution before the blocks; 0 for none
    d_norm: str = "none"  # one of NORMS: batch norm would spoil the gradient penalty
    d_pooled: bool = True  # whether the head sees means over pixels, or every pixel
    inner_bias: bool = True  # whether the first convolution of a block has a bias
    z_dim: int = 128
    num_classes: int = 0  # told to the generator, recognised by the discriminator
    channels: int = 3  # of the images
    initializer: str = "glorot_gain"  # one of blocks.INITIALIZERS
    bn_epsilon: float = 1e-5  # of layer norm, too

    def __post_init__(self):
        blocks.check_resolution(self, self.flat_blocks, "`flat_blocks`")
        if self.d_norm not in NORMS:
            raise ValueError(
                f"`d_norm` must be one of {', '.join(NORMS)}: with batch norm, the gradient "
                "penalty of an image would depend on the others. "
                f"Received: d_norm={self.d_norm!r}."
            )
        blocks.check_initializer(self.initializer)

    @property
    def recognises(self) -> bool:
        """Whether the discriminator names classes instead of being told them."""
        return self.num_classes > 0

    @property
    def style(self) -> blocks.Style:
        """What all layers have in common."""
        return blocks.Style(
            initializer=self.initializer,
            spectral=False,
            sn_epsilon=1e-6,
            bn_epsilon=self.bn_epsilon,
            num_classes=self.num_classes,
            standing=len(self.standing),
        )


VARIANTS = {
    # Table 3, unsupervised: gan_cifar_resnet.py.
    "resnet-cifar10": ResNetSpec(
        resolution=32,
        width=128,
        g_widths=(1, 1, 1, 1),
        d_widths=(1, 1, 1, 1),
        flat_blocks=2,
    ),
    # Section 5.2: gan_64x64.py, the generator and critic called good there.
    "resnet-64": ResNetSpec(
        resolution=64,
        width=64,
        g_widths=(8, 8, 4, 2, 1),
        d_widths=(2, 4, 8, 8),
        d_stem=1,
        d_norm="layer",
        d_pooled=False,
        inner_bias=False,
    ),
}
# Table 3, supervised: the same file with CONDITIONAL and ACGAN.
VARIANTS["resnet-cifar10-labels"] = dataclasses.replace(VARIANTS["resnet-cifar10"], num_classes=10)
# Ours, for the embedded digits.
VARIANTS["resnet-digits"] = dataclasses.replace(
    VARIANTS["resnet-cifar10"], width=32, z_dim=32, channels=1
)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class ResNetGenerator(Network):
    """{"latents": [batch, z_dim], perhaps "labels": int32 [batch]} -> images in [-1, 1], NHWC.

    The last norm has one gain and bias for all classes.
    """

    spec_class = ResNetSpec

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, latents=(spec.z_dim,))

        def norm(x, spec, name):
            return blocks.conditional_norm(x, inputs.get("labels"), spec.style, name)

        first, *widths = (spec.width * multiple for multiple in spec.g_widths)
        side = spec.resolution >> len(widths)
        x = spectral.SNDense(side * side * first, name="seed", **spec.style.kernel())
        x = keras.layers.Reshape((side, side, first))(x(inputs["latents"]))
        for number, width in enumerate(widths, start=1):
            x = _block(x, width, "up", norm, spec, f"block_{number}")
        images = blocks.to_images(x, spec.channels, spec.channels, spec.style)
        super().__init__(inputs, images, spec, **kwargs)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class ResNetDiscriminator(Network):
    """{"images": [batch, H, W, C] in [-1, 1]} -> logits [batch, 1]: no sigmoid, no batch norm.

    With classes it also takes "labels": int32 [batch] and returns {"logits": [batch, 1],
    "class_error": [batch], the cross entropy of the label in nats}.
    """

    spec_class = ResNetSpec

    def __init__(self, spec, **kwargs):
        shape = (spec.resolution, spec.resolution, spec.channels)
        inputs = blocks.input_layers(spec.num_classes, images=shape)
        norm = {"none": _no_norm, "layer": _layer_norm}[spec.d_norm]
        x = inputs["images"]
        if spec.d_stem:
            stem = spectral.SNConv2D(
                spec.width * spec.d_stem, name="from_rgb", **spec.style.kernel()
            )
            x = stem(x)
        halvings = len(spec.d_widths) - spec.flat_blocks
        for number, multiple in enumerate(spec.d_widths, start=1):
            x = _block(
                x,
                spec.width * multiple,
                "down" if number <= halvings else None,
                norm,
                spec,
                f"block_{number}",
                preactivated=number > 1 or bool(spec.d_stem),
            )
        if spec.d_pooled:
            x = keras.layers.GlobalAveragePooling2D(dtype="float32")(keras.layers.ReLU()(x))
        features = keras.layers.Flatten()(x)
        outputs = _head(1, "logits", spec)(features)
        if spec.num_classes:
            classes = _head(spec.num_classes, "classes", spec)(features)
            outputs = {"logits": outputs, "class_error": blocks.class_error(inputs, classes)}
        super().__init__(inputs, outputs, spec, **kwargs)


def _head(units, name, spec):
    return spectral.SNDense(units, dtype="float32", name=name, **spec.style.kernel())


def _block(x, width, resample, norm, spec, name, preactivated=True):
    """Residual block, which doubles the resolution, halves it or keeps it.

    [batch, H, W, C] -> [batch, H', W', width]. The first block on pixels is not `preactivated`.
    Blocks that halve keep C channels until their second convolution. The shortcut's convolution,
    where size or width change, works on the smaller image: the same function for a quarter of the
    work.
    """
    kernel = spec.style.kernel(in_block=True)
    channels = x.shape[-1]
    h = keras.layers.ReLU()(norm(x, spec, f"{name}_norm_1")) if preactivated else x
    h = spectral.SNConv2D(
        channels if resample == "down" and preactivated else width,
        resample="up" if resample == "up" else None,
        use_bias=spec.inner_bias,
        name=f"{name}_conv_1",
        **kernel,
    )(h)
    h = keras.layers.ReLU()(norm(h, spec, f"{name}_norm_2"))
    h = spectral.SNConv2D(
        width, resample="down" if resample == "down" else None, name=f"{name}_conv_2", **kernel
    )(h)
    shortcut = keras.layers.AveragePooling2D(2)(x) if resample == "down" else x
    if resample or channels != width:
        layer = spectral.SNConv2D(width, 1, name=f"{name}_shortcut", **spec.style.kernel())
        shortcut = layer(shortcut)
    if resample == "up":
        shortcut = resampling.Upsample2D()(shortcut)
    return keras.layers.Add()([h, shortcut])


def _layer_norm(x, spec, name):
    """Over height, width and channels, with one gain and bias per channel."""
    return keras.layers.GroupNormalization(groups=1, epsilon=spec.bn_epsilon, name=name)(x)


def _no_norm(x, spec, name):
    return x
