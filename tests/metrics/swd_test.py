import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.metrics import swd as module
from tfgan_zoo.metrics.swd import sliced_distance, swd

FEW = {"patches": 16, "directions": 32}


def textures(seed, count=24, side=32, channels=3):
    """uint8 images with structure at several scales."""
    random = np.random.default_rng(seed)
    images = np.zeros((count, side, side, channels))
    for size in (side // 8, side // 2, side):
        noise = random.normal(size=(count, size, size, channels))
        images += noise.repeat(side // size, axis=1).repeat(side // size, axis=2)
    return np.clip(128 + 30 * images, 0, 255).astype(np.uint8)


def blurred(images, times):
    """Means over 3 x 3 pixels, several times."""
    images = images.astype(float)
    for _ in range(times):
        for axis in (1, 2):
            images = (np.roll(images, 1, axis) + images + np.roll(images, -1, axis)) / 3.0
    return np.round(images).astype(np.uint8)


# --- distance along lines -------------------------------------------------------------------------


def test_distance_by_hand():
    # First coordinates 0, 1 and 2, 3: 2 apart. Second ones 0, 0 and 0, 2: 1 apart.
    first = np.array([[0, 0], [1, 0]], np.float32)
    second = np.array([[3, 0], [2, 2]], np.float32)
    directions = np.array([[1.0, 0.0], [0.0, 5.0]])
    assert sliced_distance(first, second, directions) == pytest.approx((2 + 1) / 2, abs=1e-6)


def test_distance_of_moved_and_of_stretched_points():
    random = np.random.default_rng(0)
    points = random.normal(size=(5000, 147)).astype(np.float32)
    directions = random.normal(size=(147, 100))
    unit = directions / np.linalg.norm(directions, axis=0)
    moved = sliced_distance(points, points + np.float32(0.1), directions)
    assert moved == pytest.approx(0.1 * np.mean(np.abs(unit.sum(axis=0))), abs=1e-5)
    stretched = sliced_distance(points, points * np.float32(1.1), directions)
    assert stretched == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.01)


def test_blocks_of_directions_do_not_matter(monkeypatch):
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 50, 6)).astype(np.float32)
    directions = random.normal(size=(6, 7))
    expected = sliced_distance(first, second, directions)
    monkeypatch.setattr(module, "DIRECTIONS", 3)
    assert sliced_distance(first, second, directions) == pytest.approx(expected, abs=1e-6)


# --- pyramid: the published definition, written with zeros between pixels and 25 products ---------

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256.0


def filtered(image, kernel):
    """[H, W] with mirrored borders that do not repeat the last pixel."""
    padded = np.pad(image, 2, mode="reflect")
    height, width = image.shape
    return sum(
        kernel[i, j] * padded[i : i + height, j : j + width] for i in range(5) for j in range(5)
    )


def expected_down(image):
    return filtered(image, KERNEL)[::2, ::2]


def expected_up(image):
    wide = np.zeros((2 * image.shape[0], 2 * image.shape[1]))
    wide[::2, ::2] = image
    return filtered(wide, 4.0 * KERNEL)


def expected_level(image, halvings, last):
    for _ in range(halvings):
        image = expected_down(image)
    return image if last else image - expected_up(expected_down(image))


@pytest.mark.parametrize("halvings, last", [(0, False), (0, True), (1, False), (2, True)])
def test_levels(halvings, last):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    level = module._level(images, halvings, last)
    assert level.dtype == np.float32
    expected = [
        [expected_level(images[i, ..., c].astype(float), halvings, last) for c in range(3)]
        for i in range(2)
    ]
    np.testing.assert_allclose(level, expected, atol=1e-4)


def test_flat_images_have_no_details():
    images = np.full((1, 16, 16, 1), 77, np.uint8)
    np.testing.assert_array_equal(module._level(images, 0, False), 0.0)
    np.testing.assert_array_equal(module._level(images, 1, True), 77.0)


# --- the whole ------------------------------------------------------------------------------------


def expected_swd(real, fake, patches, directions, seed):
    """The definition with loops; only the draws are those of the module."""
    side = real.shape[1]
    distances = {}
    for halvings in range((side // 16).bit_length()):
        size = side >> halvings
        random = np.random.default_rng([seed, size])
        corners = random.integers(size - 6, size=(2, len(real), patches))
        bases = random.normal(size=(147, directions))
        sets = []
        for images in (real, fake):
            rows = []
            for i, image in enumerate(images.astype(float)):
                maps = [expected_level(image[..., c], halvings, size == 16) for c in range(3)]
                for y, x in corners[:, i].T:
                    rows.append([one[y : y + 7, x : x + 7] for one in maps])
            rows = np.array(rows)
            rows -= rows.mean(axis=(0, 2, 3), keepdims=True)
            rows /= rows.std(axis=(0, 2, 3), keepdims=True)
            sets.append(rows.reshape(len(rows), 147))
        lines = bases / np.sqrt((bases**2).sum(axis=0))
        a, b = (np.sort(rows @ lines, axis=0) for rows in sets)
        distances[size] = 1000.0 * np.mean(np.abs(a - b))
    return distances


def test_equals_the_definition(monkeypatch):
    real, fake = textures(0, 5, 64), blurred(textures(1, 5, 64), 1)
    expected = expected_swd(real, fake, patches=9, directions=6, seed=3)
    monkeypatch.setattr(module, "VALUES", 2 * 64 * 64 * 3)  # two images at a time
    found, mean = swd(real, fake, patches=9, directions=6, seed=3)
    assert list(found) == [64, 32, 16]
    assert found == pytest.approx(expected, rel=1e-4)
    assert mean == pytest.approx(np.mean(list(expected.values())), rel=1e-4)


def test_defaults(monkeypatch):
    seen = []
    monkeypatch.setattr(
        module, "sliced_distance", lambda *given: seen.append([x.shape for x in given]) or 0.5
    )
    assert swd(textures(0, 3), textures(1, 3)) == ({32: 500.0, 16: 500.0}, 500.0)
    assert seen == [[(3 * 128, 147), (3 * 128, 147), (147, 512)]] * 2


@pytest.mark.parametrize("side, levels", [(8, [8]), (16, [16]), (128, [128, 64, 32, 16])])
def test_resolutions(side, levels):
    found, _ = swd(textures(0, 3, side, 1), textures(1, 3, side, 1), **FEW)
    assert list(found) == levels and all(distance > 0 for distance in found.values())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), channels=st.sampled_from([1, 3]))
