"""What sharing costs and saves, and the table of it: counts and verdicts by hand."""

import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver

from recipes import sharing_costs
from recipes import weight_sharing_table as table
from recipes.tables import Lab
from tests.recipes.runs import refusals

FLAGFILE = f"--flagfile={sharing_costs.FLAGFILES / 'digits.flags'}"


@pytest.fixture(name="parsed")
def fixture_parsed():
    with flagsaver.flagsaver():
        flags.FLAGS(["test", "--run_dir=none"])
        tf.config.run_functions_eagerly(True)  # tracing takes longer than the steps
        yield
        tf.config.run_functions_eagerly(False)


def test_weights_of_rows(parsed):
    unshared, both, average = (
        sharing_costs.weights(sharing_costs.build(sharing_costs.FLAGFILES / f"{name}.flags", 1))
        for name in ("digits-unshared", "digits", "digits-global-average")
    )
    kernels = 5 * 9 * 4 * 4
    assert (unshared["shared"], both["shared"], average["shared"]) == (0, kernels, kernels)
    for role in ("g_private", "d_private"):
        assert both[role] == average[role] == unshared[role] - kernels
    # Adam has two float32 slots for each weight that it moves; each player's has the common ones.
    assert both["optimizer_bytes"] == unshared["optimizer_bytes"]
    # One more optimizer, with a step and a rate, and one slot less for every common weight.
    saved = 4 * 2 * kernels
    assert unshared["optimizer_bytes"] - average["optimizer_bytes"] == pytest.approx(saved, abs=64)


def test_steps_are_timed(parsed):
    (row,) = sharing_costs.measure(["digits"], batch_size=2, rounds=1, width=1)
    assert row["row"] == "digits" and row["shared"] == 5 * 9 * 4 * 4
    assert 0 < row["low"] <= row["step"] <= row["high"]
    assert row["images"] == 4 and row["peak_bytes"] >= 0


def test_rows_have_flagfiles_and_claims_have_rows():
    assert all((sharing_costs.FLAGFILES / f"{name}.flags").exists() for name in table.WHAT)
    named = {name for claim in table.CLAIMS for name in (claim.better, claim.worse)}
    assert named <= table.WHAT.keys() and set(table.MODES) <= table.WHAT.keys()
    assert all(f"--steps={7}" in row.flags for row in table.rows(7))


def test_logs_of_runs(tmp_path):
    lab = Lab(str(tmp_path), (), [0, 1], jobs=1, threads=1)
    rows = {row.name: row for row in table.rows(None)}
    shared, plain = rows["digits"], rows["digits-unshared"]
    for seed in (0, 1):
        for step in (10, 20, 30, 40):
            values = {"shared_cosine": step * (1 + seed), "g_trunk_1_gate": step / 100}
            lab.run(shared, seed).append("log.jsonl", [{"step": step, **values}])
            lab.run(plain, seed).append("log.jsonl", [{"step": step, "d_loss": 1.0}])
    assert table.logged(lab, shared, "shared_cosine")[20] == [20, 40]
    assert table._late(lab, shared, "shared_cosine") == [35, 70]
    assert table._late(lab, plain, "shared_cosine") == []
    assert table._gates(lab, shared) == "g_trunk_1 0.4" and table._gates(lab, plain) == "-"
    figure = table.cosines(lab, [plain, shared], "title")
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert "global, both players update" in labels and "unshared" not in labels


def test_verdicts_on_costs():
    def cost(shared, step):
        private = {"g_private": 10, "d_private": 10, "shared": shared}
        return {**private, "step": step, "low": step - 0.1, "high": step + 0.1}

    measured = {
        "digits-unshared": cost(10, 1.0),
        "digits": cost(5, 1.05),
        "digits-local-soft": cost(11, 1.5),
    }
    words = [line["verdict"].partition(":")[0] for line in table.cost_claims(measured)]
    assert words == ["holds", "cannot be told", "does not hold", "does not hold"]
    measured["digits"] = cost(5, 0.5)
    assert table.cost_claims(measured)[1]["verdict"] == "holds: 500 against 1000 ms"


def test_modes_that_do_not_go_with_the_networks_are_refused(tmp_path):
    cases = [
        (["--sharing=soft", "--spec=sharing=none"], "for networks that share kernels"),
        (["--average_every=2"], "goes with --sharing=soft"),
        (["--spec=sharing=local"], "Take trunk=2"),
        (["--spec=sharing=all"], "must be one of none, global, mirror, local"),
    ]
    found = refusals("sharing", tmp_path, [FLAGFILE], [more for more, _ in cases])
    for (code, said), (_, words) in zip(found, cases, strict=True):
        assert code == 1 and words in said, said
    assert list(tmp_path.iterdir()) == []
