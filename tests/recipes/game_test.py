"""Flags of the game: what the GAN they describe is made of, and the rules of both players."""

import keras
import numpy as np
import pytest

from recipes import game, variants
from tests.recipes.runs import parser
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.models import registry
from tfgan_zoo.training.catch_up import CatchUp
from tfgan_zoo.training.gan import trainable_weights
from tfgan_zoo.training.penalties import L2, R1, ClassError, dense_kernels, kernels

PIXELS = np.zeros((1, 28, 28, 1), np.uint8)
IMAGES = ImageSet("none", "train", PIXELS, np.zeros(1, np.int32), ("all",))


@pytest.fixture(name="give")
def fixture_give():
    with parser() as give:
        yield give


@pytest.fixture(name="build")
def fixture_build(give):
    """The GAN of a program that is given these flags."""

    def build(*arguments):
        give("--variant=dcgan-digits", "--spec=width=2,z_dim=2", *arguments)
        game.check_flags(1)
        return game.build_gan(IMAGES, game.phases()[0])

    return build


@pytest.fixture(name="rules")
def fixture_rules(give):
    """The rules, by the player's side, of a program that is given these flags."""

    def rules(*arguments):
        give(*arguments)
        spec = registry.spec(variants.VARIANT.value)
        return {
            "g": game._generator_rule(spec, 1.0),
            "d": game._discriminator_rule(spec, 1.0, None),
        }

    return rules


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


@pytest.mark.parametrize(
    "given, of_generator, of_discriminator",
    [
        ([], ClassError(1.0), ClassError(1.0)),
        (["--class_error=0.5"], ClassError(0.5), ClassError(0.5)),
        (
            ["--g_class_error=0.1", "--class_error_of=real"],
            ClassError(0.1, real_only=True),
            ClassError(1.0, real_only=True),
        ),
    ],
)
def test_auxiliary_classifiers(rules, given, of_generator, of_discriminator):
    found = rules("--variant=resnet-cifar10-labels", *given)
    assert found["g"].penalties == (of_generator,)
    assert found["d"].penalties == (of_discriminator,)
    without = rules("--variant=resnet-cifar10", *given)
    assert without["g"].penalties == without["d"].penalties == ()


def test_gradient_descent_with_momentum_and_divided_rates(rules):
    given = ["--optimizer=sgd", "--momentum=0.6", "--d_steps=2", "--g_learning_rate=0.1"]
    given += ["--d_learning_rate=0.2", "--divide_rates=1.21", "--lowest_rate=0.01"]
    found = rules("--variant=cgan-mlp-mnist", *given)
    assert all(type(rule.optimizer) is keras.optimizers.SGD for rule in found.values())
    assert [rule.optimizer.momentum for rule in found.values()] == [0.6, 0.6]
    schedules = {side: rule.optimizer._learning_rate for side, rule in found.items()}
    # By 1.21 in each step: of two updates of the discriminator, by 1.1 in each.
    assert float(schedules["g"](1)) == pytest.approx(0.1 / 1.21)
    assert float(schedules["d"](1)) == pytest.approx(0.2 / 1.1)
    assert float(schedules["g"](100)) == float(schedules["d"](100)) == pytest.approx(0.01)
    constant = rules("--variant=cgan-mlp-mnist", "--optimizer=sgd")["g"].optimizer
    assert float(constant.learning_rate) == pytest.approx(2e-4) and constant.momentum == 0.5


@pytest.mark.parametrize(
    "given, message",
    [
        (
            ["--divide_rates=1.1", "--halve_after=5"],
            "schedules for the same rates. Received: --halve_after=5, --divide_rates=1.1. Keep",
        ),
        (
            ["--lowest_rate=0.1"],
            "--lowest_rate goes with --divide_rates. Received: --lowest_rate=0.1",
        ),
        (["--divide_rates=1.1", "--rollback_rate=0.5"], "for constant learning rates.*=1.1"),
    ],
)
def test_schedules_that_contradict(rules, given, message):
    rules("--variant=cgan-mlp-mnist", *given)
    with pytest.raises(ValueError, match=message):
        game.check_flags(1)
