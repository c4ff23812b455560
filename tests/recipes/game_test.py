"""What the flags of a game ask for: the rules of both players."""

import keras
import pytest
from absl import flags
from absl.testing import flagsaver

from recipes import game, variants
from tfgan_zoo.models import registry
from tfgan_zoo.training.penalties import ClassError


@pytest.fixture(name="rules")
def fixture_rules():
    """The rules, by the player's side, of a program that is given these flags."""

    def rules(*arguments):
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        flags.FLAGS(["test", "--run_dir=none", *arguments])
        spec = registry.spec(variants.VARIANT.value)
        return {
            "g": game._generator_rule(spec, 1.0),
            "d": game._discriminator_rule(spec, 1.0, None),
        }

    with flagsaver.flagsaver():
        yield rules


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
