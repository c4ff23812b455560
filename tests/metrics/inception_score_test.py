import warnings

import numpy as np
import pytest

from tfgan_zoo.metrics.inception_score import inception_score


@pytest.fixture(scope="module")
def reference():
    return 3.0 * np.random.RandomState(1).randn(1000, 10)


def test_reference_values(reference):
    assert inception_score(reference) == pytest.approx((3.8407840887, 0.1676888333), abs=1e-10)
    assert inception_score(reference, splits=1) == pytest.approx((3.8915750082, 0.0), abs=1e-10)


def test_one_for_identical_rows():
    logits = np.tile(np.random.RandomState(0).randn(10), (100, 1))
    assert inception_score(logits) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_number_of_classes_for_confident_uniform_labels():
    logits = np.tile(2000.0 * np.eye(7), (20, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inception_score(logits, splits=4) == pytest.approx((7.0, 0.0), abs=1e-12)


def test_classes_no_one_predicts_add_nothing():
    logits = np.concatenate([np.tile(50.0 * np.eye(2), (10, 1)), np.full((20, 3), -2000.0)], axis=1)
    assert inception_score(logits, splits=1) == pytest.approx((2.0, 0.0), abs=1e-12)


def test_shift_and_precision_of_logits_do_not_matter(reference):
    logits = reference.astype(np.float32)
    shifted = logits.astype(np.float64) + 1000.0 * np.arange(1000)[:, None]
    assert inception_score(logits) == pytest.approx(inception_score(shifted), abs=1e-8)


def test_splits_are_consecutive_and_nothing_is_shuffled():
    logits = 2000.0 * np.eye(4)[np.repeat(np.arange(4), 25)]  # ordered by class
    assert inception_score(logits, splits=4) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert inception_score(logits, splits=2) == pytest.approx((2.0, 0.0), abs=1e-12)


def test_uneven_splits_take_every_row():
    # Rows 0-2, 3-5, 6-9 of ten: scores 1, 1 and, for labels 1 0 0 0 of two, exp(entropy).
    logits = 2000.0 * np.eye(2)[[0, 0, 0, 0, 0, 0, 1, 0, 0, 0]]
    last = np.exp(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    scores = [1.0, 1.0, last]
    assert inception_score(logits, splits=3) == pytest.approx((np.mean(scores), np.std(scores)))


@pytest.mark.parametrize("splits", [0, -1, 1001])
def test_wrong_splits(reference, splits):
    with pytest.raises(ValueError, match=f"`splits` must lie.*splits={splits} and 1000 samples"):
        inception_score(reference, splits=splits)


def test_wrong_logits(reference):
    with pytest.raises(ValueError, match="`logits` must be an array"):
        inception_score(reference[0])
    with pytest.raises(ValueError, match="`logits` must be finite"):
        inception_score([[0.0, -np.inf]])
