"""The Hugging Face port's files, against outputs recorded from its own network.

It loaded the state dict of state_dicts.py strictly, so names and shapes are the port's. Between
two rows of statistics the port mixes the wrong way round: at 0.43, the middle, both ways agree.
"""

import keras
import numpy as np
import pytest

from tests.convert import recorded, state_dicts
from tfgan_zoo import standing
from tfgan_zoo.convert import huggingface


@pytest.fixture(name="tensors", scope="module")
def fixture_tensors():
    return state_dicts.pretrained()


@pytest.fixture(name="generator", scope="module")
def fixture_generator(tensors):
    return huggingface.generator(state_dicts.CONFIG, tensors)


def test_outputs_are_the_port_s(generator):
    recorded.check_recorded(generator, 1.0)  # what conversion ends with
    standing.select(generator, 0.43)
    recorded.check_recorded(generator, 0.43)
    standing.select(generator, 1.0)
    recorded.check_recorded(generator, 1.0)


def test_spec(generator):
    spec = generator.spec
    assert (spec.resolution, spec.width, spec.g_widths) == (128, 8, (16, 16, 8, 4, 2, 1))
    assert (spec.g_attention, spec.rgb_filters, spec.bn_epsilon) == (64, 8, 1e-4)
    assert spec.standing == tuple(k / 50 for k in range(1, 51))


def test_attention(generator, tensors):
    prefix = "generator.layers.8.snconv1x1_"
    state_dicts.check_attention(generator, tensors, prefix, "weight_orig")
    assert float(generator.get_layer("attention").gamma) == 0.5


def test_rows_of_statistics(generator, tensors):
    table = keras.ops.convert_to_numpy(generator.get_layer("block_9_norm_3").standing_mean)
    np.testing.assert_array_equal(table, tensors["generator.layers.9.bn_2.running_means"][1:])


@pytest.mark.parametrize(
    "name, shape, message",
    [
        ("generator.bn.bias", None, "Missing: generator.bn.bias"),
        ("generator.gen_z.weight_v", (7,), r"`generator.gen_z.weight_v` must have shape \(32,\)"),
        ("generator.layers.0.bn_2.running_vars", (51, 5), "wrong shape: .*0.bn_2.running_vars"),
        (
            "embeddings.weight",
            (10, 16),
            r"embeddings.weight \(10, 16\), \(16, 10\) in our order, needed: \(10, 16\)",
        ),
    ],
)
def test_errors_name_the_tensor(tensors, name, shape, message):
    changed = {key: tensor for key, tensor in tensors.items() if key != name}
    if shape:
        changed[name] = np.ones(shape, np.float32)
    with pytest.raises(ValueError, match=message):
        huggingface.generator(state_dicts.CONFIG, changed)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"z_dim": None}, "Received: no such z_dim"),
        ({"layers": [[False, 16, 16]]}, r"`layers` in config.json.*layers=\[\[False, 16, 16\]\]"),
        ({"layers": [1, 2]}, "no such layers"),
        ({"output_dim": 256}, "output_dim=256"),
        ({"attention_layer_position": 9}, "even, and below 10. Received: 9"),
        ({"attention_layer_position": 10}, "even, and below 10. Received: 10"),
    ],
)
def test_config_errors(tensors, change, message):
    with pytest.raises(ValueError, match=message):
        huggingface.generator({**state_dicts.CONFIG, **change}, tensors)
