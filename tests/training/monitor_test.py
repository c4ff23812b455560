"""The monitor: what it raises on, what it lets pass, and what it says."""

import math

import pytest

from tfgan_zoo.training.monitor import Monitor, TrainingFailed

NAN = float("nan")


def logs(d_loss, **others):
    return {"d_loss": d_loss, "g_loss": 1.0, **others}


def failure(call, *args):
    """What a call raises, or None."""
    try:
        call(*args)
    except TrainingFailed as error:
        return error
    return None


def reasons(call, values):
    """{step: reason} of what is raised as `values` are reported at steps 1, 2, ..."""
    found = {step: failure(call, step, value) for step, value in enumerate(values, 1)}
    assert all(error is None or error.step == step for step, error in found.items())
    return {step: error.reason for step, error in found.items() if error}


# --- logs: not finite ---------------------------------------------------------------------------


@pytest.mark.parametrize("perfect", [None, 0.0])
@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
def test_values_that_are_not_finite(perfect, value):
    monitor = Monitor(perfect)
    monitor.logs(100, logs(1.0))
    error = failure(monitor.logs, 200, logs(1.0, g_penalty=value))
    assert str(error) == f"Training diverged by step 200: g_penalty = {value}."
    assert (error.step, error.reason, error.warning) == (200, "not_finite", False)
    assert isinstance(error, RuntimeError)


def test_a_failure_may_be_raised_by_others():
    error = TrainingFailed("Out of disk.")
    assert (str(error), error.step, error.reason, error.warning) == (
        "Out of disk.",
        None,
        None,
        False,
    )


def test_all_bad_values_are_named():
    with pytest.raises(TrainingFailed, match="step 7: d_loss = nan, g_norm = inf.$"):
        Monitor(0.0).logs(7, logs(NAN, g_norm=math.inf))


def test_what_is_not_finite_enters_no_average():
    monitor = Monitor(None)
    values = [1.0, 1.0, NAN, 1.0, 1.0, 1.0, 11.0]
    assert reasons(lambda step, value: monitor.logs(step, logs(value)), values) == {
        3: "not_finite",
        7: "loss_jump",
    }


def test_logs_may_be_without_a_discriminator():
    monitor = Monitor(None)
    assert reasons(monitor.logs, [{"elbo": value} for value in (1.0,) * 9 + (1e9, NAN)]) == {
        11: "not_finite"
    }


# --- logs: a discriminator that never errs ------------------------------------------------------


def saturation(values, **settings):
    monitor = Monitor(0.0, **settings)
    return reasons(lambda step, value: monitor.logs(step, logs(value)), values)


def test_patience_ends_with_the_last_of_as_many_reports():
    monitor = Monitor(perfect=0.0, patience=3)
    monitor.logs(1, logs(0.0))
    monitor.logs(2, logs(0.0))
    error = failure(monitor.logs, 3, logs(0.0))
    assert "no error for 3 reports up to step 3 (d_loss = 0)" in str(error)
    assert (error.step, error.reason, error.warning) == (3, "saturated", False)


def test_one_error_of_the_discriminator_starts_the_count_again():
    assert saturation([0.0, 0.0, 0.005] * 7, patience=3) == {}
    assert saturation([0.0, 0.0, 0.005, 0.0, 0.0, 0.0], patience=3) == {6: "saturated"}


@pytest.mark.parametrize("d_loss, fails", [(-0.5, True), (-0.495, True), (-0.48, False)])
def test_tolerance_is_around_perfect(d_loss, fails):
    error = failure(Monitor(perfect=-0.5, patience=1, tolerance=0.01).logs, 1, logs(d_loss))
    assert (error is not None) == fails
    assert not fails or f"d_loss = {d_loss:.2g}" in str(error)


def test_losses_without_a_perfect_value_may_have_any():
    monitor = Monitor(perfect=None, patience=1)
    for value in (0.0, -1e6, 1e6):
        monitor.logs(1, logs(value))


def test_ten_reports_are_the_default_and_begin_again_after_a_failure():
    assert saturation([0.0] * 35) == {step: "saturated" for step in (10, 20, 30)}


# --- logs: jumps of the loss --------------------------------------------------------------------


def loss_jumps(values, **settings):
    monitor = Monitor(None, **settings)
    return reasons(lambda step, value: monitor.logs(step, logs(value)), values)


def test_a_jump_is_more_than_ten_times_the_average():
    assert loss_jumps([1.0] * 5 + [9.9]) == {}
    assert loss_jumps([1.0] * 5 + [10.1]) == {6: "loss_jump"}
    assert loss_jumps([1.0] * 5 + [-10.1]) == {6: "loss_jump"}
    assert loss_jumps([-1.0, 1.0] * 4 + [10.1]) == {9: "loss_jump"}
    assert loss_jumps([1.0] * 5 + [4.1], loss_jump=4.0) == {6: "loss_jump"}


