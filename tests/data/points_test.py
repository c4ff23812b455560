"""Points of known distributions: definitions, scalings, seeds."""

import numpy as np
import pytest

from tfgan_zoo.data import points


def test_ring():
    ring = points.GAUSSIANS["8-gaussians"]
    radii = np.linalg.norm(ring.centres, axis=1)
    np.testing.assert_allclose(radii, 2 / 1.414, rtol=1e-12)
    angles = np.degrees(np.arctan2(ring.centres[:, 1], ring.centres[:, 0])) % 360
    np.testing.assert_allclose(angles, np.arange(8) * 45, atol=1e-9)
    assert ring.std == 0.02 / 1.414


def test_grid():
    grid = points.GAUSSIANS["25-gaussians"]
    expected = {(2 * i / 2.828, 2 * j / 2.828) for i in range(-2, 3) for j in range(-2, 3)}
    assert set(map(tuple, grid.centres)) == expected and len(grid.centres) == 25
    assert grid.std == 0.05 / 2.828


@pytest.mark.parametrize("name", points.GAUSSIANS)
def test_gaussians_are_equally_likely_and_round(name):
    gaussians, found = points.GAUSSIANS[name], points.sample(name, 40_000, 0)
    offsets = found[:, None] - gaussians.centres
    nearest = np.argmin(np.sum(offsets**2, axis=-1), axis=1)
    shares = np.bincount(nearest) / len(found)
    expected = 1 / len(gaussians.centres)
    np.testing.assert_allclose(shares, expected, atol=5 * np.sqrt(expected / len(found)))
    own = offsets[np.arange(len(found)), nearest] / gaussians.std
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(own.T), np.eye(2), atol=0.03)


def test_swiss_roll_is_a_spiral_with_noise():
    found = 7.5 * points.sample("swiss-roll", 40_000, 0).astype(np.float64)
    # The winding is lost in an angle: of the two possible radii take the nearer one.
    radius, angle = np.linalg.norm(found, axis=1), np.arctan2(found[:, 1], found[:, 0])
    turns = angle[:, None] + 2 * np.pi * np.arange(4)
    turns = np.where((turns > 1.5 * np.pi - 0.3) & (turns < 4.5 * np.pi + 0.3), turns, np.inf)
    best = np.take_along_axis(
        turns, np.argmin(np.abs(turns - radius[:, None]), axis=1)[:, None], axis=1
    )[:, 0]
    # Along the radius the noise is 0.25; a spiral of slope 1 adds a part of what is across.
    assert np.std(radius - best) == pytest.approx(0.25, rel=0.03)
    np.testing.assert_allclose(np.quantile(best, [0, 0.5, 1]) / np.pi, [1.5, 3, 4.5], atol=0.07)


def test_centre_of_the_swiss_roll():
    # Means over [1.5 pi, 4.5 pi], from the integrals t sin t + cos t and sin t - t cos t.
    expected = np.array([6.0 / 3.0, 2.0 / (3.0 * np.pi)]) / 7.5
    np.testing.assert_allclose(
        points.sample("swiss-roll", 40_000, 5).mean(axis=0), expected, atol=0.03
    )


@pytest.mark.parametrize("name", points.SETS)
def test_seeds(name):
    first = points.sample(name, 50, (3, 1))
    assert first.shape == (50, 2) and first.dtype == np.float32
    np.testing.assert_array_equal(first, points.sample(name, 50, (3, 1)))
    assert not np.isin(points.sample(name, 50, (3, 2)), first).any()
    assert np.abs(points.sample(name, 20_000, 7)).max() < 3


def test_unknown_name():
    with pytest.raises(ValueError, match="`name` must be one of swiss-roll.*Received: 'moons'"):
        points.sample("moons", 1, 0)
