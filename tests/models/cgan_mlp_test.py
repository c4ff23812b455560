"""The fully connected conditional GAN: its functions written out, its sizes, its dropout."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.models import cgan_mlp
from tfgan_zoo.training.gan import GAN
from tfgan_zoo.training.priors import Uniform

SMALL = cgan_mlp.CGANMLPSpec(
    4, z_dim=3, num_classes=3, g_units=(5, 2, 6), d_units=(3, 2, 4), d_pieces=(2, 3, 4)
)
LABELS = np.array([2, 0, 1, 1], np.int32)


def with_random_weights(network):
    rng = np.random.default_rng(0)
    for weight in network.trainable_weights:
        weight.assign(rng.uniform(-1, 1, weight.shape))
    return {weight.path: weight.numpy() for weight in network.weights}


def linear(w, name, x):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def test_generator_written_out():
    network = cgan_mlp.CGANMLPGenerator(SMALL)
    w = with_random_weights(network)
    latents = np.random.default_rng(1).uniform(-1, 1, (4, 3)).astype("float32")
    own = np.maximum(linear(w, "own", (latents + 1) / 2), 0)
    classes = np.maximum(linear(w, "classes", np.eye(3)[LABELS]), 0)
    joint = np.maximum(linear(w, "joint", np.concatenate([own, classes], axis=1)), 0)
    images = network({"latents": latents, "labels": LABELS})
    expected = (2 / (1 + np.exp(-linear(w, "pixels", joint))) - 1).reshape(4, 4, 4, 1)
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_discriminator_written_out():
    network = cgan_mlp.CGANMLPDiscriminator(SMALL)
    w = with_random_weights(network)
    images = np.random.default_rng(1).uniform(-1, 1, (4, 4, 4, 1)).astype("float32")

    def maxout(name, x, pieces):
        y = linear(w, name, x)
        return np.max([y[:, piece::pieces] for piece in range(pieces)], axis=0)

    own, classes = (
        maxout("own", (images.reshape(4, 16) + 1) / 2, 2),
        maxout("classes", np.eye(3)[LABELS], 3),
    )
    joint = maxout("joint", np.concatenate([own, classes], axis=1), 4)
    assert joint.shape == (4, 4)
    logits = network({"images": images, "labels": LABELS})
    np.testing.assert_allclose(logits, linear(w, "logits", joint), rtol=1e-4, atol=1e-5)


def test_sizes_are_the_paper_s():
    spec = dataclasses.replace(cgan_mlp.VARIANTS["cgan-mlp-mnist"], initializer="zeros")
    shapes = [
        [tuple(weight.shape) for weight in build(spec).trainable_weights if weight.name == "kernel"]
        for build in (cgan_mlp.CGANMLPGenerator, cgan_mlp.CGANMLPDiscriminator)
    ]
    assert sorted(shapes[0]) == [(10, 1000), (100, 200), (1200, 784), (1200, 1200)]
    assert sorted(shapes[1]) == [(10, 50 * 5), (240, 1), (240 + 50, 240 * 4), (784, 240 * 5)]
    assert spec.dropout == 0.5


def test_all_hidden_layers_have_dropout_in_training():
    inputs = {
        "latents": np.ones((64, 3), np.float32),
        "images": np.ones((64, 4, 4, 1), np.float32),
        "labels": np.zeros(64, np.int32),
    }
    for build in (cgan_mlp.CGANMLPGenerator, cgan_mlp.CGANMLPDiscriminator):
        network = build(SMALL)
        with_random_weights(network)
        told = {name: inputs[name] for name in network.input}
        layer = network.get_layer("dropout")
        assert len(layer._inbound_nodes) == 3
        assert np.ptp(network(told), axis=0).max() == 0
        assert layer.draws[1] == 0
        assert np.ptp(network(told, training=True), axis=0).max() > 0.1
        assert layer.draws[1] == 3


def gan():
    keras.utils.set_random_seed(0)
    players = cgan_mlp.CGANMLPGenerator(SMALL), cgan_mlp.CGANMLPDiscriminator(SMALL)
    model = GAN(*players, Uniform((3,), 3))
    return toys.compiled(model, losses.NON_SATURATING, g=toys.adam(), d=toys.adam())


def test_training_resumes_bit_for_bit_with_dropout(tmp_path):
    rng = np.random.default_rng(0)
    batch = {
        "images": tf.constant(rng.uniform(-1, 1, (4, 4, 4, 1)), tf.float32),
        "labels": tf.constant(LABELS),
    }
    whole = gan()
    step = tf.function(whole.train_step, autograph=False)
    step(batch)
    whole.save_weights(tmp_path / "gan.weights.h5")
    step(batch)
    resumed = gan()
    resumed.load_weights(tmp_path / "gan.weights.h5")
    tf.function(resumed.train_step, autograph=False)(batch)
    for ours, theirs in zip(resumed.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs, ours.path)
    assert int(whole.discriminator.get_layer("dropout").draws[1]) == 2 * 2 * 3


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"num_classes": 0}, "`num_classes` must be at least 1.*num_classes=0. Without"),
        ({"g_units": (5, 2)}, r"`g_units` must be three numbers.*g_units=\(5, 2\)"),
        ({"d_pieces": (5, 0, 2)}, r"`d_pieces` must be three.*d_pieces=\(5, 0, 2\)"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1.*dropout=1.0"),
        ({"initializer": "xavier"}, "`initializer` must be one of.*'xavier'"),
    ],
)
def test_spec_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **changes)