def test_distance_of_sets(seed, channels):
    real, fake = textures(seed, channels=channels), textures(seed + 1, channels=channels)
    assert swd(real, real, seed=seed, **FEW) == ({32: 0.0, 16: 0.0}, 0.0)
    there, mean = swd(real, fake, seed=seed, **FEW)
    back, _ = swd(fake, real, seed=seed, **FEW)
    assert there == pytest.approx(back, rel=1e-6) and mean > 0
    assert swd(real, fake, seed=seed, **FEW)[0] == there
    assert swd(real, fake, seed=seed + 1, **FEW)[0] != there


def test_grows_with_blur():
    """What remains without blur is the noise of two draws of the same distribution."""
    real, other = textures(0, 256), textures(1, 256)
    again, slightly, strongly = (swd(real, blurred(other, n), **FEW)[1] for n in (0, 1, 4))
    assert 0 < 1.3 * again < slightly < strongly / 1.3


def test_noise_of_two_draws_shrinks_with_their_size():
    found = [swd(textures(0, n), textures(1, n), **FEW)[1] for n in (32, 512)]
    assert 2 < found[0] / found[1] < 8  # the root of 16, about


def test_contrast_of_a_set_does_not_matter():
    real = textures(0) // 2
    fake = real.copy()
    fake[..., 1] *= 2  # of one channel
    assert swd(real, fake, **FEW)[1] < 1e-3
    real[:12], fake = real[:12] // 2, real.copy()
    fake[12:] = real[12:] * 2  # of some images: another distribution
    assert swd(real, fake, **FEW)[1] > 1


class Sliced:
    """A memory map, or anything else that can be sliced."""

    def __init__(self, images):
        self.images, self.shape, self.most = images, images.shape, 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        self.most = max(self.most, len(self.images[rows]))
        return self.images[rows]


def test_memory_is_that_of_one_level(monkeypatch):
    monkeypatch.setattr(module, "VALUES", 8 * 64 * 64 * 3)
    real, fake = (Sliced(np.tile(textures(seed, 8, 64), (32, 1, 1, 1))) for seed in (0, 1))
    tracemalloc.start()
    found, _ = swd(real, fake, patches=8, directions=16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == swd(real.images, fake.images, patches=8, directions=16)[0]
    assert real.most == fake.most == 8
    patches = 2 * 256 * 8 * 147 * 4
    assert patches < peak < patches + 4e6  # one set's pyramids are 16.5 MB


def test_progress(monkeypatch):
    monkeypatch.setattr(module, "VALUES", 2 * 32 * 32 * 3)
    seen = []
    swd(textures(0, 3), textures(1, 3), progress=lambda *counts: seen.append(counts), **FEW)
    assert seen == [(done, 12) for done in (2, 3, 5, 6, 8, 9, 11, 12)]


GOOD = textures(0, 3)


@pytest.mark.parametrize(
    "real, fake, settings, message",
    [
        (GOOD[0], GOOD, {}, r"`real` must be \[N, R, R, channels\].*shape \(32, 32, 3\)"),
        (GOOD, GOOD[:, :16], {}, r"`fake` must .*power of 2.*\(3, 16, 32, 3\)"),
        (GOOD[:, :24, :24], GOOD, {}, r"power of 2.*\(3, 24, 24, 3\)"),
        (GOOD[:0], GOOD[:0], {}, r"Received: shape \(0, 32, 32, 3\)"),
        (GOOD, GOOD[..., :1], {}, r"one shape.*\(3, 32, 32, 3\) and \(3, 32, 32, 1\)"),
        (GOOD, GOOD[:2], {}, "equally many"),
        (GOOD / 255.0, GOOD, {}, "`real` must be uint8.*Received: dtype float64"),
        (GOOD, np.full(GOOD.shape, np.nan), {}, "`fake` must be uint8"),
        (GOOD[:, :4, :4], GOOD[:, :4, :4], {}, "patch_size=7, a level of 4 pixels"),
        (GOOD, GOOD, {"patch_size": 17}, "patch_size=17, a level of 16 pixels"),
        (GOOD, GOOD, {"patches": 0}, "Received: patches=0"),
        (GOOD, GOOD, {"patch_size": 0}, "Received: patch_size=0"),
        (GOOD, GOOD, {"directions": 0}, "Received: directions=0"),
        (GOOD, GOOD * np.uint8([1, 1, 0]), {}, "`fake` .*contrast.*channel 2 at 32 pixels"),
    ],
)
def test_refuses(real, fake, settings, message):
    with pytest.raises(ValueError, match=message):
        swd(real, fake, **settings)
