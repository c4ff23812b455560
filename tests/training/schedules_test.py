"""Learning rates over updates, by hand."""

import keras
import pytest
import tensorflow as tf

from tfgan_zoo.training.schedules import DividedDecay, LinearDecay, TriplingEpochs


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


# 18 epochs of 10 updates: c = ln 9 / ln 3 = 2, so the rate falls by the root of 10, after 2, 8 and
# 26 epochs.
TRIPLING = [
    *[(0, 1.0), (19, 1.0)],
    *[(20, 0.316228), (79, 0.316228)],
    *[(80, 0.1), (180, 0.1), (259, 0.1)],
    (260, 0.0316228),
]


@pytest.mark.parametrize("step, rate", TRIPLING)
def test_tripling_epochs(step, rate):
    schedule = TriplingEpochs(1.0, epochs=18, updates=10)
    for given in (step, keras.Variable(step, dtype="int32", trainable=False)):
        assert float(schedule(given)) == pytest.approx(rate, rel=1e-5)


def test_tripling_epochs_of_the_authors():
    # ln 2500 / ln 3 = 7.1217; after 2186 epochs of 600 updates the rate falls for the seventh time.
    schedule = TriplingEpochs(1e-3, epochs=5000, updates=600)
    assert float(schedule(2186 * 600 - 1)) == pytest.approx(1e-3 * 10 ** (-6 / 7.1217), rel=1e-4)
    assert float(schedule(2186 * 600)) == pytest.approx(1e-3 * 10 ** (-7 / 7.1217), rel=1e-4)
    assert float(schedule(5000 * 600)) == pytest.approx(1.04e-4, rel=1e-2)


def test_tripling_epochs_that_are_no_whole_number_of_updates():
    # Two epochs are 2.5 updates.
    schedule = TriplingEpochs(2.0, epochs=6, updates=1.25)
    assert [float(schedule(step)) for step in range(4)] == pytest.approx([2.0, 2.0, 2.0, 0.2])


def test_tripling_epochs_compiled_in_an_optimizer():
    optimizer = keras.optimizers.SGD(TriplingEpochs(1.0, epochs=6, updates=1))
    weight = keras.Variable([0.0])
    step = tf.function(
        lambda: optimizer.apply_gradients([(tf.ones(1), weight)]), jit_compile=True, autograph=False
    )
    seen = []
    for _ in range(9):
        step()
        seen.append(float(weight[0]))
    # c = ln 3 / ln 3 = 1: 2 updates, then 6, then on.
    expected = [-1, -2, -2.1, -2.2, -2.3, -2.4, -2.5, -2.6, -2.61]
    assert seen == pytest.approx(expected, rel=1e-5)
    again = keras.optimizers.SGD.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert float(again.learning_rate) == 1.0


@pytest.mark.parametrize("epochs, updates", [(2, 10), (0, 10), (5, 0), (5, -1)])
def test_tripling_epochs_errors(epochs, updates):
    with pytest.raises(ValueError, match=f"above 2.*epochs={epochs}, updates={updates}"):
        TriplingEpochs(1.0, epochs, updates)
