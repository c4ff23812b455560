"""Observers, told by a GAN in training."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training.gan import GAN
from tfgan_zoo.training.observers import drive_noise
from tfgan_zoo.training.priors import Normal


def test_observers_see_every_turn_after_its_update():
    seen = []
    gan = toys.gan()
    before = gan.discriminator.trainable_variables[0].numpy()

    def look(turn):
        weight = turn.network.trainable_variables[0].numpy()
        seen.append((turn.network.name, turn.real is None, weight))

    rules = toys.sgd(steps=2, observers=(look,)), toys.sgd(observers=(look,))
    gan.compile(loss=losses.HINGE, discriminator=rules[0], generator=rules[1])
    gan.train_step({"images": tf.ones([8, 2, 2, 1])})
    names = [(name, of_generator) for name, of_generator, _ in seen]
    assert names == [("discriminator", False)] * 2 + [("generator", True)]
    assert np.abs(seen[0][2] - before).max() > 0
    np.testing.assert_array_equal(seen[1][2], gan.discriminator.trainable_variables[0])


def test_noise_follows_the_logits_of_generated_images():
    changes = {"resolution": 4, "fmap_max": 4, "z_dim": 3, "d_noise": True}
    gan = GAN(
        registry.build_generator("pggan-digits", **changes),
        registry.build_discriminator("pggan-digits", **changes),
        Normal((3,)),
    )
    noise = gan.discriminator.get_layer("noise")
    gan.discriminator.get_layer("logits").bias.assign([0.8])
    rule = toys.sgd(0.0)
    gan.compile(
        loss=losses.REVERSED_LEAST_SQUARES,
        generator=rule,
        discriminator=dataclasses.replace(
            rule, optimizer=keras.optimizers.SGD(0.0), observers=(drive_noise,)
        ),
        score_together=False,
    )
    step = tf.function(gan.train_step)
    logs = step({"images": tf.zeros([8, 4, 4, 1])})
    expected = 0.1 * np.clip(logs["fake_logits"], 0.0, 1.0)
    assert expected > 0
    np.testing.assert_allclose(noise.average, expected, rtol=1e-5)
    for _ in range(40):
        step({"images": tf.zeros([8, 4, 4, 1])})
    assert float(noise.strength) > 0.0
