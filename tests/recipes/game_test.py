"""Flags of the game: what the GAN they describe is made of."""

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from recipes import game
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.training.catch_up import CatchUp
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
        return game.build_gan(IMAGES, game.phases()[0])

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


@pytest.mark.parametrize(
    "given, rounds",
    [([], None), (["--d_catch_up=100"], 19), (["--d_catch_up=10"], 1), (["--d_catch_up=5"], 0)],
    ids=str,
)
def test_rounds_of_flags(build, given, rounds):
    assert build("--d_steps=5", *given).rules["d"].steps == 5
    (phase,) = game.phases()
    assert phase.catch_up == (None if rounds is None else CatchUp(rounds, first=25, every=500))


@pytest.mark.parametrize(
    "given, words",
    [
        (["--d_catch_up=99"], "must be a multiple of --d_steps=5.*Received: 99"),
        (["--d_catch_up=3"], "must be a multiple of --d_steps=5.*Received: 3"),
        (["--d_catch_up=100", "--halve_after=9"], "constant learning rates.*--halve_after=9"),
        (["--d_catch_up=100", "--decay_from=9"], "constant learning rates.*--decay_from=9"),
    ],
    ids=str,
)
def test_rounds_that_contradict(build, given, words):
    with pytest.raises(ValueError, match=words):
        build("--d_steps=5", *given)
