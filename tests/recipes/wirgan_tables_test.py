"""Tables of GP-WIRGAN: the paper's cells, battles of small networks, verdicts, figures."""

import types

import numpy as np
import pytest

from recipes import battles, judged, step_times, wirgan_figures, wirgan_tables
from recipes.run_directory import RunDirectory
from recipes.tables import Row
from recipes.timing import Timing
from tests.conformance import small
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.gam import Comparison

RANDOM = np.random.default_rng(0)


def test_the_paper_s_tables_are_whole():
    paper = wirgan_tables.PAPER
    counts = {number: sum(p["table"] == number for p in paper["gam"]) for number in range(3, 8)}
    assert counts == dict.fromkeys(range(3, 8), 12)
    assert len(paper["table9"]) == 24 and len(paper["table10"]) == 36
    assert paper["table8"] == {"DAVE": 10.93, "DRAW": 5.21, "WIRGAN": 1.63, "GP-WIRGAN": 0.99}
    first = paper["gam"][0]
    assert (first["r_test"], first["r_sample"]) == ("0.95", "1.003")


def test_rows_name_flagfiles_that_exist():
    for scale in wirgan_tables.DATA.values():
        for data in scale:
            for model in wirgan_tables.RECIPES:
                row = wirgan_tables.row(model, 5, data)
                flagfile, spec = (flag.split("=", 1)[1] for flag in row.flags)
                assert open(flagfile).readline().startswith("# ")
                assert spec == "time_steps=5"


@pytest.fixture(scope="module")
def contenders(tmp_path_factory):
    """GRAN and GP-WIRGAN, small and untrained, as if their runs were finished."""
    images = ImageSet(
        "noise",
        "train",
        RANDOM.integers(0, 256, (20, 28, 28, 1), dtype=np.uint8),
        np.zeros(20, np.int32),
        ("a",),
    )
    found = []
    for name in ("gran-digits", "gp-wirgan-digits"):
        folder = tmp_path_factory.mktemp(name)
        small.generator(name).save(folder / "generator.keras")
        small.discriminator(name).save(folder / "discriminator.keras")
        run = RunDirectory(str(folder))
        found.append(battles.Contender(run, images, wasserstein=name.startswith("gp")))
    return found


def test_battles(contenders):
    test = RANDOM.integers(0, 256, (30, 28, 28, 1), dtype=np.uint8)
    there, back = battles.battle(*contenders, test), battles.battle(*contenders[::-1], test)
    np.testing.assert_allclose(there.r_test * back.r_test, 1.0)
    np.testing.assert_allclose(there.r_sample * back.r_sample, 1.0)
    same = battles.battle(contenders[0], contenders[0], test)
    assert (same.r_test, same.r_sample, same.winner) == (1.0, 1.0, "tie")
    line = battles.line([there, back])
    assert line["winner"] == f"{there.winner}, {back.winner}"
    assert line["geometric mean r_sample"] == "1"
    assert contenders[0].threshold == 0.0 != contenders[1].threshold


def test_all_models_get_the_same_noise(contenders):
    first, second = (contender._latents() for contender in contenders)
    assert first.shape == (1000, 8) and second.shape == (1000, 3, 8)
    np.testing.assert_array_equal(first, second[:, 0])


def fought(*winners):
    return [Comparison(w, 1, 1, (1, 1), 1, 1, (0, 0), (0, 0), (0, 0), 1, 1) for w in winners]


@pytest.mark.parametrize(
    "winners, words",
    [
        (("M2", "M2", "unfair"), "holds: 2 M2, 1 unfair"),
        (("M1", "M1", "M1"), "does not hold: 3 M1"),
        (("M1", "M2", "M2"), "cannot be told: 1 M1, 2 M2"),
        (("tie", "unfair", "M2"), "cannot be told: 1 M2, 1 tie, 1 unfair"),
    ],
)
def test_verdicts_of_battles(winners, words):
    assert battles.verdict(fought(*winners)) == words


