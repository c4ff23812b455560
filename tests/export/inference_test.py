"""Inference copies compute what their generator computes, and leave it alone."""

import keras
import numpy as np
import pytest

from export import inference
from tfgan_zoo.layers import spectral
from tfgan_zoo.models import registry

NAMES = ("shared", "tables", "unconditional")


def convolutions(model):
    """All spectrally normalised layers, in attention too."""
    layers = model._flatten_layers()
    return [layer for layer in layers if isinstance(layer, spectral.SpectralNormalized)]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_same_images(generators, make_inputs, name, folded):
    generator = generators[name]
    inputs, before = make_inputs(generator, 4), generator.get_weights()
    expected = generator(inputs, training=False).numpy()
    copy = inference.inference_copy(generator, folded)
    np.testing.assert_allclose(copy(inputs, training=False), expected, atol=1e-5)
    assert expected.std() > 0.1  # else anything would be equal
    for old, new in zip(before, generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert all(layer.normalize for layer in convolutions(generator))


def test_nothing_is_left_to_normalise(generators):
    copy = inference.inference_copy(generators["shared"], folded=False)
    layers = convolutions(copy)
    assert len(layers) == 1 + 3 * 7 + 4 + 1  # seed, blocks, attention, to_rgb
    assert not any(layer.normalize for layer in layers)
    assert not any(layer.folded for layer in layers if hasattr(layer, "folded"))
    for layer in layers:
        assert float(layer.singular_value()) == pytest.approx(1.0, abs=1e-5)


def test_a_copy_of_a_copy_is_the_same(generators, make_inputs):
    once = inference.inference_copy(generators["shared"], folded=True)
    inputs = make_inputs(once, 4)
    twice = inference.inference_copy(once, folded=True)
    np.testing.assert_allclose(twice(inputs), once(inputs), atol=1e-5)


def test_copies_of_bfloat16_generators_are_float32():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = registry.build_generator("biggan-digits", width=8, g_attention=16)
        copy = inference.inference_copy(generator, folded=True)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(policy)
    assert "bfloat16" in {layer.compute_dtype for layer in generator._flatten_layers()}
    assert {layer.compute_dtype for layer in copy._flatten_layers()} == {"float32"}


def test_load_generator(generators, make_inputs, generator_file):
    generator = inference.load_generator(str(generator_file))
    inputs = make_inputs(generator, 2)
    np.testing.assert_array_equal(generator(inputs), generators["shared"](inputs))


def test_load_generator_of_a_preset():
    assert inference.load_generator("dcgan-digits").preset.name == "dcgan-digits"


def test_load_generator_tells_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match="that exists. Received: .*missing.keras"):
        inference.load_generator(str(tmp_path / "missing.keras"))
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"PK")
    with pytest.raises(ValueError, match="broken.keras, which Keras cannot read"):
        inference.load_generator(str(broken))
    other = tmp_path / "discriminator.keras"
    registry.build_discriminator("biggan-digits", width=8).save(other)
    with pytest.raises(ValueError, match=r"'images', 'labels'"):
        inference.load_generator(str(other))


def test_any_level_of_a_generator_that_grew(tmp_path, generator_file):
    grown = registry.build_generator("pggan-digits", resolution=16, fmap_max=4, z_dim=3)
    path = str(tmp_path / "grown.keras")
    grown.save(path)
    latents = {"latents": np.random.default_rng(0).normal(size=(2, 3)).astype("float32")}
    small = inference.load_generator(path, resolution=8)
    np.testing.assert_array_equal(small(latents), grown.at(8)(latents))
    copy = inference.inference_copy(small, folded=False)
    np.testing.assert_allclose(copy(latents), small(latents), atol=1e-5)
    with pytest.raises(ValueError, match="at most 16"):
        inference.load_generator(path, resolution=32)
    with pytest.raises(ValueError, match="resolution=12"):
        inference.load_generator(path, resolution=12)
    with pytest.raises(ValueError, match="of generators that grew"):
        inference.load_generator(str(generator_file), resolution=8)
