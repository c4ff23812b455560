r"""Prints a Markdown table of several runs' scores, if they may be compared.

    python -m recipes.scoreboard RUN_A/scores.jsonl RUN_B/scores.jsonl

Of several records of one metric the last counts; records of python -m recipes.evaluate make a row
for each of their --fake. Scores of different protocols are refused, and the fields that differ are
named; --mixed prints them all the same, with letters that tell them apart.
"""

import pathlib
import sys

from absl import app, flags

from recipes import records
from tfgan_zoo.training.checkpoints import replace_text


def rows_of(paths: list[str]) -> dict[str, list[dict]]:
    """{name of a row: its records}, of files of scores or of folders that hold a scores.jsonl.

    Raises:
        ValueError: If a file cannot be read.
    """
    found = {}
    for path in map(pathlib.Path, paths):
        path = path / "scores.jsonl" if path.is_dir() else path
        for record in records.read(path):
            name = record.get("fake") or _run_name(path, paths)
            found.setdefault(name, []).append(record)
    return found


def _run_name(path, paths):
    """The folder's name, or all of its path if other folders are called the same."""
    folder = path.resolve().parent.name
    others = [
        other
        for other in map(pathlib.Path, paths)
        if other.resolve() not in (path.resolve(), path.resolve().parent)
    ]
    names = {(x if x.is_dir() else x.parent).resolve().name for x in others}
    return str(path.parent) if folder in names else folder


def main(arguments):
    """Prints the table of the files named on the command line."""
    if len(arguments) < 2:
        sys.exit("Name files of scores: python -m recipes.scoreboard RUN/scores.jsonl ...")
    try:
        table = records.markdown(rows_of(arguments[1:]), MIXED.value, METRICS.value)
        if OUTPUT.value:
            replace_text(pathlib.Path(OUTPUT.value), table)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(table)


if __name__ == "__main__":
    MIXED = flags.DEFINE_bool("mixed", False, "Allow and mark scores of different protocols.")
    METRICS = flags.DEFINE_list("metrics", None, "Columns; by default all but floors.")
    OUTPUT = flags.DEFINE_string("output", None, "Write the table to this file as well.")
    app.run(main)
