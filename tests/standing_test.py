"""Standing statistics: measured moments against those of one large batch, tables and choices."""

import math

import keras
import numpy as np
import pytest

from tfgan_zoo import sampling, standing
from tfgan_zoo.models import registry

SMALL = {"width": 8, "resolution": 8, "num_classes": 3}


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    return registry.build_generator("biggan-digits", **SMALL)


def moment(network, name="norm"):
    layer = network.get_layer(name)
    return [keras.ops.convert_to_numpy(w) for w in (layer.moving_mean, layer.moving_variance)]


def inputs_of(count, seed, truncation=None):
    return {
        "latents": sampling.latents(count, 32, seed, truncation, "exact"),
        "labels": np.zeros(count, "int32"),
    }


def test_moments_are_means_over_passes(generator):
    before = generator.get_weights()
    seen = []
    for seed in (5, 6):  # by hand: what a training call tells with no momentum
        probe = registry.build_generator("biggan-digits", **SMALL)
        probe.set_weights(before)
        for layer in probe.layers:
            if hasattr(layer, "momentum"):
                layer.momentum = 0.0
        if seed == 6:  # singular vectors move with every call
            probe(inputs_of(16, 5), training=True)
        probe(inputs_of(16, seed), training=True)
        seen.append(moment(probe))
    measured = standing.measure(generator, passes=2, batch_size=16, seed=5, draw=inputs_of)
    for part in range(2):
        expected = (seen[0][part] + seen[1][part]) / 2
        np.testing.assert_allclose(moment(measured)[part], expected, rtol=1e-5, atol=1e-6)
    for old, new in zip(before, generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert measured.get_layer("norm").momentum == generator.get_layer("norm").momentum


def test_only_moments_differ(generator):
    measured = standing.measure(generator, passes=1, batch_size=4)
    for old, new in zip(generator.weights, measured.weights, strict=True):
        same = np.array_equal(*map(keras.ops.convert_to_numpy, (old, new)))
        assert same == (not old.name.startswith("moving")), old.path


def test_images_do_not_depend_on_the_batch(generator):
    measured = standing.measure(generator, 0.5, passes=3, batch_size=8)
    inputs = inputs_of(6, 1, 0.5)
    whole = sampling.generate(measured, inputs, batch_size=6)
    np.testing.assert_array_equal(whole, sampling.generate(measured, inputs, batch_size=2))


def test_truncation_changes_moments(generator):
    _, narrow = moment(standing.measure(generator, 0.1, 4, 32), "block_1_norm_1")
    _, wide = moment(standing.measure(generator, None, 4, 32), "block_1_norm_1")
    assert narrow.mean() < 0.5 * wide.mean()


@pytest.fixture(scope="module")
def tabulated(generator):
    return standing.tabulate(generator, [2.0, 0.5, math.inf], passes=2, batch_size=16)


def test_table_rows_are_measurements(generator, tabulated):
    assert tabulated.spec.standing == (0.5, 2.0, math.inf)
    for truncation in (0.5, 2.0, None):
        standing.select(tabulated, truncation)
        for found, expected in zip(
            moment(tabulated), moment(standing.measure(generator, truncation, 2, 16)), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_interpolation(tabulated):
    ends = []
    for truncation in (0.5, 2.0):
        standing.select(tabulated, truncation)
        ends.append(moment(tabulated)[0])
    standing.select(tabulated, 1.0)  # a third of the way
    np.testing.assert_allclose(
        moment(tabulated)[0], 2 / 3 * ends[0] + 1 / 3 * ends[1], rtol=1e-5, atol=1e-6
    )


def test_tables_are_saved(tabulated, tmp_path):
    standing.select(tabulated, 0.5)
    tabulated.save(tmp_path / "g.keras")
    loaded = keras.models.load_model(tmp_path / "g.keras")
    standing.select(tabulated, 2.0)
    standing.select(loaded, 2.0)
    np.testing.assert_array_equal(moment(loaded)[1], moment(tabulated)[1])


@pytest.mark.parametrize("truncation", [0.4, 3.0])
def test_truncation_out_of_the_table(tabulated, truncation):
    with pytest.raises(ValueError, match=f"one of \\(0.5, 2.0, inf\\).*Received: {truncation}"):
        standing.select(tabulated, truncation)


def test_errors(generator):
    with pytest.raises(ValueError, match="keeps none.*tabulate"):
        standing.select(generator, 1.0)
    with pytest.raises(ValueError, match="`passes` must be at least 1. Received: passes=0"):
        standing.measure(generator, passes=0)
    with pytest.raises(ValueError, match="`truncations` must be positive"):
        standing.tabulate(generator, [0.0])
    with pytest.raises(ValueError, match="differ"):
        standing.tabulate(generator, [1.0, 1.0])
