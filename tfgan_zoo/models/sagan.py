"""SAGAN: Zhang et al., 2019, https://arxiv.org/abs/1805.08318, as in its authors' code.

BigGAN's networks with a table of gains and biases per conditional norm, no skipped latents and
other widths: rows of the same spec.
"""

import dataclasses

from tfgan_zoo.models import biggan

OWN = {"shared_dim": 0, "skip_z": False, "initializer": "glorot"}
VARIANTS = {
    # Ours, for the embedded digits: attention at 16 pixels.
    "sagan-digits": dataclasses.replace(
        biggan.VARIANTS["biggan-digits"], g_attention=16, d_attention=16, **OWN
    ),
    # Attention at 32 pixels, where Table 1 found the best FID. BigGAN's baseline has it at 64.
    "sagan-imagenet128": dataclasses.replace(
        biggan.VARIANTS["biggan-imagenet128"],
        width=64,
        g_attention=32,
        d_attention=32,
        z_dim=128,
        sn_epsilon=1e-12,
        **OWN,
    ),
}
