"""Records of scores: files of them, what makes two comparable, and tables for people.

A record is a dictionary: {"metric", "value", "std", how it was measured, ...}, one line of a
scores.jsonl. docs/scores.md explains its fields.
"""

import json
import pathlib
import string

import keras
import numpy as np
import tensorflow as tf

import tfgan_zoo
from tfgan_zoo.training.checkpoints import replace_text

VERSIONS = {module.__name__: module.__version__ for module in (tfgan_zoo, keras, tf, np)}
# Two values may be compared if these agree. The others (step, seed, weights, ...) tell what was
# measured, not how.
PROTOCOL = (
    *("backbone", "backbone_sha256", "resize", "resolution", "real", "real_count", "real_sha256"),
    *("fake_count", "truncation", "subset_size", "subsets", "splits", "patches", "k"),
)
# What records had from the start; of the others a record may not know, as it is older.
LATER = ("resolution", "real_sha256")
PUBLISHED = "inception-2015-12-05@6726825d"  # exactly: other features have a longer name
TITLES = {
    "fid": "FD",
    "kid": "KD",
    "inception_score": "class score",
    "intra_fid": "intra-class FD",
}
PUBLISHED_TITLES = {
    "fid": "FID",
    "kid": "KID",
    "inception_score": "IS",
    "intra_fid": "intra-FID",
}


def resize_rule(backbone, resolution: int) -> str:
    """What a feature network does to the size of images; None for scores that need none."""
    if hasattr(backbone, "resize"):
        return f"{backbone.resize}, from {resolution} px"
    seen = backbone.resolution if backbone else resolution
    if resolution == seen:
        return f"none: {resolution} px"
    return f"bicubic, antialiased: {resolution} to {seen} px"


def make(metric: str, value: float, std: float | None, backbone, **about) -> dict:
    """A record.

    Args:
        metric: Its name, as in docs/scores.md.
        value: Of the score.
        std: Its spread, if there is one.
        backbone: Feature network; None for scores that need none.
        **about: What else the record tells; fields that stay None are left in.
    """
    return {
        "metric": metric,
        "value": float(value),
        "std": None if std is None else float(std),
        "backbone": backbone.name if backbone else "none",
        "backbone_sha256": backbone.sha256 if backbone else None,
        **about,
        "versions": VERSIONS,
    }


def read(path: str | pathlib.Path) -> list[dict]:
    """The records of a scores.jsonl; a last line that a crash cut off is left out.

    Raises:
        ValueError: If there is no such file, or something else is in it.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be a file of scores: {error}") from error
    lines = text.split("\n")
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise ValueError(f"{path}, line {number}, is not JSON: {error}.") from error
        if not isinstance(record, dict) or not {"metric", "value"} <= record.keys():
            raise ValueError(f"{path}, line {number}, must be a record with a metric and a value.")
        found.append(record)
    return found


def append(path: str | pathlib.Path, records: list[dict]) -> None:
    """Adds records to a scores.jsonl, all or none; its folder is made if need be."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (read(path) if path.exists() else []) + records
    replace_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def protocol(record: dict) -> dict:
    """How a record was measured: the fields that must agree with another's."""
    found = {name: record.get(name) for name in PROTOCOL}
    if record.get("real_sha256"):
        found["real"] = None  # the images themselves tell more than the name of their folder
    return found


def differences(records: list[dict]) -> dict[str, list]:
    """{field: its different values} of records of one metric; {} if they may be compared."""
    known = [name for name in LATER if all(record.get(name) for record in records)]
    rows = [
        protocol(record) if "real_sha256" in known else {**protocol(record), **_named(record)}
        for record in records
    ]
    found = {}
    for name in PROTOCOL:
        values = list(dict.fromkeys(row[name] for row in rows))
        if len(values) > 1 and (name not in LATER or name in known):
            found[name] = values
    return found


def _named(record):
    return {"real": record.get("real"), "real_sha256": None}


def comparable(records: list[dict]) -> None:
    """Raises ValueError, naming what differs, unless records of equal metrics may be compared."""
    by_metric = {}
    for record in records:
        by_metric.setdefault(record["metric"], []).append(record)
    wrong = []
    for metric, group in by_metric.items():
        fields = differences(group)
        if fields:
            what = "; ".join(f"{key}: {' / '.join(map(str, x))}" for key, x in fields.items())
            wrong.append(f"{metric} ({what})")
    if wrong:
        raise ValueError(
            "Scores of different protocols must not be compared. Received: "
            + ", ".join(wrong)
            + ". Measure them alike, or pass --mixed for a table that marks them."
        )


