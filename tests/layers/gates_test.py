"""Gated sums: values and gradients by hand, soft and hard."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers import formulas
from tfgan_zoo.layers import gates

H, X = formulas.random(2, 3), formulas.random(2, 3, seed=1)


def run(hard, logit):
    """(outputs, gradients of their sum with respect to the logit and to h)."""
    layer, h = gates.GatedAdd(hard), tf.constant(H)
    layer.build([H.shape, X.shape])
    layer.logit.assign(logit)
    with tf.GradientTape() as tape:
        tape.watch(h)
        outputs = layer([h, tf.constant(X)])
        total = tf.reduce_sum(outputs)
    return outputs.numpy(), *tape.gradient(total, [layer.logit.value, h])


@pytest.mark.parametrize("logit, gate", [(0.0, 0.5), (1.5, 0.8175745), (-1.5, 0.1824255)])
def test_soft_gate(logit, gate):
    outputs, of_logit, of_h = run(False, logit)
    np.testing.assert_allclose(outputs, X + gate * H, rtol=1e-6)
    np.testing.assert_allclose(of_logit, gate * (1 - gate) * H.sum(), rtol=1e-5)
    np.testing.assert_allclose(of_h, np.full(H.shape, gate), rtol=1e-6)


@pytest.mark.parametrize("logit, gate", [(0.0, 0.0), (-2.0, 0.0), (1e-3, 1.0), (2.0, 1.0)])
def test_hard_gate_is_exact_and_lets_the_sigmoid_s_gradient_through(logit, gate):
    outputs, of_logit, of_h = run(True, logit)
    np.testing.assert_array_equal(outputs, X + np.float32(gate) * H)
    soft = 1 / (1 + np.exp(-logit))
    np.testing.assert_allclose(of_logit, soft * (1 - soft) * H.sum(), rtol=1e-5)
    # What computes h learns nothing while the gate is closed.
    np.testing.assert_array_equal(of_h, np.full(H.shape, gate))


@pytest.mark.parametrize("hard", [False, True])
def test_starts_at_0_and_comes_back_from_its_config(hard):
    layer = gates.GatedAdd(hard)
    layer.build([H.shape, X.shape])
    assert layer.logit.numpy() == 0.0 and layer.logit.trainable
    again = gates.GatedAdd.from_config(layer.get_config())
    assert again.hard == hard
    assert keras.saving.get_registered_name(gates.GatedAdd) == "tfgan_zoo>GatedAdd"
