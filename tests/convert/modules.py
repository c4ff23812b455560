"""Folders of TF-Hub modules, which cannot be had here: written with their names and shapes."""

import re

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.convert import state_dicts

EMBEDDING = 16
SHARED = {"theta": "theta", "phi": "phi", "g": "g", "o": "o_conv"}


def suffix(number):
    return f"_{number}" if int(number) else ""


def tf_order(tensor):
    """A kernel as TensorFlow has it."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def latents_first(kernel):
    """[embedding, latents] -> [latents, embedding] in the rows of a [inputs, units] kernel."""
    return np.concatenate([kernel[EMBEDDING:], kernel[:EMBEDDING]])


def hub_tensors(tensors, counter):
    """A BigGAN-PyTorch state dict as the variables of a BigGAN module."""
    channels = len(tensors["blocks.0.0.bn1.stored_mean"])
    renamed = {}
    for name, tensor in tensors.items():
        if name.endswith("sv0"):
            continue
        if name.startswith("linear."):
            units = tensor.reshape(channels, 4, 4, -1).transpose(1, 2, 0, 3)
            tensor = units.reshape(16 * channels, -1)
            tensor = tensor.T if name.endswith("weight") else tensor.reshape(-1)
        elif name.endswith("weight") and not name.startswith("shared"):
            tensor = tf_order(tensor)
        new = hub_name(name)
        if "/HyperBN" in new and "/w/" in new:
            tensor = latents_first(tensor)
        if "accumulated" in new:
            tensor = tensor * counter
            counted = re.sub(r"accumulated_\w+", "accumulation_counter", new)
            renamed[f"module/{counted}"] = np.float32(counter)
        elif "ScaledCrossReplicaBN/" in new:
            tensor = tensor.reshape(1, 1, 1, -1)
        renamed[f"module/{new}"] = np.asarray(tensor, np.float32)
    return renamed


def hub_name(name):
    """The module's name for one of BigGAN-PyTorch."""
    kind = {"weight": "w/ema_b999900", "bias": "b/ema_b999900", "u0": "u0"}
    moments = {"stored_mean": "accumulated_mean", "stored_var": "accumulated_var"}
    kind |= moments
    layer, _, last = name.rpartition(".")
    roots = {"shared": "linear", "linear": "Generator/G_Z/G_linear"}
    roots["output_layer.2"] = "Generator/conv_2d"
    if layer in roots:
        return f"{roots[layer]}/{kind[last]}"
    if layer == "output_layer.0":
        root = "Generator/ScaledCrossReplicaBN"
        gain = {"gain": "gamma", "bias": "beta"}
        return f"{root}/{gain[last]}/ema_b999900" if last in gain else f"{root}bn/{kind[last]}"
    block, index, rest = re.fullmatch(r"blocks\.(\d+)\.([01])\.?(.*)", layer).groups()
    if index == "1":
        inner = f"{SHARED[rest]}/{kind[last]}" if rest else "gamma/ema_b999900"
        return f"Generator/attention/{inner}"
    root = f"Generator/GBlock{suffix(block)}"
    if rest.startswith("conv"):
        return f"{root}/{dict(conv1='conv0', conv2='conv1', conv_sc='conv_sc')[rest]}/{kind[last]}"
    number, _, part = rest.removeprefix("bn").partition(".")
    if part:
        part = {"gain": "gamma", "bias": "beta"}[part]
        return f"{root}/HyperBN{suffix(int(number) - 1)}/{part}/{kind[last]}"
    return f"{root}/CrossReplicaBN{suffix(int(number) - 1)}/{kind[last]}"


def deep_tensors(tensors):
    """The port's state dict as the variables and tables of a BigGAN-deep module."""
    variables, tables, norms = {}, {}, []
    for name, tensor in tensors.items():
        layer, _, last = name.rpartition(".")
        root = deep_root(layer)
        if last in ("weight_orig", "weight_v", "weight_u"):
            if last == "weight_orig":
                variables[f"{root}/w/ema_0.9999"] = tf_order(tensor)
                first = state_dicts.first_vector(len(tensor))
                variables[f"{root}/u0"] = first[None]
        elif last.startswith("running"):
            if layer not in norms:
                norms.append(layer)
            table = {"running_means": 1, "running_vars": 3}[last]
            tables[f"stack_{5 * norms.index(layer) + table}"] = tensor
        else:
            ends = {"gamma": "/gamma", "bias": "/b", "weight": "/w"}
            if layer == "generator.bn":
                ends = {"bias": "/offset", "weight": "/scale"}
            tensor = tensor.T if layer == "embeddings" else tensor
            variables[f"{root}{ends[last]}/ema_0.9999"] = tensor
    return variables, tables


def deep_root(layer):
    roots = {"embeddings": "linear", "generator.bn": "Generator/BatchNorm"}
    roots["generator.gen_z"] = "Generator/GenZ/G_linear"
    roots["generator.conv_to_rgb"] = "Generator/conv_to_rgb"
    roots["generator.layers.8"] = "Generator/attention"
    if layer in roots:
        return roots[layer]
    if "snconv1x1_" in layer:
        return f"Generator/attention/{layer.split('snconv1x1_')[1]}"
    number, part, *kind = layer.removeprefix("generator.layers.").split(".")
    block = int(number) - (int(number) > 8)
    if part.startswith("bn_"):
        part = f"BatchNorm{suffix(part.removeprefix('bn_'))}"
    else:
        part = part.replace("_", "")
    return "/".join([f"Generator/GBlock{suffix(block)}", part, *kind])


def write_module(folder, variables, tables=None):
    """Writes a module folder, with raw copies and other things that modules have."""
    raw = {
        re.sub(r"/ema_[^/]*$", "", name): np.zeros_like(value)
        for name, value in variables.items()
        if "/ema_" in name
    }
    everything = {**variables, **raw, "global_step": np.int64(3)}
    (folder / "variables").mkdir(parents=True)
    names = sorted(everything)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "variables" / "variables"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(everything[name]) for name in names],
    )
    with tf.Graph().as_default() as graph:
        size = tf.compat.v1.placeholder(tf.int32, (), name="size")
        tf.stack([size, size], name="stack_11000006")
        for name, table in (tables or {}).items():
            rows = list(map(tf.constant, table))
            tf.raw_ops.Pack(values=rows, axis=0, name=f"module_apply_default/{name}")
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    model.meta_graphs.add()
    model.meta_graphs.add().graph_def.CopyFrom(graph.as_graph_def())
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
