"""BigGAN-deep: the order of its layers, the released form, and its spec's rules.

Outputs of two published implementations are recorded in tests/convert.
"""

import keras
import numpy as np
import pytest

from tfgan_zoo.models import registry

SMALL = {"width": 8, "resolution": 32, "g_attention": 16, "d_attention": 16, "num_classes": 3}


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def inputs(z_dim=128):
    latents = np.random.default_rng(0).normal(size=(2, z_dim)).astype("float32")
    return {"latents": latents, "labels": np.array([0, 2], "int32")}


def test_blocks_and_attention():
    generator = registry.build_generator("biggan-deep-imagenet128", **SMALL)
    names = [layer.name for layer in generator.layers]
    assert sum(name.endswith("_conv_4") for name in names) == 10
    # After the fourth stage: at half of the resolution, as in the released modules.
    assert names.index("block_8_conv_4") < names.index("attention") < names.index("block_9_norm_1")
    discriminator = registry.build_discriminator("biggan-deep-imagenet128", **SMALL)
    names = [layer.name for layer in discriminator.layers]
    assert names.index("block_2_conv_4") < names.index("attention") < names.index("block_3_conv_1")
    # All of the latents and the embedding enter every norm and the first layer.
    for name in ("seed", "block_1_norm_1_gain", "block_10_norm_4_bias"):
        assert generator.get_layer(name).kernel.shape[0] == 128 + 128


def test_only_the_first_filters_become_channels():
    generator = registry.build_generator("biggan-deep-hub128", **SMALL, rgb_filters=7)
    before = to_numpy(generator(inputs()))
    assert before.shape == (2, 32, 32, 3)
    to_rgb = generator.get_layer("to_rgb")
    bias = to_numpy(to_rgb.bias).copy()
    bias[3:] += 1.0
    to_rgb.bias.assign(bias)
    np.testing.assert_array_equal(to_numpy(generator(inputs())), before)
    bias[2] += 1.0
    to_rgb.bias.assign(bias)
    changed = np.abs(to_numpy(generator(inputs())) - before).max(axis=(0, 1, 2))
    assert changed[2] > 0.1 and not changed[:2].any()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("num_classes", [0, 3])
def test_channels_and_classes(channels, num_classes):
    changes = {"channels": channels, "num_classes": num_classes, "width": 8}
    generator = registry.build_generator("biggan-deep-digits", **changes)
    discriminator = registry.build_discriminator("biggan-deep-digits", **changes)
    given = inputs(32)
    conditions = {"labels": given["labels"]} if num_classes else {}
    images = to_numpy(generator({"latents": given["latents"], **conditions}))
    assert images.shape == (2, 32, 32, channels)
    assert discriminator({"images": images, **conditions}).shape == (2, 1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"resolution": 100}, "`resolution` must be a seed.*resolution=100"),
        ({"d_widths": (1,)}, "All entries of `d_widths` but the first"),
        ({"width": 3}, "All widths must be multiples of 4.*Received: 6 channels"),
        ({"g_widths": (16, 16, 8, 4, 2, 4)}, "`g_widths` must not grow"),
        ({"d_widths": (2, 1, 2, 4, 8, 16)}, "`d_widths` not shrink"),
        ({"shared_dim": 0}, "`shared_dim` must be at least 1"),
        ({"rgb_filters": 2}, "`rgb_filters` must be 0 or at least `channels`.*rgb_filters=2"),
        ({"g_attention": 100}, "`g_attention` must be 0.*8, 16, 32, 64, 128"),
        ({"initializer": "xavier"}, "`initializer` must be one of"),
    ],
)
def test_spec_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        registry.spec("biggan-deep-imagenet128", **changes)
