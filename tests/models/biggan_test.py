"""BigGAN against a fixture recorded from BigGAN-PyTorch, and its spec's rules."""

import keras
import numpy as np
import pytest

from tfgan_zoo.models import biggan, registry

# --- the fixture --------------------------------------------------------------------------------
# A small BigGAN-PyTorch network (32 px, ch 8, attention at 16 px) whose weights are formulas. Its
# authors' code gave the expected numbers.

SPEC = biggan.BigGANSpec(
    resolution=32,
    width=8,
    g_widths=(4, 4, 4, 4),
    d_widths=(4, 4, 4, 4),
    g_attention=16,
    z_dim=24,
    num_classes=10,
    flat_blocks=2,
    shared_dim=16,
)
GENERATOR_BLOCK = {
    "bn1.bias.weight": "norm_1_bias/kernel",
    "bn1.gain.weight": "norm_1_gain/kernel",
    "bn2.bias.weight": "norm_2_bias/kernel",
    "bn2.gain.weight": "norm_2_gain/kernel",
    "conv1.bias": "conv_1/bias",
    "conv1.weight": "conv_1/kernel",
    "conv2.bias": "conv_2/bias",
    "conv2.weight": "conv_2/kernel",
    "conv_sc.bias": "shortcut/bias",
    "conv_sc.weight": "shortcut/kernel",
}
GENERATOR = {
    **{
        f"blocks.{i}.0.{theirs}": f"block_{i + 1}_{ours}"
        for i in range(3)
        for theirs, ours in GENERATOR_BLOCK.items()
    },
    "blocks.1.1.g.weight": "attention/value/kernel",
    "blocks.1.1.gamma": "attention/gamma",
    "blocks.1.1.o.weight": "attention/output/kernel",
    "blocks.1.1.phi.weight": "attention/key/kernel",
    "blocks.1.1.theta.weight": "attention/query/kernel",
    "linear.bias": "seed/bias",
    "linear.weight": "seed/kernel",
    "output_layer.0.bias": "norm/bias",
    "output_layer.0.gain": "norm/gain",
    "output_layer.2.bias": "to_rgb/bias",
    "output_layer.2.weight": "to_rgb/kernel",
    "shared.weight": "class_embedding/embeddings",
}
DISCRIMINATOR = {
    **{
        f"blocks.{i}.0.{theirs}": f"block_{i + 1}_{ours}"
        for i in range(4)
        for theirs, ours in GENERATOR_BLOCK.items()
        if theirs.startswith("conv") and (i < 2 or "sc" not in theirs)
    },
    "embed.weight": "logits/embedding/embeddings",
    "linear.bias": "logits/linear/bias",
    "linear.weight": "logits/linear/kernel",
}


def their_value(name, index, shape):
    """Tensor number `index` of the fixture, in PyTorch's layout."""
    flat = np.arange(int(np.prod(shape, dtype=int)))
    if name.endswith("gamma"):
        values = np.full(flat.shape, 0.5)
    elif name == "output_layer.0.gain":
        values = 1 + 0.1 * np.cos(flat)
    elif len(shape) < 2:
        values = 0.05 * np.cos(flat + index)
    else:
        values = np.cos(0.7 * flat + 1.3 * index) / np.sqrt(np.prod(shape[1:]))
    return values.reshape(shape)


def set_fixture(network, names):
    """Gives a network the fixture's weights; returns how many tensors were set."""
    weights = {weight.path: weight for weight in network.weights}
    for index, theirs in enumerate(sorted(names)):
        weight = weights[names[theirs]]
        shape = tuple(weight.shape)
        if len(shape) == 4:
            value = their_value(theirs, index, (shape[3], shape[2], *shape[:2]))
            value = value.transpose(2, 3, 1, 0)
        elif theirs.startswith("linear") and shape[-1] == 16 * 32:
            # The seed's units: theirs are [channel, row, column], ours [row, column, channel].
            value = their_value(theirs, index, shape[::-1]).reshape(32, 4, 4, *shape[:-1])
            value = np.moveaxis(value, 0, 2).reshape(shape[::-1]).T
        elif len(shape) == 2 and not theirs.startswith(("shared", "embed")):
            value = their_value(theirs, index, shape[::-1]).T
        else:
            value = their_value(theirs, index, shape)
        weight.assign(value)
    for weight in network.non_trainable_weights:
        if weight.name == "u":
            weight.assign(np.full(weight.shape, weight.shape[1] ** -0.5))
    return len(names)


