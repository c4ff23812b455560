"""WIRGAN's two algorithms on its own networks: clipping, sign, and what one step leaves out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training.gan import GAN, UpdateRule
from tfgan_zoo.training.penalties import GradientPenalty
from tfgan_zoo.training.priors import Normal
from tfgan_zoo.training.projections import ClipWeights

SMALL = {"width": 2, "z_dim": 4}
IMAGES = np.random.default_rng(0).uniform(-1, 1, (10, 28, 28, 1)).astype("float32")


def gan(name, time_steps=2, **settings):
    keras.utils.set_random_seed(0)
    changes = {**SMALL, "time_steps": time_steps}
    model = GAN(
        registry.build_generator(name, **changes),
        registry.build_discriminator(name, **changes),
        Normal((time_steps, 4)),
    )
    optimizers = [keras.optimizers.RMSprop(1e-3, epsilon=1e-10) for _ in range(2)]
    model.compile(
        loss=losses.WASSERSTEIN,
        generator=UpdateRule(optimizers[0]),
        discriminator=UpdateRule(optimizers[1], steps=5, **settings),
        score_together=name.startswith("gp"),
        jit_compile=False,
    )
    return model


def test_algorithm_2_clips_all_weights_of_the_discriminator_alone():
    model = gan("wirgan-digits", projections=(ClipWeights(0.01),))
    model.train_step({"images": tf.constant(IMAGES)})
    largest = [np.abs(weight.numpy()).max() for weight in model.discriminator.trainable_variables]
    assert max(largest) == np.float32(0.01)
    assert max(np.abs(w.numpy()).max() for w in model.generator.trainable_variables) > 0.9


@pytest.mark.parametrize(
    "name, settings",
    [
        ("wirgan-digits", {"projections": (ClipWeights(0.01),)}),
        ("gp-wirgan-digits", {"penalties": (GradientPenalty(10.0),)}),
    ],
)
def test_discriminators_learn_to_give_real_images_the_higher_scores(name, settings):
    model = gan(name, **settings)
    model.rules["g"].optimizer.learning_rate = 0.0  # 50 updates on the same images
    step = tf.function(model.train_step)
    gaps = []
    for _ in range(10):
        model.reset_metrics()
        logs = step({"images": tf.constant(IMAGES)})
        gaps.append(float(logs["real_logits"] - logs["fake_logits"]))
    # Clipping makes the first gaps, of weights as they were drawn, much smaller.
    assert np.mean(gaps[-3:]) > 0


def test_one_step_has_no_encoder_to_train_and_no_slots_for_it():
    one, two = gan("wirgan-digits", time_steps=1), gan("wirgan-digits", time_steps=2)
    slots = [
        sum(int(np.prod(v.shape)) for v in model.rules["g"].optimizer.variables)
        for model in (one, two)
    ]
    trained = [
        sum(int(np.prod(w.shape)) for w in m.generator.trainable_weights) for m in (one, two)
    ]
    encoder = trained[1] - trained[0]
    assert encoder > 0 and slots[1] - slots[0] == encoder


def test_a_penalty_refuses_batch_norm():
    with pytest.raises(ValueError, match="batch norm"):
        gan("wirgan-digits", penalties=(GradientPenalty(10.0),))
