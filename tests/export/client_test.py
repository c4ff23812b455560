"""The client against a server on this machine: over REST, gRPC, and as a program."""

import contextlib
import pathlib
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from export import client, serving_api
from tfgan_zoo import sampling

ROOT = pathlib.Path(__file__).parents[2]


def address(port, model="digits", version=None, label=None, timeout=30.0, host="127.0.0.1"):
    return serving_api.Address(host, port, model, version, label, timeout)


@pytest.fixture(name="server")
def fixture_server(ports):
    """A connection to the newest version, over REST."""
    with contextlib.closing(serving_api.Rest(address(ports[1]))) as server:
        yield server


@pytest.fixture(name="command", params=["rest", "grpc"])
def fixture_command(ports, request, capsys):
    """(arguments) -> what the client prints; its errors are raised as SystemExit."""

    def run(name, *arguments, model="digits"):
        where = [f"--port={ports[0]}", f"--rest_port={ports[1]}", "--host=127.0.0.1"]
        where += ["--grpc"] if request.param == "grpc" else []
        client.main([name, *where, f"--model={model}", "--timeout=60", *map(str, arguments)])
        return capsys.readouterr().out

    return run


def test_health(command):
    assert command("health").splitlines() == ["version 1: AVAILABLE", "version 2: AVAILABLE"]
    assert command("health", "--version=1").splitlines() == ["version 1: AVAILABLE"]
    assert command("health", "--label=stable").splitlines() == ["version 1: AVAILABLE"]
    for wrong in ("--version=7", "--label=old"):
        with pytest.raises(SystemExit, match="^Error: The server refused with .*not found"):
            command("health", wrong)


def test_metadata(command):
    lines = command("metadata", "--version=1").splitlines()
    assert [line for line in lines if line[0] != " "] == [
        "interpolate",
        "sample",
        "serving_default",
    ]
    assert "  in  truncation: float [N] = 0.25" in lines
    assert "  in  truncation: float [N] = 10" in command("metadata").splitlines()
    assert "  out image: float [N, 28, 28, 1]" in lines


def test_sample(command, tmp_path, server):
    path = tmp_path / "grid.png"
    options = ["--classes=3,5", "--columns=4", "--seed=7", "--scale=2", f"--output={path}"]
    assert command("sample", *options) == f"Wrote {path}: 8 pictures.\n"
    grid = np.asarray(Image.open(path))
    assert grid.shape == (2 * 58 + 2, 4 * 58 + 2)
    assert (grid[:2] == 255).all() and (grid[58:60] == 255).all()
    files = client.draw(server, [7, 8, 9, 10], [3, 5], None)["image_bytes"]
    client.write_grid(str(tmp_path / "one.png"), files[6:7], columns=1)
    one = np.asarray(Image.open(tmp_path / "one.png"))[2:-2, 2:-2]
    np.testing.assert_array_equal(grid[60:116:2, 118:174:2], one)  # class 5, seed 9
    assert one.std() > 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["grid.png", "one.png"]


def test_truncation_is_the_default_of_the_version(ports):
    def largest(truncation, version):
        at = address(ports[1], version=version)
        with contextlib.closing(serving_api.Rest(at)) as server:
            return np.abs(client.draw(server, [0, 1, 2], [0], truncation)["latents"]).max()

    assert 0.2 < largest(None, 1) <= 0.25 < largest(0.6, 1) <= 0.6 < 1.5 < largest(None, 2)


def test_interpolate(command, tmp_path, tiny, server):
    path = tmp_path / "way.png"
    options = ["--seeds=1,2", "--classes=3,5", "--steps=5", f"--output={path}"]
    assert "5 pictures" in command("interpolate", *options)
    latents = [client.draw(server, [seed], [0], None)["latents"][0] for seed in (1, 2)]
    start, end = (
        {"latents": np.float32(z), "labels": label}
        for z, label in zip(latents, (3, 5), strict=True)
    )
    expected = sampling.interpolate(tiny, start, end, 5)[0, ..., 0]
    way = np.asarray(Image.open(path))
    found = np.stack([way[2:30, 2 + 30 * step : 30 + 30 * step] for step in range(5)])
    assert np.abs(found.astype(int) - expected).max() <= 1
    with pytest.raises(SystemExit, match="needs two --seeds"):
        command("interpolate", "--seeds=1", f"--output={path}")


def test_load(command):
    rate, latency = command("load", "--requests=20", "--workers=3", "--batch=2").splitlines()
    assert re.fullmatch(
        r"20 requests of 2 by 3 workers in [\d.]+ s: [\d.]+ requests/s, [\d.]+ pictures/s", rate
    )
    half, most = map(float, re.fullmatch(r"latency p50 (.*) ms, p95 (.*) ms", latency).groups())
    assert 0.0 < half <= most


def test_quantiles():
    values = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert [client._quantile(values, share) for share in (0.0, 0.5, 0.95)] == [1.0, 3.0, 5.0]


def test_refusals_are_one_line(command, tmp_path):
    wrong = {
        "--classes=10": r"`labels` must be in \[0, 10\).*\[10\]",
        "--truncation=-1": "`truncation` must be positive",
    }
    for option, message in wrong.items():
        with pytest.raises(SystemExit, match=f"^Error: The server refused .*{message}") as error:
            command("sample", option, f"--output={tmp_path}/x.png")
        assert "\n" not in str(error.value)
    with pytest.raises(SystemExit, match="refused with .*(404|NOT_FOUND)"):
        command("metadata", model="nope")
    with pytest.raises(SystemExit, match="--output must be a file that can be written"):
        command("sample", f"--output={tmp_path}/missing/x.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("connect", [serving_api.Rest, serving_api.Grpc])
def test_nobody_answers(connect, ports):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening
        port = closed.getsockname()[1]
        with pytest.raises(serving_api.ServerError, match=f"answers at 127.0.0.1:{port}: is it"):
            connect(address(port)).health()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = connect(address(silent.getsockname()[1], timeout=0.2))
        with pytest.raises(serving_api.ServerError, match="did not answer in 0.2 s"):
            server.health()
        server.close()


def test_another_kind_of_server(ports):
    with pytest.raises(serving_api.ServerError, match="is no REST interface of a model server"):
        serving_api.Rest(address(ports[0])).health()
    with pytest.raises(serving_api.ServerError, match="No gRPC server answers"):
        serving_api.Grpc(address(ports[1])).health()


def test_grpc_needs_a_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis.prediction_service_pb2_grpc", None)
    with pytest.raises(serving_api.ServerError, match="pip install tensorflow-serving-api"):
        serving_api.Grpc(address(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--classes=a", "--output=x.png"], "must be like 0,1,2. Received: a"),
        (["load", "--workers=0"], "must be an integer of at least 1. Received: 0"),
        (["sample"], "required: --output"),
        (["health", "--version=1", "--label=stable"], "not allowed with"),
        ([], "required: command"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises(SystemExit, match=f"^Error: .*{message}"):
        client.main(arguments)


def test_rest_needs_python_only(ports, tmp_path):
    """No packages of others (-S), no TensorFlow: a second instead of ten."""
    where = [f"--rest_port={ports[1]}", "--host=127.0.0.1", "--model=digits"]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "export.client", "health", *where],
        **{"cwd": ROOT, "capture_output": True, "text": True, "timeout": 60},
        check=True,
    )
    assert done.stdout.startswith("version 1: AVAILABLE")
    command = [sys.executable, "-S", "-m", "export.client", "sample", *where]
    command += [f"--output={tmp_path}/x.png"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr == "Error: Grids need: pip install pillow.\n"
