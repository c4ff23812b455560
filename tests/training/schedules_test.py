"""Learning rates over updates, by hand."""

import keras
import pytest

from tfgan_zoo.training.schedules import LinearDecay


@pytest.mark.parametrize("step, rate", [(0, 2.0), (10, 2.0), (15, 1.0), (20, 0.0), (25, 0.0)])
def test_linear_decay(step, rate):
    assert float(LinearDecay(2.0, start=10, end=20)(step)) == pytest.approx(rate)


def test_optimizers_follow_it_and_keep_it():
    optimizer = keras.optimizers.SGD(LinearDecay(1.0, start=0, end=2))
    weight = keras.Variable([0.0])
    seen = []
    for _ in range(3):
        optimizer.apply_gradients([(keras.ops.ones(1), weight)])
        seen.append(float(weight[0]))
    assert seen == [-1.0, -1.5, -1.5]
    again = keras.optimizers.SGD.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("start, end", [(-1, 2), (2, 2), (3, 2)])
def test_errors(start, end):
    with pytest.raises(ValueError, match=f"`start` must be.*start={start}, end={end}"):
        LinearDecay(1.0, start, end)
