"""Blocks against the order of operations of the papers, written down layer by layer."""

import keras
import numpy as np
import pytest

from tests.layers import formulas
from tfgan_zoo.models import blocks

STYLE = blocks.Style(
    initializer="normal_0.02",
    spectral=True,
    sn_epsilon=1e-6,
    bn_epsilon=1e-5,
    num_classes=3,
    standing=0,
)
LABELS = np.array([2, 0], "int32")
# Inference of a new batch norm layer.
STANDARDIZED = 1 / np.sqrt(1 + STYLE.bn_epsilon)


def relu(x):
    return np.maximum(x, 0)


def mean_pool(x):
    return formulas.blocks(x).mean(axis=-1)


def draw(block, *inputs):
    """Returns (model of a block, with random biases and tables; what it makes of the inputs)."""
    tensors = [keras.Input(x.shape[1:], dtype=x.dtype) for x in inputs]
    model = keras.Model(tensors, block(*tensors))
    for number, weight in enumerate(model.trainable_weights):
        if weight.name in ("bias", "gain", "embeddings"):
            weight.assign(formulas.random(*weight.shape, seed=number))
    return model, keras.ops.convert_to_numpy(model(list(inputs)))


def convolve(model, name, x):
    layer = model.get_layer(name)
    return formulas.conv(x, formulas.normalized(layer)) + layer.bias.numpy()


# --- norms and inputs ---------------------------------------------------------------------------


def test_input_layers():
    inputs = blocks.input_layers(5, latents=(7,), images=(4, 4, 3))
    assert {name: x.shape for name, x in inputs.items()} == {
        "latents": (None, 7),
        "images": (None, 4, 4, 3),
        "labels": (None,),
    }
    assert inputs["labels"].dtype == "int32"
    assert {name: x.name for name, x in inputs.items()} == {name: name for name in inputs}
    assert list(blocks.input_layers(0, latents=(7,))) == ["latents"]


def test_style():
    style = STYLE._replace(initializer="glorot_gain", sn_epsilon=1e-4, spectral=False, standing=2)
    for in_block, scale in ((False, 1.0), (True, 2.0)):
        settings = style.kernel(in_block)
        assert settings["kernel_initializer"].scale == scale
        assert (settings["epsilon"], settings["normalize"]) == (1e-4, False)
    assert style.norm() == {"epsilon": 1e-5, "standing": 2}


def test_unknown_initializer():
    with pytest.raises(ValueError, match="`initializer` must be one of.*'xavier'"):
        blocks.check_initializer("xavier")


def test_norm_without_condition():
    x = formulas.random(2, 4, 4, 3)
    model, outputs = draw(lambda x: blocks.conditional_norm(x, None, STYLE, "norm"), x)
    layer = model.get_layer("norm")
    expected = STANDARDIZED * x * layer.gain.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_norm_with_tables():
    x = formulas.random(2, 4, 4, 3)
    model, outputs = draw(lambda *i: blocks.conditional_norm(*i, STYLE, "norm"), x, LABELS)
    gain, bias = (
        model.get_layer(f"norm_{part}").embeddings.numpy()[LABELS][:, None, None]
        for part in ("gain", "bias")
    )
    np.testing.assert_allclose(outputs, STANDARDIZED * x * (1 + gain) + bias, atol=1e-5)
    assert [w.shape for w in model.trainable_weights] == [(3, 3)] * 2


def test_tables_start_as_a_plain_norm():
    x = formulas.random(2, 4, 4, 3)
    tensors = [keras.Input(i.shape[1:], dtype=i.dtype) for i in (x, LABELS)]
    model = keras.Model(tensors, blocks.conditional_norm(*tensors, STYLE, "norm"))
    np.testing.assert_allclose(model([x, LABELS]), STANDARDIZED * x, atol=1e-6)


def test_norm_with_projections():
    x, condition = formulas.random(2, 4, 4, 3), formulas.random(2, 5, seed=1)
    model, outputs = draw(lambda *i: blocks.conditional_norm(*i, STYLE, "norm"), x, condition)
    gain, bias = (
        (condition @ formulas.normalized(model.get_layer(f"norm_{part}")))[:, None, None]
        for part in ("gain", "bias")
    )
    np.testing.assert_allclose(outputs, STANDARDIZED * x * (1 + gain) + bias, atol=1e-5)
    # Without biases.
    assert [w.shape for w in model.trainable_weights] == [(5, 3)] * 2


# --- residual blocks ----------------------------------------------------------------------------


def test_up_block():
    x = formulas.random(2, 3, 4, 6)
    model, outputs = draw(lambda x: blocks.up_block(x, None, 5, STYLE, "b"), x)

    def norm(name, x):
        layer = model.get_layer(name)
        return STANDARDIZED * x * layer.gain.numpy() + layer.bias.numpy()

    h = formulas.upsample(relu(norm("b_norm_1", x)))
    h = convolve(model, "b_conv_1", h)
    h = convolve(model, "b_conv_2", relu(norm("b_norm_2", h)))
    expected = h + convolve(model, "b_shortcut", formulas.upsample(x))
    assert outputs.shape == (2, 6, 8, 5)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


