"""The one way that weights of other programs get into networks of ours.

Where they come from is data: what the other program calls each of our layers, how its names end,
and in which order its arrays are.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import keras
import numpy as np

Tensors = dict[str, np.ndarray]
FIRST = 4  # names that an error tells, of those that are wrong


class Mapping(NamedTuple):
    """Another program's names and array orders for the weights of one network.

    A weight of ours, "layer/leaf", is called `layers[layer] + leaves[leaf]` there, or what `names`
    says. A kernel's array goes through `to_ours[rank]`, any array through
    `permutations["layer/leaf"]`, where there are such.
    """

    layers: dict[str, str]
    leaves: dict[str, str]
    names: dict[str, str] = {}
    to_ours: dict[int, Callable[[np.ndarray], np.ndarray]] = {}
    permutations: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    spare: str = "(?!)"  # a pattern: what may be in the file and has no place in the network

    def name(self, path: str) -> str:
        """What they call our weight `path`."""
        if path in self.names:
            return self.names[path]
        layer, leaf = path.rsplit("/", 1)
        return self.layers[layer] + self.leaves[leaf]

    def shape(self, tensors: Tensors, path: str, rank: int) -> tuple[int, ...]:
        """The shape that our weight `path`, of that rank, gets from their tensors."""
        name = self.name(path)
        if name not in tensors:
            raise ValueError(f"The file must hold `{name}`. Received: {some(tensors)}.")
        if tensors[name].ndim != rank:
            raise ValueError(
                f"`{name}` must have {rank} axes. Received: shape {tensors[name].shape}."
            )
        return self._ordered(path, tensors[name]).shape

    def value(self, tensors: Tensors, path: str) -> np.ndarray:
        """Their values of our weight `path`, in our order."""
        values = self._ordered(path, tensors[self.name(path)])
        return self.permutations.get(path, np.asarray)(values)

    def _ordered(self, path, array):
        if not path.endswith("/kernel"):
            return array
        return self.to_ours.get(array.ndim, np.asarray)(array)


def build(network_class: type, spec, name: str) -> keras.Model:
    """A network whose weights are still zeros: drawing them would take longer than all the rest."""
    network = network_class(dataclasses.replace(spec, initializer="zeros"), name=name)
    network.spec = spec
    return network


def assign(network: keras.Model, mapping: Mapping, tensors: Tensors) -> None:
    """Gives a network all its weights.

    Moving averages are left out where the network keeps tables of them.

    Raises:
        ValueError: If a tensor is missing, has no place in the network, or does not fit there.
    """
    moving = ("/moving_mean", "/moving_variance")
    weights = {
        weight.path: weight
        for weight in network.weights
        if not (network.spec.standing and weight.path.endswith(moving))
    }
    names = {path: mapping.name(path) for path in weights}
    _check_names(network, set(names.values()), mapping.spare, tensors)
    values = {path: _ordered(mapping, tensors, path) for path in weights}
    wrong = [
        f"{names[path]} {tensors[names[path]].shape}, "
        + (f"{value.shape} in our order, " if value is not None else "")
        + f"needed: {tuple(weights[path].shape)}"
        for path, value in values.items()
        if value is None or not _fits(value.shape, weights[path].shape)
    ]
    _refuse(network, "Of the wrong shape", wrong)
    _refuse(
        network, "Not finite", [names[p] for p, v in values.items() if not np.isfinite(v).all()]
    )
    for path, weight in weights.items():
        weight.assign(values[path].reshape(weight.shape))


def _check_names(network, needed, spare, tensors):
    _refuse(network, "Missing", sorted(needed - tensors.keys()))
    extra = sorted(tensors.keys() - needed)
    _refuse(network, "Without a place", [name for name in extra if not re.fullmatch(spare, name)])


def _ordered(mapping, tensors, path):
    """The weight's values in our order; None if they cannot be brought there."""
    try:
        return mapping.value(tensors, path)
    except ValueError:
        return None


def _fits(shape, needed):
    """Whether the shapes are the same, whatever axes of length 1 they have or lack."""
    return [n for n in shape if n != 1] == [n for n in needed if n != 1]


def _refuse(network, what, names):
    if names:
        raise ValueError(
            f"The file must hold the weights of a {type(network).__name__} of "
            f"{network.spec.resolution} pixels and width {network.spec.width}, no more and no "
            f"less. {what}: {some(names)}."
        )


def some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - FIRST} more" if len(names) > FIRST else ""
    return (", ".join(names[:FIRST]) or "nothing") + more
