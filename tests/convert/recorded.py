"""Outputs of the Hugging Face port's network for the weights of state_dicts.py."""

import keras
import numpy as np
import pytest

from tests.convert import state_dicts

# {truncation: (mean, deviation, pixel [1, 5, 100], pixel [1, 127, 127])}
RECORDED = {
    1.0: (
        -0.0272999,
        0.2110908,
        [0.3760599, 0.3141427, 0.2714141],
        [0.7508330, 0.7384092, 0.7312602],
    ),
    0.43: (
        -0.0276046,
        0.2068857,
        [0.0449613, 0.0588201, 0.1008341],
        [0.8489856, 0.8413729, 0.8356298],
    ),
}


def check_recorded(generator, truncation):
    images = keras.ops.convert_to_numpy(generator(state_dicts.inputs(16)))
    mean, deviation, first, second = RECORDED[truncation]
    assert images.mean() == pytest.approx(mean, abs=1e-5)
    assert images.std() == pytest.approx(deviation, abs=1e-5)
    np.testing.assert_allclose(images[1, 5, 100], first, atol=1e-4)
    np.testing.assert_allclose(images[1, 127, 127], second, atol=1e-4)
