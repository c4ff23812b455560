"""Specs and networks on their way through JSON and back."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class ToySpec(Spec):
    widths: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    name: str = "toy"
    rate: float | None = None

    def __post_init__(self):
        if not self.widths:
            raise ValueError("`widths` must not be empty.")


@keras.saving.register_keras_serializable(package="tests")
class ToyNetwork(Network):
    spec_class = ToySpec

    def __init__(self, spec, **kwargs):
        inputs = {"latents": keras.Input((3,), name="latents")}
        x = inputs["latents"]
        for number, width in enumerate(spec.widths):
            x = keras.layers.Dense(width, name=f"layer_{number}")(x)
        super().__init__(inputs, x, spec, **kwargs)


SPEC = ToySpec(widths=(4, 2), pairs=((1, 2), (3, 4)), rate=0.5)


def test_specs_survive_json():
    config = json.loads(json.dumps(dataclasses.asdict(SPEC)))
    assert config["pairs"] == [[1, 2], [3, 4]]
    again = ToySpec.from_config(config)
    assert again == SPEC
    assert hash(again) == hash(SPEC)


def test_specs_are_checked_on_their_way_back():
    with pytest.raises(ValueError, match="`widths` must not be empty"):
        ToySpec.from_config({"widths": []})
    with pytest.raises(TypeError, match="hights"):
        ToySpec.from_config({"widths": [1], "hights": 2})


def test_networks_survive_json():
    network = ToyNetwork(SPEC, name="first")
    again = ToyNetwork.from_config(json.loads(json.dumps(network.get_config())))
    assert (again.spec, again.name) == (SPEC, "first")
    assert [w.path for w in again.weights] == [w.path for w in network.weights]
    assert [w.shape for w in again.weights] == [(3, 4), (4,), (4, 2), (2,)]


def test_networks_are_built_and_named_from_the_start(tmp_path):
    network = ToyNetwork(SPEC)
    assert network.built and network.count_params() == 3 * 4 + 4 + 4 * 2 + 2
    assert list(network.input) == ["latents"]
    network.save(tmp_path / "toy.keras")
    again = keras.models.load_model(tmp_path / "toy.keras")
    assert type(again) is ToyNetwork and again.spec == SPEC
    latents = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(again({"latents": latents}), network({"latents": latents}))
