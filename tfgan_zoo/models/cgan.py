"""Conditional GAN and InfoGAN with DCGAN's layout: rows of its spec.

Conditional GAN: Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784, convolutional as in the
DCGAN authors' code: one-hot classes are joined to the inputs of every layer. InfoGAN: Chen et al.,
2016, https://arxiv.org/abs/1606.03657, Appendix C.1: classes and codes that nobody labels. Its
categories are the generator's "labels", and its continuous codes the last of the latents.
"""

from tfgan_zoo.models.dcgan import DCGANSpec

CGAN = {
    # Ours, for the embedded digits.
    "cgan-digits": DCGANSpec(
        28, 16, (2, 1), (1, 2), z_dim=32, channels=1, num_classes=10, hidden=128
    ),
    "cgan-mnist": DCGANSpec(28, 64, (2, 1), (1, 2), channels=1, num_classes=10, hidden=1024),
    # Ours: the same for larger images.
    "cgan-cifar10": DCGANSpec(32, 64, (4, 2, 1), (1, 2, 4), num_classes=10, hidden=1024),
    "cgan-64": DCGANSpec(64, 64, (8, 4, 2, 1), (1, 2, 4, 8), num_classes=10, hidden=1024),
}


def _infogan(resolution, width, g_widths, d_widths, **settings):
    return DCGANSpec(
        resolution,
        width,
        g_widths,
        d_widths,
        **{"z_dim": 64, "num_classes": 10, "codes": 2, "hidden": 1024, **settings},
        infers=True,
        kernel_size=4,
        unit_norm=True,
        slope=0.1,
    )


INFOGAN = {
    "infogan-digits": _infogan(28, 16, (2, 1), (1, 2), z_dim=34, channels=1, hidden=128),  # ours
    # The paper's 74 latents: 62 and 2 codes here, and 10 classes.
    "infogan-mnist": _infogan(28, 64, (2, 1), (1, 2), channels=1),
    # Ours: the same for larger images.
    "infogan-cifar10": _infogan(32, 64, (4, 2, 1), (1, 2, 4)),
    "infogan-64": _infogan(64, 64, (8, 4, 2, 1), (1, 2, 4, 8)),
}
