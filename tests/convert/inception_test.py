"""The FID Inception's conversion: every kind of source, what is told, what is refused."""

import hashlib
import importlib.util

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests import programs
from tests.metrics import inception_weights
from tfgan_zoo.convert import torch_file
from tfgan_zoo.convert.inception import __main__ as program
from tfgan_zoo.convert.inception import sources
from tfgan_zoo.metrics import inception_file

TORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture(name="arrays", scope="module")
def fixture_arrays():
    return inception_weights.drawn(1)


@pytest.fixture(name="graph", scope="module")
def fixture_graph(arrays, tmp_path_factory):
    """A frozen graph with the constants of the published one, and others beside them."""
    path = tmp_path_factory.mktemp("graph") / "classify_image_graph_def.pb"
    path.write_bytes(graph_def(arrays).SerializeToString())
    return path


def graph_def(arrays, prefix=""):
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name=f"{prefix}Mul/y", op="Const")
    graph.node.add(name=f"{prefix}ExpandDims", op="ExpandDims")
    for name, array in arrays.items():
        node = graph.node.add(name=prefix + name, op="Const")
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
    return graph


def same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array, err_msg=name)
        assert ours[name].dtype == np.float32


def test_frozen_graph(graph, arrays, tmp_path, capsys):
    path = tmp_path / "new" / "w.npz"
    program.run(str(graph), str(path))
    sha256 = hashlib.sha256(graph.read_bytes()).hexdigest()
    weights = inception_file.read(path)
    same(weights.arrays, arrays)
    assert weights.sha256 == sha256
    assert [p.name for p in path.parent.iterdir()] == ["w.npz"]
    told = capsys.readouterr()
    assert told.out == (
        f"Wrote {path}: inception-other@{sha256[:8]}. Hash of the weights themselves, whatever "
        f"file they come in: {inception_file.digest(arrays)}.\n"
    )
    assert told.err.startswith(f"Warning: the source's hash is {sha256}, not the 6726825d...")


def test_published_file_goes_where_scores_look(arrays, tmp_path, monkeypatch, capsys):
    """PyTorch's reader and the hash are replaced: neither the file nor PyTorch need be here."""
    monkeypatch.setattr(inception_file.pathlib.Path, "home", lambda: tmp_path)
    monkeypatch.setattr(torch_file, "read", lambda path: inception_weights.state_dict(arrays))
    monkeypatch.setattr(sources, "sha256_of", lambda path: "6726825d" + "0" * 56)
    program.run("weights-inception-2015-12-05-6726825d.pth")
    weights = inception_file.read()
    same(weights.arrays, arrays)
    assert weights.name == "inception-2015-12-05@6726825d"
    told = capsys.readouterr()
    assert told.err == ""
    with pytest.raises(SystemExit, match="^Error: `output` must not exist yet.*--overwrite"):
        program.run("weights-inception-2015-12-05-6726825d.pth")


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed")
def test_pytorch_file(arrays, tmp_path):
    torch = pytest.importorskip("torch")
    state = inception_weights.state_dict(arrays)
    state |= {"Conv2d_1a_3x3.bn.num_batches_tracked": np.array(1)}
    path = tmp_path / "w.pth"
    torch.save({name: torch.from_numpy(array) for name, array in state.items()}, path)
    same(sources.read(path), arrays)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ValueError, match="w.pth must be PyTorch's file of the FID Inception"):
        sources.read(path)


@pytest.mark.skipif(TORCH, reason="PyTorch is installed")
def test_without_pytorch(tmp_path):
    path = tmp_path / "w.pth"
    path.touch()
    with pytest.raises(ValueError, match=r"not installed here.*tfgan_zoo\[torch\]"):
        sources.read(path)


def test_another_network_of_pytorch(monkeypatch):
    monkeypatch.setattr(torch_file, "read", lambda path: {"fc.weight": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="w.pth must hold the 472 arrays.* lacks 472 of them"):
        sources.read("w.pth")


@pytest.mark.parametrize("place", ["graph", "function"])
def test_folder_with_constants(place, arrays, tmp_path):
    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add().graph_def
    found = graph_def(arrays, "import/")
    if place == "graph":
        graph.CopyFrom(found)
    else:
        graph.library.function.add().node_def.extend(found.node)
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    same(sources.read(tmp_path), arrays)
    before = sources.sha256_of(tmp_path)
    (tmp_path / "saved_model.pb").rename(tmp_path / "other.pb")
    assert sources.sha256_of(tmp_path) != before
    with pytest.raises(ValueError, match="`source` must have saved_model.pb in it"):
        sources.read(tmp_path)


def test_folder_with_variables(arrays, tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").touch()
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "variables" / "variables"),
        tensor_names=[f"module/{name}" for name in arrays],
        shape_and_slices=[""] * len(arrays),
        tensors=list(arrays.values()),
    )
    same(sources.read(tmp_path), arrays)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("w.pb", b"<html>not found</html>", "w.pb must be a graph of TensorFlow, whole"),
        ("w.pb", b"", "w.pb must hold the 472 arrays of the FID Inception. It lacks 472"),
        ("w.tgz", b"", "must be a .pth file of PyTorch, a frozen graph .pb, or a folder"),
    ],
)
def test_sources_of_another_kind(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit, match=f"^Error: .*{message}"):
        program.run(str(tmp_path / name), str(tmp_path / "w.npz"))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_truncated_graph(graph, tmp_path):
    path = tmp_path / "cut.pb"
    path.write_bytes(graph.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="cut.pb must be a graph of TensorFlow, whole"):
        sources.read(path)


def test_program_ends_with_one_line(tmp_path):
    done = programs.run("tfgan_zoo.convert.inception", f"--source={tmp_path}/no.pth")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"Error: `source` must exist. Received: {tmp_path}/no.pth. The weights")


@pytest.mark.parametrize("output", ["w.keras", "."])
def test_outputs_of_another_kind(graph, output, tmp_path):
    with pytest.raises(SystemExit, match="^Error: `output` must be an .npz file"):
        program.run(str(graph), str(tmp_path / output))
