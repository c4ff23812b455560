import math

import numpy as np
import pytest

from tfgan_zoo.metrics.classifier_error import classifier_error, disagreement, share, unrecognised


def test_error_counts_what_was_not_asked_for():
    logits = 5.0 * np.eye(4)
    found = classifier_error(logits, [0, 1, 3, 3])
    assert (found.value, found.count) == (0.25, 4)
    assert classifier_error(logits, np.arange(4)).value == 0.0
    assert classifier_error(logits, [1, 2, 3, 0]).value == 1.0


def test_interval_of_the_seed_s_table():
    """0.99 % of 1,000 is 10: plus or minus 0.6 % in the usual approximation."""
    found = share(10, 1000)
    assert (found.low, found.high) == pytest.approx((0.00545, 0.01831), abs=1e-5)
    # Wilson's ends p solve (x - p)^2 = z^2 p (1 - p) / n.
    for p in (found.low, found.high):
        assert (0.01 - p) ** 2 == pytest.approx(1.959964**2 * p * (1 - p) / 1000, rel=1e-6)


def test_interval_at_the_ends():
    none, all_ = share(0, 100), share(100, 100)
    assert (none.value, none.low, all_.high) == (0.0, 0.0, 1.0)
    assert none.high == pytest.approx(1.0 - all_.low) == pytest.approx(0.037, abs=1e-3)


def test_interval_covers_19_of_20():
    drawn = np.random.default_rng(0).binomial(200, 0.03, size=4000)
    within = [found.low <= 0.03 <= found.high for found in (share(int(n), 200) for n in drawn)]
    assert 0.93 < np.mean(within) < 0.985


def test_unrecognised():
    # Of two classes p = 1 / (1 + exp(-difference)): 0.9 at log 9.
    logits = np.array([[0.0, math.log(9.0) + 0.01], [math.log(9.0) - 0.01, 0.0], [2000.0, 0.0]])
    assert unrecognised(logits).value == pytest.approx(1 / 3)
    assert unrecognised(logits, confidence=0.95).value == pytest.approx(2 / 3)
    assert unrecognised(logits, temperature=2.0).value == pytest.approx(2 / 3)
    assert unrecognised(logits + 1000.0).value == pytest.approx(1 / 3)


def test_disagreement():
    one, other = np.eye(3)[[0, 1, 2, 0]], np.eye(3)[[0, 1, 0, 1]]
    assert disagreement([one, one, one]).value == 0.0
    assert disagreement([one, other, one]).value == 0.5


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: classifier_error(np.eye(3), [0, 1, 3]), r"`labels` must be in \[0, 3\)"),
        (lambda: classifier_error(np.eye(3), [0.0, 1.0, 2.0]), "`labels` must be integers"),
        (lambda: classifier_error(np.zeros((0, 3)), np.zeros(0, int)), "Received: none"),
        (lambda: unrecognised(np.eye(3), confidence=1.0), "confidence=1.0"),
        (lambda: unrecognised(np.eye(3), temperature=0.0), "temperature=0.0"),
        (lambda: disagreement([np.eye(3)]), "two classifiers or more. Received: 1"),
        (lambda: disagreement([np.eye(3), np.eye(2)]), "the same samples and classes"),
        (lambda: share(2, 1), "Received: 2, 1"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
