"""The FID Inception's weights from PyTorch's file, the frozen graph, or a folder of TF-Hub."""

import hashlib
import os
import pathlib
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfgan_zoo.convert import torch_file
from tfgan_zoo.metrics import inception_file, inception_table

# Of a batch norm in PyTorch, in the order of inception_table.MOMENTS.
TORCH_MOMENTS = ("weight", "bias", "running_mean", "running_var")
LAST = "softmax/weights"  # no other name ends like this: what precedes it is a prefix of all


def sha256_of(source: str | os.PathLike) -> str:
    """Hash of a file; of a folder's files with their names, if it is one.

    Raises:
        ValueError: if there is none.
    """
    source = pathlib.Path(source)
    if source.is_file():
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not source.is_dir():
        raise ValueError(f"`source` must exist. Received: {source}. {inception_file.HOW_TO_GET}")
    found = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(source).as_posix()} {sha256_of(path)}\n".encode())
    return found.hexdigest()


def read(source: str | os.PathLike) -> dict[str, np.ndarray]:
    """The 472 arrays by their names in the graph, float32.

    Args:
        source: A .pth file; a frozen graph, .pb; or a folder with saved_model.pb, the weights in
            it as constants or in variables/.

    Raises:
        ValueError: if it is none of these, damaged, or another network's.
    """
    source = pathlib.Path(source)
    if source.is_dir():
        arrays = _of_folder(source)
    elif source.suffix == ".pb":
        arrays = _of_graphs([_parsed(source, tf.compat.v1.GraphDef).node])
    elif source.suffix in (".pth", ".pt", ".bin"):
        arrays = _of_torch(source)
    else:
        raise ValueError(
            "`source` must be a .pth file of PyTorch, a frozen graph .pb, or a folder with "
            f"saved_model.pb. Received: {source}."
        )
    inception_file.check(arrays, source)
    return {name: arrays[name].astype(np.float32) for name in inception_table.shapes()}


def _of_torch(source):
    try:
        tensors = torch_file.read(source)
    except ValueError as error:
        if isinstance(error.__cause__, ImportError):  # PyTorch is not installed, and it says so
            raise
        raise ValueError(
            f"{source} must be PyTorch's file of the FID Inception, whole: a dictionary of "
            f"tensors and nothing else. It could not be read. {inception_file.HOW_TO_GET}"
        ) from error
    found = {}
    for row in inception_table.rows():
        kernel = tensors.get(f"{row.module}.conv.weight")
        if kernel is not None and kernel.ndim == 4:
            found[f"{row.scope}/conv2d_params"] = kernel.transpose(2, 3, 1, 0)
        for theirs, ours in zip(TORCH_MOMENTS, inception_table.MOMENTS, strict=True):
            if f"{row.module}.bn.{theirs}" in tensors:
                found[f"{row.scope}/batchnorm/{ours}"] = tensors[f"{row.module}.bn.{theirs}"]
    if "fc.weight" in tensors and "fc.bias" in tensors:
        found |= {"softmax/weights": tensors["fc.weight"].T, "softmax/biases": tensors["fc.bias"]}
    return found


def _of_folder(source):
    if not (source / "saved_model.pb").is_file():
        raise ValueError(f"`source` must have saved_model.pb in it. Received: {source}.")
    if (source / "variables" / "variables.index").is_file():
        try:
            reader = tf.train.load_checkpoint(str(source / "variables" / "variables"))
            names = _by_scope(reader.get_variable_to_shape_map())
            if names:
                return {ours: reader.get_tensor(theirs) for ours, theirs in names.items()}
        except (tf.errors.OpError, RuntimeError) as error:
            raise ValueError(f"{source}/variables is damaged: {error}.") from error
    model = _parsed(source / "saved_model.pb", saved_model_pb2.SavedModel)
    graphs = [graph.graph_def for graph in model.meta_graphs]
    functions = [function.node_def for graph in graphs for function in graph.library.function]
    return _of_graphs([*(graph.node for graph in graphs), *functions])


def _parsed(path, kind):
    try:
        return kind.FromString(path.read_bytes())
    except OSError:
        raise
    except Exception as error:  # protobuf's own, which TensorFlow has no name for
        raise ValueError(
            f"{path} must be a graph of TensorFlow, whole. It could not be read. "
            f"{inception_file.HOW_TO_GET}"
        ) from error


def _of_graphs(graphs: Iterable) -> dict[str, np.ndarray]:
    """The constants of the first graph that has the network, of those given as lists of nodes."""
    for nodes in graphs:
        constants = {node.name: node for node in nodes if node.op == "Const"}
        names = _by_scope(constants)
        if names:
            return {
                ours: tf.make_ndarray(constants[theirs].attr["value"].tensor)
                for ours, theirs in names.items()
            }
    return {}


def _by_scope(names: Iterable[str]) -> dict[str, str]:
    """{name in the graph of 2015: name here}, where all may have a prefix such as "import/"."""
    names = set(names)
    ends = [name for name in names if name == LAST or name.endswith(f"/{LAST}")]
    if len(ends) != 1:
        return {}
    prefix = ends[0].removesuffix(LAST)
    return {ours: prefix + ours for ours in inception_table.shapes() if prefix + ours in names}
