"""Generators of TF-Hub's module folders, BigGAN and BigGAN-deep, at 128, 256 and 512 pixels.

`variables/` has the raw weights and their averages; the averages are taken. Conditions there are
[latents, embedding]. BigGAN has one set of standing statistics, without truncation; BigGAN-deep
has tables, which are constants of the graph: `stack_1`, `stack_3`, `stack_6`, `stack_8`,
`stack_11` and so on are mean and variance of one norm after the other.
"""

import functools
import pathlib
import re

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfgan_zoo import standing
from tfgan_zoo.convert import mapping, specs
from tfgan_zoo.convert.huggingface import latents_last, truncations
from tfgan_zoo.convert.mapping import Mapping, Tensors
from tfgan_zoo.models import biggan, biggan_deep

AVERAGE = "/ema_b999900"  # of BigGAN
DEEP_AVERAGE = "/ema_0.9999"
SPARE = r"(?!.*/ema_[^/]*$).*"  # all but averages: raw weights, other vectors, counters
GENERATORS = {5: "biggan-hub128", 6: "biggan-hub256", 7: "biggan-hub512"}
DEEP = {10: "biggan-deep-hub128", 12: "biggan-deep-hub256", 14: "biggan-deep-hub512"}
ATTENTION = {"query": "theta", "key": "phi", "value": "g", "output": "o_conv"}
ATTENTION = {"attention": "Generator/attention"} | {
    f"attention/{ours}": f"Generator/attention/{theirs}" for ours, theirs in ATTENTION.items()
}


def read(folder: pathlib.Path) -> Tensors:
    """Averages, singular vectors and statistics of a module folder, without "module/".

    Raises:
        ValueError: If the folder is not one, or cannot be read.
    """
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        names = reader.get_variable_to_shape_map()
        kept = [name for name in names if re.search(r"/ema_[^/]*$|/u0$|/accumulat\w*$", name)]
        tensors = {name.removeprefix("module/"): reader.get_tensor(name) for name in kept}
        return tensors | _tables(_parsed(folder / "saved_model.pb"))
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{folder} must hold saved_model.pb and variables/ of a BigGAN module of TF-Hub. "
            f"TensorFlow says: {reason}"
        ) from error


def generator(tensors: Tensors) -> keras.Model:
    """The generator of a module's tensors; BigGAN-deep at truncation 1.

    Raises:
        ValueError: If they are not those of a BigGAN or BigGAN-deep module.
    """
    numbers = [re.match(r"Generator/GBlock(?:_(\d+))?/", name) for name in tensors]
    count = 1 + max((int(match[1] or 0) for match in numbers if match), default=-1)
    deep = any("/BatchNorm/scale/" in name for name in tensors)
    return _deep(tensors, count) if deep else _plain(_means(tensors), count)


def _plain(tensors, count):
    layers = ATTENTION | {
        "class_embedding": "linear",
        "seed": "Generator/G_Z/G_linear",
        "norm": "Generator/ScaledCrossReplicaBN",
        "to_rgb": "Generator/conv_2d",
    }
    for block in range(count):
        theirs = f"Generator/GBlock{_suffix(block)}"
        layers[f"block_{block + 1}_shortcut"] = f"{theirs}/conv_sc"
        for part in range(2):
            ours = f"block_{block + 1}_norm_{part + 1}"
            layers[ours] = f"{theirs}/CrossReplicaBN{_suffix(part)}"
            layers[f"{ours}_gain"] = f"{theirs}/HyperBN{_suffix(part)}/gamma"
            layers[f"{ours}_bias"] = f"{theirs}/HyperBN{_suffix(part)}/beta"
            layers[f"block_{block + 1}_conv_{part + 1}"] = f"{theirs}/conv{part}"
    moments = {"moving_mean": "/accumulated_mean", "moving_variance": "/accumulated_var"}
    last = {f"norm/{ours}": f"{layers['norm']}bn{theirs}" for ours, theirs in moments.items()}
    last["norm/bias"] = f"{layers['norm']}/beta{AVERAGE}"
    names = Mapping(layers, _leaves(AVERAGE, "/gamma") | moments, last, spare=SPARE)
    spec = specs.base(GENERATORS, count, "a BigGAN generator")
    spec = specs.biggan_generator(spec, functools.partial(names.shape, tensors))
    network = mapping.build(biggan.BigGANGenerator, spec, "generator")
    mapping.assign(network, names._replace(permutations=latents_last(network)), tensors)
    return network


