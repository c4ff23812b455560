"""BigGAN: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Appendix B, Tables 4 to 6.

Where the paper and the code that its numbers can be checked with differ, this is the code: the
class embedding does not enter the first linear layer (the tables print 20+128 inputs, the
parameter count says 20), and the order of concatenation is [embedding, latents], as in
BigGAN-PyTorch; the released TensorFlow modules have the other order.
"""

import dataclasses

import keras
from keras import ops

from tfgan_zoo.layers import spectral
from tfgan_zoo.models import blocks
from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class BigGANSpec(Spec):
    """Both networks of one BigGAN, SAGAN or SNGAN; widths are in units of `width`.

    Raises:
        ValueError: If the fields contradict one another.
    """

    resolution: int  # of square images, in pixels
    width: int  # the paper's ch
    g_widths: tuple[int, ...]  # of the first feature map, then after each doubling
    d_widths: tuple[int, ...]  # after each block
    flat_blocks: int = 1  # last blocks of the discriminator that do not halve the resolution
    g_attention: int = 0  # resolution of the feature map, 0 for none
    d_attention: int = 0
    z_dim: int = 120
    num_classes: int = 1000  # 0 for unconditional
    channels: int = 3  # of the images
    shared_dim: int = 128  # of the class embedding; 0 for one table in each conditional norm
    skip_z: bool = True  # whether each block gets a part of the latents of its own
    initializer: str = "orthogonal"  # one of blocks.INITIALIZERS
    g_spectral: bool = True  # whether the generator's kernels are spectrally normalised
    d_spectral: bool = True
    thin: bool = False  # whether the discriminator's blocks widen in their second convolution
    head_bias: bool = True
    bn_epsilon: float = 1e-5
    sn_epsilon: float = 1e-6

    def __post_init__(self):
        blocks.check_resolution(self, self.flat_blocks, "`flat_blocks`")
        if self.z_dim % self.z_parts:
            raise ValueError(
                f"`z_dim` must split into {self.z_parts} equal parts, one per block and one for "
                f"the seed. Received: z_dim={self.z_dim}. "
                f"Take {self.z_dim - self.z_dim % self.z_parts}, or skip_z=False."
            )
        if self.skip_z and self.num_classes and not self.shared_dim:
            raise ValueError(
                "`skip_z` needs a class embedding to join the latents with. "
                "Received: shared_dim=0. Set shared_dim, or skip_z=False."
            )
        blocks.check_attention(self, len(self.d_widths) - self.flat_blocks)
        blocks.check_initializer(self.initializer)

    @property
    def z_parts(self):
        return len(self.g_widths) if self.skip_z else 1