def title(metric: str, backbone: str) -> str:
    """What a score is called: by the paper's name only if the paper's network measured it."""
    if backbone in ("none", None):
        return metric
    if backbone == PUBLISHED:
        return PUBLISHED_TITLES.get(metric, metric)
    return f"{TITLES[metric]} ({backbone})" if metric in TITLES else metric


def markdown(runs: dict[str, list[dict]], mixed: bool = False, metrics: list | None = None) -> str:
    """A Markdown table of runs x metrics, and below it how they were measured.

    Args:
        runs: {name: its records}; of several of one metric the last counts.
        mixed: Whether different protocols may stand in one table; letters then tell them apart.
        metrics: Which; by default all, but for floors.

    Raises:
        ValueError: If protocols differ and that was not allowed, or there is nothing to show.
    """
    newest = {run: {row["metric"]: row for row in rows} for run, rows in runs.items()}
    names = metrics or [
        name
        for name in dict.fromkeys(name for rows in newest.values() for name in rows)
        if not name.endswith("_floor")
    ]
    shown = [rows[name] for rows in newest.values() for name in names if name in rows]
    if not shown:
        raise ValueError(f"There are no such scores to show. Asked for: {', '.join(names)}.")
    if not mixed:
        comparable(shown)
    letters = _letters(newest, names)
    lines = [["run", *(_head(name, newest) for name in names)], ["---"] * (len(names) + 1)]
    for run, rows in newest.items():
        cells = [_cell(rows.get(name), letters) for name in names]
        lines.append([run.replace("|", "\\|"), *cells])
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return text + "\n" + "".join(f"{line}\n" for line in _notes(shown, letters))


def _head(name, newest):
    titles = {
        title(name, row["backbone"]) for rows in newest.values() for row in [rows.get(name)] if row
    }
    return titles.pop() if len(titles) == 1 else TITLES.get(name, name)


def _letters(newest, names):
    """{how a score was measured: its letter}, if within any column there are several ways."""
    groups = [[rows[name] for rows in newest.values() if name in rows] for name in names]
    if not any(differences(group) for group in groups):
        return {}
    ways = dict.fromkeys(_way(row) for group in groups for row in group)
    return {way: _letter(number) for number, way in enumerate(ways)}


def _letter(number):
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else "") + string.ascii_lowercase[last]


def _cell(record, letters):
    if record is None:
        return ""
    spread = record.get("std")
    text = f"{record['value']:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
    return text + (f" [{letters[_way(record)]}]" if letters else "")


def _way(record):
    """One line about how a score was measured."""
    return ", ".join(map(_text, _fields(record).items()))


def _fields(record):
    fields = {"real": record.get("real"), **protocol(record)}
    fields["real"] = record.get("real")
    for name in ("real_sha256", "backbone_sha256"):
        fields[name] = fields[name] and fields[name][:8]
    return {key: value for key, value in fields.items() if value is not None}


def _text(pair):
    return f"{pair[0]}: {pair[1]}"


def _notes(shown, letters):
    if letters:
        return [
            "**These scores were measured in different ways. Compare equal letters only.**",
            "",
            *(f"- [{letter}] {way}" for way, letter in letters.items()),
        ]
    fields = [_fields(row).items() for row in shown]
    shared = [pair for pair in fields[0] if all(pair in row for row in fields)]
    lines = dict.fromkeys(
        ", ".join(
            [row["metric"], *(_text(pair) for pair in _fields(row).items() if pair not in shared)]
        )
        for row in shown
    )
    return [f"Measured with {', '.join(map(_text, shared))}.", "", *(f"- {x}" for x in lines)]


def column(found: list[dict]) -> str:
    """The scores of one evaluation as a Markdown table, with how they were measured."""
    lines = ["| score | value |", "| --- | --- |"]
    lines += [f"| {title(row['metric'], row['backbone'])} | {_cell(row, {})} |" for row in found]
    return "\n".join([*lines, "", *_notes(found, {})])
