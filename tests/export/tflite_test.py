"""TFLite files: run by LiteRT, against the generators that they come from."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import tflite

ROOT = pathlib.Path(__file__).parent.parent.parent
BUILT_IN = {
    *("ADD", "BATCH_MATMUL", "CONCATENATION", "CONV_2D", "DEQUANTIZE", "FULLY_CONNECTED"),
    *("GATHER", "LESS", "MAX_POOL_2D", "MUL", "PACK", "RESHAPE", "SELECT", "SELECT_V2"),
    *("SHAPE", "SOFTMAX", "SPLIT", "STRIDED_SLICE", "SUB", "TANH"),
}


@pytest.fixture(scope="module")
def files(generators):
    """All kinds of the generator "shared"."""
    return {kind: tflite.convert(generators["shared"], kind) for kind in tflite.KINDS}


def run(content, inputs):
    return Interpreter(model_content=content).get_signature_runner()(**inputs)["image"]


def operations(content):
    interpreter = Interpreter(model_content=content)
    return {row["op_name"] for row in interpreter._get_ops_details()}


@pytest.mark.parametrize("kind", tflite.KINDS)
def test_files_are_close_enough(generators, files, kind):
    result = tflite.compare(files[kind], generators["shared"], 8)
    assert result["psnr"] >= {"float32": 120.0, "float16": 70.0, "int8": 45.0}[kind]
    # Rounding of weights is seen: the file is what it says.
    assert result["psnr"] <= {"float32": 200.0, "float16": 100.0, "int8": 70.0}[kind]
    assert result["max_difference"] <= {"float32": 1e-5, "float16": 5e-3, "int8": 0.1}[kind]
    assert result["bytes"] == len(files[kind])
    assert 0.0 < result["milliseconds"] < 1000.0


def test_better_stored_is_larger_and_closer(generators, files):
    rows = [tflite.compare(files[kind], generators["shared"], 4) for kind in tflite.KINDS]
    assert rows[0]["bytes"] > 1.4 * rows[1]["bytes"] > 1.4 * rows[2]["bytes"]
    assert rows[0]["psnr"] > rows[1]["psnr"] > rows[2]["psnr"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_dynamic_batch(generators, make_inputs, files, kind, count):
    inputs = make_inputs(generators["shared"], count)
    images = run(files[kind], inputs)
    tolerance = 1e-4 if kind == "float32" else 5e-3
    np.testing.assert_allclose(images, generators["shared"](inputs), atol=tolerance)


@pytest.mark.parametrize("kind", tflite.KINDS)
def test_operations(files, kind):
    names = operations(files[kind])
    assert not {name for name in names if name.startswith(("Flex", "CUSTOM"))}
    assert names <= BUILT_IN
    assert ("DEQUANTIZE" in names) == (kind == "float16")


@pytest.mark.parametrize("name", ["tables", "unconditional"])
def test_other_inputs(generators, make_inputs, name):
    content = tflite.convert(generators[name], "float32")
    inputs = make_inputs(generators[name], 3)
    np.testing.assert_allclose(run(content, inputs), generators[name](inputs), atol=1e-4)


def test_labels_out_of_range_fail(generators, make_inputs, files):
    inputs = make_inputs(generators["shared"], 1)
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        run(files["float32"], {**inputs, "labels": np.int32([10])})


def test_unknown_kind(generators):
    with pytest.raises(ValueError, match="float32, float16, int8. Received: kind='int4'"):
        tflite.convert(generators["shared"], "int4")


def test_compare_without_the_runtime(generators, files, monkeypatch):
    monkeypatch.setattr(tflite, "Interpreter", None)
    with pytest.raises(ValueError, match=r"pip install 'tfgan_zoo\[export\]'"):
        tflite.compare(files["float32"], generators["shared"], 1)


def test_command_line(generator_file, tmp_path):
    command = [sys.executable, "-m", "export.tflite", f"--generator={generator_file}", "--check"]
    options = [f"--output={tmp_path}/files", "--kinds=int8"]
    done = subprocess.run(
        [*command, *options], check=True, capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert "generator_int8.tflite" in done.stdout
    assert json.loads((tmp_path / "files" / "report.json").read_text())["int8"]["psnr"] > 45.0


def test_report(files, generator_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tflite, "convert", lambda generator, kind: files[kind])
    tflite.run(str(generator_file), str(tmp_path), ["float32", "int8"], True, None)
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["generator_float32.tflite", "generator_int8.tflite"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert {kind: row["min_psnr"] for kind, row in report.items()} == {"float32": 90, "int8": 30}
    for kind, row in report.items():
        assert (tmp_path / row["file"]).read_bytes() == files[kind]
        assert row["bytes"] == len(files[kind])


def test_check_fails(files, generator_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tflite, "convert", lambda generator, kind: files[kind])
    arguments = (str(generator_file), str(tmp_path), ["int8"])
    with pytest.raises(SystemExit, match="generator's images: generator_int8.tflite."):
        tflite.run(*arguments, check=True, min_psnr=100.0)
    tflite.run(*arguments, check=False, min_psnr=100.0)
    assert capsys.readouterr().out.count("generator_int8.tflite") == 2


def test_command_line_errors(generator_file, tmp_path):
    with pytest.raises(SystemExit, match="must be a .keras file that exists"):
        tflite.run(str(tmp_path / "missing.keras"), str(tmp_path), ["int8"], True, None)
    with pytest.raises(SystemExit, match="--output must be a folder that can be written to"):
        tflite.run(str(generator_file), f"{generator_file}/files", ["int8"], True, None)
