"""Parameter counts of all variants and of the rows of BigGAN's Table 1.

They are the papers', or were measured by instantiating the authors' or other published code:
BigGAN-PyTorch, PyTorch-StudioGAN and the released modules' PyTorch port; the code of the authors
of WGAN-GP, GRAN and InfoGAN. Of WIRGAN's networks, whose paper has none, they were computed with
plain Keras layers. None stands where a count was neither published nor computed elsewhere.
"""

import numpy as np
import pytest

from tfgan_zoo.models import registry

UNSHARED = {"shared_dim": 0, "skip_z": False, "z_dim": 128}
WHOLE = {"skip_z": False, "z_dim": 128}
# (variant, changes, trainable parameters of the generator, of the discriminator)
COUNTS = [
    ("biggan-32", {}, 9_416_196, 2_415_170),
    ("biggan-cifar10", {}, 4_304_387, 4_207_361),
    ("biggan-64", {}, 31_866_116, 20_571_842),
    ("biggan-64", {"z_dim": 120}, 31_969_540, 20_571_842),
    ("biggan-64", {"g_widths": (16, 8, 4, 2, 1)}, 11_446_404, 20_571_842),
    ("biggan-imagenet128", {}, 70_433_988, 87_982_370),
    ("biggan-imagenet256", {}, 82_097_604, 99_225_890),
    ("biggan-imagenet512", {}, 82_468_068, 99_401_282),
    ("biggan-hub128", {}, 70_433_988, 87_982_370),
    ("biggan-hub256", {}, 82_097_604, 99_225_890),
    ("biggan-hub512", {}, 82_296_804, 99_401_282),
    ("biggan-deep-imagenet128", {}, 50_244_484, 34_590_210),
    ("biggan-deep-imagenet256", {}, 55_736_708, 38_247_426),
    ("biggan-deep-imagenet512", {}, 56_019_780, 38_301_122),
    ("biggan-deep-hub128", {}, 50_388_609, 34_590_210),
    ("biggan-deep-hub256", {}, 55_880_833, 38_247_426),
    ("biggan-deep-hub512", {}, 56_163_905, 38_301_122),
    ("sagan-imagenet128", {}, 42_078_852, 39_463_618),
    ("sagan-imagenet128", {"g_attention": 0, "d_attention": 0}, 41_996_931, 39_443_137),
    ("sngan-cifar10", {}, 4_276_739, 1_053_824),
    ("sngan-cifar10", {"num_classes": 10}, 4_304_387, 1_055_104),
    ("sngan-stl48", {}, 4_878_083, 10_141_441),
    ("sngan-projection64", {}, 17_974_915, 11_165_441),
    ("sngan-projection64", {"num_classes": 0}, 12_220_675, 10_141_441),
    ("sngan-projection128", {}, 41_996_931, 30_041_857),
    ("sngan-projection128", {"num_classes": 0}, 32_150_787, 29_017_857),
    ("wirgan-mnist", {}, 6_476_417, 835_841),
    ("wirgan-mnist", {"time_steps": 1}, 4_047_105, 835_841),
    ("wirgan-cifar10", {}, 11_370_115, 4_116_225),
    ("wirgan-cifar10", {"time_steps": 1}, 6_213_123, 4_116_225),
    ("wirgan-64", {}, 40_744_067, 17_234_689),
    ("wirgan-64", {"time_steps": 1}, 21_428_227, 17_234_689),
    ("gp-wirgan-mnist", {}, 6_476_417, 835_329),
    ("gp-wirgan-cifar10", {"time_steps": 5}, 11_370_115, 4_114_689),
    ("gp-wirgan-64", {}, 40_744_067, 17_231_105),
    ("wgan-mnist", {}, 2_441_473, 835_841),
    ("wgan-cifar10", {}, 5_164_547, 4_116_225),
    ("wgan-64", {}, 19_331_075, 17_234_689),
    ("wgan-code64", {}, 3_576_704, 2_765_568),
    ("wgan-gp-mnist", {}, 2_441_473, 835_329),
    ("wgan-gp-cifar10", {}, 5_164_547, 4_114_689),
    ("wgan-gp-64", {}, 19_331_075, 17_231_105),
    ("wgan-gp-code28", {}, 1_554_177, 1_030_145),
    ("wgan-gp-code32", {}, 5_179_907, 4_114_689),
    # Each by itself; what both together have is counted in sharing_test.py.
    ("sharing-cifar10", {}, 4_304_387, 4_207_361),
    ("sharing-stl48", {}, 4_964_867, 4_207_361),
    # Those of the last resolution; all that a network keeps are counted in pggan_test.py.
    ("pggan-1024", {}, 23_071_507, 23_077_137),
    ("pggan-256", {}, 23_036_995, 23_042_625),
    ("pggan-256", {"resolution": 32}, 20_715_011, 20_720_641),
    ("pggan-cifar10", {}, 1_295_747, 1_297_153),
    ("pggan-table1", {}, 13_625_379, 13_631_009),
    ("pggan-table1-gulrajani", {}, None, None),
    ("resnet-cifar10", {}, 1_204_483, 1_053_825),
    # Six norms of 128 channels have tables of 10 rows, 6 * 2 * 9 * 128 more; 128 * 10 + 10.
    ("resnet-cifar10-labels", {}, 1_204_483 + 13_824, 1_053_825 + 1_290),
    ("resnet-64", {}, None, None),
    ("dcgan-mnist", {}, None, None),
    ("dcgan-cifar10", {}, None, None),
    ("dcgan-64", {}, 18_855_040, 17_232_768),
    ("dcgan-64-narrow", {}, 5_126_720, 4_315_584),
    # 100 * 200 + 200, 10 * 1000 + 1000, 1200 * 1200 + 1200 and 1200 * 784 + 784; 784 * 1200 + 1200,
    # 10 * 250 + 250, 290 * 960 + 960 and 240 + 1.
    (
        "cgan-mlp-mnist",
        {},
        20_200 + 11_000 + 1_441_200 + 941_584,
        942_000 + 2_750 + 279_360 + 241,
    ),
    ("cgan-mnist", {}, None, None),
    ("cgan-cifar10", {}, None, None),
    ("cgan-64", {}, None, None),
    # The discriminator with the network Q: 6,559,169 + 133,262.
    ("infogan-mnist", {}, 6_652_481, 6_692_431),
    ("infogan-cifar10", {}, None, None),
    ("infogan-64", {}, None, None),
    ("gran-mnist", {}, None, None),
    ("gran-cifar10", {}, 37_784_683, None),
    ("gran-64", {}, 71_905_055, None),
]
# Table 1 of Brock et al.: (rows, changes to biggan-imagenet128, G, D, column Param in millions).
# The column leaves the shared class embedding out: 1000 x 128 parameters.
TABLE_1 = [
    ("1 to 4", {**UNSHARED, "width": 64}, 42_017_412, 39_448_258, 81.5),
    ("5", UNSHARED, 85_556_164, 87_982_370, 173.5),
    ("6", WHOLE, 72_792_516, 87_982_370, 160.6),
    ("7 and 8", {}, 70_433_988, 87_982_370, 158.3),
    ("9", {"width": 64}, 31_978_628, 39_448_258, 71.3),
]


