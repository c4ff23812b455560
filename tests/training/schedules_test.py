"""Learning rates over updates, by hand."""

import keras
import pytest

from tfgan_zoo.training.schedules import DividedDecay, LinearDecay


@pytest.mark.parametrize("step, rate", [(0, 2.0), (10, 2.0), (15, 1.0), (20, 0.0), (25, 0.0)])
def test_linear_decay(step, rate):
    assert float(LinearDecay(2.0, start=10, end=20)(step)) == pytest.approx(rate)


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.1),
        (1, 0.1 / 1.00004),
        (17_329, 0.05),  # log 2 / log 1.00004 = 17,329.0
        (287_828, 1e-6),  # log 100,000 / log 1.00004 = 287,828.9
        (400_000, 1e-6),
    ],
)
def test_divided_decay(step, rate):
    assert float(DividedDecay(0.1, 1.00004, 1e-6)(step)) == pytest.approx(rate, rel=1e-4)


def test_divided_decay_is_exact_over_many_steps_and_kept():
    schedule = DividedDecay(1.0, 2.0)
    assert [float(schedule(step)) for step in (0, 1, 3)] == pytest.approx([1, 1 / 2, 1 / 8])
    again = DividedDecay.from_config(schedule.get_config())
    assert again.get_config() == {"rate": 1.0, "divisor": 2.0, "lowest": 0.0}


@pytest.mark.parametrize("settings", [(1.0, 0.5, 0.0), (1.0, 2.0, 1.5), (1.0, 2.0, -1.0)])
def test_divided_decay_s_errors(settings):
    with pytest.raises(ValueError, match="`divisor` must be at least 1, and `lowest`.*Received"):
        DividedDecay(*settings)


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
