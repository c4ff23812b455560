"""State dicts of BigGAN-PyTorch, against outputs recorded from its own networks.

Those loaded the dicts of state_dicts.py strictly, so names and shapes are theirs.
"""

import keras
import numpy as np
import pytest

from tests.convert import recorded, state_dicts
from tfgan_zoo.convert import biggan_pytorch

WIDTHS_128 = (16, 16, 8, 4, 2, 1)


def small_generator(**changes):
    settings = {"ch": 8, "multiples": (4, 4, 4, 4), "attended": 1, "chunk": 6, **changes}
    return state_dicts.pytorch_generator(**settings)


def small_discriminator():
    return state_dicts.pytorch_discriminator(8, (4, 4, 4, 4), 2)


def outputs(network, inputs):
    return keras.ops.convert_to_numpy(network(inputs))


def test_networks_of_32_pixels():
    generator = biggan_pytorch.network(small_generator(plain_moments=True))
    discriminator = biggan_pytorch.network(small_discriminator())
    inputs = state_dicts.inputs(24)
    images = outputs(generator, inputs)
    assert images.mean() == pytest.approx(-0.0180861, abs=1e-6)
    assert images.std() == pytest.approx(0.0601592, abs=1e-6)
    expected = {
        (0, 0, 0): [0.18691106, 0.18054561, 0.14458559],
        (1, 5, 20): [0.01310069, -0.03425283, -0.05067166],
        (1, 31, 31): [-0.10515674, -0.08533576, -0.02012805],
    }
    for pixel, values in expected.items():
        np.testing.assert_allclose(images[pixel], values, atol=1e-5)
    logits = outputs(discriminator, {"images": images, "labels": inputs["labels"]})
    np.testing.assert_allclose(logits[:, 0], [0.5059551, 1.1382107], atol=1e-4)


def test_generator_of_128_pixels():
    tensors = state_dicts.pytorch_generator(8, WIDTHS_128, 3, 4)
    generator = biggan_pytorch.network(tensors, bn_epsilon=1e-4, sn_epsilon=1e-4)
    images = outputs(generator, state_dicts.inputs(24))
    assert images.mean() == pytest.approx(-0.0231098, abs=1e-5)
    assert images.std() == pytest.approx(0.1954817, abs=1e-5)
    np.testing.assert_allclose(images[1, 5, 100], [-0.9859130, -0.9834769, -0.9770210], atol=1e-4)
    np.testing.assert_allclose(images[1, 127, 127], [0.1695030, 0.3557290, 0.5434376], atol=1e-4)
    state_dicts.check_attention(generator, tensors, "blocks.3.1.", "weight")


def test_discriminators_of_128_pixels():
    tensors = state_dicts.pytorch_discriminator(8, (1, 2, 4, 8, 16, 16), 5, 0)
    discriminator = biggan_pytorch.network(tensors)
    logits = outputs(discriminator, state_dicts.images(128))
    assert discriminator.spec.d_attention == 64
    np.testing.assert_allclose(logits[:, 0], [-0.1804685, -0.1787423], atol=1e-5)
    tensors = state_dicts.pytorch_deep_discriminator(8, (1, 2, 4, 8, 16, 16), 0)
    discriminator = biggan_pytorch.network(tensors)
    logits = outputs(discriminator, state_dicts.images(128))
    assert discriminator.spec.d_attention == 64
    np.testing.assert_allclose(logits[:, 0], [-0.1442426, -0.3634014], atol=1e-5)
    state_dicts.check_attention(discriminator, tensors, "blocks.0.2.", "weight")


