"""Flags of the game: what the GAN they describe is made of."""

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from recipes import common, game
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.training.gan import trainable_weights
from tfgan_zoo.training.penalties import L2, R1, dense_kernels, kernels

PIXELS = np.zeros((1, 28, 28, 1), np.uint8)
IMAGES = ImageSet("none", "train", PIXELS, np.zeros(1, np.int32), ("all",))


@pytest.fixture(name="build")
def fixture_build():
    """The GAN of a program that is given these flags."""

    def build(*arguments):
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        small = ["--variant=dcgan-digits", "--spec=width=2,z_dim=2", "--run_dir=none"]
        flags.FLAGS(["test", *small, *arguments])
        game.check_flags(1)
        return game.build_gan(IMAGES, common.one_phase()[0])

    with flagsaver.flagsaver():
        yield build


def penalties(model):
    return {side: rule.penalties for side, rule in model.rules.items()}


@pytest.mark.parametrize(
    "given, g, d",
    [
        ([], (), ()),
        (["--g_l2=1e-5"], (L2(1e-5, kernels),), ()),
        (["--d_l2=5e-6", "--l2_of=dense"], (), (L2(5e-6, dense_kernels),)),
        (["--d_l2=2.0", "--r1_weight=3.0"], (), (R1(3.0), L2(2.0, kernels))),
        (
            ["--g_l2=1e-5", "--d_l2=2e-5", "--l2_of=all"],
            (L2(1e-5, trainable_weights),),
            (L2(2e-5, trainable_weights),),
        ),
    ],
    ids=["none", "one", "dense", "with_r1", "all"],
)
def test_l2_of_flags(build, given, g, d):
    assert penalties(build(*given)) == {"g": g, "d": d}
