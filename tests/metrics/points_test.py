"""Scores of points: by hand, against scipy in one dimension, and what must hold for any."""

import hypothesis
import numpy as np
import pytest
import scipy.stats
from hypothesis import strategies as st

from tfgan_zoo.metrics import points as module
from tfgan_zoo.metrics.points import energy_distance, high_quality_share, modes_covered

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
# At 0, 1.9, 2.1 from the first centre, 1 from the second, 5 * sqrt(2) from all of them.
FIVE = np.array([[0.0, 0.0], [0.0, -1.9], [2.1, 0.0], [10.0, 1.0], [5.0, 5.0]])


def test_modes_by_hand():
    found, counts = modes_covered(FIVE, CENTRES, std=0.5, within=4, more_than=1)
    assert found == 1 and counts.tolist() == [2, 1, 0]
    assert modes_covered(FIVE, CENTRES, std=0.5, within=4, more_than=0)[0] == 2
    assert modes_covered(FIVE, CENTRES, std=0.5, within=4, more_than=2)[0] == 0
    assert modes_covered(FIVE, CENTRES, std=0.5, within=5, more_than=2)[0] == 1
    # By default 10 standard deviations, and more than 20 points.
    rows = np.repeat([[0.0, 9.9], [10.0, 10.1]], [21, 30], axis=0)
    assert modes_covered(rows, CENTRES, std=1.0)[1].tolist() == [0, 0, 21]
    assert modes_covered(rows, CENTRES, std=1.0)[0] == 1
    assert modes_covered(rows[1:], CENTRES, std=1.0)[0] == 0


def test_share_by_hand():
    assert high_quality_share(FIVE, CENTRES, std=0.5, within=4) == 3 / 5
    assert high_quality_share(FIVE, CENTRES, std=0.5, within=5) == 4 / 5
    assert high_quality_share(FIVE, CENTRES, std=1.0) == 4 / 5  # within 3


def test_share_of_a_gaussian():
    random = np.random.default_rng(0)
    rows = CENTRES[random.integers(3, size=20_000)] + 0.1 * random.standard_normal((20_000, 2))
    expected = 1 - np.exp(-(3**2) / 2)
    assert high_quality_share(rows, CENTRES, std=0.1) == pytest.approx(expected, abs=0.003)


def test_energy_by_hand():
    # Across: (3 + 5) / 2; within the first, with itself: 2 * 4 / 4; the second has one point.
    assert energy_distance([[0.0, 0.0], [4.0, 0.0]], [[0.0, 3.0]]) == 2 * 4 - 2 - 0


def test_energy_in_one_dimension_is_that_of_scipy():
    random = np.random.default_rng(0)
    first, second = random.standard_normal(150), 0.5 + random.standard_normal(170)
    expected = scipy.stats.energy_distance(first, second) ** 2
    assert energy_distance(first[:, None], second[:, None]) == pytest.approx(expected, rel=1e-9)


samples = st.builds(
    lambda seed, count, dims, scale: (
        scale * np.random.default_rng(seed).standard_normal((count, dims))
    ),
    st.integers(0, 1000),
    st.integers(1, 90),
    st.just(2),
    st.floats(0.1, 10),
)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(samples, samples, st.floats(-5, 5), st.floats(0, 6))
def test_energy_is_a_distance(first, second, shift, angle):
    value = energy_distance(first, second)
    assert value >= -1e-9
    assert energy_distance(first, first[::-1]) == pytest.approx(0, abs=1e-9)
    assert energy_distance(second, first) == pytest.approx(value, abs=1e-9)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = (rows @ turn + shift for rows in (first, second))
    assert energy_distance(*moved) == pytest.approx(value, abs=1e-9)
    assert energy_distance(3 * first, 3 * second) == pytest.approx(3 * value, abs=1e-9)


def test_floor_of_equal_distributions():
    # E|X - X'| of a standard normal in the plane is sqrt(pi); a V-statistic has it over N and M.
    random = np.random.default_rng(0)
    values = [
        energy_distance(random.standard_normal((200, 2)), random.standard_normal((100, 2)))
        for _ in range(60)
    ]
    assert np.mean(values) == pytest.approx(np.sqrt(np.pi) * (1 / 200 + 1 / 100), rel=0.1)


def test_blocks_do_not_matter(monkeypatch):
    random = np.random.default_rng(0)
    first, second = random.standard_normal((100, 2)), random.standard_normal((90, 2))
    value = energy_distance(first, second)
    monkeypatch.setattr(module, "ROWS", 7)
    assert energy_distance(first, second) == pytest.approx(value, abs=1e-12)


def test_errors():
    with pytest.raises(ValueError, match="`first` and `second` must have the same dimensions"):
        energy_distance(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"`second` must be \[N, dims\].*shape \(3,\)"):
        energy_distance(np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(ValueError, match="`points` must be finite"):
        high_quality_share([[np.nan, 0.0]], CENTRES, 1.0)
    with pytest.raises(ValueError, match="`std` must be positive. Received: std=0"):
        modes_covered(FIVE, CENTRES, std=0)
    with pytest.raises(ValueError, match="`more_than` must be 0 or more. Received: more_than=-1"):
        modes_covered(FIVE, CENTRES, std=1.0, more_than=-1)
