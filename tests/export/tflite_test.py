"""TFLite files: run by LiteRT, against the generators that they come from."""

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import inference, lite_metadata, lite_report, quantization, tflite
from tests import programs

KINDS = tuple(quantization.ALL_KINDS)
BUILT_IN = {
    *("ADD", "BATCH_MATMUL", "CONCATENATION", "CONV_2D", "DEQUANTIZE", "FULLY_CONNECTED"),
    *("GATHER", "LESS", "MAX_POOL_2D", "MUL", "PACK", "QUANTIZE", "RESHAPE", "SELECT", "SELECT_V2"),
    *("SHAPE", "SOFTMAX", "SPLIT", "STRIDED_SLICE", "SUB", "TANH"),
}


@pytest.fixture(scope="module")
def files(generators):
    """All kinds of the generator "shared"."""
    return {kind: tflite.convert(generators["shared"], kind) for kind in KINDS}


def run(content, inputs):
    return Interpreter(model_content=content).get_signature_runner()(**inputs)["image"]


def operations(content):
    interpreter = Interpreter(model_content=content)
    return {row["op_name"] for row in interpreter._get_ops_details()}


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_close_enough(generators, files, kind):
    result = tflite.compare(files[kind], generators["shared"], 8)
    assert result["psnr"] >= dict(zip(KINDS, (120.0, 70.0, 45.0, 25.0)))[kind]
    # Rounding of weights is seen: the file is what it says.
    assert result["psnr"] <= dict(zip(KINDS, (200.0, 100.0, 70.0, 60.0)))[kind]
    assert result["max_difference"] <= dict(zip(KINDS, (1e-5, 5e-3, 0.1, 0.7)))[kind]
    assert result["bytes"] == len(files[kind])
    assert 0.0 < result["milliseconds"] < 1000.0
    assert 0.0 < result["milliseconds_2_threads"] < 1000.0


