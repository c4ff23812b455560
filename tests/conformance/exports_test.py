"""Every generator as a SavedModel, a TFLite file and, one of each family, as ONNX and as a preset.

Conversion costs by the operation, so stacks of blocks are cut to two, and variants which are then
the same but for numbers are converted once: all layers and ways through them are left.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from export import onnx, saved_model, tflite
from tests.conformance import small
from tests.conformance.chosen import FIRSTS, NAMES, trained
from tfgan_zoo import presets
from tfgan_zoo.models import registry
from tfgan_zoo.presets.writing import save_to_preset

BLOCKS = ("biggan", "biggan_deep", "sagan", "sngan")
# Of BigGAN's families: two blocks, or stages, and the attention between them if there is any.
SHORT = {
    "biggan": {"resolution": 8, "g_widths": (2, 2, 1), "d_widths": (1, 2, 2), "flat_blocks": 1},
    "biggan_deep": {"resolution": 8, "g_widths": (2, 1), "d_widths": (1, 2)},
}
# What leaves the operations as they are.
NUMBERS = {
    "z_dim": 6,
    "channels": 3,
    "bn_epsilon": 1e-5,
    "sn_epsilon": 1e-6,
    "initializer": "glorot",
}


def changes(name):
    """What makes the variant as short as it can be with all its layers."""
    if small.family(name) not in BLOCKS:
        return small.changes(name)
    spec = registry.spec(name)
    found = SHORT["biggan_deep" if small.family(name) == "biggan_deep" else "biggan"] | NUMBERS
    found |= {"width": 8, "num_classes": min(spec.num_classes, 3)}
    found |= {"shared_dim": 4} if spec.shared_dim else {}
    found |= {"rgb_filters": 6} if getattr(spec, "rgb_filters", 0) else {}
    side = 8 if small.family(name) == "biggan_deep" else 4
    return found | {"g_attention": side if spec.g_attention else 0, "d_attention": 0}


def drawn(name):
    """What the generator's layers depend on, but for filters whose results are dropped."""
    values = dataclasses.asdict(registry.spec(name, **changes(name)))
    other = {key for key in values if key.startswith("d_")} | {"rgb_filters"}
    pairs = tuple((key, value) for key, value in values.items() if key not in other)
    return registry.FAMILIES[small.family(name)].generator, pairs


DISTINCT = [*{drawn(name): name for name in reversed(NAMES)}.values()]
# One of each family; WGAN-GP's generators are those of WGAN.
ONE_EACH = [*{drawn(name): name for name in reversed(FIRSTS)}.values()]


@pytest.fixture(scope="module")
def generators():
    """{name: a small generator}, made when they are asked for."""
    return {}


def made(generators, name):
    if name not in generators:
        generators[name] = trained(registry.build_generator(name, **changes(name)))
    return generators[name]


def stored_numbers(path):
    """How many numbers a SavedModel's variables hold."""
    variables = dict(tf.train.list_variables(str(path / "variables" / "variables")))
    variables.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    return sum(int(np.prod(shape)) for shape in variables.values())


@pytest.mark.parametrize("name", DISTINCT)
def test_saved_model(generators, name, tmp_path):
    generator = made(generators, name)
    inputs = small.inputs(generator, 3)
    path = saved_model.save(generator, tmp_path)
    count = sum(int(np.prod(weight.shape)) for weight in generator.weights if weight.name != "u")
    assert 0.95 * count <= stored_numbers(path) <= count  # what a level does not use is left out
    served = tf.saved_model.load(path).signatures
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    images = served["serving_default"](**tensors)["image"]
    np.testing.assert_allclose(images, generator(inputs), atol=1e-5)


@pytest.mark.parametrize("name", DISTINCT)
def test_tflite(generators, name):
    generator = made(generators, name)
    report = tflite.compare(tflite.convert(generator, "float32"), generator, 2)
    assert report["max_difference"] < 1e-4, report


@pytest.mark.parametrize("name", ONE_EACH)
def test_onnx(generators, name):
    pytest.importorskip("onnxruntime")
    generator = made(generators, name)
    report = onnx.compare(onnx.convert(generator), generator, 3)
    assert report["max_difference"] < 1e-4, report


@pytest.mark.parametrize("name", FIRSTS)
def test_preset(generators, name, tmp_path):
    generator = made(generators, name)
    classes = generator.spec.num_classes if "labels" in generator.input else 0
    about = presets.Description(
        name="small",
        method="any",
        variant=name,
        paper="",
        prior="normal",
        truncation=None,
        class_names=tuple("abc"[:classes]),
        data="none",
        licence="none",
        weights="live",
        step=0,
        commit=None,
        recipe="",
        scores=(),
    )
    about = save_to_preset(generator, str(tmp_path / "preset"), about)
    again = presets.from_preset(str(tmp_path / "preset"))
    inputs = small.inputs(generator, 3)
    np.testing.assert_allclose(again(inputs), generator(inputs), atol=1e-6)
    assert again.preset == about


def test_all_variants_have_a_representative():
    """Nothing that differs in more than numbers was left out, up to the largest."""
    kinds = {drawn(name) for name in DISTINCT}
    for name in registry.names():
        if small.family(name) in BLOCKS:
            assert drawn(name) in kinds, name
    assert set(FIRSTS) <= set(NAMES) and {small.family(name) for name in FIRSTS} == set(
        registry.FAMILIES
    )
