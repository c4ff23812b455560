"""The guard: what it raises on, what it lets pass, and what it says."""

import pytest

from tfgan_zoo.training.guard import Guard, TrainingFailed


def logs(d_loss, **others):
    return {"d_loss": d_loss, "g_loss": 1.0, **others}


@pytest.mark.parametrize("perfect", [None, 0.0])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite(perfect, value):
    guard = Guard(perfect)
    guard(100, logs(1.0))
    with pytest.raises(TrainingFailed, match=f"diverged by step 200: g_penalty = {value}"):
        guard(200, logs(1.0, g_penalty=value))


def test_all_bad_values_are_named():
    with pytest.raises(TrainingFailed, match="step 7: d_loss = nan, g_norm = inf.$"):
        Guard(0.0)(7, logs(float("nan"), g_norm=float("inf")))


def test_patience_ends_with_the_last_of_as_many_reports():
    guard = Guard(perfect=0.0, patience=3)
    guard(1, logs(0.0))
    guard(2, logs(0.0))
    with pytest.raises(TrainingFailed, match=r"no error for 3 reports up to step 3 \(d_loss = 0"):
        guard(3, logs(0.0))


def test_one_error_of_the_discriminator_starts_the_count_again():
    guard = Guard(perfect=0.0, patience=3)
    for step in range(20):
        guard(step, logs(0.5 if step % 3 == 2 else 0.0))


@pytest.mark.parametrize("d_loss, fails", [(-0.5, True), (-0.495, True), (-0.48, False)])
def test_tolerance_is_around_perfect(d_loss, fails):
    guard = Guard(perfect=-0.5, patience=1, tolerance=0.01)
    if fails:
        with pytest.raises(TrainingFailed, match=f"d_loss = {d_loss:.2g}"):
            guard(1, logs(d_loss))
    else:
        guard(1, logs(d_loss))


def test_losses_without_a_perfect_value_may_have_any():
    guard = Guard(perfect=None, patience=1)
    for value in (0.0, -1e6, 1e6):
        guard(1, logs(value))


def test_ten_reports_are_the_default():
    guard = Guard(0.0)
    for step in range(9):
        guard(step, logs(0.0))
    with pytest.raises(TrainingFailed):
        guard(9, logs(0.0))
