"""GRAN and WIRGAN: a recurrence that is alive, and WGAN when there is one step only."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.models import registry

SMALL = {"width": 4, "z_dim": 6}
LATENTS = np.random.default_rng(0).normal(size=(4, 3, 6)).astype("float32")


def generator(name="wirgan-digits", seed=0, **changes):
    keras.utils.set_random_seed(seed)
    return registry.build_generator(name, **{**SMALL, **changes})


def canvases(network, latents=LATENTS, training=False):
    return keras.ops.convert_to_numpy(network.canvases()({"latents": latents}, training=training))


def copy_shared(source, target):
    """Gives `target` the weights of `source` that both have."""
    values = {weight.path: weight for weight in source.trainable_weights}
    for weight in target.trainable_weights:
        weight.assign(values[weight.path])


def test_the_last_canvas_is_the_image():
    for network, latents in ((generator(), LATENTS), (generator("gran-digits"), LATENTS[:, 0])):
        drawn = canvases(network, latents)
        assert drawn.shape == (4, 3, 28, 28, 1)
        images = keras.ops.convert_to_numpy(network({"latents": latents}))
        np.testing.assert_array_equal(drawn[:, -1], images)
        assert np.abs(drawn[:, 0] - drawn[:, 1]).max() > 1e-5


def test_early_latents_change_late_canvases():
    network, latents = generator(), tf.Variable(LATENTS)
    with tf.GradientTape() as tape:
        # Statistics of the batch would let examples influence one another: the averages do not.
        energy = tf.reduce_sum(network({"latents": latents}, training=False)[0] ** 2)
    gradient = tape.gradient(energy, latents).numpy()
    assert (np.abs(gradient[0]).max(axis=1) > 0).all()
    assert not gradient[1:].any()


def test_late_latents_leave_early_canvases_alone():
    network, changed = generator(), LATENTS.copy()
    changed[:, 2] += 1.0
    before, after = canvases(network), canvases(network, changed)
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert np.abs(before[:, 2] - after[:, 2]).max() > 1e-5


@pytest.mark.parametrize("time_steps", [1, 2, 5])
def test_the_first_step_is_the_same_for_any_number_of_steps(time_steps):
    one, several = generator(time_steps=time_steps), generator(time_steps=6)
    copy_shared(several, one)
    latents = np.random.default_rng(1).normal(size=(4, 6, 6)).astype("float32")
    first = canvases(one, latents[:, :time_steps], training=True)
    np.testing.assert_allclose(
        first, canvases(several, latents, training=True)[:, :time_steps], atol=1e-6
    )


def test_one_step_has_no_encoder():
    paths = {weight.path for weight in generator(time_steps=1).weights}
    assert not [path for path in paths if path.startswith(("read_", "code"))]
    assert [w.path for w in generator().weights if w.path.startswith("read_")]


@pytest.mark.parametrize("training", [False, True])
def test_one_step_is_wgan(training):
    """Half of its first kernel multiplies zeros; the rest is WGAN's generator."""
    recurrent, plain = generator(time_steps=1), generator("wgan-digits")
    values = {weight.path: keras.ops.convert_to_numpy(weight) for weight in recurrent.weights}
    for weight in plain.weights:
        value = values[weight.path]
        weight.assign(value[:6] if weight.path == "seed/kernel" else value)
    ours = recurrent({"latents": LATENTS[:, :1]}, training=training)
    theirs = plain({"latents": LATENTS[:, 0]}, training=training)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_one_step_does_not_train_the_unused_half():
    network = generator(time_steps=1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network({"latents": LATENTS[:, :1]}, training=True) ** 2)
    gradient = tape.gradient(loss, network.get_layer("seed").kernel.value).numpy()
    assert np.abs(gradient[:6]).max() > 0 and not gradient[6:].any()


def test_weights_are_shared_over_the_steps_or_not():
    shared, own = generator(), generator(share_weights=False)
    count = {id(n): sum(int(np.prod(w.shape)) for w in n.trainable_weights) for n in (shared, own)}
    f = sum(int(np.prod(w.shape)) for w in generator(time_steps=1).trainable_weights)
    g = count[id(shared)] - f
    # No code enters an encoder before the first step.
    assert count[id(own)] == 3 * f + 2 * g
    assert canvases(own).shape == (4, 3, 28, 28, 1)


def test_every_step_has_moments_of_its_own():
    network = generator()
    for layer in network.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.0  # the moments of the last batch alone
    trained = canvases(network, training=True)
    mean = keras.ops.convert_to_numpy(network.get_layer("up_1_norm").moving_mean)
    assert mean.shape == (3, 4)
    assert np.abs(mean[0] - mean[2]).max() > 1e-5
    np.testing.assert_allclose(canvases(network), trained, atol=1e-5)


def test_gran_adds_its_canvases_up():
    network = generator("gran-digits")
    drawn = np.arctanh(canvases(network, LATENTS[:, 0]).astype("float64"))
    one = generator("gran-digits", time_steps=1)
    copy_shared(network, one)
    first = np.arctanh(canvases(one, LATENTS[:, 0]).astype("float64"))
    np.testing.assert_allclose(drawn[:, :1], first, atol=1e-5)
    assert np.abs(drawn[:, 1] - drawn[:, 0]).max() > 1e-6
    assert network.input["latents"].shape == (None, 6)


def test_plain_networks_have_no_canvases():
    with pytest.raises(ValueError, match="`canvases` are of generators that draw in several steps"):
        generator("wgan-digits").canvases()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"time_steps": 0}, "`time_steps` must be at least 1. Received: 0"),
        ({"num_classes": 3}, "`num_classes` must be 0.*num_classes=3"),
        ({"d_norm": "some"}, "`d_norm` must be one of"),
    ],
)
def test_spec_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        registry.spec("wirgan-digits", **changes)
