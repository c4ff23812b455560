"""The table of augmentation: rows of hand-made runs, and all that is written."""

import pytest
from matplotlib.figure import Figure

from recipes import augmentation_table as table
from recipes.tables import Lab

ROWS = {row.name: row for row in table.rows(None)}


@pytest.fixture(name="lab")
def fixture_lab(tmp_path):
    """Two seeds of each row, finished: FID 4 and 6, and with ADA 2 and 4 less."""
    lab = Lab(str(tmp_path / "runs"), (), [0, 1], jobs=1, threads=1)
    for seed in (0, 1):
        for name, row in ROWS.items():
            _finish(lab.run(row, seed), seed, ada=name == "ada")
    return lab


def _finish(run, seed, ada):
    (run / "finished.txt").write_text("to the end")
    for step, fid in ((100, 3.5), (200, 4.0)):
        value = fid + 2.0 * seed - (2.0 * ada)
        scores = {"fid": value, "kid": 0.001 * value, "inception_score": 8.0}
        found = [{"metric": name, "value": x, "step": step} for name, x in scores.items()]
        run.append("scores.jsonl", found)
    for step in range(10, 210, 10):  # the last tenth: 190 and 200
        line = {"step": step, "real_logits": step / 100, "fake_logits": -1.0 - seed}
        more = {"ada_overfitting": step / 1000, "ada_probability": step / 400} if ada else {}
        run.append("log.jsonl", [line | more])


def test_lines_by_hand(lab):
    none, diffaugment, ada = table.lines(lab, list(ROWS.values()))
    # FID 4 and 6; logits of the last tenth 1.95 on average, minus -1 and -2.
    assert none == {
        "row": "no augmentation",
        "FID": "5 ± 1.4",
        "best FID": "4.5 ± 1.4",
        "KID x 1000": "5 ± 1.4",
        "IS": "8 ± 0",
        "gap of logits": "3.45 ± 0.71",
        "r_t": "none",
        "probability": "none",
    }
    assert diffaugment == none | {"row": diffaugment["row"]}
    assert ada["FID"] == "3 ± 1.4" and ada["best FID"] == "2.5 ± 1.4"
    assert ada["r_t"] == "0.195 ± 0" and ada["probability"] == "0.487 ± 0"


def test_rows_and_claims():
    names = {name for claim in table.CLAIMS for name in (claim.better, claim.worse)}
    assert names <= ROWS.keys()
    assert ROWS["none"].flags == () and table.FLAGFILE.exists()
    assert all("--steps=7" in row.flags for row in table.rows(7))


def test_figure_of_the_probability(lab):
    (axes,) = table.probabilities(lab, ROWS["ada"], "Title").axes
    labels = [line.get_label() for line in axes.lines]
    assert {"r_t", "probability", "target of r_t"} <= set(labels)
    overfitting = axes.lines[0]
    assert list(overfitting.get_xdata()) == list(range(10, 210, 10))


def test_everything_is_written(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "samples", lambda *_: Figure())  # they need networks
    results = tmp_path / "results"
    results.mkdir()
    table.write(lab, list(ROWS.values()), results)
    names = {"table.md", "table.csv", "fid.png", "ada.png", "samples.png"}
    assert {path.name for path in results.iterdir()} == names
    text = (results / "table.md").read_text()
    assert "flagfile `biggan/digits16`, 200 steps" in text and "Seeds: 0, 1." in text
    assert "200 training images" in text and "{" not in text
    # Means 3 and 5, variances 2 and 2: a standard error of sqrt(2).
    assert text.count("cannot be told: better by") == 2
    assert "cannot be told: better by 2 ± 1.4" in text
    assert len((results / "table.csv").read_text().splitlines()) == 4
