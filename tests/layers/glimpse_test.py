"""DRAW's windows: filters by hand, and what they do to images."""

import math

import numpy as np
import pytest

from tests.layers import formulas
from tfgan_zoo.layers import glimpse

HALVING = math.log(0.5 / math.log(2.0))  # the log variance at which a weight is 2^-distance^2


def numbers(x=0.0, y=0.0, log_variance=HALVING, log_stride=0.0, log_gamma=0.0):
    return np.array([[x, y, log_variance, log_stride, log_gamma]], "float32")


def random_window(size=3, resolution=8, batch=4):
    return glimpse.window(0.3 * formulas.random(batch, 5), size, resolution)


def test_filters_by_hand():
    """Three pixels: the centre is 2 by default and 3 for x = 0.5; two filters 2 apart."""
    at = glimpse.window(numbers(x=0.5, log_gamma=math.log(3.0)), 2, 3)
    around_1_and_3 = [[1, 1 / 2, 1 / 16], [1 / 16, 1 / 2, 1]]
    around_2_and_4 = [[1 / 2, 1, 1 / 2], [1 / 512, 1 / 16, 1 / 2]]
    np.testing.assert_allclose(at.rows[0], np.array(around_1_and_3) * 16 / 25, rtol=1e-5)
    np.testing.assert_allclose(at.columns[0], around_2_and_4 / np.array([[2], [289 / 512]]), 1e-5)
    np.testing.assert_allclose(at.gamma, [[[[3.0]]]], rtol=1e-6)


def test_stride_by_hand():
    """Equation 24: half of (7 - 1) / (4 - 1) is 1, so the means are 2.5, 3.5, 4.5 and 5.5."""
    at = glimpse.window(numbers(log_stride=math.log(0.5), log_variance=-2.0), 4, 7)
    means = np.asarray(at.rows[0]) @ np.arange(1, 8)
    np.testing.assert_allclose(means, [2.5, 3.5, 4.5, 5.5], atol=1e-4)


def test_a_filter_outside_the_image_has_a_small_sum():
    """Both at 8.5, five and a half pixels beyond the third."""
    at = glimpse.window(numbers(x=3.25, log_stride=-20.0), 2, 3)
    expected = 2.0 ** -np.array([7.5**2, 6.5**2, 5.5**2]) / 1e-8
    np.testing.assert_allclose(at.columns[0], [expected] * 2, rtol=1e-3)


def test_filters_sum_to_one():
    at = random_window()
    for filters in (at.rows, at.columns):
        assert filters.shape == (4, 3, 8)
        np.testing.assert_allclose(np.sum(filters, axis=-1), 1.0, rtol=1e-6)


def test_reading_a_constant_image():
    window = glimpse.window(formulas.random(3, 5) * [0.3, 0.3, 0.3, 0.3, 0.0], 4, 8)
    images = np.full((3, 8, 8, 2), -0.7, "float32")
    patches = glimpse.read(images, window)
    np.testing.assert_allclose(patches, np.full((3, 4, 4, 2), -0.7), rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_read_and_write_are_products_of_matrices(channels):
    at, images = random_window(), formulas.random(4, 8, 8, channels)
    patches = formulas.random(4, 3, 3, channels)
    gamma = np.asarray(at.gamma)
    seen = gamma * np.einsum("bih,bhwc,bjw->bijc", at.rows, images, at.columns)
    added = np.einsum("bih,bijc,bjw->bhwc", at.rows, patches, at.columns) / gamma
    np.testing.assert_allclose(glimpse.read(images, at), seen, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(glimpse.write(patches, at), added, rtol=1e-4, atol=1e-5)


def test_the_centre_cell_is_written_at_the_centre():
    at = glimpse.window(numbers(x=0.2, y=-0.3, log_variance=0.5, log_stride=-0.4), 5, 28)
    patches = np.zeros((1, 5, 5, 1), "float32")
    patches[0, 2, 2] = 1.0
    written = np.asarray(glimpse.write(patches, at))[0, :, :, 0]
    np.testing.assert_allclose(written.sum(), 1.0, rtol=1e-5)
    pixels = np.arange(1, 29)
    centre_y, centre_x = written.sum(axis=1) @ pixels, written.sum(axis=0) @ pixels
    np.testing.assert_allclose([centre_x, centre_y], [29 / 2 * 1.2, 29 / 2 * 0.7], rtol=1e-4)


def test_windows_of_half_precision_numbers_are_float32():
    at = glimpse.window(numbers().astype("float16"), 2, 3)
    assert all(np.asarray(part).dtype == np.float32 for part in at)


def test_one_filter_has_no_distance():
    with pytest.raises(ValueError, match="`size` must be at least 2.*Received: size=1"):
        glimpse.window(numbers(), 1, 8)
