"""Small generators of every kind of input, with weights as after some training."""

import importlib

import keras
import numpy as np
import pytest

from export import saved_model
from tfgan_zoo.models import registry

CHANGES = {
    "shared": {"g_attention": 16},
    "tables": {"shared_dim": 0, "skip_z": False},  # labels feed a table in every block
    "unconditional": {"num_classes": 0, "channels": 3},
}


def _inputs(generator, count):
    """Random latents [count, z_dim] and, if there are classes, labels."""
    random = np.random.default_rng(count)
    inputs = {"latents": random.standard_normal((count, generator.spec.z_dim), np.float32)}
    if generator.spec.num_classes:
        inputs["labels"] = random.integers(0, generator.spec.num_classes, count, np.int32)
    return inputs


def _stir(generator):
    random = np.random.default_rng(0)
    for weight in generator.trainable_weights:
        # Tables of gains and biases start at 0, the other weights do not.
        scale = 0.5 if weight.path.endswith("embeddings") else 0.1
        weight.assign_add(random.normal(scale=scale, size=weight.shape))


def _generator(**changes):
    keras.utils.set_random_seed(0)
    generator = registry.build_generator("biggan-digits", width=8, **changes)
    _stir(generator)
    for count in (16, 17, 18):  # singular vectors and moments move
        generator(_inputs(generator, count), training=True)
    return generator


@pytest.fixture(scope="session")
def generators():
    """{a key of CHANGES: its generator}; tests leave them as they are."""
    return {name: _generator(**changes) for name, changes in CHANGES.items()}


@pytest.fixture(scope="session")
def make_inputs():
    """(generator, count) -> its inputs."""
    return _inputs


@pytest.fixture(scope="session")
def generator_file(generators, tmp_path_factory):
    """The generator "shared" as runs save it."""
    path = tmp_path_factory.mktemp("run") / "generator.keras"
    generators["shared"].save(path)
    return path


@pytest.fixture(scope="session")
def tiny():
    """The smallest generator that has classes."""
    keras.utils.set_random_seed(1)
    generator = registry.build_generator("cgan-digits", width=4, hidden=8)
    _stir(generator)
    return generator


@pytest.fixture(scope="session")
def served(tiny, tmp_path_factory):
    """A folder with two versions of `tiny`, the first of which warms up and truncates at 0.25."""
    folder = tmp_path_factory.mktemp("served")
    saved_model.save(tiny, folder, default_truncation=0.25, warm=True)
    saved_model.save(tiny, folder)
    return folder


@pytest.fixture(scope="session")
def ports(served):
    """(gRPC's, REST's) of a server of "digits", whose version 1 is "stable"."""
    pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")
    server = importlib.import_module("tests.export.serving_server")
    with server.serve(server.Models("digits", served, {"stable": 1})) as found:
        yield found
