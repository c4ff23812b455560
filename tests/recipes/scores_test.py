"""Scores that need no feature network."""

import keras
import numpy as np
import pytest

from recipes import scores
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.ms_ssim import of_consecutive_pairs
from tfgan_zoo.metrics.swd import swd


def image_set(count, seed):
    shape = (count, 16, 16, 1)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return ImageSet("noise", "train", pixels, np.zeros(count, np.int32), ("noise",))


def generator(resolution, constant=None):
    inputs = {"latents": keras.Input((4,), name="latents")}
    x = keras.layers.Dense(resolution**2, "tanh")(inputs["latents"])
    x = keras.layers.Reshape((resolution, resolution, 1))(x)
    x = x if constant is None else 0.0 * x + constant
    return keras.Model(inputs, x)


def by_name(records):
    return {record["metric"]: record for record in records}


@pytest.fixture
def scorer():
    return scores.Scorer(None, image_set(30, 0), image_set(9, 1), swd_patches=4)


def test_floor(scorer):
    found = by_name(scorer.floor())
    assert set(found) == {"swd_floor", "swd_16_floor", "ms_ssim_floor"}
    levels, mean = swd(scorer.train.images[:9], scorer.held_out.images, 4)
    assert found["swd_floor"]["value"] == mean == levels[16]
    assert found["swd_floor"]["fake_count"] == 9
    expected = of_consecutive_pairs(scorer.held_out.images[:8])
    assert found["ms_ssim_floor"]["value"] == expected


def test_networks_that_grow_are_seen_at_full_size(scorer):
    found = by_name(scorer.score(generator(8), count=20, seed=0, step=7))
    assert set(found) == {"swd", "swd_16", "ms_ssim"}
    assert found["swd"]["fake_count"] == 20 and found["swd"]["backbone"] == "none"
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), dtype=np.uint8)
    large = scores.enlarged(images, 16)
    assert large.shape == (2, 16, 16, 1)
    np.testing.assert_array_equal(large[:, 1::2, ::2], images)


def test_flat_images_have_no_distance(scorer):
    assert scorer.score(generator(16, constant=0.25), count=20, seed=0, step=7) == []
