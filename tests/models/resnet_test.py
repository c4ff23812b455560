"""WGAN-GP's residual networks: their authors' counts, and their functions written out plainly."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from tfgan_zoo.models import resnet
from tfgan_zoo.training.penalties import GradientPenalty

CIFAR10, LARGE, DIGITS = (
    resnet.VARIANTS[name] for name in ("resnet-cifar10", "resnet-64", "resnet-digits")
)
# Two doublings, and two halvings and a block without one.
SMALL_CIFAR10 = dataclasses.replace(
    CIFAR10, width=3, resolution=8, g_widths=(1, 2, 1), d_widths=(1, 2, 2), flat_blocks=1, z_dim=5
)
SMALL_LARGE = dataclasses.replace(
    LARGE, width=2, resolution=8, g_widths=(4, 2, 1), d_widths=(2, 4), z_dim=5
)


def with_random_weights(network):
    rng = np.random.default_rng(0)
    for weight in network.weights:
        low, high = (
            (0.5, 1.5) if weight.name in ("gain", "gamma", "moving_variance") else (-0.4, 0.4)
        )
        weight.assign(rng.uniform(low, high, weight.shape))
    return {weight.path: ops.convert_to_numpy(weight) for weight in network.weights}


# --- the authors' code, written out ---------------------------------------------------------------


def conv(weights, name, x):
    return ops.conv(x, weights[f"{name}/kernel"], padding="same") + weights.get(f"{name}/bias", 0)


def double(x):
    return np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)


def halve(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def batch_norm(weights, name, x):
    mean, variance = weights[f"{name}/moving_mean"], weights[f"{name}/moving_variance"]
    normed = (x - mean) / np.sqrt(variance + 1e-5)
    return normed * weights[f"{name}/gain"] + weights[f"{name}/bias"]


def layer_norm(weights, name, x):
    x = np.asarray(x)
    mean = x.mean(axis=(1, 2, 3), keepdims=True)
    variance = x.var(axis=(1, 2, 3), keepdims=True)
    normed = (x - mean) / np.sqrt(variance + 1e-5)
    return normed * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def up_block(weights, name, x):
    h = np.maximum(batch_norm(weights, f"{name}_norm_1", x), 0)
    h = conv(weights, f"{name}_conv_1", double(h))
    h = np.maximum(batch_norm(weights, f"{name}_norm_2", h), 0)
    return conv(weights, f"{name}_conv_2", h) + conv(weights, f"{name}_shortcut", double(x))


def test_generator_written_out():
    for spec in (SMALL_CIFAR10, SMALL_LARGE):
        network = resnet.ResNetGenerator(spec)
        weights = with_random_weights(network)
        latents = np.random.default_rng(1).normal(size=(3, 5)).astype("float32")
        x = latents @ weights["seed/kernel"] + weights["seed/bias"]
        x = x.reshape(3, 2, 2, spec.g_widths[0] * spec.width)
        for number in (1, 2):
            x = up_block(weights, f"block_{number}", x)
        x = np.maximum(batch_norm(weights, "norm", x), 0)
        expected = np.tanh(conv(weights, "to_rgb", x))
        images = network({"latents": latents})
        assert images.shape == (3, 8, 8, 3)
        np.testing.assert_allclose(ops.convert_to_numpy(images), expected, atol=1e-4)


def images_of(spec):
    shape = (4, spec.resolution, spec.resolution, spec.channels)
    return np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")


def test_discriminator_without_norms_written_out():
    network = resnet.ResNetDiscriminator(SMALL_CIFAR10)
    w = with_random_weights(network)
    images = images_of(SMALL_CIFAR10)
    h = np.maximum(conv(w, "block_1_conv_1", images), 0)
    x = halve(conv(w, "block_1_conv_2", h)) + conv(w, "block_1_shortcut", halve(images))
    h = np.maximum(conv(w, "block_2_conv_1", np.maximum(x, 0)), 0)
    x = halve(conv(w, "block_2_conv_2", h)) + halve(conv(w, "block_2_shortcut", x))
    h = np.maximum(conv(w, "block_3_conv_1", np.maximum(x, 0)), 0)
    x = conv(w, "block_3_conv_2", h) + x
    features = np.maximum(x, 0).mean(axis=(1, 2))
    expected = features @ w["logits/kernel"] + w["logits/bias"]
    logits = network({"images": images})
    assert logits.shape == (4, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(logits), expected, rtol=1e-4)


def test_discriminator_with_layer_norm_written_out():
    network = resnet.ResNetDiscriminator(SMALL_LARGE)
    w = with_random_weights(network)
    images = images_of(SMALL_LARGE)
    x = conv(w, "from_rgb", images)
    for name in ("block_1", "block_2"):
        h = np.maximum(layer_norm(w, f"{name}_norm_1", x), 0)
        h = np.maximum(layer_norm(w, f"{name}_norm_2", conv(w, f"{name}_conv_1", h)), 0)
        x = halve(conv(w, f"{name}_conv_2", h)) + halve(conv(w, f"{name}_shortcut", x))
    features = np.asarray(x).reshape(4, -1)
    expected = features @ w["logits/kernel"] + w["logits/bias"]
    np.testing.assert_allclose(
        ops.convert_to_numpy(network({"images": images})), expected, rtol=1e-4, atol=1e-4
    )


# --- classes --------------------------------------------------------------------------------------

WITH_LABELS = dataclasses.replace(SMALL_CIFAR10, num_classes=3)


def test_conditional_generator_written_out():
    """Each class has a gain, 1 plus the layer's, and an offset; the last norm is everybody's."""
    network = resnet.ResNetGenerator(WITH_LABELS)
    weights = with_random_weights(network)
    latents = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")
    labels = np.array([2, 0, 1, 2], "int32")
    found = ops.convert_to_numpy(network({"latents": latents, "labels": labels}))
    for number, label in enumerate(labels):
        own = dict(weights)
        for block in (1, 2):
            for norm in (1, 2):
                name = f"block_{block}_norm_{norm}"
                own[f"{name}/gain"] = 1 + weights[f"{name}_gain/embeddings"][label]
                own[f"{name}/bias"] = weights[f"{name}_bias/embeddings"][label]
        x = latents[number : number + 1] @ weights["seed/kernel"] + weights["seed/bias"]
        x = x.reshape(1, 2, 2, 3)
        for block in (1, 2):
            x = up_block(own, f"block_{block}", x)
        x = np.maximum(batch_norm(own, "norm", x), 0)
        expected = np.tanh(conv(own, "to_rgb", x))
        np.testing.assert_allclose(found[number : number + 1], expected, atol=1e-4)


def test_conditional_generator_starts_without_conditions():
    network = resnet.ResNetGenerator(WITH_LABELS)
    latents = np.ones((3, 5), "float32")
    images = ops.convert_to_numpy(network({"latents": latents, "labels": np.arange(3)}))
    np.testing.assert_allclose(images[1:], images[:2], atol=1e-6)


def test_auxiliary_classifier_by_hand():
    network = resnet.ResNetDiscriminator(WITH_LABELS)
    weights = with_random_weights(network)
    features = keras.Model(network.inputs, network.get_layer("logits").input)
    images, labels = images_of(WITH_LABELS), np.array([0, 1, 2, 1], "int32")
    inputs = {"images": images, "labels": labels}
    h = ops.convert_to_numpy(features(inputs))
    assert h.shape == (4, 6)
    said = {name: ops.convert_to_numpy(value) for name, value in network(inputs).items()}
    logits = h @ weights["logits/kernel"] + weights["logits/bias"]
    np.testing.assert_allclose(said["logits"], logits, rtol=1e-4, atol=1e-5)
    classes = np.exp(h @ weights["classes/kernel"] + weights["classes/bias"])
    right = classes[range(4), labels] / classes.sum(axis=1)
    np.testing.assert_allclose(said["class_error"], -np.log(right), rtol=1e-4, atol=1e-5)
    # The score is told no classes.
    others = network({"images": images, "labels": labels[::-1].copy()})
    np.testing.assert_array_equal(ops.convert_to_numpy(others["logits"]), said["logits"])


def test_classes_may_be_penalised_and_without_them_nothing_changes():
    GradientPenalty().check(resnet.ResNetDiscriminator(WITH_LABELS))
    plain = resnet.ResNetDiscriminator(SMALL_CIFAR10)
    assert WITH_LABELS.recognises and WITH_LABELS.supervised
    assert not SMALL_CIFAR10.recognises and set(plain.input) == {"images"}


# --- variants -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec, in_generator, in_discriminator",
    [
        (CIFAR10, 1_204_483, 1_053_825),
        # Seed, blocks, norm and the last convolution; the first one, blocks and head.
        (LARGE, 1_056_768 + 7_481_856 + 1_859, 1_792 + 7_481_856 + 8_193),
    ],
)
def test_parameters(spec, in_generator, in_discriminator):
    spec = dataclasses.replace(spec, initializer="zeros")
    for build, expected in (
        (resnet.ResNetGenerator, in_generator),
        (resnet.ResNetDiscriminator, in_discriminator),
    ):
        weights = build(spec).trainable_weights
        assert sum(np.prod(weight.shape) for weight in weights) == expected


@pytest.mark.parametrize("spec", resnet.VARIANTS.values(), ids=resnet.VARIANTS)
def test_the_discriminator_may_be_penalised(spec):
    network = resnet.ResNetDiscriminator(dataclasses.replace(spec, width=2))
    GradientPenalty().check(network)
    images = images_of(spec)
    inputs = {"images": images} | ({"labels": np.arange(4)} if spec.num_classes else {})

    def score(rows):
        said = network({name: x[rows] for name, x in inputs.items()}, training=True)
        return ops.convert_to_numpy(said["logits"] if spec.num_classes else said)

    together, alone = score(slice(4)), score(slice(1, 2))
    np.testing.assert_allclose(alone, together[1:2], rtol=1e-4, atol=1e-6)


def test_digits_are_narrow_and_of_one_channel():
    assert resnet.ResNetGenerator(DIGITS).output.shape[1:] == (32, 32, 1)
    assert DIGITS == dataclasses.replace(CIFAR10, width=32, z_dim=32, channels=1)


def test_initial_kernels():
    network = resnet.ResNetDiscriminator(LARGE)
    weights = {weight.path: ops.convert_to_numpy(weight) for weight in network.weights}
    # The standard deviations of uniform values, from mean fans.
    for name, variance in {
        "block_2_conv_1": 4 / (9 * 128 + 9 * 128),
        "block_2_conv_2": 4 / (9 * 128 + 9 * 256),
        "block_2_shortcut": 2 / (128 + 256),
        "from_rgb": 2 / (9 * 3 + 9 * 64),
        "logits": 2 / (8192 + 1),
    }.items():
        kernel = weights[f"{name}/kernel"]
        assert kernel.std() == pytest.approx(variance**0.5, rel=0.05)
        assert np.abs(kernel).max() <= (3 * variance) ** 0.5
    assert not np.any(weights["block_2_conv_2/bias"])
    assert np.all(weights["block_2_norm_1/gamma"] == 1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"resolution": 60}, "`resolution` must be a seed.*resolution=60, g_widths=\\(8, 8, 4, 2"),
        ({"g_widths": (1,)}, "`resolution` must be a seed.*g_widths=\\(1,\\)"),
        ({"flat_blocks": 4}, "All entries of `d_widths` but `flat_blocks`.*of which 4 do not"),
        ({"d_widths": (1,) * 7}, "no more than it can bear.*resolution=64"),
        ({"d_norm": "batch"}, "`d_norm` must be one of none, layer: with batch norm.*'batch'"),
        ({"initializer": "xavier"}, "`initializer` must be one of.*'xavier'"),
    ],
)
def test_spec_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(LARGE, **changes)


def test_networks_come_back_from_their_configuration():
    for build in (resnet.ResNetGenerator, resnet.ResNetDiscriminator):
        network = build(SMALL_LARGE)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
        assert again.spec == SMALL_LARGE
        assert [w.path for w in again.weights] == [w.path for w in network.weights]
