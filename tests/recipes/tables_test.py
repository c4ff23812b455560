"""Tables of experiments: verdicts by hand, runs that are there, and what is written."""

import json
import sys

import pytest

from recipes import biggan_tables, tables
from recipes.tables import Claim, Lab, Row


@pytest.mark.parametrize(
    "better, worse, lower, words",
    [
        # Means 2 and 5; variances 1 and 1; standard error sqrt(2 / 3) = 0.816.
        ([1, 2, 3], [4, 5, 6], True, "holds: better by 3 ± 0.82"),
        ([4, 5, 6], [1, 2, 3], True, "does not hold: better by -3 ± 0.82"),
        ([4, 5, 6], [1, 2, 3], False, "holds: better by 3 ± 0.82"),
        ([1, 2, 3], [2, 3, 4], True, "cannot be told: better by 1 ± 0.82"),
        ([1], [2, 3], True, "cannot be told: fewer than two seeds"),
    ],
)
def test_verdicts(better, worse, lower, words):
    assert tables.verdict(better, worse, lower) == words


def test_spread():
    assert tables.spread([1.0, 2.0, 3.0]) == "2 ± 1"
    assert tables.spread([4.0]) == "4"
    assert tables.spread([]) == "none"


def test_tables_as_text():
    lines = [{"a": 1, "b": "x, y"}, {"a": 2, "b": "z"}]
    assert tables.markdown(lines) == "| a | b |\n| --- | --- |\n| 1 | x, y |\n| 2 | z |\n"
    assert tables.csv_text(lines) == 'a,b\n1,"x, y"\n2,z\n'


def finished(lab, row, seed, curve):
    """Writes what a finished run of these FIDs would."""
    run = lab.run(row, seed)
    (run / "finished.txt").write_text("to the end")
    for step, value in curve.items():
        run.append("scores.jsonl", [{"metric": "fid", "step": step, "value": value}])
        run.append("scores.jsonl", [{"metric": "kid", "step": step, "value": 0.0}])


@pytest.fixture(name="lab")
def fixture_lab(tmp_path):
    lab = Lab(str(tmp_path), (), [0, 1], jobs=1, threads=1)
    finished(lab, Row("a", "A"), 0, {10: 5.0, 20: 3.0, 30: 4.0})
    finished(lab, Row("a", "A"), 1, {10: 6.0, 20: 2.0, 30: 2.5})
    finished(lab, Row("b", "B"), 0, {10: 9.0})
    finished(lab, Row("b", "B"), 1, {10: 9.5})
    return lab


def test_scores_of_runs(lab):
    row = Row("a", "A")
    assert lab.values(row, "fid") == [4.0, 2.5]
    assert lab.best(row, "fid") == [3.0, 2.0]
    assert lab.curve(row, "fid") == {10: [5.0, 6.0], 20: [3.0, 2.0], 30: [4.0, 2.5]}
    assert lab.values(row, "inception_score") == []


def test_claims_are_judged(lab):
    rows = [Row("a", "A"), Row("b", "B")]
    (line,) = tables.judge(lab, [Claim("A is better", "a", "b")], rows)
    assert line["claim"] == "A is better" and line["verdict"].startswith("holds: better by 6")
    assert line["should be better"].startswith("a: 3.25") and line["than"].startswith("b: 9.25")


def test_finished_runs_are_left_alone(lab, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent")  # nothing can be started
    lab.train([Row("a", "A")])
    with pytest.raises(FileNotFoundError):
        lab.train([Row("c", "C")])


def test_failures_are_told_unless_they_are_the_result(lab, monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text('#!/bin/sh\necho "Stopped: diverged" >&2\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(RuntimeError, match="Stopped: diverged"):
        lab.train([Row("c", "C")])
    lab.train([Row("d", "D", may_fail=True)])
    assert (lab.run(Row("d", "D"), 1) / "finished.txt").read_text().startswith("Stopped")


def test_figures(lab):
    rows = [Row("a", "A"), Row("b", "B")]
    figure = tables.dots(lab, rows, "fid", "FID", "Title")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a: A", "b: B"]
    assert figure.get_suptitle() == "Title" and "FID" in axes.get_xlabel()
    (axes,) = tables.lines(lab, rows, "fid", "FID", "Title").axes
    assert list(axes.lines[0].get_ydata()) == [5.5, 2.5, 3.25]
    found = {
        (limit, metric): [1.0] for limit in (None, 0.5) for metric in ("fid", "inception_score")
    }
    (axes,) = tables.trade_off({"row": found}, "Title").axes
    assert [text.get_text() for text in axes.texts] == ["none", "0.5"]


def test_rows_of_the_tables_are_well_formed():
    rows = biggan_tables.ABLATION + biggan_tables.BASELINES + biggan_tables.R1
    rows += biggan_tables.COLLAPSE
    names = {row.name: row for row in rows}
    for claims in biggan_tables.CLAIMS.values():
        for claim in claims:
            assert {claim.better, claim.worse} <= names.keys()
    assert all(names[row.name] == row for row in rows), "two rows of one name"
    assert json.dumps([row.flags for row in rows])


@pytest.mark.parametrize("error", [RuntimeError, ValueError, FileNotFoundError])
def test_what_is_missing_ends_the_program_with_a_line(error):
    def write():
        raise error("No such folder: data.")

    with pytest.raises(SystemExit, match="^Error: No such folder: data.$"):
        tables.write_or_exit(write)
