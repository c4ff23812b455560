"""DAVE's networks: counts, formulas, and weights that two networks share."""

import h5py
import keras
import numpy as np
import pytest

from tfgan_zoo.models import dave

SPEC = dave.DAVESpec(resolution=4, channels=2, e_widths=(6, 5), d_widths=(7,), z_dim=3)


def random(*shape, seed=0):
    return np.tanh(np.random.default_rng(seed).normal(size=shape)).astype("float32")


def inputs(count=3):
    return {"images": random(count, *SPEC.shape), "noise": random(count, SPEC.z_dim, seed=1)}


def test_counts():
    """What the authors' code has for MNIST, and what of it generates."""
    posterior = dave.DAVEPosterior(dave.VARIANTS["dave-mnist"])
    assert posterior.count_params() == 385_084
    assert posterior.generator.count_params() == 50 * 200 + 200 + 200 * 784 + 784


def softplus(x):
    return np.log1p(np.exp(x))


def test_networks_by_hand():
    posterior = dave.DAVEPosterior(SPEC)
    for number, weight in enumerate(posterior.weights):
        weight.assign(0.3 * random(*weight.shape, seed=number))
    outputs, fed = posterior(inputs()), inputs()

    def dense(name, x, network=posterior):
        kernel, bias = (w.numpy() for w in network.get_layer(name).weights)
        return x @ kernel + bias

    x = (fed["images"].reshape(3, -1) + 1) / 2
    x = softplus(dense("encoder_2", softplus(dense("encoder_1", x))))
    mean, log_sigma = dense("mean", x), dense("log_sigma", x)
    sigma = np.exp(log_sigma)
    kl = 0.5 * (mean**2 + sigma**2 - 1) - log_sigma
    np.testing.assert_allclose(outputs["kl"], kl.sum(axis=1), rtol=1e-5)
    latents = mean + sigma * fed["noise"]
    decoder = posterior.generator.get_layer("decoder")
    logits = dense("pixels", softplus(dense("decoder_1", latents, decoder)), decoder)
    logits = logits.reshape(3, 4, 4, 2)
    np.testing.assert_allclose(outputs["logits"], logits, rtol=1e-4, atol=1e-5)
    images = posterior.generator({"latents": latents})
    np.testing.assert_allclose(images, 2 / (1 + np.exp(-logits)) - 1, rtol=1e-4, atol=1e-5)


def test_divergence_by_hand():
    """Of N(1, 1), N(0, e^2) and N(0, 1) from N(0, 1)."""
    mean, log_sigma = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    expected = 0.5 + (np.e**2 - 3) / 2
    np.testing.assert_allclose(dave.kl_divergence(mean, log_sigma), [expected], rtol=1e-6)


def test_weights_are_shared_and_saved_once(tmp_path):
    generator = dave.DAVEGenerator(SPEC)
    posterior = dave.DAVEPosterior(SPEC, generator)
    assert posterior.generator is generator
    shared = {id(weight) for weight in generator.weights}
    assert shared < {id(weight) for weight in posterior.weights}
    posterior.save_weights(tmp_path / "posterior.weights.h5")
    found = []
    with h5py.File(tmp_path / "posterior.weights.h5") as file:
        file.visititems(lambda _, item: found.append(item) if hasattr(item, "shape") else None)
    assert len(found) == len(posterior.variables) == 12


def test_a_loaded_posterior_is_whole(tmp_path):
    posterior = dave.DAVEPosterior(SPEC)
    posterior.save(tmp_path / "posterior.keras")
    again = keras.models.load_model(tmp_path / "posterior.keras")
    for name, expected in posterior(inputs()).items():
        np.testing.assert_array_equal(again(inputs())[name], expected, err_msg=name)
    latents = {"latents": inputs()["noise"]}
    np.testing.assert_array_equal(again.generator(latents), posterior.generator(latents))
    assert again.spec == SPEC


def test_classes_are_refused():
    with pytest.raises(ValueError, match="`num_classes` must be 0.*Received: num_classes=10"):
        dave.DAVESpec(num_classes=10)
