import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgan_zoo.metrics import ms_ssim as module
from tfgan_zoo.metrics.ms_ssim import ms_ssim, of_consecutive_pairs, within_classes


@pytest.fixture(scope="module")
def reference():
    random = np.random.RandomState(2)
    walks = np.cumsum(np.cumsum(random.randn(4, 192, 192, 3), axis=1), axis=2)
    x = np.clip(128 + 40 * walks / 150, 0, 255).astype(np.uint8)
    y = np.clip(x.astype(int) + random.randint(-30, 31, x.shape), 0, 255).astype(np.uint8)
    assert (x.mean(), y.mean()) == pytest.approx((116.00668, 115.96357), abs=1e-5)
    return x, y


@pytest.mark.parametrize("side, expected", [(192, 0.75310), (128, 0.73195), (32, 0.68776)])
def test_reference_values(reference, side, expected):
    """Of the published code; below 176 pixels windows shrink."""
    x, y = (images[:, :side, :side] for images in reference)
    assert np.mean(ms_ssim(x, y)) == pytest.approx(expected, abs=1e-5)


def test_reference_value_of_different_images(reference):
    x, _ = reference
    assert np.mean(ms_ssim(x[:2], x[2:])) == pytest.approx(0.46083, abs=1e-5)


def test_flat_images_by_hand():
    # They have equal contrast, none; the last scale's luminance is (2 a b + c1) / (a^2 + b^2 + c1).
    a, b = (np.full((1, 48, 32, 1), value, np.uint8) for value in (100, 50))
    c1 = 2.55**2
    expected = ((2 * 100 * 50 + c1) / (100**2 + 50**2 + c1)) ** 0.1333
    np.testing.assert_allclose(ms_ssim(a, b), [expected], atol=1e-12)


def expected_maps(a, b):
    """Of one scale, [H, W]: every window by itself."""
    size = min(11, *a.shape)
    at = np.arange(size) - (size - 1) / 2
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * (1.5 * size / 11) ** 2))
    window /= window.sum()
    luminance, contrast = [], []
    for i, j in itertools.product(*(range(side - size + 1) for side in a.shape)):
        p, q = (x[i : i + size, j : j + size] for x in (a, b))
        p_mean, q_mean = np.sum(window * p), np.sum(window * q)
        p_var, q_var = np.sum(window * (p - p_mean) ** 2), np.sum(window * (q - q_mean) ** 2)
        both = np.sum(window * (p - p_mean) * (q - q_mean))
        luminance.append((2 * p_mean * q_mean + 2.55**2) / (p_mean**2 + q_mean**2 + 2.55**2))
        contrast.append((2 * both + 7.65**2) / (p_var + q_var + 7.65**2))
    return np.array(luminance), np.array(contrast)


@pytest.mark.parametrize("shape", [(16, 16), (32, 16), (48, 80)])
def test_equals_the_definition(shape):
    random = np.random.default_rng(0)
    a = random.integers(0, 256, shape)
    b = np.clip(a + random.integers(-90, 91, shape), 0, 255)
    expected, p, q = 1.0, a.astype(float), b.astype(float)
    for weight in (0.0448, 0.2856, 0.3001, 0.2363):
        expected *= np.mean(expected_maps(p, q)[1]) ** weight
        p, q = (x.reshape(len(x) // 2, 2, -1, 2).mean(axis=(1, 3)) for x in (p, q))
    expected *= np.mean(np.prod(expected_maps(p, q), axis=0)) ** 0.1333
    found = ms_ssim(*(x[None, ..., None].astype(np.uint8) for x in (a, b)))
    np.testing.assert_allclose(found, [expected], atol=1e-10)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), side=st.sampled_from([16, 32]))
def test_properties(seed, side):
    x, y = np.random.default_rng(seed).integers(0, 256, (2, 3, side, side, 2), np.uint8)
    np.testing.assert_array_equal(ms_ssim(x, x), 1.0)
    found = ms_ssim(x, y)
    assert found.dtype == np.float64 and np.all((found >= 0) & (found < 1))
    np.testing.assert_allclose(ms_ssim(y, x), found, atol=1e-12)
    np.testing.assert_array_equal(ms_ssim(x, 255 - x), 0.0)  # opposite: negative, so clipped


def test_blocks_do_not_matter(reference, monkeypatch):
    x, y = (images[:, :64, :48] for images in reference)
    expected = ms_ssim(x, y)
    assert len(set(expected)) == 4
    monkeypatch.setattr(module, "VALUES", 64 * 48 * 3 * 2)
    monkeypatch.setattr(module, "BLOCK", 7)
    np.testing.assert_allclose(ms_ssim(x, y), expected, atol=1e-12)


