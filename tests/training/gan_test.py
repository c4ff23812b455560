"""The game: steps by hand, who sees which images, and what decides a result."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.training import loop, penalties, priors, projections
from tfgan_zoo.training.batches import split
from tfgan_zoo.training.ema import EMA
from tfgan_zoo.training.gan import GAN, UpdateRule

# --- one step by hand ---------------------------------------------------------------------------

# Two latents, images of two pixels, all maps linear: G is a matrix, D a vector.
LATENTS = np.array([1.0, 2.0])
MATRIX = np.array([[1.0, 0.0], [0.0, 1.0]])
VECTOR = np.array([0.5, -1.0])
IMAGES = np.array([[2.0, 6.0], [4.0, 4.0]], "float32").reshape(2, 1, 2, 1)


def linear_players():
    latents, images = keras.Input((2,), name="latents"), keras.Input((1, 2, 1), name="images")
    drawn = keras.layers.Reshape((1, 2, 1))(keras.layers.Dense(2, use_bias=False)(latents))
    logits = keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(images))
    generator = keras.Model({"latents": latents}, drawn, name="generator")
    discriminator = keras.Model({"images": images}, logits, name="discriminator")
    generator.set_weights([MATRIX])
    discriminator.set_weights([VECTOR[:, None]])
    return generator, discriminator


def linear_gan(judge=None, **settings):
    def prior(size, seed, step):
        return {"latents": tf.constant(np.tile(LATENTS, (size, 1)), tf.float32)}

    ema_generator = linear_players()[0] if "ema" in settings else None
    model = GAN(*linear_players(), prior, judge=judge, ema_generator=ema_generator)
    return toys.compiled(model, losses.WASSERSTEIN, **settings)


def matrix(network):
    return network.get_weights()[0]


def vector(network):
    return network.get_weights()[0][:, 0]


def step(model, images=IMAGES):
    logs = model.train_step({"images": tf.constant(images)})
    return {name: float(value) for name, value in logs.items()}


def test_a_step_by_hand():
    model = linear_gan()
    logs = step(model)
    # The images' mean is (3, 5), the fakes are (1, 2).
    assert logs["real_logits"] == pytest.approx(1.5 - 5.0)
    assert logs["fake_logits"] == pytest.approx(0.5 - 2.0)
    assert logs["d_loss"] == pytest.approx(-1.5 + 3.5)
    assert logs["d_gradient_norm"] == pytest.approx(13**0.5)
    np.testing.assert_allclose(vector(model.discriminator), VECTOR - 0.1 * np.array([-2, -3]))
    # The generator plays against the new discriminator.
    assert logs["g_loss"] == pytest.approx(-(0.7 * 1 - 0.7 * 2))
    assert logs["g_gradient_norm"] == pytest.approx(5**0.5 * 0.7 * 2**0.5)
    expected = MATRIX + 0.1 * np.outer(LATENTS, [0.7, -0.7])
    np.testing.assert_allclose(matrix(model.generator), expected, rtol=1e-6)
    assert logs["g_penalty"] == logs["d_penalty"] == 0
    assert int(model.step.numpy()) == 1


def test_logs_are_means_since_they_were_reset():
    model = linear_gan(g=toys.sgd(0.0), d=toys.sgd(0.0))
    first, second = step(model), step(model, 3 * IMAGES)
    assert first["real_logits"] == pytest.approx(-3.5)
    assert second["real_logits"] == pytest.approx((-3.5 - 10.5) / 2)
    model.reset_metrics()
    assert step(model, 3 * IMAGES)["real_logits"] == pytest.approx(-10.5)


def test_each_player_may_take_several_steps():
    model = linear_gan(g=toys.sgd(steps=3), d=toys.sgd(steps=2))
    step(model, np.concatenate([IMAGES, 2 * IMAGES]))
    updated = VECTOR - 0.1 * np.array([-2, -3]) - 0.1 * np.array([1 - 6, 2 - 10])
    np.testing.assert_allclose(vector(model.discriminator), updated, rtol=1e-5)
    expected = MATRIX + 3 * 0.1 * np.outer(LATENTS, updated)
    np.testing.assert_allclose(matrix(model.generator), expected, rtol=1e-5)


def test_a_penalty_is_added_to_its_player_s_loss():
    def total(turn):
        return 3.0 * tf.add_n([tf.reduce_sum(w.value) for w in turn.network.trainable_variables])

    model = linear_gan(d=toys.sgd(penalties=(total, total)))
    logs = step(model)
    assert logs["d_penalty"] == pytest.approx(2 * 3 * -0.5)
    assert logs["d_loss"] == pytest.approx(2.0)
    assert logs["g_penalty"] == 0
    assert logs["d_gradient_norm"] == pytest.approx((4**2 + 3**2) ** 0.5)
    updated = VECTOR - 0.1 * np.array([-2 + 6, -3 + 6])
    np.testing.assert_allclose(vector(model.discriminator), updated, rtol=1e-6)
    model = linear_gan(g=toys.sgd(penalties=(total,)))
    logs = step(model)
    assert (logs["d_penalty"], logs["g_penalty"]) == (0, pytest.approx(3 * 2))
    expected = MATRIX + 0.1 * (np.outer(LATENTS, [0.7, -0.7]) - 3)
    np.testing.assert_allclose(matrix(model.generator), expected, rtol=1e-6)


def test_the_generator_plays_against_the_judge():
    judge = linear_players()[1]
    judge.set_weights([np.array([[-1.0], [2.0]])])
    model = linear_gan(judge)
    logs = step(model)
    assert logs["g_loss"] == pytest.approx(-(-1 + 4))
    expected = MATRIX + 0.1 * np.outer(LATENTS, [-1, 2])
    np.testing.assert_allclose(matrix(model.generator), expected, rtol=1e-6)
    # Only the discriminator learns from the images.
    np.testing.assert_array_equal(vector(judge), [-1, 2])
    np.testing.assert_allclose(vector(model.discriminator), [0.7, -0.7], rtol=1e-6)


def test_the_average_follows_the_generator():
    model = linear_gan(ema=EMA(0.75, start_step=1), d=toys.sgd(0.0))
    step(model)
    first = MATRIX + 0.1 * np.outer(LATENTS, VECTOR)
    np.testing.assert_allclose(matrix(model.ema_generator), first, rtol=1e-6)
    step(model)
    second = first + 0.1 * np.outer(LATENTS, VECTOR)
    np.testing.assert_allclose(matrix(model.generator), second, rtol=1e-6)
    np.testing.assert_allclose(matrix(model.ema_generator), 0.75 * first + 0.25 * second, rtol=1e-6)


# --- a step of toy networks ---------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_every_loss_moves_both_players(loss, num_classes):
    model = toys.compiled(toys.gan(num_classes, norm=True), losses.LOSSES[loss])
    before = toys.values(model.generator), toys.values(model.discriminator)
    logs = model.train_step(toys.batch(4, num_classes))
    assert set(logs) == {
        *("g_loss", "g_penalty", "g_gradient_norm", "d_loss", "d_penalty", "d_gradient_norm"),
        *("real_logits", "fake_logits"),
    }
    assert all(np.isfinite(float(value)) for value in logs.values())
    for network, old in zip((model.generator, model.discriminator), before):
        assert np.all(np.isfinite(np.concatenate([v.ravel() for v in toys.values(network)])))
        still = [v for v, moves in zip(network.variables, toys.moved(network, old)) if not moves]
        # What the last bias adds to all logits cancels out where the loss is linear in them.
        linear = network is model.discriminator and loss in ("hinge", "wasserstein")
        assert still in ([], model.discriminator.variables[-1:]) if linear else not still


def test_gradient_norms_are_over_all_weights():
    model = toys.compiled(toys.gan(), losses.NON_SATURATING, g=toys.sgd(0.1), d=toys.sgd(0.1))
    players = {"g": model.generator, "d": model.discriminator}
    before = {side: toys.values(network) for side, network in players.items()}
    logs = model.train_step(toys.batch(4))
    for side, network in players.items():
        steps = [new - old for new, old in zip(toys.values(network), before[side])]
        norm = np.sqrt(sum(np.sum(step**2) for step in steps)) / 0.1
        np.testing.assert_allclose(logs[f"{side}_gradient_norm"], norm, rtol=1e-4)


def test_the_average_starts_as_a_copy_and_has_moments_and_singular_vectors():
    model = toys.compiled(toys.gan(norm=True, ema=True), ema=EMA(0.5))
    start = toys.values(model.generator)
    for value, expected in zip(toys.values(model.ema_generator), start):
        np.testing.assert_array_equal(value, expected)
    model.train_step(toys.batch(4))
    ends = toys.values(model.generator)
    assert {"u", "moving_mean"} < {v.name for v in model.ema_generator.variables}
    for average, old, new in zip(toys.values(model.ema_generator), start, ends, strict=True):
        assert np.any(old != new)
        np.testing.assert_allclose(average, (old + new) / 2, atol=1e-6)


# --- rules ----------------------------------------------------------------------------------------


def test_projections_come_after_every_update_of_their_player():
    calls = []

    def project(number):
        def projection(network):
            calls.append((network.name, number, network.get_weights()[0].copy()))
            network.trainable_variables[0].assign(np.full((2, 2) if number > 2 else (2, 1), 7.0))

        return projection

    model = linear_gan(
        d=toys.sgd(steps=2, micro_batches=2, projections=(project(1), project(2))),
        g=toys.sgd(projections=(project(3),)),
    )
    step(model, np.concatenate([IMAGES, IMAGES]))
    assert [call[:2] for call in calls] == [
        *[("discriminator", 1), ("discriminator", 2)] * 2,
        ("generator", 3),
    ]
    # (2, 6) comes first and (4, 4) next, then the same again; fakes are (1, 2).
    np.testing.assert_allclose(calls[0][2][:, 0], VECTOR - 0.1 * np.array([-2, -3]), rtol=1e-6)
    np.testing.assert_array_equal(calls[1][2], [[7], [7]])
    np.testing.assert_allclose(calls[2][2][:, 0], [7.2, 7.3], rtol=1e-6)
    np.testing.assert_array_equal(matrix(model.generator), np.full((2, 2), 7))


def test_clipped_weights_stay_within_their_limit():
    model = toys.compiled(toys.gan(), d=toys.sgd(projections=(projections.ClipWeights(0.05),)))
    model.train_step(toys.batch(4))
    largest = [np.abs(value).max() for value in toys.values(model.discriminator)]
    assert max(largest) == np.float32(0.05)
    assert max(np.abs(value).max() for value in toys.values(model.generator)) > 0.05


def test_a_rule_s_weights_are_all_that_moves():
    def first_layer(network):
        return network.trainable_variables[:2]

    for side, name in (("g", "generator"), ("d", "discriminator")):
        model = toys.gan()
        rules = {side: toys.adam(weights=first_layer)}
        before = toys.values(model.generator), toys.values(model.discriminator)
        toys.compiled(model, losses.NON_SATURATING, **rules).train_step(toys.batch(4))
        for network, old in zip((model.generator, model.discriminator), before):
            rest = network.name != name
            assert toys.moved(network, old) == [True, True, rest, rest]


def test_batches_of_a_rule():
    assert toys.sgd().batches == 1
    assert toys.sgd(steps=5, micro_batches=3).batches == 15


@pytest.mark.parametrize("name", ["steps", "micro_batches"])
def test_rules_need_something_to_do(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0."):
        UpdateRule(keras.optimizers.SGD(), **{name: 0})


# --- errors -------------------------------------------------------------------------------------


def test_split_by_hand():
    parts = split({"images": tf.range(6), "labels": tf.range(6) * 10}, 3)
    assert [part["images"].numpy().tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert [part["labels"].numpy().tolist() for part in parts] == [[0, 10], [20, 30], [40, 50]]


def test_batches_that_cannot_be_split():
    with pytest.raises(ValueError, match="batch size 7, 2 parts.*drop_remainder=True"):
        split(toys.batch(7), 2)
    with pytest.raises(ValueError, match="batch size None, 2 parts.*drop_remainder=True"):
        split({"images": keras.KerasTensor((None, 2, 2, 1))}, 2)
    model = toys.compiled(toys.gan(), d=toys.sgd(steps=2, micro_batches=2))
    with pytest.raises(ValueError, match=r"steps \* micro_batches.*batch size 6, 4 parts"):
        model.train_step(toys.batch(6))
    assert int(model.step.numpy()) == 0


@pytest.mark.parametrize("with_network", [True, False])
def test_an_average_needs_a_network_and_a_network_an_average(with_network):
    model = toys.gan(ema=with_network)
    with pytest.raises(ValueError, match="`ema` and the GAN's `ema_generator` go together"):
        toys.compiled(model, ema=None if with_network else EMA())


# --- what decides a result ----------------------------------------------------------------------


def test_the_seed_decides_the_result():
    def results(seed):
        rule = toys.sgd(penalties=(penalties.GradientPenalty(),))
        return toys.results(model=toys.gan(seed=seed), d=rule)

    first, again, other = results(5), results(5), results(6)
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one, two)
    assert toys.largest_difference(first, other) > 1e-3


def trained(runner, **settings):
    """All weights after three steps taken by `runner(gan, dataset)`."""
    model = toys.gan(num_classes=3, norm=True, ema=True)
    rules = {"g": toys.adam(), "d": toys.adam(penalties=(penalties.GradientPenalty(),))}
    toys.compiled(model, losses.NON_SATURATING, ema=EMA(0.9), **rules, **settings)
    runner(model, toys.dataset(8, num_classes=3))
    assert int(model.step.numpy()) == 3
    return toys.values(model)


def eager(model, dataset):
    for batch in dataset.take(3):
        model.train_step(batch)


def train(model, dataset):
    loop.train(model, dataset, 3)


def fit(model, dataset):
    history = model.fit(dataset, steps_per_epoch=3, verbose=0, shuffle=False).history
    assert set(history) > {"g_loss", "d_loss", "d_penalty", "real_logits"}
    assert all(np.isfinite(values).all() for values in history.values())


@pytest.fixture(name="expected", scope="module")
def fixture_expected():
    return trained(eager)


@pytest.mark.parametrize("runner, jit_compile", [(train, False), (train, True), (fit, False)])
def test_compilers_and_loops_change_nothing(expected, runner, jit_compile):
    for value, wanted in zip(trained(runner, jit_compile=jit_compile), expected, strict=True):
        np.testing.assert_allclose(value, wanted, atol=2e-5, rtol=1e-4)


def test_a_gan_as_a_function_is_its_generator():
    model = toys.gan()
    inputs = priors.Normal((toys.Z_DIM,))(2, (0, 0))
    np.testing.assert_array_equal(model(inputs), model.generator(inputs))
