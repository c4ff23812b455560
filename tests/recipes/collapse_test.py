"""What a run does when its monitor sees training fail: stop, roll back, or go on with a warning."""

import json

import h5py
import numpy as np

from tests.recipes.runs import FLAGS, SMALL, run

SCORED = ["--backbone=auto", "--evaluate_every=4", "--num_scored=40", "--spectra_every=7"]


def rows(folder, name):
    return [json.loads(line) for line in open(folder / name)]


def fail(folder, steps, *flags):
    return run(
        steps, *FLAGS, SMALL, *flags, f"--run_dir={folder}", module="tests.recipes.failing_run"
    )


def test_rollback(tmp_path):
    folder = tmp_path / "run"
    flags = ["--on_collapse=rollback", "--rollback_rate=0.5", "--g_learning_rate=0.25"]
    done = fail(folder, "9,11", *SCORED, *flags)
    assert done.returncode == 0, done.stderr[-3000:]
    events = rows(folder, "events.jsonl")
    assert [event["action"] for event in events] == ["rollback"] * 2
    assert [event["seen_at"] for event in events] == [9, 11]
    assert {event["reason"] for event in events} == {"saturated"}
    # To the best state by FID, of those before; every step is there once.
    best = {4, 8}
    assert {event["step"] for event in events} <= best
    assert [row["step"] for row in rows(folder, "log.jsonl")] == list(range(1, 15))
    # Other noise and half the rates, twice; in the checkpoints, so that a resumed run has them too.
    newest = folder / "checkpoints/step-00000014.weights.h5"
    with h5py.File(newest) as file:
        values = []
        file.visititems(lambda _, i: values.append(i[()]) if getattr(i, "shape", 1) == () else None)
    assert any(value == 2 * 1_000_003 for value in values), "the seed of the second rollback"
    assert any(np.isclose(value, 0.25 / 4) for value in values), "a quarter of the generator's rate"
    page = (folder / "report.html").read_text()
    assert "rollback" in page and "Seen at step 11" in page


def test_warn(tmp_path):
    folder = tmp_path / "run"
    done = fail(folder, "6", "--on_collapse=warn")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Seen at step 6." in done.stderr
    assert len(rows(folder, "log.jsonl")) == 14
    (event,) = rows(folder, "events.jsonl")
    assert (event["action"], event["step"]) == ("warn", 6)


def test_no_more_rollbacks_than_allowed(tmp_path):
    done = fail(tmp_path / "run", "6,7", "--on_collapse=rollback", "--max_rollbacks=1")
    assert done.returncode == 1
    assert "Stopped: Seen at step 7. It was rolled back 1 times before" in done.stderr
    assert "The last good state, of step 4, is kept in" in done.stderr
