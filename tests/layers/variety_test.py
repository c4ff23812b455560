import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.layers.variety import DrivenNoise, MinibatchDiscrimination, MinibatchStdDev


def test_groups_of_four_by_hand():
    # Eight images of one pixel and channel: groups {0, 2, 4, 6} and {1, 3, 5, 7}.
    x = np.array([0.0, 5.0, 2.0, 5.0, 4.0, 5.0, 6.0, 9.0], np.float32).reshape(8, 1, 1, 1)
    found = MinibatchStdDev(4)(x)
    even, odd = np.std([0, 2, 4, 6]), np.std([5, 5, 5, 9])
    np.testing.assert_array_equal(found[..., :1], x)
    np.testing.assert_allclose(found[:, 0, 0, 1], [even, odd] * 4, rtol=1e-5)


def test_mean_over_features_and_pixels():
    x = np.random.default_rng(0).normal(size=(6, 2, 3, 5)).astype(np.float32)
    found = MinibatchStdDev(0)(x)
    assert found.shape == (6, 2, 3, 6)
    np.testing.assert_allclose(found[..., 5], x.std(axis=0).mean(), rtol=1e-5)
    np.testing.assert_allclose(MinibatchStdDev(16)(x), found, rtol=1e-6)


def test_identical_images():
    x = np.ones((4, 2, 2, 3), np.float32)
    np.testing.assert_allclose(MinibatchStdDev(4)(x)[..., 3], 1e-4, rtol=1e-4)


@pytest.mark.parametrize("group", [0, 4])
def test_unknown_batch_size(group):
    layer = MinibatchStdDev(group)
    x = np.random.default_rng(0).normal(size=(8, 2, 2, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((2, 2, 3)), layer])
    compiled = tf.function(model, input_signature=[tf.TensorSpec([None, 2, 2, 3])])
    for count in (3, 4, 8) if group == 0 else (3, 8):
        np.testing.assert_allclose(compiled(x[:count]), layer(x[:count]), rtol=1e-5)


def test_groups_that_do_not_divide():
    with pytest.raises(ValueError, match="a batch of 6"):
        MinibatchStdDev(4)(np.zeros((6, 1, 1, 1), np.float32))
    with pytest.raises(ValueError, match="at least 0"):
        MinibatchStdDev(-1)


def test_discrimination_by_hand():
    layer = MinibatchDiscrimination(kernels=2, units=2)
    layer.build((None, 2))
    layer.kernel.assign([[1.0, 0.0, 3.0, 0.0], [0.0, 1.0, 0.0, 3.0]])
    x = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 1.0]], np.float32)
    found = layer(x)
    np.testing.assert_array_equal(found[:, :2], x)
    distances = np.array([[0, 0.5, 1.0], [0.5, 0, 1.5], [1.0, 1.5, 0]])
    for kernel, scale in enumerate((1.0, 3.0)):
        expected = np.exp(-scale * distances).sum(axis=1) - 1.0
        np.testing.assert_allclose(found[:, 2 + kernel], expected, rtol=1e-5)


def test_noise_is_driven():
    layer = DrivenNoise()
    layer.build((None, 4))
    layer.observe(0.9)
    np.testing.assert_allclose(layer.average, 0.09)
    assert float(layer.strength) == 0.0
    for _ in range(200):
        layer.observe(7.0)  # clipped to 1
    np.testing.assert_allclose(layer.average, 1.0, rtol=1e-5)
    np.testing.assert_allclose(layer.strength, 0.2 * 0.5**2, rtol=1e-4)


def test_noise_by_its_moments():
    keras.utils.set_random_seed(0)
    layer = DrivenNoise()
    x = np.ones((4000, 2, 2, 9), np.float32)
    layer.build(x.shape)
    layer.strength.assign(0.1)
    np.testing.assert_array_equal(layer(x), x)
    found = np.array(layer(x, training=True))
    assert np.ptp(found, axis=(1, 2)).max() == 0.0  # one factor for all pixels
    np.testing.assert_allclose(found[:, 0, 0].mean(axis=0), 1.0, atol=0.02)
    np.testing.assert_allclose(found[:, 0, 0].std(axis=0), 0.1 * 3.0, rtol=0.05)
    assert np.abs(layer(x, training=True) - found).max() > 0.1
