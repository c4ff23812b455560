"""Answers of the original packages, from one process of an interpreter that has them."""

import os
import pathlib
import subprocess

import numpy as np
import pytest

from tests.parity.arrays import arrays

HERE = pathlib.Path(__file__).parent


@pytest.fixture(name="run_old", scope="session")
def fixture_run_old():
    """(script of this folder, its arguments) -> None: runs it with the old packages."""
    python = os.environ.get("PARITY_PYTHON")
    if not python:
        pytest.skip(
            "PARITY_PYTHON names no interpreter that has TF-GAN and TensorFlow 2.15: make parity"
        )

    def run(script, *arguments):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        environment.pop("PYTHONPATH", None)  # packages of this interpreter are too new for the old
        command = [python, HERE / script, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=600, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]

    return run


@pytest.fixture(scope="session")
def given(run_old):  # which skips the test before anything is made
    """{name: array} that both sides start from."""
    return arrays()


@pytest.fixture(scope="session")
def originals(run_old, given, tmp_path_factory):
    """{name: array} that the original packages make of them."""
    folder = tmp_path_factory.mktemp("parity")
    np.savez(folder / "inputs.npz", **given)
    run_old("originals.py", folder / "inputs.npz", folder / "answers.npz")
    with np.load(folder / "answers.npz") as answers:
        return dict(answers)
