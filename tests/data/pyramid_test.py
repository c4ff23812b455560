"""Levels of an image set: their values, when they are computed, and where they can be used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.data import pipelines, pyramid, sources
from tfgan_zoo.metrics.classifier import Classifier


def image_set(images):
    labels = np.arange(len(images), dtype=np.int32) % 2
    return sources.ImageSet("some", "train", images, labels, ("a", "b"))


def noise(count, side, channels=3, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, side, side, channels), np.uint8)


def test_means_by_hand():
    """The means of the four blocks are 0.25, 0.5, 1.5 and 254.75; their mean is 64.25."""
    image = np.array([[0, 0, 0, 1], [0, 1, 0, 1], [1, 2, 255, 254], [1, 2, 255, 255]], np.uint8)
    images = image.reshape(1, 4, 4, 1)
    halves = pyramid.at(image_set(images), 2).images[0][..., 0]
    np.testing.assert_array_equal(halves, [[0, 0], [2, 255]])  # 0.5 becomes 0, 1.5 becomes 2
    assert pyramid.at(image_set(images), 1).images[0].ravel() == [64]


def test_levels_are_not_rounded_in_between():
    """Blocks of mean 0.5 round to 0; three of them and one of 1 have the mean 0.625."""
    block, ones = np.array([[0, 1], [1, 0]]), np.ones((2, 2))
    image = np.block([[block, block], [block, ones]]).astype(np.uint8)
    levels = image_set(image.reshape(1, 4, 4, 1))
    np.testing.assert_array_equal(pyramid.at(levels, 2).images[0][..., 0], [[0, 0], [0, 1]])
    assert pyramid.at(levels, 1).images[0].ravel() == [1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 3, 5]), st.integers(0, 4), st.integers(1, 9))
def test_pixels_are_rounded_means_of_blocks(seed, base, times, count):
    side = base * 2**times
    images = noise(count, side, seed=seed)
    for power in range(times + 1):
        small = side >> power
        blocks = images.reshape(count, small, 2**power, small, 2**power, 3)
        expected = np.rint(blocks.mean(axis=(2, 4), dtype=np.float64))
        found = pyramid.at(image_set(images), small).images
        assert found.shape == (count, small, small, 3)
        np.testing.assert_array_equal(found, expected)


def test_the_level_of_a_level_is_the_set_itself_only_at_the_top():
    whole = image_set(noise(3, 8))
    assert pyramid.at(whole, 8) is whole
    level = pyramid.at(whole, 4)
    assert (level.resolution, level.channels, level.name, level.split) == (4, 3, "some", "train")
    assert level.labels is whole.labels and level.class_names == ("a", "b")


@pytest.mark.parametrize("resolution", [16, 9, 7, 6, 3, 0, -4])
def test_other_resolutions_are_refused(resolution):
    with pytest.raises(ValueError, match=f"that of the images, 8, .*resolution={resolution}."):
        pyramid.at(image_set(noise(1, 8)), resolution)


def test_thirds_are_refused():
    with pytest.raises(ValueError, match="resolution=4."):
        pyramid.at(image_set(noise(1, 12)), 4)


def test_images_are_indexed_like_an_array():
    level = pyramid.at(image_set(noise(7, 8)), 4).images
    whole = np.asarray(level)
    assert (level.shape, level.dtype, level.ndim, len(level)) == ((7, 4, 4, 3), np.uint8, 4, 7)
    indices = (2, -1, slice(1, 6, 2), slice(None), [3, 3, 0], np.array([[1, 2], [6, 0]]))
    for index in (*indices, np.arange(7) % 2 == 0, np.array([], np.int64)):
        found = level[index]
        assert type(found) is np.ndarray and found.dtype == np.uint8
        np.testing.assert_array_equal(found, whole[index])
    np.testing.assert_array_equal(level.astype(np.float32), whole.astype(np.float32))
    np.testing.assert_array_equal(np.stack(list(level)), whole)
    with pytest.raises(IndexError):
        level[7]
    with pytest.raises(ValueError, match="a copy"):
        np.asarray(level, copy=False)


def test_only_images_that_are_asked_for_are_read():
    class Counted:
        shape, dtype, rows = (10**9, 8, 8, 3), np.uint8, []

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            self.rows.extend(rows)
            return np.zeros((len(rows), 8, 8, 3), np.uint8)

    level = pyramid._shrink(Counted(), 2, np.array([5, 10**8, 5]))
    assert level.shape == (3, 4, 4, 3) and Counted.rows == [5, 10**8, 5]


def test_chunks_make_no_difference(monkeypatch):
    whole = image_set(noise(11, 8))
    expected = np.asarray(pyramid.at(whole, 4).images)
    monkeypatch.setattr(pyramid, "CHUNK", 4 * 4 * 8 * 8 * 3)  # four images at a time
    np.testing.assert_array_equal(pyramid.at(whole, 4).images, expected)


def test_batches_of_a_memory_mapped_level(tmp_path):
    np.save(tmp_path / "images.npy", noise(6, 8))
    whole = image_set(np.load(tmp_path / "images.npy", mmap_mode="r"))
    level = pyramid.at(whole, 2)
    (lazy,) = pipelines.batches(level, 6, 3, flip=True).take(1).as_numpy_iterator()
    copied = image_set(np.asarray(level.images))
    (plain,) = pipelines.batches(copied, 6, 3, flip=True).take(1).as_numpy_iterator()
    np.testing.assert_array_equal(lazy["images"], plain["images"])
    np.testing.assert_array_equal(lazy["labels"], plain["labels"])
    assert lazy["images"].std() > 0.05


def test_levels_can_be_described_classified_and_split_by_class():
    level = pyramid.at(sources.load("digits", 64, split="held_out"), 32)
    assert "shape (32, 32, 1), uint8, values 0 to 255" in sources.describe(level)
    _, logits = Classifier.digits()(level.images)
    assert (logits.argmax(axis=1) == level.labels).mean() > 0.9
    threes = sources.of_class(level, 3)
    np.testing.assert_array_equal(threes.images, level.images[level.labels == 3])
