"""Growing and shrinking networks, against what a smaller network computes."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from tfgan_zoo.layers.normalization import PixelNorm
from tfgan_zoo.models import pggan, registry
from tfgan_zoo.models.pggan import PGGANDiscriminator, PGGANGenerator, PGGANSpec

SMALL = PGGANSpec(64, fmap_base=128, fmap_max=12, z_dim=6, channels=2)


def latents(count=4, size=6):
    return np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)


def images(resolution, count=4):
    shape = (count, resolution, resolution, 2)
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def halved(x):
    """Means of 2x2 pixels."""
    count, height, width, channels = x.shape
    return x.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


@pytest.mark.parametrize(
    "name, changes, generator, discriminator",
    [
        ("pggan-1024", {}, 23_079_115, 23_087_249),
        ("pggan-256", {"resolution": 128}, 22_933_394, 22_941_313),
        ("pggan-256", {"resolution": 32}, 20_719_628, 20_726_785),
        ("pggan-256", {"resolution": 32, "num_classes": 10}, 20_801_548, 20_731_915),
        ("pggan-cifar10", {}, 1_296_908, 1_298_689),
        ("pggan-table1", {}, 13_629_810, 13_636_897),
    ],
)
def test_all_weights(name, changes, generator, discriminator):
    """What the authors' checkpoints hold: also the layers of images of lower resolutions."""
    assert registry.build_generator(name, **changes).count_params() == generator
    assert registry.build_discriminator(name, **changes).count_params() == discriminator


