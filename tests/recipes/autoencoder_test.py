"""Flags of DRAW and DAVE: what the VAE they describe learns by."""

import numpy as np
import pytest

from recipes import autoencoder, common
from tests.recipes.runs import parser
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.training.schedules import TriplingEpochs

PIXELS = np.zeros((50, 28, 28, 1), np.uint8)
IMAGES = ImageSet("none", "train", PIXELS, np.zeros(50, np.int32), ("all",))


@pytest.fixture(name="build")
def fixture_build():
    """The VAE of a program that is given these flags."""

    with parser() as parse:

        def build(*arguments):
            parse("--variant=dave-digits", "--spec=z_dim=2", "--batch_size=20", *arguments)
            autoencoder.check_flags(1)
            return autoencoder.build_vae(IMAGES, common.one_phase()[0])

        yield build


def test_rates_stay_or_fall_with_epochs(build):
    optimizer = build("--learning_rate=3e-3").rules["g"].optimizer
    assert not isinstance(optimizer._learning_rate, TriplingEpochs)
    optimizer = build("--learning_rate=3e-3", "--falling_epochs=18").rules["g"].optimizer
    # 50 images in batches of 20.
    assert optimizer._learning_rate.get_config() == {"rate": 3e-3, "epochs": 18, "updates": 2.5}
    assert float(optimizer.learning_rate) == pytest.approx(3e-3)
    optimizer.iterations.assign(5)
    assert float(optimizer.learning_rate) == pytest.approx(3e-3 / 10**0.5)


def test_falling_rates_are_not_lowered_by_rollbacks(build):
    with pytest.raises(ValueError, match="constant learning rates. Received: --falling_epochs=18"):
        build("--falling_epochs=18", "--rollback_rate=0.5")