@pytest.mark.parametrize("condition", [LABELS, formulas.random(2, 5)])
def test_up_block_depends_on_its_condition_twice(condition):
    x = formulas.random(2, 3, 4, 6)
    model, _ = draw(lambda *i: blocks.up_block(*i, 5, STYLE, "b"), x, condition)
    names = {layer.name for layer in model.layers if layer.trainable_weights}
    norms = {f"b_norm_{number}_{part}" for number in (1, 2) for part in ("gain", "bias")}
    assert names == norms | {"b_conv_1", "b_conv_2", "b_shortcut"}


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize("preactivated", [True, False])
@pytest.mark.parametrize("down", [True, False])
def test_down_block(width, preactivated, down):
    x = formulas.random(2, 4, 6, 6)
    model, outputs = draw(lambda x: blocks.down_block(x, width, STYLE, "b", down, preactivated), x)
    h = convolve(model, "b_conv_1", relu(x) if preactivated else x)
    h = convolve(model, "b_conv_2", relu(h))
    learned = down or width != 6
    shortcut = convolve(model, "b_shortcut", x) if learned else x
    expected = mean_pool(h) + mean_pool(shortcut) if down else h + shortcut
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert ("b_shortcut" in {layer.name for layer in model.layers}) == learned


def test_thin_block():
    x = formulas.random(2, 4, 6, 6)
    for preactivated, middle in ((True, 6), (False, 8)):
        model, outputs = draw(
            lambda x, p=preactivated: blocks.down_block(x, 8, STYLE, "b", True, p, thin=True), x
        )
        assert model.get_layer("b_conv_1").filters == middle
        h = convolve(model, "b_conv_1", relu(x) if preactivated else x)
        expected = mean_pool(convolve(model, "b_conv_2", relu(h)))
        expected = expected + convolve(model, "b_shortcut", mean_pool(x))
        np.testing.assert_allclose(outputs, expected, atol=1e-4)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("width", [8, 3])
def test_deep_up_block(up, width):
    x = formulas.random(2, 3, 4, 8)
    model, outputs = draw(lambda x: blocks.deep_up_block(x, None, width, up, STYLE, "b"), x)

    def step(number, h):
        layer = model.get_layer(f"b_norm_{number}")
        return relu(STANDARDIZED * h * layer.gain.numpy() + layer.bias.numpy())

    h = convolve(model, "b_conv_1", step(1, x))
    assert h.shape[-1] == 2
    h, shortcut = step(2, h), x[..., :width]
    if up:
        h, shortcut = formulas.upsample(h), formulas.upsample(shortcut)
    h = convolve(model, "b_conv_2", h)
    h = convolve(model, "b_conv_3", step(3, h))
    expected = convolve(model, "b_conv_4", step(4, h)) + shortcut
    assert outputs.shape == ((2, 6, 8, width) if up else (2, 3, 4, width))
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert "b_shortcut" not in {layer.name for layer in model.layers}


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("width", [8, 12])
def test_deep_down_block(down, width):
    x = formulas.random(2, 4, 6, 8)
    model, outputs = draw(lambda x: blocks.deep_down_block(x, width, down, STYLE, "b"), x)
    h = convolve(model, "b_conv_1", relu(x))
    assert h.shape[-1] == width // 4
    h = relu(convolve(model, "b_conv_3", relu(convolve(model, "b_conv_2", relu(h)))))
    h, shortcut = (mean_pool(t) if down else t for t in (h, x))
    if width > 8:
        shortcut = np.concatenate([shortcut, convolve(model, "b_shortcut", shortcut)], axis=-1)
    expected = convolve(model, "b_conv_4", h) + shortcut
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert ("b_shortcut" in {layer.name for layer in model.layers}) == (width > 8)


def test_attention_at_its_resolution_only():
    x = keras.Input((4, 4, 8))
    assert blocks.attention_at(x, 8, STYLE) is x
    model = keras.Model(x, blocks.attention_at(x, 4, STYLE, name="here"))
    assert model.get_layer("here").epsilon == STYLE.sn_epsilon
    assert model.count_params() == 1.25 * 8**2 + 1 + (1 + 1 + 4 + 8)


def test_sum_pool():
    x = np.array([[[[1.0, -1.0], [2.0, 0.5]], [[-3.0, 0.25], [4.0, -9.0]]]], "float32")
    np.testing.assert_allclose(blocks.sum_pool(x), [[7.0, 0.75]])
    half = keras.ops.cast(x, "bfloat16")
    assert keras.backend.standardize_dtype(blocks.sum_pool(half).dtype) == "float32"
