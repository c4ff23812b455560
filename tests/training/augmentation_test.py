"""Augmentation: each change by loops, what depends on what, and ADA's probability by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo.training import augmentation, gan, noise
from tfgan_zoo.training.augmentation import POLICIES, AdaptiveAugment, DiffAugment

SEED = tf.constant([3, 4])
CHANGES = [change for changes in POLICIES.values() for change in changes]
ALL = DiffAugment()


def pictures(count=4, height=8, width=16, channels=3):
    shape = (count, height, width, channels)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def amounts(count):
    """In (-1, 1): what a change of colour draws."""
    return noise.uniform([count, 1, 1, 1], SEED).numpy().ravel()


# --- each change by loops -----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_by_loops(channels):
    images = pictures(channels=channels)
    draws = amounts(len(images))
    for number, (image, draw) in enumerate(zip(images, draws)):
        bright = augmentation.brightness(images, SEED)[number]
        np.testing.assert_allclose(bright, image + draw / 2, atol=1e-6)
        contrasted = augmentation.contrast(images, SEED)[number]
        mean = image.mean()
        np.testing.assert_allclose(contrasted, mean + (1 + draw / 2) * (image - mean), atol=1e-6)
        saturated = augmentation.saturation(images, SEED)[number].numpy()
        for y, x in np.ndindex(*image.shape[:2]):
            grey = image[y, x].mean()
            expected = grey + (1 + draw) * (image[y, x] - grey)
            np.testing.assert_allclose(saturated[y, x], expected, atol=1e-6)


def test_translation_by_loops():
    images = pictures(count=40)
    moved = augmentation.translation(images, SEED).numpy()
    starts = [
        noise.integers([40, 1], part, count).numpy().ravel() - most
        for part, count, most in zip(noise.split(SEED), (3, 5), (1, 2))  # an eighth of 8 and of 16
    ]
    expected = np.zeros_like(images)
    for number, dy, dx in zip(range(40), *starts):
        for y, x in np.ndindex(8, 16):
            if 0 <= y + dy < 8 and 0 <= x + dx < 16:
                expected[number, y, x] = images[number, y + dy, x + dx]
    np.testing.assert_array_equal(moved, expected)
    assert {*starts[0]} == {-1, 0, 1} and {*starts[1]} == {-2, -1, 0, 1, 2}


def test_cutout_by_loops():
    images = pictures(count=40, height=6)
    cut = augmentation.cutout(images, SEED).numpy()
    # A hole of 3 among 6 rows has its centre on one of 6 pixels, one of 8 among 16 columns its
    # fifth pixel on one of 17, the last of which is outside.
    centres = [
        noise.integers([40, 1], part, count).numpy().ravel()
        for part, count in zip(noise.split(SEED), (6, 17))
    ]
    expected = images.copy()
    for number, row, column in zip(range(40), *centres):
        for y, x in np.ndindex(6, 16):
            if row - 1 <= y < row + 2 and column - 4 <= x < column + 4:
                expected[number, y, x] = 0
    np.testing.assert_array_equal(cut, expected)


def test_grey_images_have_no_saturation():
    images = pictures(channels=1)
    np.testing.assert_array_equal(augmentation.saturation(images, SEED), images)


@pytest.mark.parametrize("change", CHANGES)
def test_gradients_flow(change):
    images = tf.constant(pictures(count=2, width=8))
    direction = np.random.default_rng(1).normal(size=images.shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(change(images, SEED) * direction)
    slope = tf.reduce_sum(tape.gradient(value, images) * direction)
    # All changes are affine, so a difference is exact.
    shifted = tf.reduce_sum(change(images + direction, SEED) * direction)
    assert abs(float(slope)) > 1.0
    np.testing.assert_allclose(shifted - value, slope, rtol=1e-3)


# --- policies, probabilities and seeds ----------------------------------------------------------


@pytest.mark.parametrize("policy", [(), ("colour",), ("color", "color")])
def test_policies_are_checked(policy):
    with pytest.raises(ValueError, match="color, translation, cutout"):
        DiffAugment(policy)


def test_probability_0_is_none_and_1_is_all():
    images = pictures()
    np.testing.assert_array_equal(ALL(images, SEED, 0.0), images)
    np.testing.assert_array_equal(ALL(images, SEED, 1.0), ALL(images, SEED))
    assert np.all(np.any(ALL(images, SEED).numpy() != images, axis=(1, 2, 3)))


def test_probability_is_that_of_each_change_of_each_image():
    images = tf.ones([4000, 2, 2, 1])
    brighter = DiffAugment(("color",))(images, SEED, 0.3).numpy()[:, 0, 0, 0] != 1.0
    assert np.mean(brighter) == pytest.approx(0.3, abs=0.03)  # contrast leaves plain images
    both = DiffAugment(("color", "cutout"))(images, SEED, 0.3).numpy()
    cut, bright = np.any(both == 0, axis=(1, 2, 3)), np.any((both != 0) & (both != 1), (1, 2, 3))
    shown = np.any(both != 0, axis=(1, 2, 3))
    assert np.corrcoef(cut[shown], bright[shown])[0, 1] == pytest.approx(0.0, abs=0.06)


def test_a_seed_decides_with_and_without_xla():
    images, other = tf.constant(pictures(width=8)), tf.constant([3, 5])
    eager, again = ALL(images, SEED, 0.5), ALL(images, SEED, 0.5)
    np.testing.assert_array_equal(eager, again)
    compiled = tf.function(ALL, jit_compile=True)
    np.testing.assert_allclose(compiled(images, SEED, tf.constant(0.5)), eager, atol=2e-6)
    assert np.any(ALL(images, other, 0.5).numpy() != eager.numpy())


def test_images_of_a_batch_differ():
    images = np.tile(pictures(count=1), (6, 1, 1, 1))
    for change in CHANGES:
        changed = change(images, SEED).numpy().reshape(6, -1)
        assert len(np.unique(changed, axis=0)) > 2, change


# --- in the game --------------------------------------------------------------------------------


class Seen:
    """An augmentation that negates images and remembers what it was given."""

    def __init__(self):
        self.seeds, self.images = [], []

    def __call__(self, images, seed):
        self.seeds.append(tuple(seed.numpy()))
        self.images.append(images)
        return -images


def test_both_players_see_augmented_images_and_so_do_penalties():
    turns, seen, batch = [], Seen(), toys.batch(4)
    rules = {side: toys.sgd(0.0, observers=(turns.append,)) for side in "gd"}
    model = toys.compiled(toys.gan(), **rules, augment=seen)
    model.train_step(batch)
    (d_turn, g_turn), (fake, real, g_fake) = turns, seen.images
    assert len(set(seen.seeds)) == 3
    np.testing.assert_array_equal(real, batch["images"])
    np.testing.assert_array_equal(d_turn.real, -real)
    np.testing.assert_array_equal(d_turn.fake, -fake)
    np.testing.assert_array_equal(g_turn.fake, -g_fake)
    for images, logits in (
        (real, d_turn.real_logits),
        (fake, d_turn.fake_logits),
        (g_fake, g_turn.fake_logits),
    ):
        expected = model.discriminator({"images": -images})
        np.testing.assert_allclose(logits, expected, atol=1e-6)
    np.testing.assert_allclose(d_turn.score(d_turn.real), d_turn.real_logits, atol=1e-6)


def test_off_is_the_step_without():
    plain = toys.results()
    assert toys.largest_difference(plain, toys.results(augment=None)) == 0
    assert toys.largest_difference(plain, toys.results(augment=lambda images, seed: images)) == 0
    assert toys.largest_difference(plain, toys.results(augment=ALL)) > 0
    assert len(toys.compiled(toys.gan()).variables) == len(compiled_gan(ALL).variables)


def compiled_gan(augment, **settings):
    observers = (augment.observe,) if isinstance(augment, AdaptiveAugment) else ()
    rules = {"d": toys.adam(observers=observers, **settings), "g": toys.adam()}
    return toys.compiled(toys.gan(), augment=augment, **rules)


def test_steps_are_equal_with_xla():
    results = []
    for jit in (False, True):
        ada = AdaptiveAugment(ALL, 8, target=-0.99, every=1, kimg=0.02)
        ada.probability.assign(0.5)
        rules = {"d": toys.sgd(observers=(ada.observe,)), "g": toys.sgd()}
        model = toys.compiled(toys.gan(), augment=ada, **rules)
        step = tf.function(model.train_step, jit_compile=True) if jit else model.train_step
        step(toys.batch(8))
        results.append(toys.values(model))
    assert toys.largest_difference(*results) < 1e-5


# --- ADA's probability --------------------------------------------------------------------------


def turn(*logits):
    """Of a discriminator that says this of real images."""
    nothing = [None] * 5
    return gan.Turn(*nothing, tf.constant(logits)[:, None], None, None)


def test_probability_by_hand():
    # 10 images per update, every update counted: 0.1 of 0.1 thousand images each.
    ada = AdaptiveAugment(ALL, 10, target=0.5, kimg=0.1, every=1)
    assert float(ada.probability) == 0.0
    found = []
    for logits in ((1.0, 2.0, 3.0, -4.0), (0.1, 0.2, 0.3, 0.4), (5.0, 1.0, 1.0, 9.0), (-1.0, 1.0)):
        ada.observe(turn(*logits))
        found.append((float(ada.overfitting), float(ada.probability)))
    # r_t at the target moves nothing.
    np.testing.assert_allclose(found, [(0.5, 0.0), (1.0, 0.1), (1.0, 0.2), (0.0, 0.1)], atol=1e-6)


def test_probability_moves_every_few_updates_and_stays_in_its_range():
    ada = AdaptiveAugment(ALL, 5, target=0.6, kimg=0.02, every=2)  # by half
    found = []
    for logit in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0):
        ada.observe(turn(logit))
        found.append(float(ada.probability))
    assert found == [0, 0.5, 0.5, 1, 1, 1, 1, 0.5, 0.5, 0, 0, 0]
    assert float(ada.overfitting) == -1.0


@pytest.mark.parametrize(
    "settings", [{"target": 1.0}, {"kimg": 0.0}, {"every": 0}, {"images_per_update": 0}]
)
def test_settings_are_checked(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}="):
        AdaptiveAugment(ALL, **{"images_per_update": 1, **settings})


def test_resumed_runs_are_the_same(tmp_path):
    def make():
        # Saved before the probability moves, which is after 2 updates.
        return compiled_gan(AdaptiveAugment(ALL, 8, target=-0.99, every=2, kimg=0.04))

    whole, first, second = make(), make(), make()
    for number in range(3):
        whole.train_step(toys.batch(8, seed=number))
    first.train_step(toys.batch(8, seed=0))
    first.save_weights(tmp_path / "state.weights.h5")
    second.load_weights(tmp_path / "state.weights.h5")
    assert float(second.augment.updates) == 1
    for number in (1, 2):
        second.train_step(toys.batch(8, seed=number))
    assert toys.largest_difference(toys.values(whole), toys.values(second)) == 0
    assert float(second.augment.probability) == pytest.approx(0.4)


def test_a_probability_of_0_is_the_step_without():
    ada = AdaptiveAugment(ALL, 8, kimg=1e9)
    models = [compiled_gan(ada), compiled_gan(None)]
    for model in models:
        model.train_step(toys.batch(8))
    players = [toys.values(m.generator) + toys.values(m.discriminator) for m in models]
    assert toys.largest_difference(*players) == 0
    assert float(ada.updates) == 1.0