@pytest.mark.parametrize("resolution", [8 << number for number in range(8)])
def test_growing_changes_nothing_at_first(resolution):
    small = dataclasses.replace(SMALL, resolution=resolution // 2, fmap_base=512)
    generator, discriminator = PGGANGenerator(small), PGGANDiscriminator(small)
    grown = generator.at(resolution, fading=True)
    np.testing.assert_allclose(
        grown({"latents": latents()}), doubled(generator({"latents": latents()}).numpy()), atol=1e-5
    )
    grown = discriminator.at(resolution, fading=True)
    np.testing.assert_allclose(
        grown({"images": images(resolution)}),
        discriminator({"images": halved(images(resolution))}),
        atol=1e-5,
    )


@pytest.mark.parametrize("resolution", [8, 64])
def test_fading_ends_where_the_new_network_begins(resolution):
    spec = dataclasses.replace(SMALL, resolution=resolution, fading=True)
    for kind, inputs in (
        (PGGANGenerator, {"latents": latents()}),
        (PGGANDiscriminator, {"images": images(resolution)}),
    ):
        fading = kind(spec)
        fading.alpha.assign(1.0)
        done = fading.at(resolution)
        assert done.alpha is None
        np.testing.assert_allclose(fading(inputs), done(inputs), atol=1e-6)


def test_half_way_is_the_mean_of_both():
    generator = PGGANGenerator(dataclasses.replace(SMALL, resolution=16, fading=True))
    generator.alpha.assign(0.25)
    inputs = {"latents": latents()}
    old, new = doubled(generator.at(8)(inputs).numpy()), generator.at(16)(inputs)
    np.testing.assert_allclose(generator(inputs), 0.75 * old + 0.25 * new, atol=1e-6)


def test_any_lower_level_after_loading(tmp_path):
    generator = PGGANGenerator(SMALL)
    for number, layer in enumerate(generator.idle):
        layer.bias.assign(np.full(2, number + 1.0))
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    for resolution in SMALL.resolutions:
        expected = generator.at(resolution)({"latents": latents()})
        assert expected.shape == (4, resolution, resolution, 2)
        np.testing.assert_array_equal(loaded.at(resolution)({"latents": latents()}), expected)
    # The bias set above is that of the 4 pixels' images, which the large network does not use.
    without = generator.at(4)
    without.get_layer("4_to_rgb").bias.assign(np.zeros(2))
    difference = generator.at(4)({"latents": latents()}) - without({"latents": latents()})
    np.testing.assert_allclose(difference, np.ones((4, 4, 4, 2)), atol=1e-5)


def test_all_used_layers_learn_and_idle_ones_do_not():
    for fading, missing in ((False, 4), (True, 3)):
        spec = dataclasses.replace(SMALL, fading=fading)
        for network in (PGGANGenerator(spec), PGGANDiscriminator(spec)):
            idle = {weight.path for layer in network.idle for weight in layer.weights}
            assert len(network.idle) == missing and len(idle) == 2 * missing
            learning = {weight.path for weight in network.trainable_weights}
            assert not idle & learning
            rest = {weight.path for weight in network.weights} - idle - learning
            assert rest == ({"fade/alpha"} if fading else set())


def test_latents_are_on_a_sphere():
    for unit_latents in (True, False):
        spec = dataclasses.replace(SMALL, resolution=4, unit_latents=unit_latents)
        generator = PGGANGenerator(spec)
        # Without a bias, the norms after it would undo any scale.
        generator.get_layer("seed").bias.assign(np.ones(12))
        one, scaled = (generator({"latents": scale * latents()}) for scale in (1.0, 7.0))
        assert (np.abs(one - scaled).max() < 1e-5) == unit_latents


def test_feature_maps_have_unit_pixels():
    generator = PGGANGenerator(dataclasses.replace(SMALL, resolution=8))
    norms = [layer for layer in generator.layers if isinstance(layer, PixelNorm)]
    assert len(norms) == 5  # latents, seed, one convolution of 4 pixels, two of 8
    maps = keras.Model(generator.input, [layer.output for layer in norms])
    for output in maps({"latents": latents()}):
        np.testing.assert_allclose(ops.mean(output**2, axis=-1), 1.0, atol=1e-3)


def test_class_error_by_hand():
    spec = dataclasses.replace(SMALL, resolution=4, num_classes=3)
    discriminator = PGGANDiscriminator(spec)
    head = discriminator.get_layer("logits")
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.bias.assign([0.5, 1.0, 0.0, 2.0])  # the first is the score
    found = discriminator({"images": images(4, 2), "labels": np.array([2, 0])})
    np.testing.assert_allclose(found["logits"], [[0.5], [0.5]])
    total = np.log(np.exp([1.0, 0.0, 2.0]).sum())
    np.testing.assert_allclose(found["class_error"], [total - 2.0, total - 1.0], rtol=1e-5)


def test_noise_only_where_it_is_asked_for():
    spec = dataclasses.replace(SMALL, resolution=8, d_noise=True)
    discriminator = PGGANDiscriminator(spec)
    noise = discriminator.get_layer("noise")
    # Two convolutions of 8 pixels, one of 4, and the 4x4 convolution.
    assert len(noise._inbound_nodes) == 4
    inputs = {"images": images(8)}
    np.testing.assert_array_equal(discriminator(inputs, training=True), discriminator(inputs))
    noise.strength.assign(0.5)
    assert np.abs(discriminator(inputs, training=True) - discriminator(inputs)).max() > 1e-3


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"resolution": 48}, "Take 32"),
        ({"resolution": 2}, "Take 4"),
        ({"resolution": 4, "fading": True}, "which has none"),
        ({"fmap_base": 16}, "without channels"),
        ({"g_norm": "layer"}, "`g_norm`"),
        ({"variety": "batch"}, "`variety`"),
    ],
)
def test_bad_specs(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(SMALL, **changes)


def test_rows_of_table_1_have_their_layers():
    spec = registry.spec("pggan-digits-gulrajani", resolution=8)
    generator = pggan.PGGANGenerator(spec)
    discriminator = pggan.PGGANDiscriminator(spec)
    names = [layer.name for layer in (*generator.layers, *discriminator.layers)]
    assert sum(name.endswith("_norm") for name in names) == 4 + 4
    assert "stddev" not in names and "unit_latents" not in names
    assert np.abs(generator({"latents": 9.0 * latents(4, 32)})).max() <= 1.0
    learned = dataclasses.replace(spec, variety="discrimination")
    assert pggan.PGGANDiscriminator(learned).get_layer("discrimination").output.shape[1] == 132
