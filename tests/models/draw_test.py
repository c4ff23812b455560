"""DRAW's networks: counts, the recurrence in NumPy, and weights that two networks share."""

import dataclasses

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.layers import glimpse
from tfgan_zoo.models import dave, draw

SPEC = draw.DRAWSpec(
    resolution=6,
    channels=2,
    time_steps=3,
    z_dim=2,
    e_units=4,
    d_units=5,
    read_size=2,
    write_size=3,
)
PLAIN = dataclasses.replace(SPEC, read_size=0, write_size=0)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def posterior(spec=SPEC):
    """With weights at which all that can happen does."""
    network = draw.DRAWPosterior(spec)
    for number, weight in enumerate(network.weights):
        weight.assign(0.5 * random(*weight.shape, seed=number))
    return network


def inputs(spec=SPEC, count=3):
    images = np.tanh(random(count, *spec.shape))
    return {"images": images, "noise": random(count, *spec.latents_shape, seed=1)}


@pytest.mark.parametrize(
    "name, both, generator",
    [("draw-mnist", 959_467, 373_278), ("draw-mnist-fast", 864_055, 281_118)],
)
def test_counts(name, both, generator):
    """4 u (x + u + 1) of each LSTM, x + 1 for all else that a dense layer says of x numbers."""
    network = draw.DRAWPosterior(draw.VARIANTS[name])
    assert network.count_params() == both
    assert network.generator.count_params() == generator


def test_initial_weights():
    network = draw.DRAWPosterior(dataclasses.replace(SPEC, e_units=64, init_std=0.01))
    kernel, bias = network.get_layer("steps").encoder.lstm.weights
    np.testing.assert_allclose(np.std(kernel), 0.01, rtol=0.05)
    assert not np.any(bias)


# --- the recurrence -----------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(layer, *inputs):
    kernel, bias = (weight.numpy() for weight in layer.weights)
    return np.concatenate(inputs, axis=-1) @ kernel + bias


def lstm(layer, inputs, hidden, memory):
    i, f, g, o = np.split(dense(layer, *inputs, hidden), 4, axis=-1)
    memory = sigmoid(f + 1) * memory + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(memory), memory


def by_hand(network, images, noise):
    """Section 2.1 and, in steps of the posterior, of the generator: logits after each, and KL."""
    spec, steps = network.spec, network.get_layer("steps")
    encoder, decoder, side = steps.encoder, steps.decoder, spec.resolution
    x, count = (images + 1) / 2, len(images)
    canvas, kl, canvases = np.zeros_like(x), 0.0, []
    e_state, d_state = (np.zeros((2, count, units)) for units in (spec.e_units, spec.d_units))
    for step in range(spec.time_steps):
        seen = np.concatenate([x, x - sigmoid(canvas)], axis=-1).astype("float32")
        if spec.read_size:
            window = dense(encoder.window, d_state[0])
            seen = np.array(glimpse.read(seen, glimpse.window(window, spec.read_size, side)))
        e_state = lstm(encoder.lstm, [seen.reshape(count, -1), d_state[0]], *e_state)
        mean, log_sigma = dense(encoder.mean, e_state[0]), dense(encoder.log_sigma, e_state[0])
        kl += np.sum((mean**2 + np.exp(2 * log_sigma)) / 2 - log_sigma - 0.5, axis=1)
        latents = mean + np.exp(log_sigma) * noise[:, step]
        d_state = lstm(decoder.lstm, [latents], *d_state)
        patch = dense(decoder.patch, d_state[0]).astype("float32")
        if spec.write_size:
            patch = patch.reshape(count, spec.write_size, spec.write_size, spec.channels)
            window = dense(decoder.window, d_state[0])
            patch = glimpse.write(patch, glimpse.window(window, spec.write_size, side))
        canvas = canvas + np.reshape(patch, canvas.shape)
        canvases.append(canvas)
    return canvases, kl