def test_claims_about_times():
    found = {
        (model, t, d): Timing(m := base * (1 + t) * (1 if d == 1 else 4), 0.9 * m, 1.1 * m, 5)
        for model, base in (("GRAN", 4.0), ("WIRGAN", 2.0), ("GP-WIRGAN", 2.1))
        for t in (1, 3)
        for d in ((1,) if model == "GRAN" else (1, 5))
    }
    verdicts = {(c["claim"], c["counted"]): c["verdict"] for c in step_times.claims(found)}
    assert verdicts["GRAN takes longer than WIRGAN", "one update of each"].startswith("holds")
    assert verdicts["GRAN takes longer than WIRGAN", "as trained"].startswith("does not hold")
    same = verdicts["WIRGAN takes longer than GP-WIRGAN", "one update of each"]
    assert same.startswith("cannot be told")
    assert verdicts["GRAN: time grows with T", "as trained"] == "holds: ratios 2.00"
    lines = {(line["model"], line["T"]): line for line in step_times.lines(found)}
    # (4 - 1) * 2 * 2 seconds for four updates more.
    assert lines["WIRGAN", 1]["a discriminator's update, s"] == "3.0000"
    assert lines["GRAN", 3]["updates"] == "1 + 1"


def test_measures_every_model():
    found = step_times.measure("mnist", 2, (1,), rounds=1, width=4)
    assert set(found) == {
        ("GRAN", 1, 1),
        *((model, 1, d) for model in ("WIRGAN", "GP-WIRGAN") for d in (1, 5)),
    }
    assert all(0 < time.low <= time.median <= time.high for time in found.values())


def test_errors_of_classifiers():
    """The first is sure of class 0 with odds of 3, the second says 0 and 1 by turns."""
    sure = np.log([[0.75, 0.25]])
    judges = [
        lambda images: (None, np.repeat(sure, len(images), axis=0)),
        lambda images: (None, np.eye(2)[np.arange(len(images)) % 2]),
    ]
    generator = small.generator("wgan-gp-digits")
    lab = types.SimpleNamespace(seeds=[0], generator=lambda row, seed: generator)
    found = judged.errors(lab, None, judges)
    np.testing.assert_allclose(found["E1, %"], [25.0])
    np.testing.assert_allclose(found["E2, %"], [50.0])


def test_errors_of_models_of_one_class_each():
    """The judge says class 1 of all images, so models of class 0 err always, those of 1 never."""
    trained = []
    lab = types.SimpleNamespace(
        seeds=[0, 3],
        train=trained.extend,
        generator=lambda row, seed: small.generator("wgan-gp-digits"),
    )
    rows = {"A": Row("a", "A", ("--x=1",), recipe="wgan"), "B": Row("b", "B")}
    found = judged.per_class(lab, rows, lambda images: (None, np.eye(2)[[1] * len(images)]), 2)
    assert found == {name: [100.0, 100.0, 0.0, 0.0] for name in rows}
    assert [row.name for row in trained] == ["a-class0", "a-class1", "b-class0", "b-class1"]
    assert trained[1].recipe == "wgan" and trained[1].flags[:2] == ("--x=1", "--only_class=1")


def test_loss_against_quality(tmp_path):
    run = RunDirectory(str(tmp_path))
    run.append("log.jsonl", [{"step": s, "d_loss": -1.0 / s} for s in (1, 2, 3, 4)])
    run.append(
        "scores.jsonl",
        [{"step": s, "metric": "fid", "value": 10.0 - s} for s in (0, 2, 4)]
        + [{"step": 4, "metric": "kid", "value": 7.0}],
    )
    curve = wirgan_figures.loss_and_quality(run)
    assert curve == [(0.5, 8.0, 2), (0.25, 6.0, 4)]
    assert wirgan_figures.rank_correlation(*zip(*curve, strict=True)) == 1.0
    assert wirgan_figures.rank_correlation([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == -1.0


def test_figures():
    line = {"data": "digits", "M1": "A", "M2": "B", "r_sample": "0.5, 2", "winner": "M1, unfair"}
    figure = wirgan_figures.ratios([{**line, "geometric mean r_sample": "1"}], "T")
    assert figure.axes[0].get_yticklabels()[0].get_text() == "digits: A / B"
    scored = [{"data": "digits", "model": "A", "IS": "9.5 ± 0.1"}]
    figure = wirgan_figures.inception_scores(scored, wirgan_tables.PAPER["figure7"])
    assert len(figure.axes) == 2
    generator = small.generator("gp-wirgan-digits")
    assert wirgan_figures.process(generator, "T").get_suptitle() == "T"
    assert len(wirgan_figures.side_by_side({"a": generator, "b": generator}, "T").axes) == 2
