"""Run folders: rows that a crash cut off, and going back to a step."""

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