def deep_generator():
    """The port's generator as one of BigGAN-PyTorch, whose images have eight channels."""
    parts = {"scale": "gain", "offset": "bias", "snconv1x1_o_conv": "o"}
    parts |= {f"{kind}_{k}": f"{kind}{k + 1}" for kind in ("bn", "conv") for k in range(4)}
    layers = {"embeddings": "shared", "gen_z": "linear", "bn": "output_layer.0"}
    layers["conv_to_rgb"] = "output_layer.2"
    tensors = {}
    for name, tensor in state_dicts.pretrained().items():
        path = name.removeprefix("generator.").split(".")
        last, number = path.pop(), None
        if path[0] == "layers":
            number = int(path[1])
            block = f"blocks.{number - (number >= 8)}.{int(number == 8)}"
            path = [block, *(parts.get(p, p.removeprefix("snconv1x1_")) for p in path[2:])]
        else:
            path = [layers[path[0]]]
        layer = ".".join(path)
        if last.startswith("running"):
            kind = {"running_means": "mean", "running_vars": "var"}[last]
            tensors[f"{layer}.stored_{kind}"] = tensor[50]
        elif last == "weight_orig":
            tensors[f"{layer}.weight"] = embedding_first(layer, tensor)
            tensors[f"{layer}.u0"] = state_dicts.first_vector(len(tensor))[None]
        elif last in ("weight", "bias", "gamma"):
            last = "gain" if (layer, last) == ("output_layer.0", "weight") else last
            tensors[f"{layer}.{last}"] = tensor.T if layer == "shared" else tensor
    for last in ("weight", "bias"):  # from [row, column, channel]
        units = tensors[f"linear.{last}"].reshape(4, 4, 128, -1).transpose(2, 0, 1, 3)
        tensors[f"linear.{last}"] = units.reshape(2048, -1)
    tensors["linear.bias"] = tensors["linear.bias"][:, 0]
    return tensors


def embedding_first(layer, kernel):
    """Columns [latents, embedding] -> [embedding, latents] of what takes conditions."""
    if layer == "linear" or layer.endswith(("gain", "bias")):
        return np.concatenate([kernel[:, 16:], kernel[:, :16]], axis=1)
    return kernel


def test_generator_of_biggan_deep():
    generator = biggan_pytorch.network(deep_generator(), bn_epsilon=1e-4, sn_epsilon=1e-4)
    spec = generator.spec
    assert (spec.g_attention, spec.z_dim, spec.channels, spec.standing) == (64, 16, 8, ())
    images = outputs(generator, state_dicts.inputs(16))[..., :3]
    _, deviation, first, second = recorded.RECORDED[1.0]
    assert images.std() == pytest.approx(deviation, abs=1e-5)
    np.testing.assert_allclose(images[1, 5, 100], first, atol=1e-4)
    np.testing.assert_allclose(images[1, 127, 127], second, atol=1e-4)


def test_the_spec_is_read_off_the_shapes():
    spec = biggan_pytorch.network(small_generator(chunk=5, classes=7), bn_epsilon=0.5).spec
    assert (spec.resolution, spec.width, spec.g_widths) == (32, 8, (4, 4, 4, 4))
    assert (spec.z_dim, spec.num_classes, spec.shared_dim, spec.skip_z) == (20, 7, 16, True)
    assert (spec.g_attention, spec.bn_epsilon, spec.initializer) == (16, 0.5, "normal_0.02")
    spec = biggan_pytorch.network(small_discriminator(), sn_epsilon=0.25).spec
    assert (spec.resolution, spec.width, spec.d_widths) == (32, 8, (4, 4, 4, 4))
    assert (spec.d_attention, spec.num_classes, spec.sn_epsilon) == (0, 10, 0.25)


def test_tables_of_each_norm_instead_of_a_shared_embedding():
    tensors = small_generator()
    del tensors["shared.weight"]
    table = np.cos(np.arange(10 * 32.0)).reshape(10, 32).astype(np.float32)
    for name in [name for name in tensors if name.endswith(("gain.weight", "bias.weight"))]:
        for last in ("u0", "sv0"):
            del tensors[name.removesuffix("weight") + last]
        tensors[name] = table
    generator = biggan_pytorch.network(tensors)
    spec = generator.spec
    assert (spec.shared_dim, spec.skip_z, spec.num_classes, spec.z_dim) == (0, False, 10, 6)
    embeddings = generator.get_layer("block_2_norm_1_gain").embeddings
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(embeddings), table)


