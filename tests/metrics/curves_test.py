import numpy as np
import pytest

from tfgan_zoo.metrics.curves import best, truncation_curve
from tfgan_zoo.metrics.fid import fid
from tfgan_zoo.metrics.inception_score import inception_score

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(size=(500, 3))
DRAWN = RANDOM.normal(size=(400, 3))
LIMITS = (2.0, 1.0, None)


def provide(truncation):
    """Features that vary less, and logits that are surer, the smaller the threshold."""
    scale = 1.0 if truncation is None else truncation / 3.0
    return scale * DRAWN, DRAWN / scale


def test_points_are_the_scores_at_each_threshold():
    seen = []
    points = truncation_curve(
        REAL, provide, LIMITS, splits=4, progress=lambda *numbers: seen.append(numbers)
    )
    assert [point.truncation for point in points] == list(LIMITS)
    for point in points:
        features, logits = provide(point.truncation)
        assert point.fid == pytest.approx(fid(REAL, features), abs=1e-12)
        assert point[2:] == pytest.approx(inception_score(logits, 4), abs=1e-12)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_ends_that_papers_quote():
    least_fid, most_score = best(truncation_curve(REAL, provide, LIMITS))
    assert (least_fid.truncation, most_score.truncation) == (None, 1.0)


def test_refuses():
    with pytest.raises(ValueError, match="`truncations` must name one"):
        truncation_curve(REAL, provide, [])
    with pytest.raises(ValueError, match="same dimensions"):
        truncation_curve(REAL[:, :2], provide, LIMITS)
