"""The program: what it reads, writes, says and refuses."""

import importlib.util
import json
import pathlib
import re
import sys

import keras
import numpy as np
import pytest

from tests import programs
from tests.convert import modules, state_dicts
from tfgan_zoo import sampling
from tfgan_zoo.convert import __main__ as program
from tfgan_zoo.convert import checks, released, torch_file
from tfgan_zoo.models import registry

TORCH = importlib.util.find_spec("torch") is not None


WIDTHS = (16, 16, 8, 4, 2, 1)


@pytest.fixture(name="theirs", scope="module")
def fixture_theirs():
    return state_dicts.pytorch_generator(8, WIDTHS, 3, 4)


@pytest.fixture(name="module")
def fixture_module(tmp_path, theirs):
    modules.write_module(tmp_path / "module", modules.hub_tensors(theirs, 1.0))
    return tmp_path / "module"


def test_what_is_written_and_told(module, theirs, tmp_path, capsys):
    path = tmp_path / "generator.keras"
    program.run(module, path)
    told = capsys.readouterr()
    buffers = ("u0", "sv0", "stored_mean", "stored_var")
    count = sum(tensor.size for name, tensor in theirs.items() if not name.endswith(buffers))
    assert told.out == (
        f"Wrote {path}: BigGANGenerator, 128 pixels, {count:,} parameters. "
        f"Spectral norms and attention: {len(told.err.splitlines())} warnings.\n"
    )
    # The weights are a formula, with no singular vectors that suit them.
    assert all(
        re.fullmatch("Warning: .* has spectral norm .* instead of 1 .*", line)
        for line in told.err.splitlines()
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["generator.keras", "module"]
    images = sampling.generate(keras.models.load_model(path), state_dicts.inputs(24))
    assert images.shape == (2, 128, 128, 3)
    assert abs((images / 127.5 - 1).std() - 0.1954817) < 0.005  # recorded, rounded to 8 bits


def test_nothing_is_overwritten_unasked(module, tmp_path):
    path = tmp_path / "generator.keras"
    path.write_bytes(b"dear")
    with pytest.raises(SystemExit, match="^Error: `output` must not exist yet.*generator.keras"):
        program.run(module, path)
    assert path.read_bytes() == b"dear"
    program.run(module, path, overwrite=True)
    assert keras.models.load_model(path).spec.resolution == 128


def test_program_ends_with_one_line(tmp_path):
    done = programs.run(
        "tfgan_zoo.convert", f"--source={tmp_path}/no", f"--output={tmp_path}/g.keras"
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"Error: `source` must exist. Received: {tmp_path}/no."
    assert not list(tmp_path.iterdir())


def test_empty_folders(tmp_path):
    with pytest.raises(SystemExit, match=r"^Error: `source` must be a .pth .*\(empty\)"):
        program.run(tmp_path, tmp_path / "g.keras")


@pytest.mark.parametrize(
    "name, message",
    [
        ("weights.h5", r"must be a .pth file of BigGAN-PyTorch.*weights.h5 \(weights.h5\)"),
        ("state_dict.pth", "bookkeeping.*G_ema.pth"),
        ("biggan-deep-128-pytorch_model.bin", "biggan-deep-128-config.json must be beside"),
        ("pytorch_model.bin", r"/config.json must be beside the weights"),
    ],
)
def test_wrong_files(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(ValueError, match=message):
        released.load(tmp_path / name)


def test_folders_of_checkpoints_are_asked_for_the_file(tmp_path):
    for name in ("G.pth", "G_ema.pth", "D.pth"):
        (tmp_path / name).write_bytes(b"?")
    with pytest.raises(ValueError, match="D.pth, G.pth, G_ema.pth.*Name the file that you mean"):
        released.load(tmp_path)


@pytest.mark.parametrize("text, message", [("{", "a JSON file"), ("[1]", "a JSON object")])
def test_broken_configs(tmp_path, text, message):
    (tmp_path / "pytorch_model.bin").write_bytes(b"?")
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        released.load(tmp_path)


def test_epsilons_are_for_files_that_do_not_tell_them(module):
    with pytest.raises(ValueError, match="Epsilons are for BigGAN-PyTorch.*'bn_epsilon': 0.1"):
        released.load(module, bn_epsilon=0.1)


@pytest.mark.parametrize("name", ["generator.h5", "no/generator.keras", "folder.keras"])
def test_outputs_that_cannot_be(tmp_path, name):
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(ValueError, match="`output` must be a .keras file in a folder that exists"):
        released.check_output(tmp_path / name, overwrite=True)


def test_failed_saves_leave_nothing(tmp_path, monkeypatch):
    network = registry.build_generator("biggan-digits", initializer="zeros")

    def save(path):
        pathlib.Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(network, "save", save)
    with pytest.raises(OSError, match="disk full"):
        released.save(network, tmp_path / "g.keras")
    assert not list(tmp_path.iterdir())


# --- checks --------------------------------------------------------------------------------------


def test_findings():
    # Every kernel of a fresh network is orthogonal: one iteration from any vector is exact, where
    # there are no more units than inputs; the others are given their vectors.
    generator = registry.build_generator("biggan-digits", g_attention=16)
    for layer in generator._flatten_layers():
        if hasattr(layer, "matrix"):
            u = np.linalg.svd(keras.ops.convert_to_numpy(layer.matrix()), False)[2][:1]
            layer.u.assign(u)
    assert checks.findings(generator) == [
        "attention has gamma 0: it does nothing, as before training."
    ]
    generator.get_layer("attention").gamma.assign(0.1)
    assert checks.findings(generator) == []
    kernel = np.diag([1.0, 2.0, 1.0, 1.0] * 4).astype(np.float32)[None, None]
    layer = generator.get_layer("attention").key
    layer.kernel.assign(np.concatenate([kernel, kernel], axis=2)[..., : layer.filters])
    layer.u.assign(np.eye(1, layer.filters))
    assert checks.spectral_norm(layer) == pytest.approx(2.0, rel=1e-3)
    assert checks.findings(generator) == [
        "attention/key has spectral norm 2.00 instead of 1 +- 0.05."
    ]


def test_parameters():
    discriminator = registry.build_discriminator("biggan-cifar10", initializer="zeros")
    assert checks.parameters(discriminator) == 4_207_361


# --- PyTorch's files -----------------------------------------------------------------------------


def test_without_torch_the_error_tells_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ValueError, match=r"not installed here.*pip install 'tfgan_zoo\[torch\]'"):
        torch_file.read(tmp_path / "G.pth")


@pytest.mark.skipif(not TORCH, reason="needs torch")
def test_torch_files(tmp_path):
    torch = importlib.import_module("torch")

    def write(name, tensors, **options):
        tensors = {key: torch.tensor(np.asarray(tensor)) for key, tensor in tensors.items()}
        torch.save(tensors, tmp_path / name, **options)

    write("G_ema.pth", state_dicts.pytorch_generator(8, (4, 4, 4, 4), 1, 6, plain_moments=True))
    generator = released.load(tmp_path / "G_ema.pth", bn_epsilon=1e-5)
    images = keras.ops.convert_to_numpy(generator(state_dicts.inputs(24)))
    assert images.mean() == pytest.approx(-0.0180861, abs=1e-6)
    old = {"_use_new_zipfile_serialization": False}  # as files of 2019 are
    write("biggan-deep-128-pytorch_model.bin", state_dicts.pretrained(), **old)
    config = json.dumps(state_dicts.CONFIG)
    (tmp_path / "biggan-deep-128-config.json").write_text(config, encoding="utf-8")
    images = keras.ops.convert_to_numpy(released.load(tmp_path)(state_dicts.inputs(16)))
    assert images.std() == pytest.approx(0.2110908, abs=1e-5)
    torch.save({"state": {}, "param_groups": []}, tmp_path / "G_optim.pth")
    with pytest.raises(ValueError, match="It holds something else: optimizers"):
        released.load(tmp_path / "G_optim.pth")
    (tmp_path / "D.pth").write_bytes(b"no pickle")
    with pytest.raises(ValueError, match="D.pth must be a file that torch.save wrote"):
        released.load(tmp_path / "D.pth")
    torch.save({"x": pathlib.Path("y")}, tmp_path / "D.pth")
    with pytest.raises(ValueError, match="D.pth must be a file that torch.save wrote"):
        released.load(tmp_path / "D.pth")
    torch.save({"x": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "half.pth")
    np.testing.assert_array_equal(torch_file.read(tmp_path / "half.pth")["x"], np.ones(2, "f4"))