def test_what_a_jump_of_the_loss_says():
    monitor = Monitor(0.0)
    for step in range(9):
        monitor.logs(step, logs(1.0))
    error = failure(monitor.logs, 9, logs(21.0))
    assert str(error) == (
        "The discriminator's loss jumped by step 9: d_loss = 21, on average 1 in size."
    )
    assert (error.step, error.reason, error.warning) == (9, "loss_jump", True)


def test_the_average_follows_the_last_ten_reports_or_so():
    # After n reports of 10 in place of 1 it is 10 - 9 * 0.9^n: 6.86 for n = 10.
    values = [1.0] * 20 + [10.0] * 10
    assert loss_jumps(values + [68.0]) == {}
    assert loss_jumps(values + [69.0]) == {31: "loss_jump"}


def test_the_first_reports_are_averaged_plainly():
    # Their mean is 5.
    assert loss_jumps([1.0, 9.0, 5.0, 3.0, 7.0, 49.0]) == {}
    assert loss_jumps([1.0, 9.0, 5.0, 3.0, 7.0, 51.0]) == {6: "loss_jump"}


def test_a_loss_that_was_almost_nothing_may_grow():
    assert loss_jumps([1e-6] * 9 + [9e-3]) == {}
    assert loss_jumps([1e-6] * 9 + [1.1e-2]) == {10: "loss_jump"}


def test_no_jumps_before_enough_reports_nor_soon_after_one():
    assert loss_jumps([1.0] * 4 + [99.0]) == {}
    assert loss_jumps([1.0] * 5 + [99.0] * 20) == {6: "loss_jump"}
    assert loss_jumps([1.0] * 5 + [99.0] * 6 + [1e4]) == {6: "loss_jump", 12: "loss_jump"}


# --- spectra ------------------------------------------------------------------------------------


def sigma_jumps(values, **settings):
    monitor = Monitor(0.0, **settings)
    return reasons(
        lambda step, value: monitor.spectra(step, {"g/a/kernel": [value, 0.1, 0.1]}), values
    )


def test_a_generator_s_singular_value_jumps():
    assert sigma_jumps([2.0] * 5 + [9.9]) == {}
    assert sigma_jumps([2.0] * 5 + [10.1]) == {6: "sigma_jump"}
    assert sigma_jumps([2.0] * 5 + [6.1], sigma_jump=3.0) == {6: "sigma_jump"}
    assert sigma_jumps([2.0] * 4 + [10.1]) == {}
    assert sigma_jumps([2.0] * 4 + [10.1], warm_up=4) == {5: "sigma_jump"}


def test_the_median_is_that_of_the_window():
    # The median of 1, 1, 1, 4, 4 is 1; of 1, 1, 4, 4, 4 it is 4.
    assert sigma_jumps([1, 1, 1, 4, 4, 5.1], window=5) == {6: "sigma_jump"}
    assert sigma_jumps([1, 1, 1, 4, 4, 4, 5.1, 19], window=5) == {}
    assert sigma_jumps([1] * 9 + [4, 4, 4, 5.1], window=5) == {}
    assert sigma_jumps([1] * 9 + [4, 4, 4, 5.1]) == {13: "sigma_jump"}


def test_steady_growth_from_nothing_is_no_jump():
    assert sigma_jumps([0.0, *range(300)]) == {}
    assert sigma_jumps([0.0] * 9 + [1e-3]) == {}


def test_after_a_jump_the_history_is_a_new_one():
    assert sigma_jumps([1.0] * 5 + [6.0] * 20) == {6: "sigma_jump"}
    assert sigma_jumps([1.0] * 5 + [6.0] * 6 + [31.0]) == {6: "sigma_jump", 12: "sigma_jump"}


def test_only_the_generator_s_largest_count_and_all_jumps_are_named():
    monitor = Monitor(0.0)
    usual = {"g/a": [2.0, 1.0], "g/b": [1.0], "g/c": [3.0, 1.0, 1.0], "d/a": [1.0, 1.0]}
    for step in range(5):
        monitor.spectra(step, usual)
    monitor.spectra(5, usual | {"d/a": [100.0, 1.0], "g/a": [2.0, 1.9]})
    error = failure(monitor.spectra, 6, usual | {"g/a": [20.0, 1.0], "g/b": [7.0]})
    assert str(error) == (
        "Singular values of the generator jumped by step 6: "
        "g/a = 20 (median 2), g/b = 7 (median 1)."
    )
    assert (error.step, error.reason, error.warning) == (6, "sigma_jump", True)


