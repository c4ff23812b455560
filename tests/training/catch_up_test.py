"""Rounds of the discriminator alone: when they are due, what they change, what they are fed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.data import pipelines
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.training import loop, priors
from tfgan_zoo.training.catch_up import CatchUp
from tfgan_zoo.training.checkpoints import Checkpoints

# --- when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step, due, before",
    [
        *[(0, 19, 0), (1, 19, 19), (24, 19, 24 * 19), (25, 0, 25 * 19), (499, 0, 25 * 19)],
        *[(500, 19, 25 * 19), (501, 0, 26 * 19), (1000, 19, 26 * 19), (1001, 0, 27 * 19)],
        (100_000, 19, (25 + 199) * 19),
    ],
)
def test_rounds_of_the_authors(step, due, before):
    assert CatchUp(19).due(step) == due
    assert CatchUp(19).before(step) == before


@pytest.mark.parametrize(
    "catch_up, due",
    [
        (CatchUp(2, first=2, every=4), [2, 2, 0, 0, 2, 0, 0, 0, 2, 0]),
        (CatchUp(1, first=5, every=4), [1, 1, 1, 1, 1, 0, 0, 0, 1, 0]),
        (CatchUp(3, first=0, every=3), [3, 0, 0, 3, 0, 0, 3, 0, 0, 3]),
        (CatchUp(1, first=3, every=100), [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
        (CatchUp(0), [0] * 10),
    ],
)
def test_rounds_by_hand(catch_up, due):
    assert [catch_up.due(step) for step in range(10)] == due
    assert [catch_up.before(step) for step in range(11)] == [sum(due[:step]) for step in range(11)]


@pytest.mark.parametrize("name, value", [("rounds", -1), ("first", -1), ("every", 0)])
def test_numbers_that_make_no_sense(name, value):
    with pytest.raises(ValueError, match=f"must be at least 0.*{name}={value}"):
        CatchUp(**{"rounds": 1, name: value})


# --- the loop -----------------------------------------------------------------------------------


class Diary(keras.Model):
    """Writes down what it is given: the batch of a step, or 1000, 2000, ... more in a round."""

    def __init__(self):
        super().__init__()
        self.step = self.add_weight((), "zeros", dtype="int32", trainable=False, name="step")
        self.pages = tf.Variable(tf.zeros([0], tf.int64), shape=[None])
        self.built = True
        self.compile(jit_compile=False)

    def write(self, number):
        self.pages.assign(tf.concat([self.pages, [number]], 0))
        return {"number": number}

    def train_step(self, batch):
        self.step.assign_add(1)
        return self.write(batch)

    def d_round(self, batch, number):
        return self.write(batch + 1000 * tf.cast(number + 1, tf.int64))


def test_every_round_and_every_step_has_a_batch_of_its_own():
    diary, logged = Diary(), []
    every = loop.Every(1, lambda step, logs: logged.append((step, int(logs["number"]))))
    settings = {"callbacks": [every], "catch_up": CatchUp(2, first=1, every=3)}
    loop.train(diary, tf.data.Dataset.range(100), 5, **settings)
    written = [1000, 2001, 2, 3, 4, 1005, 2006, 7, 8]
    assert diary.pages.numpy().tolist() == written
    # Steps are counted and reported as ever.
    assert logged == [(1, 2), (2, 3), (3, 4), (4, 7), (5, 8)]


# --- the game -----------------------------------------------------------------------------------

BATCH = toys.batch(8, seed=1)


def recording_gan(seen=None, **settings):
    """A GAN that notes the seeds and steps that its prior is given."""

    def prior(size, seed, step):
        if seen is not None:
            seen.append((*seed.numpy(), int(step)))
        return priors.Normal((toys.Z_DIM,))(size, seed)

    return toys.compiled(toys.gan(prior=prior), **{"d": toys.adam(steps=2), **settings})


def test_a_round_moves_the_discriminator_alone():
    model = recording_gan(g=toys.adam(), loss=losses.NON_SATURATING)
    model.train_step(BATCH)
    before = toys.values(model.generator), toys.values(model.discriminator)
    optimizers = [int(model.rules[side].optimizer.iterations) for side in "gd"]
    model.reset_metrics()
    logs = model.d_round(BATCH, tf.constant(0))
    assert not any(toys.moved(model.generator, before[0]))
    assert all(toys.moved(model.discriminator, before[1]))
    assert [int(model.rules[side].optimizer.iterations) for side in "gd"] == [
        optimizers[0],
        optimizers[1] + 2,
    ]
    assert int(model.step) == 1
    assert np.isfinite(float(logs["d_loss"])) and float(logs["d_gradient_norm"]) > 0
    assert float(logs["g_loss"]) == 0


def test_a_round_is_the_discriminator_s_part_of_a_step():
    def prior(size, seed, step):
        return {"latents": tf.ones([size, toys.Z_DIM])}

    one, other = (toys.compiled(toys.gan(prior=prior), d=toys.adam(steps=2)) for _ in range(2))
    one.d_round(BATCH, tf.constant(3))
    other.train_step(BATCH)
    for a, b in zip(toys.values(one.discriminator), toys.values(other.discriminator), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_round_has_noise_of_its_own():
    def seeds():
        """Of two steps with two rounds before each, and two updates in all of them."""
        seen = []
        model = recording_gan(seen)
        for _ in range(2):
            for number in range(2):
                model.d_round(BATCH, tf.constant(number))
            model.train_step(BATCH)
        return seen

    first = seeds()
    assert len(first) == len({seed[:2] for seed in first}) == 2 * (2 * 2 + 3)
    assert [step for *_, step in first] == [0] * 7 + [1] * 7
    assert first == seeds()
    # Without rounds the steps have the noise they always had.
    plain = []
    model = recording_gan(plain)
    model.train_step(BATCH)
    model.train_step(BATCH)
    assert plain == first[4:7] + first[11:]


def test_penalties_and_priors_of_rounds_and_steps_share_no_seed():
    seen = []

    def note(turn):
        seen.append((*turn.seed.numpy(), 0))
        return tf.zeros(())

    model = recording_gan(seen, d=toys.sgd(penalties=(note,)), g=toys.sgd(penalties=(note,)))
    for number in range(3):
        model.d_round(BATCH, tf.constant(number))
    model.train_step(BATCH)
    # One prior and one penalty in each of three rounds, and of each player in the step.
    assert len(seen) == len({seed[:2] for seed in seen}) == 2 * (3 + 2)


# --- resuming -----------------------------------------------------------------------------------

CATCH_UP = CatchUp(2, first=1, every=3)  # before the steps 0, 3, 6
PIXELS = np.random.default_rng(0).integers(0, 256, (50, 2, 2, 1), dtype=np.uint8)
IMAGES = ImageSet("noise", "train", PIXELS, np.zeros(50, np.int32), ("all",))


def train(steps, model=None, start=None, **settings):
    """A GAN, perhaps this, after so many steps with the batches of these and their rounds."""
    settings = {"g": toys.adam(), "d": toys.adam(steps=2), **settings}
    model = model or toys.compiled(toys.gan(), **settings)
    step = int(model.step)
    start = step + CATCH_UP.before(step) if start is None else start
    data = pipelines.batches(IMAGES, 4, seed=1, start_step=start, parts=2, labels=False)
    loop.train(model, data, steps, catch_up=CATCH_UP)
    return model


@pytest.fixture(name="expected", scope="module")
def fixture_expected():
    return toys.values(train(4))


def test_interrupted_equals_uninterrupted(tmp_path, expected):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(train(3))
    settings = {"g": toys.adam(), "d": toys.adam(steps=2)}
    again = toys.compiled(toys.gan(weights_seed=1), **settings)
    assert checkpoints.restore(again) == 3
    for value, wanted in zip(toys.values(train(4, again)), expected, strict=True):
        np.testing.assert_array_equal(value, wanted)
    # That can fail: as if the two rounds before had taken no images.
    assert checkpoints.restore(again) == 3
    assert toys.largest_difference(toys.values(train(4, again, start=3)), expected) > 1e-3


def test_compilers_change_nothing(expected):
    for value, wanted in zip(toys.values(train(4, jit_compile=True)), expected, strict=True):
        np.testing.assert_allclose(value, wanted, atol=2e-5, rtol=1e-4)
