"""What the flags of a game ask for: the rules of both players."""

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
