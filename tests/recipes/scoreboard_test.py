"""The table of several runs: names of its rows, what is refused, and the program."""

import re
import types

import pytest

from recipes import records, scoreboard
from tests import programs
from tests.recipes.records_test import record


@pytest.fixture(name="scored")
def fixture_scored(tmp_path):
    """A function: folder below the test's, records -> their scores.jsonl."""

    def write(folder, *found):
        path = tmp_path / folder / "scores.jsonl"
        records.append(path, list(found))
        return path

    return write


def values(rows):
    return {name: [found["value"] for found in rows[name]] for name in rows}


def test_files_and_folders_are_rows(scored):
    first, second = scored("one", record(value=1.0), record(value=2.0)), scored("two", record())
    expected = {"one": [1.0, 2.0], "two": [1.0]}
    assert values(scoreboard.rows_of([str(first), str(second)])) == expected
    assert values(scoreboard.rows_of([str(first.parent), str(second)])) == expected


def test_records_of_evaluate_are_rows_of_their_fakes(scored):
    path = scored("one", record(value=1.0, fake="npz:a"), record(value=2.0, fake="b.keras"))
    more = scored("two", record(value=3.0, fake="npz:a"))
    rows = scoreboard.rows_of([str(path), str(more)])
    assert values(rows) == {"npz:a": [1.0, 3.0], "b.keras": [2.0]}


def test_folders_of_equal_names_are_told_apart(scored):
    first, second = scored("a/run", record(value=1.0)), scored("b/run", record(value=2.0))
    alone = scored("c/other", record(value=3.0))
    for paths in ([first, second.parent, alone], [first.parent, second, alone]):
        found = values(scoreboard.rows_of([str(path) for path in paths]))
        assert found == {str(first.parent): [1.0], str(second.parent): [2.0], "other": [3.0]}


def test_a_run_given_twice_is_one_row(scored):
    path = scored("run", record(value=1.0))
    assert list(scoreboard.rows_of([str(path), str(path.parent)])) == ["run"]


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="gone.*must be a file of scores"):
        scoreboard.rows_of([str(tmp_path / "gone")])


def main(monkeypatch, *paths, **given):
    """Runs the program here, with these values of its flags."""
    for name, default in {"MIXED": False, "METRICS": None, "OUTPUT": None}.items():
        flag = types.SimpleNamespace(value=given.get(name.lower(), default))
        monkeypatch.setattr(scoreboard, name, flag, raising=False)
    scoreboard.main(["scoreboard", *map(str, paths)])


def test_table_is_printed_and_written(scored, tmp_path, monkeypatch, capsys):
    one = scored("one", record(value=1.25), record("kid", 0.5)).parent
    output = tmp_path / "table.md"
    main(monkeypatch, one, scored("two", record(value=2.5)), metrics=["fid"], output=str(output))
    text = output.read_text()
    assert text.splitlines()[:4] == [
        "| run | FD (net@1234) |",
        "| --- | --- |",
        "| one | 1.25 |",
        "| two | 2.5 |",
    ]
    assert capsys.readouterr().out.strip() == text.strip()


def test_mixed_protocols_are_marked(scored, monkeypatch, capsys):
    runs = scored("one", record()), scored("two", record(value=2.0, fake_count=11))
    with pytest.raises(SystemExit, match="fake_count: 10 / 11"):
        main(monkeypatch, *runs)
    assert capsys.readouterr().out == ""
    main(monkeypatch, *runs, mixed=True)
    text = capsys.readouterr().out
    assert "| one | 1 [a] |" in text and "| two | 2 [b] |" in text


def test_without_files(monkeypatch):
    with pytest.raises(SystemExit, match="Name files of scores: python -m recipes.scoreboard"):
        main(monkeypatch)


def test_program_refuses_unlike_protocols_in_one_line(scored, tmp_path):
    runs = scored("one", record()), scored("two", record(value=2.0, fake_count=11))
    output = tmp_path / "table.md"
    done = programs.run("recipes.scoreboard", *runs, f"--output={output}")
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert re.search(r"fid \(fake_count: 10 / 11\).*--mixed", line)
    assert not output.exists()
