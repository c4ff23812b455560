"""BigGAN-deep: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Appendix B, Tables 7 to 9.

Twice as many blocks as BigGAN, each a bottleneck, with fewer parameters. All latents and the class
embedding enter every conditional norm and the first layer: there are no parts. The order of
concatenation is [embedding, latents], as in BigGAN-PyTorch; the released modules have the other.
"""

import dataclasses

import keras

from tfgan_zoo.layers import spectral
from tfgan_zoo.models import blocks
from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class BigGANDeepSpec(Spec):
    """Both networks of one BigGAN-deep; widths are in units of `width`.

    Raises:
        ValueError: If the fields contradict one another.
    """

    resolution: int  # of square images, in pixels
    width: int  # the paper's ch
    g_widths: tuple[int, ...]  # of the first feature map, then after each stage of two blocks
    d_widths: tuple[int, ...]  # of the first convolution, then after each stage of two blocks
    g_attention: int = 64  # resolution of the feature map, 0 for none
    d_attention: int = 64
    z_dim: int = 128
    num_classes: int = 1000  # 0 for unconditional
    channels: int = 3  # of the images
    shared_dim: int = 128  # of the class embedding
    rgb_filters: int = 0  # of the last convolution, if more than the channels that are used
    initializer: str = "orthogonal"  # one of blocks.INITIALIZERS
    bn_epsilon: float = 1e-5
    sn_epsilon: float = 1e-6

    def __post_init__(self):
        blocks.check_resolution(self, 1, "the first")
        odd = [w * self.width for w in self.g_widths + self.d_widths if w * self.width % 4]
        if odd:
            raise ValueError(
                "All widths must be multiples of 4: the blocks are four times thinner inside. "
                f"Received: {odd[0]} channels. Change `width`."
            )
        grows = [pair for pair in zip(self.g_widths, self.g_widths[1:]) if pair[1] > pair[0]]
        shrinks = [pair for pair in zip(self.d_widths, self.d_widths[1:]) if pair[1] < pair[0]]
        if grows or shrinks:
            raise ValueError(
                "`g_widths` must not grow and `d_widths` not shrink: shortcuts drop channels in "
                "the generator and add them in the discriminator. "
                f"Received: g_widths={self.g_widths}, d_widths={self.d_widths}. Sort them."
            )
        if self.num_classes and self.shared_dim < 1:
            raise ValueError(
                "`shared_dim` must be at least 1 where there are classes. "
                f"Received: shared_dim={self.shared_dim}."
            )
        if self.rgb_filters and self.rgb_filters < self.channels:
            raise ValueError(
                "`rgb_filters` must be 0 or at least `channels`. "
                f"Received: rgb_filters={self.rgb_filters}, channels={self.channels}."
            )
        blocks.check_attention(self, len(self.d_widths) - 1)
        blocks.check_initializer(self.initializer)

    @property
    def z_parts(self):
        return 1


VARIANTS = {
    # Ours, for the embedded digits.
    "biggan-deep-digits": BigGANDeepSpec(
        resolution=32,
        width=32,
        g_widths=(4, 4, 2, 1),
        d_widths=(1, 2, 4, 4),
        g_attention=0,
        d_attention=0,
        z_dim=32,
        num_classes=10,
        channels=1,
        shared_dim=32,
    ),
    # Table 7. The 50.4 million parameters of the paper's generator are those of the released one.
    "biggan-deep-imagenet128": BigGANDeepSpec(
        resolution=128,
        width=128,
        g_widths=(16, 16, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 16, 16),
    ),
    # Table 8.
    "biggan-deep-imagenet256": BigGANDeepSpec(
        resolution=256,
        width=128,
        g_widths=(16, 16, 8, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 8, 16, 16),
    ),
    # Table 9.
    "biggan-deep-imagenet512": BigGANDeepSpec(
        resolution=512,
        width=128,
        g_widths=(16, 16, 8, 8, 4, 2, 1, 1),
        d_widths=(1, 1, 2, 4, 8, 8, 16, 16),
    ),
}
# The generators that the authors released: their last convolution has 128 filters, three of them
# used, and its singular value is that of all.
RELEASED = {"rgb_filters": 128, "bn_epsilon": 1e-4, "sn_epsilon": 1e-4}
VARIANTS |= {
    f"biggan-deep-hub{side}": dataclasses.replace(
        VARIANTS[f"biggan-deep-imagenet{side}"], **RELEASED
    )
    for side in (128, 256, 512)
}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class BigGANDeepGenerator(Network):
    """{"latents": [batch, z_dim], "labels": int32 [batch]} -> images in [-1, 1], NHWC float32.

    Unconditional specs have no "labels".
    """

    spec_class = BigGANDeepSpec

    def __init__(self, spec, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, latents=(spec.z_dim,))
        style = blocks.Style.of(spec)
        condition = inputs["latents"]
        if spec.num_classes:
            embedded = blocks.class_embedding(inputs["labels"], spec.shared_dim, style)
            condition = keras.layers.Concatenate()([embedded, condition])
        first, *widths = (spec.width * multiple for multiple in spec.g_widths)
        side = spec.resolution >> len(widths)
        x = spectral.SNDense(side * side * first, name="seed", **style.kernel())(condition)
        x = keras.layers.Reshape((side, side, first))(x)
        for stage, width in enumerate(widths, start=1):
            flat, doubling = f"block_{2 * stage - 1}", f"block_{2 * stage}"
            x = blocks.deep_up_block(x, condition, x.shape[-1], False, style, flat)
            x = blocks.deep_up_block(x, condition, width, True, style, doubling)
            x = blocks.attention_at(x, spec.g_attention, style)
        filters = spec.rgb_filters or spec.channels
        super().__init__(inputs, blocks.to_images(x, filters, spec.channels, style), spec, **kwargs)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class BigGANDeepDiscriminator(Network):
    """{"images": [batch, H, W, C] in [-1, 1], "labels": int32 [batch]} -> logits [batch, 1].

    Unconditional specs have no "labels". There is no batch norm.
    """

    spec_class = BigGANDeepSpec

    def __init__(self, spec, **kwargs):
        shape = (spec.resolution, spec.resolution, spec.channels)
        inputs = blocks.input_layers(spec.num_classes, images=shape)
        style = blocks.Style.of(spec)
        first, *widths = (spec.width * multiple for multiple in spec.d_widths)
        x = spectral.SNConv2D(first, name="from_rgb", **style.kernel())(inputs["images"])
        for stage, width in enumerate(widths, start=1):
            x = blocks.deep_down_block(x, width, True, style, f"block_{2 * stage - 1}")
            x = blocks.deep_down_block(x, width, False, style, f"block_{2 * stage}")
            x = blocks.attention_at(x, spec.d_attention, style)
        logits = blocks.logits(blocks.sum_pool(x), inputs, style)
        super().__init__(inputs, logits, spec, **kwargs)
