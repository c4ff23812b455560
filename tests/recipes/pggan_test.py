"""Whole runs of PGGAN, on networks too small to learn anything."""

import json
import re

import keras
import numpy as np
import pytest

import tfgan_zoo  # noqa: F401  Keras then knows the classes of the networks in files.
from tests.recipes.runs import refusals, run

# Four steps of 8 images in each phase: 4 px, 8 px fading in, 8 px.
FLAGS = [
    "--variant=pggan-digits",
    "--spec=resolution=8,fmap_max=4,z_dim=4",
    "--dataset=digits",
    "--batch_size=8",
    "--stable_kimg=0.032",
    "--fading_kimg=0.032",
    "--total_kimg=0.096",
    "--log_every=1",
    "--save_every=2",
    "--sample_every=0",
    "--evaluate_every=0",
    "--num_scored=100",
    "--swd_patches=1",
    "--columns=2",
    "--noexport",
]


def train(folder, *flags):
    done = run(*FLAGS, *flags, f"--run_dir={folder}", module="recipes.pggan")
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_growing_and_resuming_within_a_fade(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, "--evaluate_every=5")
    rows = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [row["resolution"] for row in rows] == [4] * 4 + [8] * 8
    assert [row["images"] for row in rows] == [8 * step for step in range(1, 13)]
    scores = [json.loads(line) for line in (whole / "scores.jsonl").read_text().splitlines()]
    assert {row["images"] for row in scores if row["metric"] == "fid"} == {32, 40, 64, 80, 96}
    assert (whole / "training.gif").exists()
    # What has no interval is done at the beginning and at the end, not after each phase.
    drawn = sorted(path.name for path in (whole / "samples").iterdir())
    assert drawn == ["step-00000000.png", "step-00000012.png"]
    # Of the first phase nothing is kept.
    kept = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert kept == ["01-8px-fading", "02-8px"]

    # It ends within the fade, and goes on from there in another process.
    train(parts, "--steps=7")
    fading = keras.models.load_model(parts / "generator.keras")
    assert fading.spec.fading and float(fading.alpha.numpy()) == pytest.approx(0.5, abs=1e-6)
    assert "Continues from step 7." in train(parts)
    for name in ("generator", "discriminator"):
        one, other = (
            keras.models.load_model(folder / f"{name}.keras") for folder in (whole, parts)
        )
        assert one.spec == other.spec and one.spec.resolution == 8 and not one.spec.fading
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=a.path)


REFUSED = [
    (["--batch_sizes=4:16,x"], "--batch_sizes must be pairs"),
    (["--batch_sizes=5:16"], "`batch_sizes` must be pairs"),
    (["--batch_sizes=8:6"], "must divide|must be a multiple of the spec's group=4"),
    (["--first_resolution=6"], "`resolution` must be `first` doubled"),
    (["--halve_after=10"], "Use --rates"),
    (["--d_catch_up=3"], "--d_catch_up is for networks that do not grow"),
    (["--divide_rates=1.1"], "Use --rates"),
    (["--spec=resolution=12"], "`resolution` must be 4 doubled"),
]


def test_bad_flags_fail_before_anything_is_written(tmp_path):
    found = refusals("pggan", tmp_path, FLAGS, [flags for flags, _ in REFUSED])
    for (_, words), (code, said) in zip(REFUSED, found, strict=True):
        assert code != 0 and re.search(words, said), said[-2000:]
        assert "Traceback" not in said
    assert not any(tmp_path.iterdir())
