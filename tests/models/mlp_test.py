"""Networks for points: counts, the recurrence, and that a single step has no encoder."""

import keras
import numpy as np
import pytest

from tfgan_zoo.models.mlp import MLPDiscriminator, MLPGenerator, MLPSpec

SMALL = {"hidden": 8, "layers": 2}


def part(network, name):
    """The weights of one perceptron."""
    return [w for w in network.trainable_variables if w.path.split("/")[-2].startswith(name)]


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def test_counts():
    # f: 4 -> 512 x 3 -> 2, g: 2 -> 512 x 3 -> 2, critic: 2 -> 512 x 3 -> 1, all with biases.
    three = MLPGenerator(MLPSpec(time_steps=3))
    assert count(part(three, "decoder")) == 528_898
    assert count(part(three, "encoder")) == 527_874
    assert count(three.trainable_variables) == 528_898 + 527_874
    one = MLPGenerator(MLPSpec(time_steps=1))
    assert count(one.variables) == 528_898 and not part(one, "encoder")
    assert count(MLPDiscriminator(MLPSpec(time_steps=3)).variables) == 527_361


def perceptron(weights, x):
    """The formula, in numpy."""
    kernels, biases = weights[::2], weights[1::2]
    for number, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        x = x @ kernel + bias
        x = x if number == len(kernels) - 1 else np.maximum(x, 0)
    return x


def draw(network, seed=0):
    """Gives all weights values, biases too."""
    random = np.random.default_rng(seed)
    network.set_weights([0.6 * random.standard_normal(w.shape) for w in network.get_weights()])
    return network


@pytest.mark.parametrize("steps", [1, 3])
def test_recurrence(steps):
    network = draw(MLPGenerator(MLPSpec(steps, point_dim=3, z_dim=2, **SMALL)))
    f = [w.numpy() for w in part(network, "decoder")]
    g = [w.numpy() for w in part(network, "encoder")]
    assert network.spec.latents_shape == (steps, 2)
    latents = np.random.default_rng(1).standard_normal((5, steps, 2)).astype(np.float32)
    kept, expected = np.zeros((5, 2)), []
    for step in range(steps):
        kept = perceptron(g, expected[-1]) if expected else kept
        expected.append(perceptron(f, np.concatenate([latents[:, step], kept], axis=1)))
    found = network({"latents": latents})
    np.testing.assert_allclose(found, expected[-1], rtol=1e-4, atol=1e-5)
    canvases = network.canvases()({"latents": latents})
    np.testing.assert_allclose(canvases, np.stack(expected, axis=1), rtol=1e-4, atol=1e-5)


def test_discriminator():
    network = draw(MLPDiscriminator(MLPSpec(1, point_dim=3, **SMALL)))
    points = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    expected = perceptron([w.numpy() for w in network.trainable_variables], points)
    np.testing.assert_allclose(network({"images": points}), expected, rtol=1e-4, atol=1e-5)
    assert expected.shape == (5, 1)


def test_initial_weights_are_he_uniform():
    network = MLPDiscriminator(MLPSpec(1))
    for weight in network.trainable_variables:
        values = weight.numpy()
        if weight.name == "bias":
            assert not values.any()
        elif weight.shape[1] > 1:
            limit = np.sqrt(6 / weight.shape[0])
            assert 0.95 * limit < np.abs(values).max() <= limit
            assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_reload(tmp_path):
    network = MLPGenerator(MLPSpec(2, **SMALL))
    network.save(tmp_path / "g.keras")
    latents = np.random.default_rng(0).standard_normal((4, 2, 2)).astype(np.float32)
    again = keras.models.load_model(tmp_path / "g.keras")
    np.testing.assert_array_equal(again({"latents": latents}), network({"latents": latents}))
    assert again.spec == network.spec


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"time_steps": 0}, "`time_steps` must be at least 1. Received: time_steps=0"),
        ({"time_steps": 1, "hidden": 0}, "`hidden` must be at least 1"),
        ({"time_steps": 1, "num_classes": 3}, "`num_classes` must be 0.*num_classes=3"),
    ],
)
def test_errors(changes, words):
    with pytest.raises(ValueError, match=words):
        MLPSpec(**changes)


def test_points_and_logits_are_float32_whatever_the_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator, critic = (kind(MLPSpec(2, **SMALL)) for kind in (MLPGenerator, MLPDiscriminator))
    finally:
        keras.config.set_dtype_policy("float32")
    points = generator({"latents": np.ones((3, 2, 2), np.float32)})
    assert points.dtype == critic({"images": points}).dtype == "float32"
    assert generator.get_layer("decoder_1").compute_dtype == "bfloat16"