def _deep(tensors, count):
    layers = ATTENTION | {
        "class_embedding": "linear",
        "seed": "Generator/GenZ/G_linear",
        "norm": "Generator/BatchNorm",
        "to_rgb": "Generator/conv_to_rgb",
    }
    norms = []
    for block in range(count):
        theirs = f"Generator/GBlock{_suffix(block)}"
        for part in range(4):
            ours = f"block_{block + 1}_norm_{part + 1}"
            norms.append(ours)
            layers[f"{ours}_gain"] = f"{theirs}/BatchNorm{_suffix(part)}/scale"
            layers[f"{ours}_bias"] = f"{theirs}/BatchNorm{_suffix(part)}/offset"
            layers[f"block_{block + 1}_conv_{part + 1}"] = f"{theirs}/conv{part}"
    tables = {"norm/bias": f"{layers['norm']}/offset{DEEP_AVERAGE}"}
    for number, norm in enumerate([*norms, "norm"]):
        tables[f"{norm}/standing_mean"] = f"stack_{5 * number + 1}"
        tables[f"{norm}/standing_variance"] = f"stack_{5 * number + 3}"
    names = Mapping(layers, _leaves(DEEP_AVERAGE, "/scale"), tables, spare=SPARE)
    shape = functools.partial(names.shape, tensors)
    spec = specs.deep_generator(
        specs.base(DEEP, count, "a BigGAN-deep generator"),
        shape,
        rgb_filters=shape("to_rgb/kernel", 4)[-1],
        standing=truncations(shape("norm/standing_mean", 2)[0]),
    )
    network = mapping.build(biggan_deep.BigGANDeepGenerator, spec, "generator")
    permutations = latents_last(network)
    permutations["seed/kernel"] = permutations["block_1_norm_1_gain/kernel"]
    permutations |= {path: _without_first for path in tables if "/standing_" in path}
    mapping.assign(network, names._replace(permutations=permutations), tensors)
    standing.select(network, spec.standing[-1])
    return network


def _suffix(number):
    """TensorFlow counts names of one kind from none over _1 to _2."""
    return f"_{number}" if number else ""


def _leaves(average, gain):
    """{our weight: end of their name}; the last norm's bias is called otherwise."""
    leaves = {"kernel": "/w", "embeddings": "/w", "bias": "/b", "gain": gain, "gamma": "/gamma"}
    return {**{ours: theirs + average for ours, theirs in leaves.items()}, "u": "/u0"}


def _without_first(table):
    return table[1:]


def _means(tensors):
    """Statistics that were summed over `accumulation_counter` passes, as their mean."""
    means = dict(tensors)
    for name, counter in tensors.items():
        layer, _, last = name.rpartition("/")
        if last != "accumulation_counter":
            continue
        if counter.item() <= 0:
            raise ValueError(f"`{name}` must be positive. Received: {counter.item()}.")
        for moment in {f"{layer}/accumulated_mean", f"{layer}/accumulated_var"} & means.keys():
            means[moment] = means[moment] / np.float32(counter.item())
    return means


def _parsed(path):
    try:
        return saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except Exception as error:  # protobuf's own, which TensorFlow has no name for
        raise ValueError(f"{path.name}: {error}") from error


def _tables(model: saved_model_pb2.SavedModel) -> Tensors:
    """{"stack_N": [rows, C]} of the first graph that has any."""
    for meta_graph in model.meta_graphs:
        graph_def = meta_graph.graph_def
        names = {node.name: node.name.rpartition("/")[2] for node in graph_def.node}
        stacks = [name for name, last in names.items() if re.fullmatch(r"stack_\d*[1368]", last)]
        if not stacks:
            continue
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.import_graph_def(_needed_by(stacks, graph_def), name="")
            tables = {names[name]: _constant(session, f"{name}:0") for name in stacks}
        return {name: table for name, table in tables.items() if table is not None}
    return {}


def _needed_by(names, graph_def):
    """The graph of these nodes and of all that they depend on."""
    nodes = {node.name: node for node in graph_def.node}
    needed, queue = {}, list(names)
    while queue:
        name = queue.pop()
        if name not in needed:
            needed[name] = nodes[name]
            queue += [entry.lstrip("^").partition(":")[0] for entry in nodes[name].input]
    return tf.compat.v1.GraphDef(
        node=needed.values(), versions=graph_def.versions, library=graph_def.library
    )


def _constant(session, name):
    """The tensor's value, or None if it depends on anything."""
    try:
        return session.run(name)
    except (tf.errors.InvalidArgumentError, tf.errors.FailedPreconditionError):
        return None
