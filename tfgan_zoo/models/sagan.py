"""SAGAN: Zhang et al., 2019, https://arxiv.org/abs/1805.08318, as in its authors' code.

BigGAN's networks with a table of gains and biases per conditional norm, no skipped latents and
other widths: rows of the same spec.
"""

from tfgan_zoo.models.biggan import BigGANSpec

VARIANTS = {
    # Ours, for the embedded digits: attention at 16 pixels.
    "sagan-digits": BigGANSpec(
        resolution=32,
        width=16,
        g_widths=(4, 4, 2, 1),
        d_widths=(1, 2, 4, 4),
        flat_blocks=2,
        g_attention=16,
        d_attention=16,
        z_dim=32,
        num_classes=10,
        channels=1,
        shared_dim=0,
        skip_z=False,
        initializer="glorot",
    ),
    # Attention at 32 pixels, where Table 1 found the best FID. BigGAN's baseline has it at 64.
    "sagan-imagenet128": BigGANSpec(
        resolution=128,
        width=64,
        g_widths=(16, 16, 8, 4, 2, 1),
        d_widths=(1, 2, 4, 8, 16, 16),
        g_attention=32,
        d_attention=32,
        z_dim=128,
        shared_dim=0,
        skip_z=False,
        initializer="glorot",
        sn_epsilon=1e-12,
    ),
}
