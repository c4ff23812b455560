"""Generators of pytorch-pretrained-BigGAN: config.json and pytorch_model.bin, BigGAN-deep only.

Conditions there are [latents, embedding]; the first layer's units are in our order. Every batch
norm has a table of standing statistics, a row for each truncation k / (n_stats - 1).
"""

import dataclasses
import itertools

import keras
import numpy as np

from tfgan_zoo import standing
from tfgan_zoo.convert import mapping
from tfgan_zoo.convert.biggan_pytorch import TO_OURS
from tfgan_zoo.convert.mapping import Mapping, Tensors
from tfgan_zoo.models import biggan_deep, registry

LEAVES = {
    "kernel": ".weight_orig",
    "embeddings": ".weight",
    "bias": ".bias",
    "u": ".weight_u",
    "gain": ".weight",
    "gamma": ".gamma",
    "standing_mean": ".running_means",
    "standing_variance": ".running_vars",
}
LAYERS = {
    "class_embedding": "embeddings",
    "seed": "generator.gen_z",
    "norm": "generator.bn",
    "to_rgb": "generator.conv_to_rgb",
}
ATTENTION = {"query": "theta", "key": "phi", "value": "g", "output": "o_conv"}
SPARE = r".*\.weight_v"  # goes into `weight_u`
FIELDS = {
    "output_dim": int,
    "z_dim": int,
    "class_embed_dim": int,
    "channel_width": int,
    "num_classes": int,
    "attention_layer_position": int,
    "eps": float,
    "n_stats": int,
    "layers": list,
}


def generator(config: dict, tensors: Tensors) -> keras.Model:
    """The generator that a config and a state dict describe, at truncation 1.

    Raises:
        ValueError: If the config is another program's, or the tensors are not those it tells of.
    """
    spec = _spec(config)
    network = mapping.build(biggan_deep.BigGANDeepGenerator, spec, "generator")
    mapping.assign(network, _mapping(config, network), _one_vector(tensors))
    standing.select(network, spec.standing[-1])
    return network


def _one_vector(tensors):
    """The tensors with each `weight_u` such that one iteration from it gives `weight_v`.

    The port divides by |W v|. We store one vector and iterate once: from W's pseudo-inverse of v,
    with the same result, where `weight_u` would be half an iteration ahead.
    """
    tensors = dict(tensors)
    for name in [name for name in tensors if name.endswith(".weight_v")]:
        layer, v = name.removesuffix("weight_v"), tensors[name].astype(np.float64)
        kernel = tensors.get(f"{layer}weight_orig")
        if kernel is None or kernel.ndim < 2 or not np.isfinite(kernel).all():
            continue  # `assign` names it
        matrix = kernel.astype(np.float64).reshape(len(kernel), -1)
        if v.shape != matrix.shape[1:]:
            raise ValueError(
                f"`{name}` must have shape {matrix.shape[1:]}. Received: shape {v.shape}."
            )
        if len(matrix) > v.size:
            u = matrix @ (np.linalg.pinv(matrix.T @ matrix, hermitian=True) @ v)
        else:
            u = np.linalg.pinv(matrix @ matrix.T, hermitian=True) @ (matrix @ v)
        if f"{layer}weight_u" in tensors:
            tensors[f"{layer}weight_u"] = (u / max(np.linalg.norm(u), 1e-12)).astype(np.float32)
    return tensors


def latents_last(network: keras.Model) -> dict:
    """Permutations for kernels whose inputs are [latents, embedding] in the other program."""

    def roll(kernel):
        return np.roll(kernel, network.spec.shared_dim, axis=0)

    ends = ("_gain/kernel", "_bias/kernel")
    return {weight.path: roll for weight in network.weights if weight.path.endswith(ends)}


def truncations(rows: int) -> tuple[float, ...]:
    """Those of the rows of a table of statistics but its first, which is of truncation 0."""
    return tuple(row / (rows - 1) for row in range(1, rows))


def _spec(config):
    wrong = [name for name, kind in FIELDS.items() if not _is(config.get(name), kind)]
    if wrong:
        raise ValueError(
            f"config.json must have {', '.join(FIELDS)}, as positive numbers and a list. "
            f"Received: no such {', '.join(wrong)}. Take that of the same model."
        )
    side, layers = config["output_dim"], [list(layer) for layer in config["layers"]]
    widths = [layers[0][1], *(layer[2] for layer in layers[1::2])]
    expected = [
        block
        for wide, narrow in itertools.pairwise(widths)
        for block in ([False, wide, wide], [True, wide, narrow])
    ]
    position, name = config["attention_layer_position"], f"biggan-deep-hub{side}"
    if layers != expected or side != 4 << len(widths) - 1 or name not in registry.names():
        raise ValueError(
            "`layers` in config.json must be pairs of [false, c, c] and [true, c, d], each "
            "beginning where the last ended, that double 4 pixels to an `output_dim` of 128, 256 "
            f"or 512. Received: output_dim={side}, layers={layers}."
        )
    if position % 2 or position >= len(layers):
        raise ValueError(
            "`attention_layer_position` in config.json must be the number of a block that begins a "
            f"stage: even, and below {len(layers)}. Received: {position}."
        )
    return dataclasses.replace(
        registry.spec(name),
        width=config["channel_width"],
        g_widths=tuple(widths),
        g_attention=4 << sum(layer[0] for layer in layers[:position]),
        z_dim=config["z_dim"],
        num_classes=config["num_classes"],
        shared_dim=config["class_embed_dim"],
        rgb_filters=config["channel_width"],
        bn_epsilon=config["eps"],
        sn_epsilon=config["eps"],
        standing=truncations(config["n_stats"]),
    )


def _is(value, kind):
    if kind is list:
        triples = isinstance(value, list) and all(len(np.atleast_1d(x)) == 3 for x in value)
        return triples and value
    return isinstance(value, (int, float) if kind is float else kind) and value > 0


def _mapping(config, network):
    position, layers = config["attention_layer_position"], dict(LAYERS)
    for block in range(len(config["layers"])):
        theirs = f"generator.layers.{block + (block >= position)}."
        for part in range(4):
            ours = f"block_{block + 1}_norm_{part + 1}"
            layers[ours] = f"{theirs}bn_{part}"
            layers[f"{ours}_gain"] = f"{theirs}bn_{part}.scale"
            layers[f"{ours}_bias"] = f"{theirs}bn_{part}.offset"
            layers[f"block_{block + 1}_conv_{part + 1}"] = f"{theirs}conv_{part}"
    layers["attention"] = f"generator.layers.{position}"
    for ours, part in ATTENTION.items():
        layers[f"attention/{ours}"] = f"generator.layers.{position}.snconv1x1_{part}"
    permutations = latents_last(network)
    permutations["seed/kernel"] = permutations["block_1_norm_1_gain/kernel"]
    permutations["class_embedding/embeddings"] = np.transpose
    for weight in network.weights:
        if weight.name in ("standing_mean", "standing_variance"):
            permutations[weight.path] = lambda table: table[1:]
    return Mapping(layers, LEAVES, to_ours=TO_OURS, permutations=permutations, spare=SPARE)
