"""SNGAN: Miyato et al., 2018, https://arxiv.org/abs/1802.05957, as in its authors' code.

With classes it has the projection of Miyato and Koyama, https://arxiv.org/abs/1802.05637. The
networks are BigGAN's without attention, with a plain generator and thin blocks in the
discriminator: rows of the same spec. Where the paper has no classes, `num_classes` is 0; setting it
makes the conditional network.
"""

import dataclasses
import functools

from tfgan_zoo.models import biggan

OWN = {
    "shared_dim": 0,
    "skip_z": False,
    "initializer": "glorot_gain",
    "g_spectral": False,
    "thin": True,
    "bn_epsilon": 2e-5,
    "sn_epsilon": 1e-12,
}
_sngan = functools.partial(biggan.BigGANSpec, z_dim=128, **OWN)

VARIANTS = {
    # Ours, for the embedded digits.
    "sngan-digits": dataclasses.replace(biggan.VARIANTS["biggan-digits"], **OWN),
    # The only one whose last layer has no bias.
    "sngan-cifar10": _sngan(
        resolution=32,
        width=128,
        g_widths=(2, 2, 2, 2),
        d_widths=(1, 1, 1, 1),
        flat_blocks=2,
        num_classes=0,
        head_bias=False,
    ),
    # 48 pixels: a 6x6 seed, and a last feature map of 3x3.
    "sngan-stl48": _sngan(
        resolution=48,
        width=64,
        g_widths=(8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 16),
        num_classes=0,
    ),
    "sngan-projection64": _sngan(
        resolution=64,
        width=64,
        g_widths=(16, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 16),
    ),
    # Without classes it is the unconditional one of the SNGAN paper.
    "sngan-projection128": _sngan(
        resolution=128,
        width=64,
        g_widths=(16, 16, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 16, 16),
    ),
}