VARIANTS = {
    # Ours, for the embedded digits: the 32-pixel layout at a width that two CPU cores can train.
    "biggan-digits": BigGANSpec(
        resolution=32,
        width=16,
        g_widths=(4, 4, 2, 1),
        d_widths=(1, 2, 4, 4),
        flat_blocks=2,
        z_dim=32,
        num_classes=10,
        channels=1,
        shared_dim=32,
    ),
    # StudioGAN's CIFAR-10 layout, which has the best published scores of a BigGAN there.
    "biggan-32": BigGANSpec(
        resolution=32,
        width=96,
        g_widths=(4, 4, 4, 4),
        d_widths=(2, 2, 2, 2),
        flat_blocks=2,
        g_attention=16,
        d_attention=16,
        z_dim=80,
        num_classes=10,
    ),
    # The CIFAR-10 script of BigGAN-PyTorch: no shared embedding, no skipped latents.
    "biggan-cifar10": BigGANSpec(
        resolution=32,
        width=64,
        g_widths=(4, 4, 4, 4),
        d_widths=(4, 4, 4, 4),
        flat_blocks=2,
        z_dim=128,
        num_classes=10,
        shared_dim=0,
        skip_z=False,
        initializer="normal_0.02",
        sn_epsilon=1e-8,
    ),
    # BigGAN-PyTorch's 64-pixel layout. z_dim is ambiguous there (100 to 125 with 5 parts).
    "biggan-64": BigGANSpec(
        resolution=64,
        width=64,
        g_widths=(16, 16, 8, 4, 2),
        d_widths=(1, 2, 4, 8, 16),
        g_attention=32,
        d_attention=32,
        z_dim=100,
    ),
    # Table 4: the paper's 70.4 and 88.0 million parameters.
    "biggan-imagenet128": BigGANSpec(
        resolution=128,
        width=96,
        g_widths=(16, 16, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 16, 16),
        g_attention=64,
        d_attention=64,
    ),
    # Table 5. The generator's attention is at 128 pixels, as in BigGAN-PyTorch.
    "biggan-imagenet256": BigGANSpec(
        resolution=256,
        width=96,
        g_widths=(16, 16, 8, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 8, 16, 16),
        g_attention=128,
        d_attention=64,
        z_dim=140,
    ),
    # Table 6.
    "biggan-imagenet512": BigGANSpec(
        resolution=512,
        width=96,
        g_widths=(16, 16, 8, 8, 4, 2, 1, 1),
        d_widths=(1, 1, 2, 4, 8, 8, 16, 16),
        g_attention=64,
        d_attention=64,
        z_dim=160,
    ),
}
# The generators that the authors released: other constants, and fewer latents at 512 pixels.
RELEASED = {"bn_epsilon": 1e-4, "sn_epsilon": 1e-4}
VARIANTS |= {
    "biggan-hub128": dataclasses.replace(VARIANTS["biggan-imagenet128"], **RELEASED),
    "biggan-hub256": dataclasses.replace(VARIANTS["biggan-imagenet256"], **RELEASED),
    "biggan-hub512": dataclasses.replace(VARIANTS["biggan-imagenet512"], z_dim=128, **RELEASED),
}


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class BigGANGenerator(Network):
    """{"latents": [batch, z_dim], "labels": int32 [batch]} -> images in [-1, 1], NHWC float32.

    Unconditional specs have no "labels".

    Args:
        spec: What is drawn.
        style: Of all layers, if it is not the spec's.
        after_block: (x, number of the block, its condition, style) -> what goes on from there.
    """

    spec_class = BigGANSpec

    def __init__(self, spec, style=None, after_block=None, **kwargs):
        inputs = blocks.input_layers(spec.num_classes, latents=(spec.z_dim,))
        seed, *parts = _conditions(inputs, spec)
        first, *widths = (spec.width * multiple for multiple in spec.g_widths)
        side = spec.resolution >> len(widths)
        style = style or blocks.Style.of(spec, spec.g_spectral)
        x = spectral.SNDense(side * side * first, name="seed", **style.kernel())(seed)
        x = keras.layers.Reshape((side, side, first))(x)
        for number, (width, condition) in enumerate(zip(widths, parts, strict=True), start=1):
            x = blocks.up_block(x, condition, width, style, f"block_{number}")
            x = after_block(x, number, condition, style) if after_block else x
            x = blocks.attention_at(x, spec.g_attention, style)
        images = blocks.to_images(x, spec.channels, spec.channels, style)
        super().__init__(inputs, images, spec, **kwargs)


def _conditions(inputs, spec):
    """What enters the seed, then what enters each block (None: nothing does)."""
    count = len(spec.g_widths) - 1
    seed, *parts = [inputs["latents"]]
    if spec.skip_z:
        seed, *parts = ops.split(inputs["latents"], spec.z_parts, axis=1)
    if not spec.num_classes:
        return [seed, *(parts or [None] * count)]
    labels = inputs["labels"]
    if spec.shared_dim:
        labels = blocks.class_embedding(labels, spec.shared_dim, blocks.Style.of(spec))
    if not parts:
        return [seed, *[labels] * count]
    return [seed, *(keras.layers.Concatenate()([labels, part]) for part in parts)]


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class BigGANDiscriminator(Network):
    """{"images": [batch, H, W, C] in [-1, 1], "labels": int32 [batch]} -> logits [batch, 1].

    Unconditional specs have no "labels". There is no batch norm: images do not influence one
    another's logits.

    Args:
        spec: What is drawn.
        style: Of all layers, if it is not the spec's.
        join: Number of a block -> what adds its two paths, None for a sum.
    """

    spec_class = BigGANSpec

    def __init__(self, spec, style=None, join=None, **kwargs):
        shape = (spec.resolution, spec.resolution, spec.channels)
        inputs = blocks.input_layers(spec.num_classes, images=shape)
        style = style or blocks.Style.of(spec, spec.d_spectral)
        x, attended = inputs["images"], False
        for number, multiple in enumerate(spec.d_widths, start=1):
            x = blocks.down_block(
                x,
                spec.width * multiple,
                style,
                f"block_{number}",
                down=number <= len(spec.d_widths) - spec.flat_blocks,
                preactivated=number > 1,
                thin=spec.thin,
                join=join(number) if join else None,
            )
            if not attended and x.shape[1] == spec.d_attention:
                x, attended = blocks.attention_at(x, spec.d_attention, style), True
        logits = blocks.logits(blocks.sum_pool(x), inputs, style, spec.head_bias)
        super().__init__(inputs, logits, spec, **kwargs)
