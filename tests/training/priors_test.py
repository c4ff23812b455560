"""Priors: their distributions, and that seed and step decide everything."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.training import priors

SETTINGS = {"annealed": {"steps": 10}}
PRIORS = {
    name: cls((6,), num_classes=4, **SETTINGS.get(name, {})) for name, cls in priors.PRIORS.items()
}
PRIORS["truncated"] = priors.Truncated((6,), num_classes=4, truncation=1.0)
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
            values = one["latents"]
            repeatable = np.isin(values, [-1, 0, 1])
            assert not np.isin(values[~repeatable], other["latents"]).any()
            assert np.mean(values == other["latents"]) < 0.7
            assert np.any(one["labels"] != other["labels"])


@ALL_PRIORS
def test_xla_draws_the_same(prior):
    # Of one seed it makes other floats than TensorFlow does, but the same integers.
    def draw_20(seed, step):
        return prior(20, seed, step)

    compiled = tf.function(draw_20, jit_compile=True)(tf.constant([3, 4]), tf.constant(5))
    for name, value in prior(20, (3, 4), 5).items():
        np.testing.assert_allclose(compiled[name], value, atol=1e-4)


@ALL_PRIORS
def test_shapes_and_types(prior):
    inputs = draw(prior, 7)
    assert inputs["latents"].shape == (7, 6) and inputs["latents"].dtype == np.float32
    assert inputs["labels"].shape == (7,) and inputs["labels"].dtype == np.int32


@ALL_PRIORS
def test_no_classes_no_labels_and_any_shape(prior):
    inputs = draw(dataclasses.replace(prior, shape=(2, 3, 4), num_classes=0), 5)
    assert list(inputs) == ["latents"]
    assert inputs["latents"].shape == (5, 2, 3, 4)


@ALL_PRIORS
def test_only_annealing_depends_on_the_step(prior):
    first, last = (prior(20, (3, 4), step)["latents"].numpy() for step in (0, 10))
    if isinstance(prior, priors.Annealed):
        np.testing.assert_allclose(first, 2 * last, rtol=1e-6)
    else:
        np.testing.assert_array_equal(first, last)


@ALL_PRIORS
def test_the_size_is_static(prior):
    drawn = tf.function(lambda seed, step: prior(20, seed, step)).get_concrete_function(
        tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int64)
    )
    shapes = {name: tuple(value.shape) for name, value in drawn.structured_outputs.items()}
    assert shapes == {"latents": (20, 6), "labels": (20,)}


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
    table = np.corrcoef([*latents, *np.exp(latents), inputs["labels"]])
    np.testing.assert_allclose(table[-1, :-1], 0, atol=0.025)
    np.testing.assert_allclose(table[:6, :6], np.eye(6), atol=0.025)


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


# --- of the ablation ----------------------------------------------------------------------------


def latents(prior, size=1000):
    return draw(prior, size)["latents"]


@pytest.mark.parametrize(
    "cls, values",
    [(priors.Bernoulli, [0, 1]), (priors.Signs, [-1, 1]), (priors.Categorical, [-1, 0, 1])],
)
def test_discrete_priors_are_uniform(cls, values):
    found, counts = np.unique(latents(cls((200,))), return_counts=True)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_allclose(counts / 200_000, 1 / len(values), atol=0.005)


def test_censored():
    z = latents(priors.Censored((200,)))
    assert z.min() == 0 and abs((z == 0).mean() - 0.5) < 0.005
    # Half of a normal: E z = 1 / sqrt(2 pi), E z^2 = 1 / 2.
    assert abs(z.mean() - 0.3989) < 0.005 and abs((z**2).mean() - 0.5) < 0.01


def test_normal_times_bernoulli():
    z = latents(priors.NormalTimesBernoulli((200,)))
    zero = z == 0
    assert abs(zero.mean() - 0.5) < 0.005
    # What is not 0 is normal: not only of one sign, nor only the large ones.
    rest = z[~zero]
    assert abs(rest.mean()) < 0.015 and abs(rest.std() - 1) < 0.01
    assert abs((np.abs(rest) > 2).mean() - 0.0455) < 0.003


def test_normal_and_bernoulli():
    z = latents(priors.NormalAndBernoulli((3, 40)))
    normal, bits = z[..., :20], z[..., 20:]
    assert abs(normal.mean()) < 0.015 and abs(normal.std() - 1) < 0.01
    assert set(np.unique(bits)) == {0, 1} and abs(bits.mean() - 0.5) < 0.01
    table = np.corrcoef([*normal[:, 0].T, *bits[:, 0].T])
    np.testing.assert_allclose(table, np.eye(40), atol=0.15)
    assert abs(np.mean(normal * (bits - 0.5))) < 0.01


@pytest.mark.parametrize(
    "step, deviation", [(0, 2.0), (1, 1.75), (2, 1.5), (3, 1.25), (4, 1.0), (100, 1.0)]
)
def test_annealed(step, deviation):
    inputs = priors.Annealed((200,), steps=4)(1000, (0, 0), tf.constant(step, tf.int64))
    z = inputs["latents"].numpy()
    assert abs(z.std() - deviation) < 0.01 * deviation
    np.testing.assert_allclose(z, deviation * latents(priors.Normal((200,))), rtol=1e-5)


def test_annealed_begins_at_two():
    assert abs(latents(priors.Annealed((200,), steps=4)).std() - 2) < 0.02


def test_per_sample_scale():
    z = latents(priors.PerSampleScale((20, 50), low=0.5, high=2.5), 4000)
    scales = z.std(axis=(1, 2))
    # Each is measured from 1000 components, to about 2 %.
    assert 0.45 < scales.min() < 0.52 and 2.4 < scales.max() < 2.8
    shares = np.histogram(scales, bins=4, range=(0.5, 2.5))[0] / 4000
    np.testing.assert_allclose(shares, 0.25, atol=0.035)
    ratio = z[:, :10].std(axis=(1, 2)) / scales
    np.testing.assert_allclose(ratio, 1, atol=0.15)


def test_per_sample_scale_of_one_value_is_normal():
    z = latents(priors.PerSampleScale((200,), low=3.0, high=3.0))
    assert abs(z.std() - 3) < 0.03


@pytest.mark.parametrize(
    "cls, settings, message",
    [
        (priors.Annealed, {"steps": 0}, "`steps` must be at least 1. Received: steps=0"),
        (priors.PerSampleScale, {"low": 2.0, "high": 1.0}, "Received: low=2.0, high=1.0"),
        (priors.PerSampleScale, {"low": -1.0, "high": 1.0}, "Received: low=-1.0, high=1.0"),
        (priors.PerSampleScale, {"low": 0.0, "high": 0.0}, "Received: low=0.0, high=0.0"),
        (priors.NormalAndBernoulli, {"shape": (4, 5)}, r"even.*Received: shape=\(4, 5\)"),
    ],
)
def test_settings_errors(cls, settings, message):
    with pytest.raises(ValueError, match=message):
        cls(**{"shape": (6,), **settings})


def test_annealing_needs_its_length():
    with pytest.raises(TypeError, match="steps"):
        priors.Annealed((6,))