def test_networks_without_spectral_norm():
    vectors = (".u0", ".sv0")
    tensors = {k: v for k, v in small_generator().items() if not k.endswith(vectors)}
    generator = biggan_pytorch.network(tensors)
    assert not generator.spec.g_spectral
    kernel = keras.ops.convert_to_numpy(generator.get_layer("to_rgb").kernel)
    theirs = tensors["output_layer.2.weight"]
    np.testing.assert_array_equal(kernel[1, 2, 5], theirs[:, 5, 1, 2])


@pytest.mark.parametrize("counter, divisor", [(0.0, 1.0), (4.0, 4.0)])
def test_summed_statistics_become_means(counter, divisor):
    tensors = {}
    for name, tensor in small_generator().items():
        layer, _, last = name.rpartition(".")
        if last.startswith("stored_"):
            tensors[f"{layer}.bn.{last}"] = tensor
            tensors[f"{layer}.bn.accumulation_counter"] = np.array([counter], np.float32)
        else:
            tensors[name] = tensor
    generator = biggan_pytorch.network(tensors)
    for layer, theirs in (("block_3_norm_2", "blocks.2.0.bn2"), ("norm", "output_layer.0")):
        for moment, last in (("moving_mean", "mean"), ("moving_variance", "var")):
            values = getattr(generator.get_layer(layer), moment)
            expected = tensors[f"{theirs}.bn.stored_{last}"] / divisor
            np.testing.assert_allclose(keras.ops.convert_to_numpy(values), expected, rtol=1e-6)


def changed(tensors, **changes):
    return {**tensors, **changes}


def without(tensors, *names):
    return {name: tensor for name, tensor in tensors.items() if name not in names}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: without(t, "linear.bias"), "BigGANGenerator of 32.*Missing: linear.bias."),
        (lambda t: without(t, "linear.weight"), "must hold `linear.weight`"),
        (lambda t: without(t, "output_layer.0.stored_var"), "output_layer.0.stored_var"),
        (lambda t: changed(t, **{"blocks.1.2.x": t["linear.bias"]}), "place: blocks.1.2.x."),
        (
            lambda t: changed(t, **{"blocks.0.0.conv2.bias": t["linear.bias"]}),
            r"wrong shape: blocks.0.0.conv2.bias \(512,\), \(512,\) in our order, needed: \(32,\)",
        ),
        (
            lambda t: changed(t, **{"blocks.2.0.conv1.weight": t["linear.weight"]}),
            r"blocks.2.0.conv1.weight \(512, 6\), \(6, 512\) in our order, needed: \(3, 3, 32,",
        ),
        (
            lambda t: changed(t, **{"blocks.0.0.conv1.weight": t["linear.bias"]}),
            "`blocks.0.0.conv1.weight` must have 4 axes",
        ),
        (
            lambda t: changed(t, **{"linear.bias": t["linear.bias"][:-3]}),
            r"shape: linear.bias \(509,\), needed: \(512,\)",
        ),
        (lambda t: changed(t, **{"linear.bias": t["linear.bias"] * np.nan}), "finite: linear.bias"),
        (lambda t: {k: v for k, v in t.items() if "blocks." not in k}, "Received: 0 of them"),
    ],
)
def test_errors_name_the_tensor(change, message):
    with pytest.raises(ValueError, match=message):
        biggan_pytorch.network(change(small_generator()))


def test_an_error_names_the_first_few_and_counts_the_rest():
    tensors = {k: v for k, v in small_discriminator().items() if not k.endswith("conv2.bias")}
    tensors = without(tensors, "blocks.0.0.conv1.bias", "linear.bias")
    with pytest.raises(ValueError, match="conv1.bias, .*conv2.bias, .*2.0.conv2.bias and 2 more"):
        biggan_pytorch.network(tensors)


def test_other_files_are_refused():
    with pytest.raises(ValueError, match="must be a generator.*G_ema.pth, G.pth or D.pth.*: fc.w"):
        biggan_pytorch.network({"fc.weight": np.zeros((2, 2), np.float32)})
