"""Losses and penalties beside TF-GAN's: values and gradients, in float32."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.parity.arrays import PENALTY_SEED
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training.gan import Turn
from tfgan_zoo.training.information import MutualInformation
from tfgan_zoo.training.penalties import ClassError, GradientPenalty

close = functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-7)
SIGMOID_OF_1 = math.log1p(math.exp(-1.0))  # minus its logarithm
GAUSSIAN = 0.5 * math.log(2.0 * math.pi)


def turn(**values):
    return Turn(**{**dict.fromkeys(Turn._fields), **values})


def value_and_gradient(function, *arrays):
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return value, tf.concat(tape.gradient(value, tensors), axis=0)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_discriminator_s_loss(given, originals, name):
    loss = losses.LOSSES[name].discriminator
    value, gradient = value_and_gradient(loss, given["logits/real"], given["logits/fake"])
    close(value, originals[f"loss/{name}/d"])
    close(gradient, originals[f"loss/{name}/d/gradient"])


@pytest.mark.parametrize("name", losses.LOSSES)
def test_generator_s_loss(given, originals, name):
    value, gradient = value_and_gradient(losses.LOSSES[name].generator, given["logits/fake"])
    # TF-GAN's minimax loss also has the real half, of logits that are 1: a constant.
    constant = SIGMOID_OF_1 if name == "minimax" else 0.0
    close(value, originals[f"loss/{name}/g"] + constant)
    close(gradient, originals[f"loss/{name}/g/gradient"])


# --- classifiers --------------------------------------------------------------------------------


@pytest.fixture(name="heads", scope="module")
def fixture_heads():
    """(class logits, labels) -> the heads of PGGAN's discriminator, from its last layer on."""
    changes = {"fmap_base": 32, "fmap_max": 4, "num_classes": 5}
    network = registry.build_discriminator("pggan-cifar10", **changes)
    last = keras.Model(
        [network.get_layer("logits").output, network.input["labels"]], network.output
    )
    return lambda logits, labels: last([np.pad(logits, ((0, 0), (1, 0))), labels])


def test_auxiliary_classifier(given, originals, heads):
    real, fake = (
        heads(given[f"classes/{side}"], given["classes/labels"]) for side in ("real", "fake")
    )
    close(ClassError()(turn(fake_heads=fake, real_heads=real)), originals["ac/d"])
    close(ClassError()(turn(fake_heads=fake)), originals["ac/g"])


def information(given, num_classes, codes):
    heads = {"classes": given["classes/fake"], "codes": given["codes/means"]}
    inputs = {"labels": given["classes/labels"], "latents": given["codes"]}
    return MutualInformation(1.0, num_classes, codes)(turn(inputs=inputs, fake_heads=heads))


def test_mutual_information(given, originals):
    # Ours leaves out what does not depend on weights, but subtracts the entropy of the classes.
    classes = originals["information/classes"] - math.log(5)
    codes = originals["information/codes"] - 3 * GAUSSIAN
    close(information(given, 5, 0), classes)
    close(information(given, 0, 3), codes)
    # Ours is the sum over all codes, TF-GAN's the mean.
    close(information(given, 5, 3), classes + codes)
    both = (originals["information/classes"] + originals["information/codes"]) / 2
    close(originals["information/both"], both)


# --- gradient penalties -------------------------------------------------------------------------

SETTINGS = {
    "default": {},
    "one_sided": {"one_sided": True, "target": 1.7},
    "target": {"target": 3.0},
}


def curved(points, weights):
    return tf.reduce_sum(tf.tanh(tf.matmul(flat(points), weights)) ** 2, axis=1, keepdims=True)


def linear(points, weights):
    return tf.matmul(flat(points), weights[:, :1])


def flat(points):
    return tf.reshape(points, (points.shape[0], -1))


def penalty(given, network, **settings):
    weights = tf.constant(given["penalty/weights"])
    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = GradientPenalty(weight=1.0, **settings)(
            turn(
                score=lambda points: network(points, weights),
                real=tf.constant(given["penalty/real"]),
                fake=tf.constant(given["penalty/fake"]),
                seed=tf.constant(PENALTY_SEED),
            )
        )
    return value, tape.gradient(value, weights)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("network", [curved, linear])
def test_gradient_penalty(given, originals, network, settings):
    name = f"penalty/{network.__name__}/{settings}"
    value, gradient = penalty(given, network, **SETTINGS[settings])
    close(value, originals[name], rtol=1e-5)
    close(gradient, originals[f"{name}/gradient"], rtol=1e-4, atol=1e-6)


def test_gradient_penalty_of_a_flat_network(given, originals):
    # The root of an epsilon: 1e-12 below the square, where TF-GAN has 1e-10.
    value, _ = penalty(given, lambda points, weights: linear(points, 0.0 * weights))
    close(originals["penalty/flat"], (1.0 - 1e-5) ** 2)
    close(value, (1.0 - 1e-6) ** 2)
