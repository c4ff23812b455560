"""Whole runs of recipes other than BigGAN's, on networks too small to learn anything."""

import json
import pathlib

import keras
import pytest
import tensorflow as tf

import tfgan_zoo  # noqa: F401  Keras then knows the classes of the networks in files.
from tests.recipes.runs import run

FLAGFILES = pathlib.Path(__file__).parents[2] / "recipes/flagfiles"
SHORT = [
    "--steps=3",
    "--batch_size=4",
    "--log_every=1",
    "--sample_every=0",
    "--evaluate_every=0",
    "--backbone=none",
    "--columns=2",
    "--video=gif",
]


def train(method, folder, *flags):
    flagfile = FLAGFILES / method / "digits.flags"
    module = f"recipes.{method}"
    done = run(f"--flagfile={flagfile}", *SHORT, *flags, f"--run_dir={folder}", module=module)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_generator_that_draws_in_steps(tmp_path):
    folder = tmp_path / "run"
    log = train("gp_wirgan", folder, "--spec=time_steps=2,width=4,z_dim=4")
    assert log[-1]["d_penalty"] > 0 and len(log) == 3
    generator = keras.models.load_model(folder / "generator.keras")
    assert generator.canvases().output_shape == (None, 2, 28, 28, 1)
    served = tf.saved_model.load(str(folder / "export/saved_model/3"))
    assert set(served.signatures) == {"serving_default", "sample", "interpolate", "canvases"}
    done = run(
        "--mode=sample", "--sheets=canvases", f"--run_dir={folder}", module="recipes.gp_wirgan"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert {path.suffix for path in (folder / "sheets").iterdir()} == {".png", ".gif"}


def test_rounds_before_steps(tmp_path):
    flags = ["--spec=width=4,z_dim=4", "--d_catch_up=15", "--noexport"]
    log = train("wgan", tmp_path / "run", *flags)
    # Two rounds and the step, of 5 updates with 4 images each.
    assert [row["images"] for row in log] == [60, 120, 180]


def test_an_autoencoder(tmp_path):
    folder = tmp_path / "run"
    small = "--spec=time_steps=2,e_units=8,d_units=8,z_dim=4"
    log = train("draw", folder, small, "--noexport", "--steps=2")
    for row in log:
        assert row["g_loss"] == pytest.approx(row["g_reconstruction"] + row["g_kl"], rel=1e-5)
    assert (folder / "posterior.keras").exists()
    # It goes on from its checkpoint.
    assert [row["step"] for row in train("draw", folder, small, "--noexport")] == [1, 2, 3]


def test_one_class_alone(tmp_path):
    folder = tmp_path / "run"
    flags = ["--spec=width=4,z_dim=4", "--only_class=3", "--noexport", "--steps=1"]
    train("dcgan", folder, *flags)
    assert "\n1 classes\n" in (folder / "report.html").read_text()
    done = run(
        f"--flagfile={FLAGFILES / 'dcgan/digits.flags'}",
        "--only_class=10",
        f"--run_dir={tmp_path / 'other'}",
        module="recipes.dcgan",
    )
    assert done.returncode == 1 and "label=10" in done.stderr
    assert not (tmp_path / "other").exists()