def test_singular_values_that_are_not_finite():
    error = failure(Monitor(0.0).spectra, 3, {"g/a": [1.0, 1.0], "d/b": [1.0, NAN]})
    assert str(error) == "Training diverged by step 3: d/b s1 = nan."
    assert (error.reason, error.warning) == ("not_finite", False)


# --- scores -------------------------------------------------------------------------------------


def score_jumps(fids, inception_scores=None, **settings):
    monitor = Monitor(0.0, **settings)
    values = [{"fid": fid} for fid in fids]
    for value, inception_score in zip(values, inception_scores or ()):
        value["inception_score"] = inception_score
    return reasons(monitor.scores, values)


def test_two_evaluations_at_twice_the_best_fid():
    assert score_jumps([100, 10, 21]) == {}
    assert score_jumps([100, 10, 21, 21]) == {4: "score_jump"}
    assert score_jumps([100, 10, 20, 20, 20]) == {}
    assert score_jumps([100, 10, 21, 19, 21, 19]) == {}
    assert score_jumps([10, 31, 31, 31], fid_jump=3.0, failures=3) == {4: "score_jump"}


def test_the_inception_score_must_fall_too():
    fids = [100, 10, 50, 50]
    assert score_jumps(fids, [2, 8, 4.1, 3.9]) == {}
    assert score_jumps(fids, [2, 8, 3.9, 4.1]) == {}
    assert score_jumps(fids, [2, 8, 3.9, 3.9]) == {4: "score_jump"}
    assert score_jumps([100, 10, 19, 19], [2, 8, 1, 1]) == {}
    assert score_jumps(fids, [2, 8, 3.9, 3.9], score_drop=0.4) == {}


def test_what_a_collapse_says():
    monitor = Monitor(0.0)
    for step, fid in enumerate([10, 50]):
        monitor.scores(step, {"fid": fid})
    error = failure(monitor.scores, 2, {"fid": 60})
    assert str(error) == (
        "Samples have been far worse than before in 2 evaluations up to step 2: FID 60, at best 10."
    )
    assert (error.step, error.reason, error.warning) == (2, "score_jump", False)


def test_after_a_collapse_two_more_make_another():
    assert score_jumps([10, 50, 50, 50, 50, 50, 10, 50]) == {3: "score_jump", 5: "score_jump"}


@pytest.mark.parametrize("name", ["fid", "inception_score"])
def test_scores_that_are_not_finite(name):
    monitor = Monitor(0.0)
    scores = {"fid": 10.0, "inception_score": 5.0}
    monitor.scores(1, scores)
    error = failure(monitor.scores, 2, scores | {name: NAN})
    assert str(error) == f"Training diverged by step 2: {name} = nan."
    assert error.reason == "not_finite"
    assert (monitor.best_fid, monitor.best_inception_score) == (10.0, 5.0)


# --- reset --------------------------------------------------------------------------------------


def test_reset_forgets_all_but_the_best_scores():
    monitor = Monitor(0.0, patience=6)
    for step in range(5):
        monitor.logs(step, logs(0.0))
        monitor.spectra(step, {"g/a": [1.0]})
    monitor.scores(5, {"fid": 10.0, "inception_score": 8.0})
    monitor.scores(6, {"fid": 50.0, "inception_score": 1.0})
    monitor.reset()
    monitor.logs(7, logs(0.0))
    monitor.logs(8, logs(99.0))
    monitor.spectra(8, {"g/a": [99.0]})
    monitor.scores(8, {"fid": 50.0, "inception_score": 1.0})
    assert failure(monitor.scores, 9, {"fid": 50.0, "inception_score": 1.0}).reason == "score_jump"
    assert (monitor.best_fid, monitor.best_inception_score) == (10.0, 8.0)


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"patience": 0}, "`patience` must be positive. Received: patience=0."),
        ({"sigma_jump": -5.0}, "`sigma_jump` must be positive. Received: sigma_jump=-5.0."),
        ({"fid_jump": NAN}, "`fid_jump` must be positive. Received: fid_jump=nan."),
        ({"window": 4}, "Received: warm_up=5, window=4. Lower `warm_up`."),
    ],
)
def test_settings_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        Monitor(-0.5, **settings)
    Monitor(-0.5, warm_up=4, window=4)


def test_the_thresholds_of_the_specification():
    monitor = Monitor(None)
    assert (monitor.sigma_jump, monitor.loss_jump) == (5.0, 10.0)
    assert (monitor.fid_jump, monitor.score_drop, monitor.failures) == (2.0, 0.5, 2)