def counts(name, changes):
    """Of both networks; zeros are the fastest weights to make."""
    if hasattr(registry.spec(name), "initializer"):
        changes = {**changes, "initializer": "zeros"}
    networks = [
        build(name, **changes) for build in (registry.build_generator, registry.build_discriminator)
    ]
    return tuple(
        sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
        for network in networks
    )


@pytest.mark.parametrize("name, changes, generator, discriminator", COUNTS)
def test_parameter_counts(name, changes, generator, discriminator):
    found = counts(name, changes)
    assert all(
        ours == theirs
        for ours, theirs in zip(found, (generator, discriminator), strict=True)
        if theirs is not None
    ), found


@pytest.mark.parametrize("rows, changes, generator, discriminator, column", TABLE_1)
def test_table_1(rows, changes, generator, discriminator, column):
    assert counts("biggan-imagenet128", changes) == (generator, discriminator)
    embedding = 128_000 if registry.spec("biggan-imagenet128", **changes).shared_dim else 0
    millions = (generator + discriminator - embedding) / 1e6
    # Printed with one decimal; 160.647 is cut off there, not rounded.
    assert column - 0.05 <= millions < column + 0.05


def test_every_published_variant_is_counted():
    digits = {name for name in registry.names() if "-digits" in name}
    # Those of autoencoders are counted in tests of their own.
    autoencoders = {name for name in registry.names() if name.startswith(("draw-", "dave-"))}
    assert {name for name, *_ in COUNTS} | digits | autoencoders == set(registry.names())
