"""TF-Hub's modules: weights whose outputs other programs gave, under the modules' names."""

import keras
import numpy as np
import pytest

from tests.convert import modules, recorded, state_dicts
from tfgan_zoo.convert import biggan_pytorch, tf_hub


def outputs(network, z_dim):
    return keras.ops.convert_to_numpy(network(state_dicts.inputs(z_dim)))


def variables_of_a_module(counter):
    theirs = state_dicts.pytorch_generator(8, (16, 16, 8, 4, 2, 1), 3, 4)
    tensors = modules.hub_tensors(theirs, counter)
    return {name.removeprefix("module/"): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("counter", [1.0, 8.0])
def test_biggan_module(tmp_path, counter):
    theirs = state_dicts.pytorch_generator(8, (16, 16, 8, 4, 2, 1), 3, 4)
    modules.write_module(tmp_path / "module", modules.hub_tensors(theirs, counter))
    generator = tf_hub.generator(tf_hub.read(tmp_path / "module"))
    spec = generator.spec
    assert (spec.resolution, spec.width, spec.z_dim, spec.num_classes) == (128, 8, 24, 10)
    assert (spec.bn_epsilon, spec.sn_epsilon, spec.g_attention) == (1e-4, 1e-4, 64)
    same = biggan_pytorch.network(theirs, bn_epsilon=1e-4, sn_epsilon=1e-4)
    images = outputs(generator, 24)
    assert images.std() == pytest.approx(0.1954817, abs=1e-5)  # recorded, as in the other test
    np.testing.assert_allclose(images, outputs(same, 24), atol=1e-5)
    for weight, other in zip(generator.weights, same.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), other.numpy(), rtol=1e-6, err_msg=weight.path)


def test_biggan_deep_module(tmp_path):
    theirs = state_dicts.pretrained()
    variables, tables = modules.deep_tensors(theirs)
    modules.write_module(tmp_path / "module", variables, tables)
    generator = tf_hub.generator(tf_hub.read(tmp_path / "module"))
    assert generator.spec.standing == tuple(k / 50 for k in range(1, 51))
    assert generator.spec.rgb_filters == 8
    recorded.check_recorded(generator, 1.0)
    prefix = "generator.layers.8.snconv1x1_"
    state_dicts.check_attention(generator, theirs, prefix, "weight_orig")


@pytest.mark.parametrize(
    "name, message",
    [
        ("Generator/conv_2d/u0", "Missing: Generator/conv_2d/u0"),
        (
            "Generator/GBlock_4/HyperBN_1/beta/w/ema_b999900",
            "Missing: Generator/GBlock_4/HyperBN_1",
        ),
        ("linear/w/ema_b999900", "must hold `linear/w/ema_b999900`"),
    ],
)
def test_errors_name_the_variable(name, message):
    theirs = state_dicts.pytorch_generator(8, (16, 16, 8, 4, 2, 1), 3, 4)
    variables = {
        key.removeprefix("module/"): v for key, v in modules.hub_tensors(theirs, 1.0).items()
    }
    del variables[name]
    with pytest.raises(ValueError, match=message):
        tf_hub.generator(variables)
    variables = {"Generator/GBlock/conv9/w/ema_b999900": np.ones(1)}
    with pytest.raises(ValueError, match="of 5, 6, 7 blocks. Received: 1 of them"):
        tf_hub.generator(variables)


def test_statistics_of_no_pass_are_refused():
    theirs = state_dicts.pytorch_generator(8, (16, 16, 8, 4, 2, 1), 3, 4)
    variables = {
        key.removeprefix("module/"): v for key, v in modules.hub_tensors(theirs, 0.0).items()
    }
    with pytest.raises(ValueError, match="accumulation_counter` must be positive. Received: 0.0"):
        tf_hub.generator(variables)


def test_folders_that_are_no_modules(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(ValueError, match="must hold saved_model.pb and variables/"):
        tf_hub.read(tmp_path)
    modules.write_module(tmp_path / "module", {"linear/w/ema_b999900": np.ones((2, 2), np.float32)})
    (tmp_path / "module" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(ValueError, match="must hold saved_model.pb and variables/"):
        tf_hub.read(tmp_path / "module")
