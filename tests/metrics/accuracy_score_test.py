import math

import keras
import numpy as np
import pytest

from tfgan_zoo.metrics.accuracy_score import (
    classification_accuracy_score,
    logits_accuracy,
    small_cnn,
)

SIDES = {
    0: (slice(0, 4), slice(0, 8)),
    1: (slice(4, 8), slice(0, 8)),
    2: (slice(0, 8), slice(4, 8)),
}


def squares(count, seed):
    """8 x 8 images of which one half is bright: the upper, the lower, or the right one."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = random.integers(0, 60, size=(count, 8, 8, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[SIDES[label]] += 150
    return images, labels


def test_accuracy_by_hand():
    logits = np.zeros((3, 7))
    logits[0, 2] = 1.0  # right
    logits[1, :5] = 1.0, 2.0, 3.0, 4.0, 5.0  # label 0 is the fifth
    logits[2, :6] = 1.0, 2.0, 3.0, 4.0, 5.0, 6.0  # label 0 is the sixth
    found = logits_accuracy(logits, np.array([2, 0, 0]))
    assert found.top1 == pytest.approx(1 / 3)
    assert found.top5 == pytest.approx(2 / 3)
    assert found.recalls == {0: 0.0, 2: 1.0}
    assert math.isnan(logits_accuracy(logits[:, :5], np.array([2, 0, 0])).top5)


def test_score_shows_a_class_that_is_missing():
    """The generator takes class 2 for class 1; the reference does not."""
    images, labels = squares(192, seed=0)
    seen = []
    score = classification_accuracy_score(
        (images, np.where(labels == 2, 1, labels)),
        (images, labels),
        squares(60, seed=1),
        epochs=10,
        batch_size=32,
        progress=lambda *numbers: seen.append(numbers),
    )
    assert score.real.top1 > 0.95
    assert score.fake.recalls[0] > 0.9
    assert score.fake.recalls[2] == 0.0
    assert score.fake.top1 < 0.7
    assert score.fake.top1 == pytest.approx(np.mean(list(score.fake.recalls.values())))
    assert seen == [(done, 20) for done in range(1, 21)]


def test_one_set_alone_and_the_same_twice():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    score = classification_accuracy_score(
        squares(64, 0), None, squares(30, 1), seeds=(5, 5), epochs=1, batch_size=16, build=linear
    )
    assert score.real is None
    assert score.fake.top1_std == 0.0  # the same seed, the same classifier
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # nobody else's seed is used


def linear(shape, num_classes, seed):
    """A network that learns little."""
    start = keras.initializers.GlorotUniform(seed=seed)
    flat = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    last = keras.layers.Dense(num_classes, kernel_initializer=start)
    return keras.Sequential([keras.Input(shape, dtype="uint8"), *flat, last])


def test_network():
    model = small_cnn((16, 16, 3), 7, seed=0)
    assert model.output_shape == (None, 7)
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    first, other = (small_cnn((16, 16, 3), 7, seed).predict(images, verbose=0) for seed in (0, 1))
    np.testing.assert_array_equal(model.predict(images, verbose=0), first)
    assert not np.allclose(first, other)


def test_refuses():
    good = squares(32, 0)
    images, labels = good
    call = classification_accuracy_score
    with pytest.raises(ValueError, match="`fake` must be uint8"):
        call((images / 255.0, labels), None, good)
    with pytest.raises(ValueError, match=r"`real` must be \(images, labels\).*\(32, 8, 8\)"):
        call(good, (images[..., 0], labels), good)
    with pytest.raises(ValueError, match="`held_out labels` must be integers"):
        call(good, None, (images, labels[:3]))
    with pytest.raises(ValueError, match="labels must be 0 or more. Received: -1"):
        call((images, labels - 1), None, good)
    with pytest.raises(ValueError, match="must have one shape"):
        call(good, None, (images[:, :4], labels))
    with pytest.raises(ValueError, match="batch_size=128, {'fake': 32}"):
        call(good, None, good)
    with pytest.raises(ValueError, match="`seeds` must name"):
        call(good, None, good, seeds=(), batch_size=8)
    with pytest.raises(ValueError, match="epochs=0"):
        call(good, None, good, epochs=0, batch_size=8)


def test_sets_of_different_size_warn():
    def stop(*_):
        raise InterruptedError

    with (
        pytest.warns(UserWarning, match="'fake': 32, 'real': 33"),
        pytest.raises(InterruptedError),
    ):
        classification_accuracy_score(
            squares(32, 0), squares(33, 0), squares(9, 1), batch_size=32, build=stop
        )
