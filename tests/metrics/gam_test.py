"""Generative adversarial metric, with critics made by hand."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tfgan_zoo.metrics.gam import CriticScores, gam, midpoint_threshold


def calls(real, count=1000):
    """Scores of which `real` are above 0, the others below, mixed with one seed."""
    return np.random.default_rng(real).permutation(np.where(np.arange(count) < real, 1.0, -1.0))


def critic(test_errors, on_first, on_second, count=1000, threshold=0.0):
    """A critic that errs so often on test images, and calls so many of the samples real."""
    scores = (calls(count - test_errors, count), calls(on_first, count), calls(on_second, count))
    return CriticScores(*(threshold + s for s in scores), threshold)


def test_first_model_wins():
    # Its critic is fooled by 100 of the other's samples, the other's by 400 of its own.
    found = gam(critic(200, 300, 100), critic(210, 400, 250))
    assert found.winner == "M1"
    assert found.r_test == pytest.approx(200 / 210) and found.r_sample == pytest.approx(100 / 400)
    assert found.r_test_accuracy == pytest.approx(800 / 790)
    assert found.r_sample_accuracy == pytest.approx(900 / 600)
    assert found.test_errors == (200, 210) and found.sample_errors == (100, 400)
    assert found.own_errors == (300, 250)
    assert (found.test_count, found.sample_count) == (1000, 1000)


def test_second_model_wins():
    assert gam(critic(200, 300, 400), critic(210, 100, 250)).winner == "M2"


@pytest.mark.parametrize(
    "errors, winner",
    # The band is open: 0.85 < r_test < 1.1.
    [((170, 200), "unfair"), ((171, 200), "M1"), ((219, 200), "M1"), ((220, 200), "unfair")],
)
def test_fairness(errors, winner):
    first, second = (critic(e, *on) for e, on in zip(errors, ((300, 100), (400, 250)), strict=True))
    assert gam(first, second).winner == winner
    assert gam(first, second, fair=(0.5, 2.0)).winner == "M1"


def test_tie():
    found = gam(critic(200, 300, 195), critic(200, 205, 300))
    assert found.winner == "tie" and found.interval[0] < 1 < found.interval[1]


def test_interval_is_that_of_the_logarithm():
    # Errors are independent here; the delta method gives the variance of the logarithm.
    found = gam(critic(200, 300, 100), critic(200, 400, 250), resamples=4000)
    spread = np.sqrt(0.9 / 100 + 0.6 / 400)
    expected = np.exp(np.log(0.25) + 1.96 * spread * np.array([-1, 1]))
    np.testing.assert_allclose(found.interval, expected, rtol=0.06)


def test_the_same_latents_are_drawn_for_both():
    # Both critics are fooled by the samples of the same latents: no resampling changes the ratio.
    same = calls(300)
    one = CriticScores(calls(800), same, same, 0.0)
    assert gam(one, one).interval == (1.0, 1.0)


def test_self_comparison():
    one = critic(200, 300, 300)
    found = gam(one, one)
    assert (found.r_test, found.r_sample, found.winner) == (1.0, 1.0, "tie")
    assert (found.r_test_accuracy, found.r_sample_accuracy) == (1.0, 1.0)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(st.lists(st.integers(0, 100), min_size=6, max_size=6), st.integers(0, 9))
def test_swapping_inverts_everything(numbers, seed):
    first, second = (critic(*three, count=100) for three in (numbers[:3], numbers[3:]))
    swapped = [CriticScores(c.real, c.second, c.first, c.threshold) for c in (second, first)]
    settings = {"fair": (1e-9, 1e9), "resamples": 50, "seed": seed}
    one, other = gam(first, second, **settings), gam(*swapped, **settings)
    for name in ("r_test", "r_sample", "r_test_accuracy", "r_sample_accuracy"):
        assert getattr(one, name) * getattr(other, name) == pytest.approx(1.0)
    low, high = other.interval
    assert one.interval == pytest.approx((1 / high, 1 / low))
    assert {"M1": "M2", "M2": "M1", "tie": "tie"}[one.winner] == other.winner


def test_zero_counts():
    found = gam(critic(0, 5, 0), critic(0, 10, 5))
    assert found.r_test == 1.0
    assert found.r_sample == pytest.approx((0.5 / 1001) / (10 / 1000))
    assert found.sample_errors == (0, 10) and found.winner == "M1"
    found = gam(critic(10, 5, 0), critic(10, 1000, 5))
    assert found.r_sample_accuracy == pytest.approx(1.0 / (0.5 / 1001))
    assert gam(critic(10, 5, 0), critic(10, 0, 5)).winner == "tie"


def test_threshold_is_the_critics_own():
    shifted = gam(critic(200, 300, 100, threshold=7.5), critic(210, 400, 250, threshold=-3.0))
    assert shifted == gam(critic(200, 300, 100), critic(210, 400, 250))


def test_what_is_at_the_threshold_is_fake():
    flat = CriticScores([1.0, 2.0], [1.0, 1.0], [1.0, 2.0], 1.0)
    found = gam(flat, flat)
    assert found.test_errors == (1, 1) and found.sample_errors == (1, 0)


def test_midpoint():
    assert midpoint_threshold([1.0, 2.0, 6.0], [-1.0, -3.0]) == (3.0 - 2.0) / 2


def test_errors():
    one = critic(200, 300, 100)
    with pytest.raises(ValueError, match="score the same images. Received: 1000 and 999.*`real`"):
        gam(one, one._replace(real=one.real[1:]))
    with pytest.raises(ValueError, match="equally many samples.*Received: 999 and 1000"):
        gam(one._replace(first=one.first[1:]), one._replace(first=one.first[1:]))
    with pytest.raises(ValueError, match="`second.first` must be finite"):
        gam(one, one._replace(first=np.full(1000, np.nan)))
    with pytest.raises(ValueError, match="`first.threshold` must be finite"):
        gam(one._replace(threshold=np.nan), one)
    with pytest.raises(ValueError, match=r"`fair` must be 0 < low < high. Received: fair=\(1, 1\)"):
        gam(one, one, fair=(1, 1))
    with pytest.raises(ValueError, match="`resamples` must be at least 1. Received: resamples=0"):
        gam(one, one, resamples=0)
    with pytest.raises(ValueError, match=r"`own_fake_scores` must be \[N\].*shape \(0,\)"):
        midpoint_threshold([1.0], [])
