"""Run folders: rows that a crash cut off, and going back to a step."""

import pytest
from absl import flags

from recipes.run_directory import RunDirectory


def test_rows_survive_a_crash_in_the_middle_of_one(tmp_path):
    run = RunDirectory(tmp_path / "run")
    assert run.rows("log.jsonl") == []
    run.append("log.jsonl", [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}])
    with open(run / "log.jsonl", "a") as file:
        file.write('{"step": 3, "lo')
    assert [row["step"] for row in run.rows("log.jsonl")] == [1, 2]
    run.append("log.jsonl", [{"step": 4, "loss": 0.125}])
    assert [row["step"] for row in run.rows("log.jsonl")] == [1, 2, 4]


def test_rewind_drops_what_came_later(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.append("log.jsonl", [{"step": step} for step in (1, 2, 3)])
    run.append("scores.jsonl", [{"step": 3}])
    for step in (0, 2, 3):
        (run / f"samples/step-{step:08d}.png").write_bytes(b"picture")
    run.rewind(2)
    assert [row["step"] for row in run.rows("log.jsonl")] == [1, 2]
    assert run.rows("scores.jsonl") == []
    names = sorted(path.name for path in (tmp_path / "run/samples").iterdir())
    assert names == ["step-00000000.png", "step-00000002.png"]


def test_flags_that_a_run_was_begun_with(tmp_path):
    """Newer flags may be left alone; what a run knows, or is set now, has to agree."""
    values = flags.FlagValues()
    flags.DEFINE_integer("old", 1, "", flag_values=values, module_name="recipes.test")
    flags.DEFINE_integer("newer", 5, "", flag_values=values, module_name="recipes.test")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "flags.txt").write_text("--old=1\n")
    run = RunDirectory(folder)
    values(["program"])
    run.check(values)
    values(["program", "--newer=6"])
    with pytest.raises(ValueError, match=r"--newer=6, but the run has \(not set\)"):
        run.check(values)
    values.unparse_flags()
    values(["program", "--old=2", "--newer=5"])
    with pytest.raises(ValueError, match="--old=2, but the run has --old=1"):
        run.check(values)
