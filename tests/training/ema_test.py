"""The moving average by hand."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo.training.ema import EMA


def network(*values):
    return SimpleNamespace(variables=[keras.Variable(v, dtype=np.asarray(v).dtype) for v in values])


def update(ema, average, source, step):
    ema.update(average, source, keras.Variable(step, dtype="int32", trainable=False))


def test_by_hand():
    average = network(np.float32([1.0, -2.0]))
    source = network(np.float32([2.0, 6.0]))
    update(EMA(0.75), average, source, 0)
    np.testing.assert_allclose(average.variables[0].numpy(), [1.25, 0.0])
    update(EMA(0.75), average, source, 1)
    np.testing.assert_allclose(average.variables[0].numpy(), [1.4375, 1.5])
    np.testing.assert_array_equal(source.variables[0].numpy(), [2.0, 6.0])


@pytest.mark.parametrize(
    "step, expected", [(0, 2.0), (2, 2.0), (3, 1.1), (1000, 1.1)], ids=lambda v: str(v)
)
def test_before_the_start_it_is_a_copy(step, expected):
    average = network(np.float32(1.0))
    update(EMA(0.9, start_step=3), average, network(np.float32(2.0)), step)
    np.testing.assert_allclose(average.variables[0].numpy(), expected, rtol=1e-6)


def test_a_copy_is_exact():
    values = toys.batch(50)["images"].numpy()
    average, source = network(0 * values + 1e8), network(values)
    update(EMA(0.9999, start_step=1), average, source, 0)
    np.testing.assert_array_equal(average.variables[0].numpy(), values)


def test_integers_are_copied():
    average, source = network(np.int32(3), np.float32(0.0)), network(np.int32(7), np.float32(1.0))
    update(EMA(0.5), average, source, 10)
    assert [v.numpy() for v in average.variables] == [7, 0.5]


def test_moments_and_singular_vectors_are_averaged():
    average, source = toys.generator(norm=True), toys.generator(norm=True)
    names = [variable.name for variable in source.variables]
    assert {"u", "moving_mean", "moving_variance", "kernel", "bias", "gain"} == set(names)
    for variable in source.variables:
        variable.assign(variable + 1.0)
    expected = [0.9 * a + 0.1 * b for a, b in zip(toys.values(average), toys.values(source))]
    update(EMA(0.9), average, source, 0)
    for variable, value in zip(average.variables, expected):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6)


def test_the_step_may_change_in_a_compiled_function():
    average, source = network(np.float32(0.0)), network(np.float32(1.0))
    step = tf.Variable(0)
    ema, seen = EMA(0.5, start_step=1), []

    @tf.function
    def advance():
        ema.update(average, source, step)
        step.assign_add(1)

    for value in (1.0, 3.0, 3.0):
        source.variables[0].assign(value)
        advance()
        seen.append(float(average.variables[0].numpy()))
    assert seen == [1.0, 2.0, 2.5]


def test_different_networks_are_refused():
    with pytest.raises(ValueError):
        update(EMA(0.5), network(np.float32(0.0)), network(np.float32(0.0), np.float32(0.0)), 0)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5])
def test_decay_error(decay):
    with pytest.raises(ValueError, match=r"`decay` must be in \[0, 1\). Received: decay="):
        EMA(decay)


def test_the_paper_s_decay_is_the_default():
    assert EMA() == EMA(decay=0.9999, start_step=0)