def test_better_stored_is_larger_and_closer(generators, files):
    rows = [tflite.compare(files[kind], generators["shared"], 4) for kind in KINDS[:3]]
    assert rows[0]["bytes"] > 1.4 * rows[1]["bytes"] > 1.4 * rows[2]["bytes"]
    assert rows[0]["psnr"] > rows[1]["psnr"] > rows[2]["psnr"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_dynamic_batch(generators, make_inputs, files, kind, count):
    inputs = make_inputs(generators["shared"], count)
    images = run(files[kind], inputs)
    tolerance = 1e-4 if kind == "float32" else 5e-3
    np.testing.assert_allclose(images, generators["shared"](inputs), atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_operations(files, kind):
    names = operations(files[kind])
    assert not {name for name in names if name.startswith(("Flex", "CUSTOM"))}
    assert names <= BUILT_IN
    assert ("DEQUANTIZE" in names) == (kind in ("float16", "int8_full"))
    assert ("QUANTIZE" in names) == (kind == "int8_full")


@pytest.mark.parametrize("name", ["tables", "unconditional"])
def test_other_inputs(generators, make_inputs, name):
    content = tflite.convert(generators[name], "float32")
    inputs = make_inputs(generators[name], 3)
    np.testing.assert_allclose(run(content, inputs), generators[name](inputs), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [-1, 10, -(2**31)])
def test_labels_out_of_range_fail(generators, make_inputs, files, kind, label):
    inputs = make_inputs(generators["shared"], 1)
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        run(files[kind], {**inputs, "labels": np.int32([label])})


def test_metadata(generators, files):
    about = lite_metadata.read(files["int8"])
    assert about["kind"] == "int8"
    assert about["inputs"]["latents"] == {"shape": [32], "prior": "normal", "truncation": None}
    assert about["inputs"]["labels"] == {"range": [0, 9], "class_names": [*map(str, range(10))]}
    assert about["outputs"] == {"image": {"shape": [32, 32, 1], "range": [-1.0, 1.0]}}
    changed = lite_metadata.attach(files["int8"], {**about, "name": "other"})
    assert lite_metadata.read(changed) == {**about, "name": "other"}
    assert tflite.compare(changed, generators["shared"], 2)["psnr"] > 40.0
    for content in (b"", b"\0\0\0\0TFL2 other"):
        with pytest.raises(ValueError, match="must be a TFLite file that export.tflite wrote"):
            lite_metadata.read(content)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_aligned(files, kind):
    tree = lite_metadata.schema.Model.GetRootAs(files[kind])
    arrays = [tree.Buffers(number).DataAsNumpy() for number in range(tree.BuffersLength())]
    start = np.frombuffer(files[kind], np.uint8).ctypes.data
    places = [array.ctypes.data - start for array in arrays if isinstance(array, np.ndarray)]
    assert len(places) > 10
    assert {place % 16 for place in places} == {0}


def test_metadata_of_presets():
    generator = inference.load_generator("cgan-digits")
    about = lite_metadata.describe(generator, "int8")
    assert about["name"] == "cgan-digits" and about["method"] and about["licence"]
    assert about["inputs"]["latents"]["prior"] == "uniform"
    assert about["inputs"]["labels"]["class_names"] == list("0123456789")
    latents = next(quantization.representative(generator, 1)())["latents"]
    assert latents.shape == (1, 32) and np.abs(latents).max() < 1.0


def test_what_int8_full_cannot_hold():
    with pytest.raises(ValueError, match="another than 'int8_full' for this generator.*'int8'"):
        with tflite._explained("int8_full"):
            raise RuntimeError("DIV failed.")
    with pytest.raises(RuntimeError, match="DIV failed"):
        with tflite._explained("int8"):
            raise RuntimeError("DIV failed.")


def test_tables_and_picture():
    row = {"file": "a.tflite", "bytes": 2048, "milliseconds": 1.5, "milliseconds_2_threads": 0.5}
    report = {"int8": {**row, "max_difference": 0.25, "psnr": 40.0, "min_psnr": 30.0}}
    images = np.zeros((2, 4, 4, 3), np.float32)
    found = lite_report.files(report, {"Keras": images, "int8": images})
    assert "| a.tflite | 2,048 | 1.50 | 0.50 | 0.25 | 40.0 | 30.0 |" in found["report.md"].decode()
    assert found["report.png"].startswith(b"\x89PNG")
    assert json.loads(found["report.json"]) == report
    head, line = lite_report.table(report).splitlines()
    assert len(head) == len(line)


def test_unknown_kind(generators):
    with pytest.raises(
        ValueError, match="float32, float16, int8, int8_full. Received: kind='int4'"
    ):
        tflite.convert(generators["shared"], "int4")


def test_compare_without_the_runtime(generators, files, monkeypatch):
    monkeypatch.setattr(tflite, "Interpreter", None)
    with pytest.raises(ValueError, match=r"pip install 'tfgan_zoo\[export\]'"):
        tflite.compare(files["float32"], generators["shared"], 1)


def test_command_line(generator_file, tmp_path):
    options = [f"--output={tmp_path}/files", "--kinds=int8"]
    done = programs.run("export.tflite", f"--generator={generator_file}", "--check", *options)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "generator_int8.tflite" in done.stdout
    assert json.loads((tmp_path / "files" / "report.json").read_text())["int8"]["psnr"] > 45.0


def test_report(files, generator_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tflite, "convert", lambda generator, kind, prior: files[kind])
    tflite.run(str(generator_file), str(tmp_path), ["float32", "int8_full"], False, None)
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == [
        "generator_float32.tflite",
        "generator_int8_full.tflite",
    ]
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"report.md", "report.png"} <= {path.name for path in tmp_path.iterdir()}
    bounds = {"float32": 90.0, "int8_full": 30.0}
    assert {kind: row["min_psnr"] for kind, row in report.items()} == bounds
    for kind, row in report.items():
        assert (tmp_path / row["file"]).read_bytes() == files[kind]
        assert row["bytes"] == len(files[kind])


def test_check_fails(files, generator_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tflite, "convert", lambda generator, kind, prior: files[kind])
    arguments = (str(generator_file), str(tmp_path), ["int8"])
    with pytest.raises(SystemExit, match="generator's images: generator_int8.tflite."):
        tflite.run(*arguments, check=True, min_psnr=100.0)
    assert "generator_int8.tflite" in capsys.readouterr().out
    kept = (tmp_path / "generator_int8.tflite").read_bytes()
    with pytest.raises(SystemExit, match="generator_int8.tflite, which exists. Remove it"):
        tflite.run(*arguments, check=False, min_psnr=100.0)
    assert (tmp_path / "generator_int8.tflite").read_bytes() == kept
    (tmp_path / "generator_int8.tflite").unlink()
    with pytest.raises(SystemExit, match="report.json, which exists"):
        tflite.run(*arguments, check=False, min_psnr=100.0)


def test_command_line_errors(generator_file, tmp_path):
    with pytest.raises(SystemExit, match="must be a .keras file that exists"):
        tflite.run(str(tmp_path / "missing.keras"), str(tmp_path), ["int8"], True, None)
    with pytest.raises(SystemExit, match="--output must be a folder that can be written to"):
        tflite.run(str(generator_file), f"{generator_file}/files", ["int8"], True, None)