def test_consecutive_pairs(reference):
    x, y = (images[:, :32, :32] for images in reference)
    mixed = np.stack([x, y], axis=1).reshape(8, 32, 32, 3)
    assert of_consecutive_pairs(mixed) == pytest.approx(np.mean(ms_ssim(x, y)), abs=1e-12)
    assert of_consecutive_pairs(np.repeat(x, 2, axis=0)) == 1.0


# --- within classes -------------------------------------------------------------------------------


def test_classes_by_hand(monkeypatch):
    """Similarity is replaced by the difference of the images' numbers."""
    drawn = []

    def difference(first, second):
        drawn.append(np.stack([first[:, 0, 0, 0], second[:, 0, 0, 0]], axis=1).astype(int))
        return np.abs(drawn[-1][:, 0] - drawn[-1][:, 1]).astype(float)

    monkeypatch.setattr(module, "ms_ssim", difference)
    images = np.tile(np.arange(9, dtype=np.uint8)[:, None, None, None], (1, 16, 16, 1))
    labels = [5, 2, 5, 2, 5, 2, 5, 2, 2]  # 0, 2, 4, 6 are of class 5; 1, 3, 5, 7, 8 of class 2
    found = within_classes(images, labels, pairs=6)
    assert [set(pairs.ravel()) for pairs in drawn] == [{1, 3, 5, 7, 8}, {0, 2, 4, 6}]
    assert {frozenset(pair) for pair in drawn[1]} == {
        frozenset(pair) for pair in itertools.combinations([0, 2, 4, 6], 2)
    }  # six are all there are
    of_5 = (2 + 4 + 6 + 2 + 4 + 2) / 6
    of_2 = np.mean(np.abs(drawn[0][:, 0] - drawn[0][:, 1]))
    assert found.classes == pytest.approx({2: of_2, 5: of_5})
    assert found.mean == pytest.approx((of_2 + of_5) / 2)
    assert found.largest == pytest.approx(max(of_2, of_5))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 60), st.data())
def test_pairs_are_different(size, data):
    count = data.draw(st.integers(1, size * (size - 1) // 2))
    first, second = module._pairs(np.random.default_rng(size), size, count, 0)
    assert np.all((0 <= second) & (second < first) & (first < size))
    assert len({*zip(first, second, strict=True)}) == count


def test_pairs_of_many_images():
    first, second = module._pairs(np.random.default_rng(0), 10**6, 10**4, 0)
    assert np.all((0 <= second) & (second < first) & (first < 10**6))
    assert 0.65 < first.mean() / 10**6 < 0.68 and 0.32 < second.mean() / 10**6 < 0.35


def test_progress(monkeypatch):
    monkeypatch.setattr(module, "VALUES", 2 * 16 * 16)
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 1), np.uint8)
    seen = []

    def progress(*numbers):
        seen.append(numbers)

    of_consecutive_pairs(images, progress)
    assert seen == [(2, 3), (3, 3)]
    within_classes(images, [0, 0, 1, 1, 2, 2], pairs=1, progress=progress)
    assert seen[2:] == [(1, 3), (2, 3), (3, 3)]


def test_a_collapsed_class():
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    images[20:] = images[20]
    labels = np.repeat([0, 1], 20)
    found = within_classes(images, labels)
    assert found.classes[1] == found.largest == 1.0 and found.classes[0] < 0.5
    assert within_classes(images, labels) == found
    assert within_classes(images, labels, seed=1) != found


IMAGES = np.zeros((6, 16, 16, 3), np.uint8)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ms_ssim(IMAGES, IMAGES[:5]), r"same shape.*\(6, 16, 16, 3\) and \(5, 16, 16, 3\)"),
        (lambda: ms_ssim(IMAGES[0], IMAGES), r"`first` must be \[N, H, W, channels\]"),
        (lambda: ms_ssim(IMAGES, IMAGES[:, :, :8]), r"`second` .*16.*shape \(6, 16, 8, 3\)"),
        (lambda: ms_ssim(IMAGES[:0], IMAGES[:0]), r"shape \(0, 16, 16, 3\)"),
        (
            lambda: ms_ssim(IMAGES, IMAGES / 255.0),
            "`second` must be uint8.*Received: dtype float64",
        ),
        (lambda: of_consecutive_pairs(IMAGES[:5]), "even number.*Received: 5 images"),
        (lambda: of_consecutive_pairs(IMAGES * np.nan), "`images` must be uint8"),
        (lambda: within_classes(IMAGES, [0, 1]), r"`labels` must be integers \[6\].*\(2,\)"),
        (lambda: within_classes(IMAGES, [0.0] * 6), r"Received: float64 \(6,\)"),
        (lambda: within_classes(IMAGES, [7] * 6), "pairs=100; class 7 has 6 images, 15 pairs"),
        (lambda: within_classes(IMAGES, [7] * 6, pairs=0), "Received: pairs=0"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
