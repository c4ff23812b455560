"""Priors: their distributions, and that a seed decides everything."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.training import priors

PRIORS = {
    "normal": priors.Normal((5,), num_classes=4),
    "uniform": priors.Uniform((5,), num_classes=4),
    "truncated": priors.Truncated((5,), num_classes=4, truncation=1.0),
}
ALL_PRIORS = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)


def draw(prior, size, *seed):
    return {name: value.numpy() for name, value in prior(size, seed or (0, 0)).items()}


@ALL_PRIORS
def test_a_seed_decides_everything(prior):
    first, again = draw(prior, 20, 3, 4), draw(prior, 20, 3, 4)
    assert list(first) == ["latents", "labels"]
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


@ALL_PRIORS
def test_other_seeds_give_other_inputs(prior):
    draws = [draw(prior, 20, *seed) for seed in ((3, 4), (3, 5), (2, 4), (4, 3))]
    for number, one in enumerate(draws):
        for other in draws[:number]:
            assert not np.isin(one["latents"], other["latents"]).any()
            assert np.any(one["labels"] != other["labels"])


@ALL_PRIORS
def test_xla_draws_the_same(prior):
    # Of one seed it makes other floats than TensorFlow does, but the same integers.
    compiled = tf.function(prior, jit_compile=True)(20, tf.constant([3, 4]))
    for name, value in draw(prior, 20, 3, 4).items():
        np.testing.assert_allclose(compiled[name], value, atol=1e-4)


@ALL_PRIORS
def test_shapes_and_types(prior):
    inputs = draw(prior, 7)
    assert inputs["latents"].shape == (7, 5) and inputs["latents"].dtype == np.float32
    assert inputs["labels"].shape == (7,) and inputs["labels"].dtype == np.int32


@pytest.mark.parametrize("cls", [priors.Normal, priors.Uniform, priors.Truncated])
def test_no_classes_no_labels_and_any_shape(cls):
    inputs = draw(cls((2, 3)), 4)
    assert list(inputs) == ["latents"]
    assert inputs["latents"].shape == (4, 2, 3)


@ALL_PRIORS
def test_labels_are_uniform(prior):
    labels = draw(prior, 40_000)["labels"]
    # The standard deviation of each share is 0.0022.
    np.testing.assert_allclose(np.bincount(labels, minlength=4) / 40_000, 0.25, atol=0.01)
    assert labels.min() == 0 and labels.max() == 3


@ALL_PRIORS
def test_latents_and_labels_are_not_correlated(prior):
    inputs = draw(prior, 40_000)
    # One seed for both draws gives a correlation of about -0.3.
    latents = inputs["latents"].T
    table = np.corrcoef([*latents, *latents**2, inputs["labels"]])
    np.testing.assert_allclose(table[-1, :-1], 0, atol=0.025)
    np.testing.assert_allclose(table[:5, :5], np.eye(5), atol=0.025)


def test_normal():
    latents = draw(priors.Normal((200,)), 1000)["latents"]
    assert abs(latents.mean()) < 0.01 and abs(latents.std() - 1) < 0.01
    assert abs((np.abs(latents) > 2).mean() - 0.0455) < 0.003


def test_uniform():
    latents = draw(priors.Uniform((200,)), 1000)["latents"]
    assert latents.min() >= -1 and latents.max() <= 1
    shares = np.histogram(latents, bins=10, range=(-1, 1))[0] / latents.size
    np.testing.assert_allclose(shares, 0.1, atol=0.005)


@pytest.mark.parametrize(
    "truncation, deviation",
    [(2, 0.8796), (1.5, 0.7426), (1, 0.5396), (0.5, 0.2839), (0.04, 0.0231)],
)
def test_truncated_has_the_published_deviations(truncation, deviation):
    latents = draw(priors.Truncated((200,), truncation=truncation), 1000)["latents"]
    assert np.abs(latents).max() <= truncation
    assert np.abs(latents).max() > 0.99 * truncation
    assert abs(latents.mean()) < 0.02 * deviation
    np.testing.assert_allclose(latents.std(), deviation, rtol=0.01)


@pytest.mark.parametrize("truncation", [0.02, 0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 20.0])
def test_no_latent_is_outside_of_the_truncation(truncation):
    # Four million draws include the least value that the uniform numbers can have.
    latents = draw(priors.Truncated((2**22,), truncation=truncation), 1)["latents"]
    assert np.abs(latents).max() <= min(truncation, 10.0) * (1 + 1e-6)


def test_no_normal_latent_is_infinite():
    latents = draw(priors.Normal((2**22,)), 1)["latents"]
    assert 4.5 < np.abs(latents).max() < 10.0


def test_a_wide_truncation_is_none():
    latents = draw(priors.Truncated((200,), truncation=4.0), 1000)["latents"]
    levels = np.linspace(0.02, 0.98, 25)
    expected = np.quantile(draw(priors.Normal((200,)), 1000)["latents"], levels)
    np.testing.assert_allclose(np.quantile(latents, levels), expected, atol=0.02)


@pytest.mark.parametrize("truncation", [0.0, -1.0])
def test_truncation_error(truncation):
    message = f"`truncation` must be positive. Received: truncation={truncation}.*`Normal`"
    with pytest.raises(ValueError, match=message):
        priors.Truncated((5,), truncation=truncation)