@pytest.fixture(scope="module")
def generator():
    network = biggan.BigGANGenerator(SPEC, name="generator")
    assert set_fixture(network, GENERATOR) == len(network.trainable_weights) == 42
    assert sum(np.prod(weight.shape) for weight in network.trainable_weights) == 73_060
    return network


@pytest.fixture(scope="module")
def discriminator():
    network = biggan.BigGANDiscriminator(SPEC, name="discriminator")
    assert set_fixture(network, DISCRIMINATOR) == len(network.trainable_weights) == 23
    assert sum(np.prod(weight.shape) for weight in network.trainable_weights) == 67_169
    return network


INPUTS = {
    "latents": (1.5 * np.cos(0.5 * np.arange(48) + 0.2)).reshape(2, 24).astype("float32"),
    "labels": np.array([0, 3], "int32"),
}


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_fixture_generator(generator):
    images = to_numpy(generator(INPUTS))
    assert images.mean() == pytest.approx(-0.0180861, abs=1e-4)
    assert images.std() == pytest.approx(0.0601592, abs=1e-4)
    expected = {
        (0, 0, 0): [0.18691106, 0.18054561, 0.14458560],
        (1, 31, 31): [-0.10515674, -0.08533576, -0.02012805],
        (1, 10, 20): [0.01322176, -0.03405293, -0.05044969],
    }
    for pixel, values in expected.items():
        np.testing.assert_allclose(images[pixel], values, atol=1e-4)


def test_fixture_discriminator(generator, discriminator):
    images = to_numpy(generator(INPUTS))
    logits = discriminator({"images": images, "labels": INPUTS["labels"]})
    np.testing.assert_allclose(to_numpy(logits)[:, 0], [0.5059551, 1.1382107], atol=1e-4)
    real = np.cos(0.01 * np.arange(2 * 3 * 32 * 32)).reshape(2, 3, 32, 32).transpose(0, 2, 3, 1)
    logits = discriminator({"images": real.astype("float32"), "labels": INPUTS["labels"]})
    np.testing.assert_allclose(to_numpy(logits)[:, 0], [0.5007932, 1.1665410], atol=1e-4)


def test_fixture_generator_in_training(generator):
    before = generator.get_weights()
    images = to_numpy(generator(INPUTS, training=True))
    moving = to_numpy(generator.get_layer("block_1_norm_1").moving_variance)
    generator.set_weights(before)
    assert images.mean() == pytest.approx(0.0082892, abs=1e-3)
    assert images.std() == pytest.approx(0.5511204, abs=1e-3)
    np.testing.assert_allclose(images[0, 0, 0], [0.86079496, 0.75847715, 0.40494788], atol=1e-3)
    # PyTorch stores the unbiased variance of the 2 * 4 * 4 values, we the biased one.
    unbiased = 0.9 + (moving[:3] - 0.9) * 32 / 31
    np.testing.assert_allclose(unbiased, [0.90208083, 0.90195240, 0.90201473], atol=1e-4)


# --- specs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("num_classes", [0, 3])
def test_channels_and_classes(channels, num_classes):
    changes = {"channels": channels, "num_classes": num_classes}
    generator = registry.build_generator("biggan-digits", **changes)
    discriminator = registry.build_discriminator("biggan-digits", **changes)
    inputs = {"latents": np.zeros((2, 32), "float32")}
    conditions = {"labels": np.array([0, 2])} if num_classes else {}
    images = to_numpy(generator({**inputs, **conditions}))
    assert images.shape == (2, 32, 32, channels)
    assert discriminator({"images": images, **conditions}).shape == (2, 1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"z_dim": 100}, "`z_dim` must split into 6 equal parts.*z_dim=100.*Take 96"),
        ({"resolution": 100}, "`resolution` must be a seed.*resolution=100"),
        ({"d_widths": (1,)}, "All entries of `d_widths` but `flat_blocks`.*d_widths=\\(1,\\)"),
        ({"d_widths": (1,) * 9, "flat_blocks": 1}, "no more than it can bear.*resolution=128"),
        ({"g_attention": 48}, "`g_attention` must be 0.*8, 16, 32, 64, 128. Received: g_att.*=48"),
        ({"d_attention": 128}, "`d_attention` must be 0.*4, 8, 16, 32, 64. Received"),
        ({"shared_dim": 0}, "`skip_z` needs a class embedding.*shared_dim=0"),
        ({"initializer": "xavier"}, "`initializer` must be one of.*'xavier'"),
    ],
)
def test_spec_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        registry.spec("biggan-imagenet128", **changes)


def test_unknown_variant():
    with pytest.raises(ValueError, match="`name` must be one of biggan-32, .*Received: 'bigan'"):
        registry.spec("bigan")
