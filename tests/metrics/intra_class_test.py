import warnings

import numpy as np
import pytest

from tfgan_zoo.metrics.fid import fid
from tfgan_zoo.metrics.intra_class import intra_class_fid


@pytest.fixture(scope="module", name="sets")
def fixture_sets():
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(300, 4)), 1.2 * random.normal(size=(240, 4))
    return real, random.permutation(300) % 3, fake, random.permutation(240) % 3


def test_is_the_fid_of_each_class(sets):
    real, real_labels, fake, fake_labels = sets
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, classes = intra_class_fid(*sets)
    expected = {c: fid(real[real_labels == c], fake[fake_labels == c]) for c in range(3)}
    assert classes == expected
    assert mean == pytest.approx(sum(expected.values()) / 3)
    assert mean > fid(real, fake)  # fewer samples


def test_by_hand():
    # Class 0 moves by 3, class 7 spreads to twice the deviation of 1 per axis.
    square = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) * np.sqrt(1.5)
    real, labels = np.concatenate([square, square]), [0] * 4 + [7] * 4
    fake = np.concatenate([square + [3.0, 0.0], 2.0 * square])
    mean, classes = intra_class_fid(real, labels, fake, labels)
    assert classes == pytest.approx({0: 9.0, 7: 2.0}, abs=1e-12)
    assert mean == pytest.approx(5.5)


def test_sees_swapped_classes_that_fid_does_not(sets):
    real, labels, _, _ = sets
    real = real + 10.0 * labels[:, None]
    assert fid(real, real) < 1e-6
    assert intra_class_fid(real, labels, real, labels).mean < 1e-6
    assert intra_class_fid(real, labels, real, (labels + 1) % 3).mean > 100.0


def test_few_samples_warn_once():
    random = np.random.default_rng(0)
    rows, labels = random.normal(size=(40, 30)), np.arange(40) % 4
    with pytest.warns(UserWarning, match="10 samples of 30 dimensions") as caught:
        intra_class_fid(rows, labels, rows[::-1], labels)
    assert len(caught) == 1


def test_progress(sets):
    seen = []
    intra_class_fid(*sets, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_refuses(sets):
    real, real_labels, fake, fake_labels = sets
    with pytest.raises(ValueError, match=r"`fake_labels` must be integers \[240\].*float64"):
        intra_class_fid(real, real_labels, fake, fake_labels / 1.0)
    with pytest.raises(ValueError, match="1 classes in one only, as 2"):
        intra_class_fid(real, real_labels, fake, fake_labels % 2)
    odd = np.where(np.arange(240) == 0, 5, fake_labels)
    with pytest.raises(ValueError, match="Received: one of class 5"):
        intra_class_fid(real, np.where(np.arange(300) < 9, 5, real_labels), fake, odd)
    with pytest.raises(ValueError, match="same dimensions"):
        intra_class_fid(real, real_labels, fake[:, :2], fake_labels)
