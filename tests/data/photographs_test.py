"""Crops of scikit-learn's two photographs."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from tfgan_zoo.data import photographs, pipelines, pyramid, sources


@pytest.fixture(name="train", scope="module")
def fixture_train():
    return sources.load("photographs", 64)


def find(crop, photograph):
    """Top left corners of where a crop lies in a photograph."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (64, 64, 3))[:, :, 0]
    corner = (windows[:, :, 0, 0] == crop[0, 0]).all(axis=-1)
    return [place for place in np.argwhere(corner) if (windows[tuple(place)] == crop).all()]


def test_crops_are_native_pixels_of_the_photograph_that_the_label_says(train):
    assert train.class_names == ("china", "flower")
    assert train.images.shape == (20_000, 64, 64, 3) and train.labels.dtype == np.int32
    originals = [load_sample_image(f"{name}.jpg") for name in train.class_names]
    rows = [0, 1, 2, 3, 19_998, 19_999]
    assert set(train.labels[rows]) == {0, 1}
    for crop, label in zip(train.images[rows], train.labels[rows], strict=True):
        assert find(crop, originals[label])
        assert not find(crop, originals[1 - label])


def test_crops_come_from_everywhere(train):
    """20,000 draws over 364 x 577 places and 2 photographs; a share's deviation is 0.0035."""
    assert 0.48 < train.labels.mean() < 0.52
    corners = train.images.compute.args[2]
    assert corners.min(axis=0).tolist() == [0, 0]
    assert corners.max(axis=0).tolist() == [427 - 64, 640 - 64]
    np.testing.assert_allclose(corners.mean(axis=0), [181.5, 288], atol=6)


def test_splits_are_fixed_and_differ(train):
    again, other = (sources.load("photographs", 64, split=split) for split in sources.SPLITS)
    np.testing.assert_array_equal(train.images[:50], again.images[:50])
    assert other.images.shape == (2_000, 64, 64, 3)
    same = (train.images[:50] == other.images[:50]).all(axis=(1, 2, 3))
    assert same.sum() <= 1


def test_gray_crops_are_pillow_s(train):
    gray = sources.load("photographs", 64, channels=1)
    expected = np.asarray(Image.fromarray(train.images[7]).convert("L"))
    np.testing.assert_array_equal(gray.images[7][..., 0], expected)


def test_levels_and_batches(train):
    level = pyramid.at(train, 8)
    blocks = train.images[[3, 4]].reshape(2, 8, 8, 8, 8, 3).mean(axis=(2, 4))
    np.testing.assert_array_equal(level.images[[3, 4]], np.rint(blocks))
    (element,) = pipelines.batches(level, 16, 0).take(1).as_numpy_iterator()
    assert element["images"].shape == (16, 8, 8, 3)


def test_refusals(monkeypatch):
    assert sources.load("photographs", 427).images[0].shape == (427, 427, 3)
    with pytest.raises(ValueError, match="at most 427.*resolution=428"):
        sources.load("photographs", 428)
    with pytest.raises(ValueError, match="'photographs'.*Received: dataset='photographs:x'"):
        sources.load("photographs:x", 8)
    monkeypatch.setattr(photographs, "load_sample_image", None)
    with pytest.raises(ValueError, match="scikit-learn: pip install"):
        sources.load("photographs", 64)
