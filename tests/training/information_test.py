"""InfoGAN's bound by hand, and in the turns of both players."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training.gan import GAN, Turn, UpdateRule
from tfgan_zoo.training.information import MutualInformation
from tfgan_zoo.training.priors import Uniform


def turn(heads, **inputs):
    return Turn(None, None, inputs, None, None, None, None, None, heads)


def test_by_hand():
    heads = {
        "classes": tf.math.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]),
        # Means of two codes, then their log deviations, which do not matter.
        "codes": tf.constant([[1.0, 0.0, 9.0, 9.0], [0.0, -1.0, 9.0, 9.0]]),
    }
    latents = tf.constant([[7.0, 0.0, 0.5], [7.0, 0.0, 1.0]])
    found = MutualInformation(2.0, num_classes=3, codes=2)(
        turn(heads, labels=tf.constant([0, 2]), latents=latents)
    )
    classes = -(math.log(0.5) + math.log(0.8)) / 2 - math.log(3)
    codes = 0.5 * ((1 + 0.25) + (0 + 4)) / 2
    np.testing.assert_allclose(found, 2.0 * (classes + codes), rtol=1e-6)


def test_is_zero_if_nothing_is_known_and_at_best_the_entropy():
    labels = tf.constant([0, 1, 2])
    unknown = {"classes": tf.zeros([3, 3])}
    known = {"classes": 100.0 * tf.eye(3)}
    penalty = MutualInformation(1.0, num_classes=3, codes=0)
    np.testing.assert_allclose(penalty(turn(unknown, labels=labels)), 0.0, atol=1e-6)
    np.testing.assert_allclose(penalty(turn(known, labels=labels)), -math.log(3), rtol=1e-5)


@pytest.fixture
def gan():
    keras.utils.set_random_seed(0)
    changes = {"width": 2, "num_classes": 3, "hidden": 8, "z_dim": 4, "codes": 1}
    model = GAN(
        registry.build_generator("infogan-digits", **changes),
        registry.build_discriminator("infogan-digits", **changes),
        Uniform((4,), 3),
    )
    information = MutualInformation(1.0, num_classes=3, codes=1)
    rules = [
        UpdateRule(keras.optimizers.Adam(2e-3, 0.5), penalties=(information,)) for _ in range(2)
    ]
    model.compile(
        loss=losses.NON_SATURATING,
        generator=rules[0],
        discriminator=rules[1],
        score_together=False,
        jit_compile=False,
    )
    return model


def test_both_players_learn_from_it(gan):
    head = gan.discriminator.get_layer("classes").kernel
    seed = gan.generator.get_layer("hidden").kernel
    before = [weight.numpy().copy() for weight in (head, seed)]
    images = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1)).astype("float32")
    step = tf.function(gan.train_step)
    first = {name: float(value) for name, value in step({"images": tf.constant(images)}).items()}
    assert all(np.any(weight.numpy() != old) for weight, old in zip((head, seed), before))
    for _ in range(30):
        gan.reset_metrics()
        last = {name: float(value) for name, value in step({"images": tf.constant(images)}).items()}
    assert last["d_penalty"] < first["d_penalty"] - 0.05


def test_networks_without_heads_have_none():
    seen = []

    def look(turn):
        seen.append(turn.fake_heads)
        return tf.zeros(())

    g, d = (toys.sgd(penalties=(look,)) for _ in range(2))
    toys.compiled(toys.gan(), g=g, d=d).train_step(toys.batch(4))
    assert seen == [{}, {}]
