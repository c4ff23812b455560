"""What the players see in their turns: which images, which noise, which labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.layers import normalization
from tfgan_zoo.training import penalties, priors
from tfgan_zoo.training.gan import GAN

# --- who sees which images ----------------------------------------------------------------------


class Recorder(keras.layers.Layer):
    """Passes images on and writes them down."""

    def __init__(self, seen):
        super().__init__()
        self._seen = lambda: seen  # Keras would take a list for its own.

    def call(self, inputs, training=False):
        self._seen().append((inputs.numpy(), training))
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def recording_gan(norm=False, **settings):
    """Returns (GAN, what its discriminator will have seen)."""
    seen, model = [], toys.gan(norm=norm)
    images = keras.Input((2, 2, 1), name="images")
    logits = model.discriminator({"images": Recorder(seen)(images)})
    discriminator = keras.Model({"images": images}, logits)
    model = GAN(model.generator, discriminator, priors.Normal((toys.Z_DIM,)))
    return toys.compiled(model, **settings), seen


def test_every_update_sees_its_own_part_of_the_batch():
    model, seen = recording_gan(d=toys.sgd(steps=2, micro_batches=3), g=toys.sgd(micro_batches=2))
    images = toys.batch(12)["images"]
    model.train_step({"images": images})
    assert all(training for _, training in seen)
    assert [len(part) for part, _ in seen] == [2 + 2] * 6 + [2] * 2
    reals = np.concatenate([part[:2] for part, _ in seen[:6]])
    np.testing.assert_array_equal(reals, images)
    fakes = np.concatenate([*(part[2:] for part, _ in seen[:6]), *(part for part, _ in seen[6:])])
    assert len(np.unique(fakes, axis=0)) == len(fakes) == 16


def test_real_and_fake_images_may_be_scored_separately():
    model, seen = recording_gan(score_together=False)
    images = toys.batch(3)["images"]
    model.train_step({"images": images})
    assert [len(part) for part, _ in seen] == [3, 3, 3]
    np.testing.assert_array_equal(seen[0][0], images)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_together_or_separately_is_the_same(num_classes):
    together = toys.results(num_classes, score_together=True)
    separately = toys.results(num_classes, score_together=False)
    assert toys.largest_difference(together, separately) < 1e-6
    assert toys.largest_difference(together, toys.results(num_classes, steps=1)) > 1e-3


def test_together_or_separately_matters_where_images_influence_one_another():
    def build():
        model = toys.gan()
        images = keras.Input((2, 2, 1), name="images")
        x = normalization.BatchNorm()(images)
        discriminator = keras.Model({"images": images}, model.discriminator({"images": x}))
        return GAN(model.generator, discriminator, priors.Normal((toys.Z_DIM,)))

    together, separately = (
        toys.results(model=build(), score_together=choice) for choice in (True, False)
    )
    assert toys.largest_difference(together, separately) > 1e-3


@pytest.mark.parametrize("parts", [2, 3])
def test_micro_batches_equal_one_large_batch(parts):
    outcomes, logs = [], []
    for count in (1, parts):
        model = toys.compiled(
            toys.gan(num_classes=3),
            losses.NON_SATURATING,
            g=toys.sgd(micro_batches=count, penalties=(penalties.OffDiagonal(0.1),)),
            d=toys.sgd(micro_batches=count, steps=2, penalties=(penalties.Drift(0.1),)),
        )
        logs.append(model.train_step(toys.batch(24, num_classes=3)))
        outcomes.append(toys.values(model.generator) + toys.values(model.discriminator))
    assert toys.largest_difference(*outcomes) < 1e-6
    for name, value in logs[0].items():
        np.testing.assert_allclose(value, logs[1][name], rtol=1e-5, err_msg=name)
    assert toys.largest_difference(outcomes[0], toys.results(num_classes=3, steps=0)) > 1e-3


# --- turns and rules ----------------------------------------------------------------------------


@pytest.fixture(name="turns", scope="module")
def fixture_turns():
    """The turns of two steps with labels; two updates of each player in each."""
    turns = {"d": [], "g": []}

    def record(side):
        def penalty(turn):
            turns[side].append(turn)
            return tf.zeros(())

        # Nobody moves, so that turns can be checked afterwards.
        return toys.sgd(0.0, steps=2, penalties=(penalty,))

    model = toys.compiled(toys.gan(num_classes=3), g=record("g"), d=record("d"))
    for seed in (0, 1):
        model.train_step(toys.batch(8, num_classes=3, seed=seed))
    return model, turns


def test_the_discriminator_s_turn(turns):
    model, turns = turns
    batch = toys.batch(8, num_classes=3)
    assert len(turns["d"]) == 4
    for turn, part in zip(turns["d"], (slice(0, 4), slice(4, 8))):
        assert turn.network is model.discriminator
        np.testing.assert_array_equal(turn.real, batch["images"][part])
        fake = model.generator(turn.inputs)
        np.testing.assert_allclose(turn.fake, fake, rtol=1e-6)
        logits = model.discriminator({"images": fake, "labels": turn.inputs["labels"]})
        np.testing.assert_allclose(turn.fake_logits, logits, atol=1e-6)
        # The real images' labels are bound, whatever is scored.
        np.testing.assert_allclose(turn.score(turn.real), turn.real_logits, atol=1e-6)
        logits = model.discriminator({"images": fake, "labels": batch["labels"][part]})
        np.testing.assert_allclose(turn.score(fake), logits, atol=1e-6)
        assert np.abs(turn.score(fake) - turn.fake_logits).max() > 1e-3


def test_the_generator_s_turn(turns):
    model, turns = turns
    assert len(turns["g"]) == 4
    for turn in turns["g"]:
        assert turn.network is model.generator
        assert turn.real is None and turn.real_logits is None
        assert set(turn.inputs) == {"latents", "labels"}
        np.testing.assert_allclose(turn.fake, model.generator(turn.inputs), rtol=1e-6)
        logits = model.discriminator({"images": turn.fake, "labels": turn.inputs["labels"]})
        np.testing.assert_allclose(turn.fake_logits, logits, atol=1e-6)
        np.testing.assert_allclose(turn.score(turn.fake), turn.fake_logits, atol=1e-6)


def test_no_two_turns_share_their_noise(turns):
    all_turns = turns[1]["d"] + turns[1]["g"]
    seeds = {tuple(turn.seed.numpy()) for turn in all_turns}
    latents = np.concatenate([turn.inputs["latents"] for turn in all_turns])
    assert len(seeds) == 8
    assert len(np.unique(latents)) == latents.size == 8 * 4 * toys.Z_DIM
    # Nor does a penalty share the prior's.
    for turn in all_turns:
        again = priors.Normal((toys.Z_DIM,), 3)(4, turn.seed)
        assert np.all(again["latents"] != turn.inputs["latents"])


def test_logits_are_float32_whatever_the_discriminator_computes_in():
    turns = []

    def record(turn):
        turns.append(turn)
        return tf.zeros(())

    images = keras.Input((2, 2, 1), name="images")
    logits = keras.layers.Dense(1, dtype="mixed_bfloat16")(keras.layers.Flatten()(images))
    discriminator = keras.Model({"images": images}, logits)
    assert discriminator({"images": np.zeros((1, 2, 2, 1))}).dtype == tf.bfloat16
    model = GAN(toys.generator(), discriminator, priors.Normal((toys.Z_DIM,)))
    rules = {"g": toys.sgd(penalties=(record,)), "d": toys.sgd(penalties=(record,))}
    toys.compiled(model, **rules).train_step(toys.batch(2))
    d, g = turns
    found = [d.real_logits, d.fake_logits, d.score(d.fake), g.fake_logits, g.score(g.fake)]
    assert {value.dtype for value in found} == {tf.float32}
    assert {tuple(value.shape) for value in found} == {(2, 1)}
