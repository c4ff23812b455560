"""Scores beside those of TF-GAN and of TensorFlow's image module."""

import math

import numpy as np
import pytest

from tfgan_zoo.metrics import fid, inception_score, kid, ms_ssim, swd

# Ours are float64 throughout; TF-GAN rounds its results to the dtype of the features, and computes
# the kernels of KID in it.
DTYPES = [("float32", 1e-6), ("float64", 1e-10)]


def features(given, name):
    return given[f"features/{name}/real"], given[f"features/{name}/fake"]


@pytest.mark.parametrize("name, rtol", DTYPES)
def test_frechet_distance(given, originals, name, rtol):
    real, fake = features(given, name)
    found = fid.fid_parts(real, fake)
    assert found.means > 0.1 and found.covariances > 1.0
    np.testing.assert_allclose(found.distance, originals[f"fid/{name}"], rtol=rtol)
    np.testing.assert_allclose(found.means, originals[f"fid/{name}/means"], rtol=rtol)
    covariances = (np.cov(side, rowvar=False) for side in (real, fake))
    found = fid.trace_sqrt_product(*covariances)
    np.testing.assert_allclose(found, originals[f"trace/{name}"], rtol=1e-10)


def test_frechet_distance_of_fewer_samples_than_dimensions(given, originals):
    # Half of the eigenvalues are round-off. TF-GAN takes the roots of those above 1e-10 only.
    with pytest.warns(UserWarning, match="covariance is singular"):
        found = fid.fid(*features(given, "few"))
    np.testing.assert_allclose(found, originals["fid/few"], rtol=1e-6)


@pytest.mark.parametrize("name, rtol", [("float32", 1e-4), ("float64", 1e-10), ("few", 1e-10)])
def test_kernel_distance(given, originals, name, rtol):
    found = kid.polynomial_mmd(*features(given, name))
    np.testing.assert_allclose(found, originals[f"kid/{name}"], rtol=rtol)


def test_kernel_distance_of_blocks(given, originals):
    # TF-GAN's blocks lie one after another; ours are random subsets that overlap.
    real, fake = features(given, "float64")
    count = math.ceil(len(real) / int(given["kid/block"]))
    bounds = np.cumsum([0] + [len(real) // count] * (count - len(real) % count))
    bounds = [*bounds, *(bounds[-1] + np.arange(1, len(real) % count + 1) * (bounds[1] + 1))]
    blocks = [
        kid.polynomial_mmd(real[start:stop], fake[start:stop])
        for start, stop in zip(bounds, bounds[1:])
    ]
    expected = np.mean(blocks), np.std(blocks, ddof=1) / math.sqrt(count)
    np.testing.assert_allclose(originals["kid/blocks"], expected, rtol=1e-10)


@pytest.mark.parametrize("name, rtol", DTYPES)
def test_inception_score(given, originals, name, rtol):
    score, deviation = inception_score.inception_score(given[f"inception/{name}"], splits=1)
    assert score > 2.0 and deviation == 0.0
    np.testing.assert_allclose(score, originals[f"inception/{name}"], rtol=rtol)


def test_inception_score_of_certain_logits(given, originals):
    score, _ = inception_score.inception_score(given["inception/certain"], splits=1)
    np.testing.assert_allclose(score, originals["inception/certain"], rtol=1e-10)


# --- images -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(3))
def test_laplacian_pyramid(given, originals, level):
    images = given["pyramid"].astype(np.uint8)
    found = np.moveaxis(swd._level(images, level, last=level == 2), 1, 3)
    # In grey levels, up to 255.
    np.testing.assert_allclose(found, originals[f"pyramid/{level}"], atol=1e-4)


def test_sliced_distance(given, originals):
    points = [given[f"points/{name}"] for name in ("first", "second", "directions")]
    np.testing.assert_allclose(swd.sliced_distance(*points), originals["sliced"], rtol=1e-6)


def test_ms_ssim(given, originals):
    first, second = given["pictures/first"], given["pictures/second"]
    # TensorFlow's is the mean of the channels' similarities, ours that of all channels at once.
    channels = [ms_ssim.ms_ssim(first[..., c : c + 1], second[..., c : c + 1]) for c in range(3)]
    found = np.mean(channels, axis=0)
    np.testing.assert_allclose(found, originals["ms_ssim"], atol=1e-5)
    assert found[0] == pytest.approx(1.0) and found[3] < 0.7
    np.testing.assert_allclose(ms_ssim.ms_ssim(first, second), originals["ms_ssim"], atol=5e-3)
