"""What holds for every variant of every family; a new one is tested by being registered."""

import importlib.util
import json

import h5py
import keras
import numpy as np
import pytest

from tests.conformance import small
from tests.conformance.chosen import FIRSTS, NAMES, run, trained
from tfgan_zoo.models import registry

FAST = "--xla_backend_optimization_level=0"
NETWORKS = [(name, side) for name in NAMES for side in small.sides(name)]


def build(name, side):
    """A small network of a variant."""
    return small.sides(name)[side](name)


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
        outputs = keras.tree.flatten(network(inputs))  # as reload_check, so exactly equal
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
    # JAX compiles for seconds where TensorFlow does not: the smallest of every family, fast rather
    # than optimized.
    names = NAMES if backend == "tensorflow" else FIRSTS
    stems = [f"{name}-{side}" for name in names for side in small.sides(name)]
    out = run("reload_check", str(folder), *stems, KERAS_BACKEND=backend, XLA_FLAGS=FAST)
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
