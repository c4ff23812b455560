"""WGAN and WGAN-GP with DCGAN's layout: rows of its spec.

WGAN: Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, and its authors' code. WGAN-GP:
Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, and its authors' code; no batch norm in
the discriminator. The rows for MNIST, CIFAR-10 and 64 pixels are WIRGAN's networks with one step
and without the latents' unused half: Feng et al., 2020, Table 2, as read in models/gran.py.
"""

import dataclasses

from tfgan_zoo.models.dcgan import DCGANSpec

WGAN = {
    # Ours, for the embedded digits.
    "wgan-digits": DCGANSpec(28, 16, (2, 1), (1, 2), z_dim=32, channels=1),
    "wgan-mnist": DCGANSpec(28, 128, (2, 1), (1, 2), z_dim=128, channels=1),
    "wgan-cifar10": DCGANSpec(32, 128, (4, 2, 1), (1, 2, 4), z_dim=128),
    "wgan-64": DCGANSpec(64, 128, (8, 4, 2, 1), (1, 2, 4, 8), z_dim=128),
    # The WGAN authors' own: its last convolution is a dense layer on 4x4 pixels.
    "wgan-code64": DCGANSpec(64, 64, (8, 4, 2, 1), (1, 2, 4, 8), kernel_size=4, biases="none"),
}
WGAN_GP = {
    f"wgan-gp-{data}": dataclasses.replace(WGAN[f"wgan-{data}"], d_norm="none")
    for data in ("digits", "mnist", "cifar10", "64")
}
# The WGAN-GP authors' own: 4x4 seeds, and moments of every unit in the first norm.
WGAN_GP |= {
    "wgan-gp-code28": DCGANSpec(
        28,
        64,
        (4, 2, 1),
        (1, 2, 4),
        z_dim=128,
        channels=1,
        initializer="glorot_gain",
        d_norm="none",
        g_norm="none",
    ),
    "wgan-gp-code32": dataclasses.replace(
        WGAN_GP["wgan-gp-cifar10"], initializer="glorot_gain", unit_norm=True
    ),
}
