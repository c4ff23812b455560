"""What holds for every variant of every family; a new one is tested by being registered."""

import importlib.util
import json
import os
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from export import saved_model, tflite
from tests.conformance import small
from tfgan_zoo.models import registry

FIRSTS = [min(registry.names(family), key=small.size) for family in registry.FAMILIES]
# What is saved, exported and loaded. Of BigGAN's families all that differ up to 128 pixels, the
# others being longer stacks of the same blocks; of the rest the smallest, and those with layer
# norm, without windows, with feature maps that are cut to size.
NAMES = [
    name
    for name in small.distinct(registry.names())
    if small.family(name) in small.WIDTHS and registry.spec(name).resolution <= 128
]
NAMES += [name for name in FIRSTS if name not in NAMES]
NAMES += ["resnet-64", "draw-mnist-plain", "wgan-gp-code28"]
# The first family with each set of classes: for what takes a minute of compilation each.
CLASSES = {family[1:]: name for name, family in reversed(registry.FAMILIES.items())}
COMPILED = [FIRSTS[list(registry.FAMILIES).index(family)] for family in CLASSES.values()]
NETWORKS = [(name, side) for name in NAMES for side in small.sides(name)]


def build(name, side):
    """A small network of a variant."""
    return small.sides(name)[side](name)


def trained(network):
    """The network after a training call: nothing is at its initial value that need not be."""
    network(small.inputs(network, 4, seed=1), training=True)
    for weight in network.trainable_variables:
        weight.assign(
            weight + 0.05 * np.cos(np.arange(np.prod(weight.shape))).reshape(weight.shape)
        )
    return network


def run(script, *arguments, timeout=600, **environment):
    """What a script of this folder prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.conformance.{script}", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize(
    "name, side", [(name, side) for name in registry.names() for side in small.sides(name)]
)
def test_config_round_trip(name, side):
    network = build(name, side)
    config = json.loads(json.dumps(network.get_config()))
    again = type(network).from_config(config)
    assert again.spec == network.spec
    assert again.get_config() == network.get_config()
    assert [(w.path, w.shape) for w in again.weights] == [
        (w.path, w.shape) for w in network.weights
    ]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of all networks, saved, each with inputs and the outputs they gave."""
    folder = tmp_path_factory.mktemp("saved")
    counts = {}
    for name, side in NETWORKS:
        network = trained(build(name, side))
        inputs = small.inputs(network)
        path = folder / f"{name}-{side}.keras"
        network.save(path)
        outputs = network.predict_on_batch(inputs)  # as reload_check: compiled, so exactly equal
        outputs = keras.tree.flatten(outputs)
        np.savez(
            path.with_suffix(".npz"), **{f"output_{i}": x for i, x in enumerate(outputs)}, **inputs
        )
        counts[path.stem] = len(network.variables)
    return folder, counts


@pytest.mark.parametrize(
    "backend, module, tolerance",
    [("tensorflow",) * 2 + (0.0,), ("jax",) * 2 + (1e-5,), ("torch",) * 2 + (1e-5,)],
)
def test_reload_in_a_fresh_process(saved, backend, module, tolerance):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    folder, counts = saved
    # JAX compiles for seconds where TensorFlow does not: the smallest of every family.
    names = NAMES if backend == "tensorflow" else FIRSTS
    stems = [f"{name}-{side}" for name in names for side in small.sides(name)]
    out = run("reload_check", str(folder), *stems, KERAS_BACKEND=backend)
    found = json.loads(out.splitlines()[-1])
    assert sorted(found) == sorted(stems)
    for name, (difference, variables, imported_tensorflow) in found.items():
        stored = np.load(folder / f"{name}.npz")
        scale = max(np.abs(stored[key]).max() for key in stored if key.startswith("output_"))
        assert difference <= tolerance * max(1.0, scale), (name, difference)
        assert variables == counts[name]
        assert imported_tensorflow == (backend == "tensorflow")


@pytest.mark.parametrize("name, side", [(n, side) for n in FIRSTS for side in small.sides(n)])
def test_file_holds_every_variable(saved, name, side, tmp_path):
    folder, counts = saved
    network = keras.models.load_model(folder / f"{name}-{side}.keras")
    path = tmp_path / "network.weights.h5"
    network.save_weights(path)
    sizes = []
    with h5py.File(path) as file:
        file.visititems(lambda _, item: sizes.append(item) if hasattr(item, "shape") else None)
    assert len(sizes) == counts[f"{name}-{side}"]


@pytest.mark.parametrize("name", COMPILED)
def test_step_compiles_with_xla(name):
    """On static shapes, with the weights of the step without it; a minute of compilation each."""
    data = small.images(name).images[:16].astype("float32") / 127.5 - 1.0
    batch = {"images": tf.constant(data), "labels": tf.constant(np.arange(16) % 3, tf.int32)}
    results = []
    for jit in (False, True):
        keras.utils.set_random_seed(0)
        gan = small.gan(name)
        tf.function(gan.train_step, jit_compile=jit)(batch)
        results.append([(v.path, v.numpy()) for v in gan.variables])
    for (path, plain), (_, compiled) in zip(*results, strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=2e-3, atol=2e-5, err_msg=path)


def test_replicas_equal_one_device():
    # Half a minute of tracing each: others by hand, python -m tests.conformance.replicas_check.
    (line,) = run("replicas_check", FIRSTS[0]).splitlines()
    # Too small for round-off to grow.
    assert line.startswith(FIRSTS[0]) and float(line.split()[-1].rstrip("%")) < 0.5, line


@pytest.mark.parametrize("name", FIRSTS)
def test_bfloat16_step(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = small.gan(name)
    finally:
        keras.config.set_dtype_policy("float32")
    data = small.images(name).images[:8].astype("float32") / 127.5 - 1.0
    batch = {"images": tf.constant(data), "labels": tf.constant(np.arange(8) % 3, tf.int32)}
    logs = tf.function(gan.train_step)(batch)
    assert all(value.dtype == tf.float32 and np.isfinite(value) for value in logs.values())
    assert all(v.dtype in ("float32", "int32") for v in gan.variables)
    images = gan.generator(small.inputs(gan.generator))
    assert images.dtype == tf.float32


@pytest.mark.parametrize("name", NAMES)
def test_saved_model(name, tmp_path):
    generator = trained(small.generator(name))
    inputs = small.inputs(generator, 3)
    served = tf.saved_model.load(saved_model.save(generator, tmp_path)).signatures
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    images = served["serving_default"](**tensors)["image"]
    np.testing.assert_allclose(images, generator(inputs), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_tflite(name):
    generator = trained(small.generator(name))
    report = tflite.compare(tflite.convert(generator, "float32"), generator, 2)
    assert report["max_difference"] < 1e-4, report
