"""ONNX files: run by ONNX Runtime, against the generators that they come from."""

import json

import numpy as np
import pytest

from export import onnx

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")


@pytest.fixture(scope="module")
def file(generators):
    return onnx.convert(generators["shared"])


@pytest.fixture(scope="module")
def session(file):
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def test_close_enough(generators, file):
    report = onnx.compare(file, generators["shared"], 8)
    assert report["max_difference"] <= 1e-5
    assert report["bytes"] == len(file)
    assert 0.0 < report["milliseconds"] < 1000.0


def test_other_generators_differ(generators, file):
    """So that comparing can fail."""
    generator = generators["shared"]
    weight = generator.trainable_weights[0]
    before = weight.numpy()
    weight.assign(before + 1.0)
    try:
        assert onnx.compare(file, generator, 2)["max_difference"] > 1e-2
    finally:
        weight.assign(before)


def test_names_and_dynamic_batch(session):
    inputs = {value.name: (value.type, value.shape) for value in session.get_inputs()}
    assert inputs == {
        "latents": ("tensor(float)", ["batch", 32]),
        "labels": ("tensor(int32)", ["batch"]),
    }
    (images,) = session.get_outputs()
    assert (images.name, images.shape) == ("images", ["batch", 32, 32, 1])


def test_metadata(session):
    about = json.loads(session.get_modelmeta().custom_metadata_map["tfgan_zoo"])
    assert about["inputs"]["labels"]["range"] == [0, 9]
    assert about["outputs"] == {"images": {"shape": [32, 32, 1], "range": [-1.0, 1.0]}}


@pytest.mark.parametrize("label", [-1, 10, -(2**31)])
def test_labels_out_of_range_fail(session, generators, make_inputs, label):
    inputs = make_inputs(generators["shared"], 1)
    with pytest.raises(Exception, match="indices element out of data bounds"):
        session.run(None, {**inputs, "labels": np.int32([label])})


def test_command_line(generator_file, file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(onnx, "convert", lambda generator, prior: file)
    path = tmp_path / "new" / "generator.onnx"
    with pytest.raises(SystemExit, match="Too far from the generator's images.*Nothing was"):
        onnx.run(str(generator_file), str(path), max_difference=0.0, count=2)
    assert not path.exists()
    onnx.run(str(generator_file), str(path), count=2)
    assert path.read_bytes() == file
    assert [*path.parent.iterdir()] == [path]
    assert "2 images differ from Keras's by at most" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="generator.onnx, which exists. Remove it"):
        onnx.run(str(generator_file), str(path), count=2)


def test_command_line_errors(generator_file, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="must be a .keras file that exists"):
        onnx.run(str(tmp_path / "missing.keras"), str(tmp_path / "a.onnx"))
    with pytest.raises(SystemExit, match=r"must be a file named \*.onnx"):
        onnx.run(str(generator_file), str(tmp_path))
    monkeypatch.setattr(onnx, "onnx", None)
    with pytest.raises(SystemExit, match=r"pip install 'tfgan_zoo\[onnx\]'"):
        onnx.run(str(generator_file), str(tmp_path / "a.onnx"))
