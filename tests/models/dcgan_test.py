"""DCGAN's relatives: layouts, what is told to whom, and what is inferred."""

import keras
import numpy as np
import pytest

from tfgan_zoo.models import registry, strided

LATENTS = np.random.default_rng(0).normal(size=(3, 32)).astype("float32")
LABELS = np.array([0, 2, 1], "int32")
SMALL = {"width": 4}


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def names(network, kind):
    return [layer.name for layer in network.layers if isinstance(layer, kind)]


@pytest.mark.parametrize(
    "resolution, halvings, expected",
    [(28, 2, [7, 14, 28]), (28, 3, [4, 7, 14, 28]), (64, 4, [4, 8, 16, 32, 64]), (5, 1, [3, 5])],
)
def test_sides(resolution, halvings, expected):
    assert strided.sides(resolution, halvings) == expected


@pytest.mark.parametrize("resolution", [28, 29, 30, 31])
def test_odd_sides_are_cut_to_size(resolution):
    generator = registry.build_generator("dcgan-digits", **SMALL, resolution=resolution)
    assert generator.output_shape == (None, resolution, resolution, 1)
    discriminator = registry.build_discriminator("dcgan-digits", **SMALL, resolution=resolution)
    assert discriminator.output_shape == (None, 1)


def test_norms_are_where_the_papers_have_them():
    kind = registry.build_generator("dcgan-64", **SMALL).get_layer("seed_norm").__class__
    dcgan = registry.build_discriminator("dcgan-64", **SMALL)
    assert names(dcgan, kind) == ["down_2_norm", "down_3_norm", "down_4_norm"]
    assert names(registry.build_discriminator("wgan-gp-64", **SMALL), kind) == []
    generator = registry.build_generator("wgan-64", **SMALL)
    assert names(generator, kind) == ["seed_norm", "up_1_norm", "up_2_norm", "up_3_norm"]
    # Moments of each channel, or in the WGAN-GP authors' code of each of 4 x 4 x 16 units.
    assert generator.get_layer("seed_norm").gain.shape == (8 * 4,)
    units = registry.build_generator("wgan-gp-code32", **SMALL)
    assert units.get_layer("seed_norm").gain.shape == (4 * 4 * 16,)


def test_conditional_networks_are_told_classes_in_every_layer():
    changes = {**SMALL, "num_classes": 3, "hidden": 8}
    generator = registry.build_generator("cgan-digits", **changes)
    discriminator = registry.build_discriminator("cgan-digits", **changes)
    # Inputs of each layer: one more per class than the outputs of the last.
    assert [generator.get_layer(n).kernel.shape[0] for n in ("hidden", "seed")] == [32 + 3, 8 + 3]
    assert [generator.get_layer(n).kernel.shape[-1] for n in ("up_1", "up_2")] == [8 + 3, 4 + 3]
    inputs = [discriminator.get_layer(f"down_{n}").kernel.shape[2] for n in (1, 2)]
    assert inputs == [1 + 3, 4 + 3]
    assert discriminator.get_layer("logits").kernel.shape[0] == 8 + 3
    same = {"latents": np.repeat(LATENTS[:1], 3, axis=0), "labels": LABELS}
    images = to_numpy(generator(same))
    assert np.abs(images[0] - images[1]).max() > 1e-4
    one = {"images": np.repeat(images[:1], 3, axis=0), "labels": LABELS}
    assert np.ptp(to_numpy(discriminator(one))) > 1e-6


def test_infogan_infers_classes_and_codes():
    changes = {**SMALL, "num_classes": 3, "hidden": 8, "codes": 2, "z_dim": 32}
    generator = registry.build_generator("infogan-digits", **changes)
    discriminator = registry.build_discriminator("infogan-digits", **changes)
    assert generator.get_layer("hidden").kernel.shape[0] == 32 + 3
    assert generator.get_layer("seed").kernel.shape[0] == 8
    assert set(discriminator.input) == {"images"}
    said = discriminator({"images": to_numpy(generator({"latents": LATENTS, "labels": LABELS}))})
    assert {name: value.shape for name, value in said.items()} == {
        "logits": (3, 1),
        "classes": (3, 3),
        "codes": (3, 4),
    }
    assert not generator.spec.supervised


def test_without_classes_only_codes_are_inferred():
    changes = {**SMALL, "num_classes": 0, "hidden": 8, "codes": 1, "z_dim": 32}
    discriminator = registry.build_discriminator("infogan-digits", **changes)
    assert set(discriminator.output) == {"logits", "codes"}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"g_widths": (1,) * 6}, "`g_widths` must have an entry per halving.*resolution=28"),
        ({"d_widths": ()}, "`d_widths` must have"),
        ({"d_norm": "batch"}, "`d_norm` must be one of.*'inner'.*Received: d_norm='batch'"),
        ({"g_norm": "some"}, "`g_norm` must be one of"),
        ({"biases": "few"}, "`biases` must be one of"),
        ({"codes": 2}, "`codes` are the last.*infers=False"),
        ({"infers": True}, "`infers` needs classes or codes"),
        ({"infers": True, "codes": 33}, "`codes` are the last of the `z_dim` latents"),
        ({"initializer": "xavier"}, "`initializer` must be one of"),
    ],
)
def test_spec_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        registry.spec("dcgan-digits", **changes)