@pytest.mark.parametrize("spec", [SPEC, PLAIN], ids=["attention", "plain"])
def test_recurrence_in_numpy(spec):
    network = posterior(spec)
    outputs = network(inputs(spec))
    canvases, kl = by_hand(network, **inputs(spec))
    np.testing.assert_allclose(outputs["logits"], canvases[-1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(outputs["kl"], kl, rtol=1e-4)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_of_the_loop_are_those_of_the_unrolled_steps(jit_compile):
    network, fed = posterior(), inputs()
    encoder, decoder = network.get_layer("steps").encoder, network.get_layer("steps").decoder
    weights = [weight.value for weight in network.trainable_variables]

    def unrolled():
        e_state, d_state = ([tf.zeros((3, units))] * 2 for units in (SPEC.e_units, SPEC.d_units))
        pixels, canvas, kl = 0.5 * (fed["images"] + 1), tf.zeros((3, *SPEC.shape)), 0.0
        for step in range(SPEC.time_steps):
            *e_state, mean, log_sigma = encoder([pixels, canvas, d_state[0], *e_state])
            latents = mean + tf.exp(log_sigma) * fed["noise"][:, step]
            *d_state, canvas = decoder([latents, *d_state, canvas])
            kl += dave.kl_divergence(mean, log_sigma)
        return canvas, kl

    def gradients(outputs):
        with tf.GradientTape() as tape:
            canvas, kl = outputs()
            loss = tf.reduce_sum(canvas**2) + tf.reduce_sum(kl)
        return tape.gradient(loss, weights)

    compiled = tf.function(gradients, jit_compile=jit_compile, autograph=False)
    found = compiled(lambda: network(fed).values())
    for one, two in zip(found, gradients(unrolled), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)


def test_the_generator_is_the_decoder_of_the_posterior():
    network = posterior()
    encoder = network.get_layer("steps").encoder
    for layer in (encoder.mean, encoder.log_sigma):
        for weight in layer.weights:
            weight.assign(np.zeros(weight.shape))
    fed = inputs()
    images = network.generator({"latents": fed["noise"]})
    np.testing.assert_allclose(
        images, 2 * sigmoid(np.asarray(network(fed)["logits"])) - 1, rtol=1e-4, atol=1e-5
    )
    canvases = network.generator.canvases()({"latents": fed["noise"]})
    expected = np.stack(by_hand(network, **fed)[0], axis=1)
    np.testing.assert_allclose(canvases, 2 * sigmoid(expected) - 1, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(canvases[:, -1], images)


def test_latents_of_a_step_change_that_one_and_all_later_ones():
    canvases = posterior().generator.canvases()
    latents = inputs()["noise"]
    other = latents.copy()
    other[:, 1] += 1.0
    difference = np.abs(canvases({"latents": latents}) - canvases({"latents": other}))
    np.testing.assert_array_equal(difference.max(axis=(0, 2, 3, 4)) > 1e-4, [False, True, True])


# --- files, errors ------------------------------------------------------------------------------


def test_weights_are_shared_and_saved_once(tmp_path):
    generator = draw.DRAWGenerator(SPEC)
    network = draw.DRAWPosterior(SPEC, generator)
    assert network.get_layer("steps").decoder is generator.get_layer("decoder")
    network.save_weights(tmp_path / "posterior.weights.h5")
    found = []
    with h5py.File(tmp_path / "posterior.weights.h5") as file:
        file.visititems(lambda _, item: found.append(item) if hasattr(item, "shape") else None)
    assert len(found) == len(network.variables) == 14
    assert len(generator.variables) == 6


@pytest.mark.parametrize("spec", [SPEC, PLAIN], ids=["attention", "plain"])
def test_a_loaded_posterior_is_whole(spec, tmp_path):
    network = posterior(spec)
    network.save(tmp_path / "posterior.keras")
    again = keras.models.load_model(tmp_path / "posterior.keras")
    for name, expected in network(inputs()).items():
        np.testing.assert_array_equal(again(inputs())[name], expected, err_msg=name)
    latents = {"latents": inputs()["noise"]}
    np.testing.assert_array_equal(again.generator(latents), network.generator(latents))
    assert again.spec == spec


def test_steps_round_trip():
    layer = posterior().get_layer("steps").encoder
    again = draw.DRAWEncoderStep.from_config(layer.get_config())
    assert again.spec == layer.spec and again.get_config() == layer.get_config()


@pytest.mark.parametrize("step, count", [(draw.DRAWEncoderStep, 5), (draw.DRAWDecoderStep, 4)])
def test_states_are_float32_in_mixed_precision(step, count):
    layer = step(SPEC, dtype="mixed_bfloat16")
    units = SPEC.e_units if count == 5 else SPEC.d_units
    canvas, hidden = random(2, *SPEC.shape), random(2, units)
    first = [canvas, canvas, random(2, 5)] if count == 5 else [random(2, 2)]
    fed = [*first, hidden, hidden] if count == 5 else [*first, hidden, hidden, canvas]
    outputs = layer(fed)
    promised = layer.compute_output_spec([keras.KerasTensor(x.shape) for x in fed])
    assert [x.dtype.name for x in outputs] == ["float32"] * len(outputs)
    assert [tuple(x.shape) for x in outputs] == [x.shape for x in promised]
    assert layer.lstm.compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"read_size": 1}, "`read_size` must be at least 2.*Received: read_size=1"),
        ({"write_size": -3}, "`write_size` must be at least 2.*Received: write_size=-3"),
        ({"time_steps": 0}, "`time_steps` must be at least 1. Received: time_steps=0"),
        ({"num_classes": 10}, "`num_classes` must be 0.*Received: num_classes=10"),
    ],
)
def test_contradictions_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SPEC, **changes)
