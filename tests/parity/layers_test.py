"""Layers beside those of Addons, of TF-GAN's features and of its example networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.layers import attention, equalized, normalization, resampling, spectral, variety


def close(found, expected, rtol=1e-6, atol=1e-6):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


# --- spectral norms -----------------------------------------------------------------------------


def spectral_layer(given, name):
    kernel = given[f"sn/{name}/kernel"]
    kind = {"dense": spectral.SNDense, "conv": spectral.SNConv2D}[name]
    layer = kind(kernel.shape[-1])
    layer.build(given[f"sn/{name}/inputs"].shape)
    layer.kernel.assign(kernel)
    layer.bias.assign(given[f"sn/{name}/bias"])
    layer.u.assign(given[f"sn/{name}/u"])
    return layer


@pytest.mark.parametrize("rounds", [1, 2, 5, 50])
@pytest.mark.parametrize("name", ["dense", "conv"])
def test_spectral_normalization(given, originals, name, rounds):
    layer = spectral_layer(given, name)
    for _ in range(rounds - 1):  # each stores a better singular vector
        layer(given[f"sn/{name}/inputs"], training=True)
    kernel = layer.normalized_kernel(training=False)
    outputs = layer(given[f"sn/{name}/inputs"], training=True)
    close(kernel, originals[f"sn/{name}/{rounds}/kernel"], rtol=1e-5)
    close(outputs, originals[f"sn/{name}/{rounds}/outputs"], rtol=1e-5, atol=1e-5)
    close(layer.u, originals[f"sn/{name}/{rounds}/u"], rtol=1e-5)


def test_spectral_normalization_keeps_the_kernel(given, originals):
    # Addons' second call divides what its first has written; ours stores the raw kernel.
    layer = spectral_layer(given, "dense")
    for _ in range(2):
        layer(given["sn/dense/inputs"], training=True)
    np.testing.assert_array_equal(layer.kernel, given["sn/dense/kernel"])
    first, second = (
        np.linalg.norm(originals[name], 2) for name in ("sn/dense/1/kernel", "sn/dense/twice")
    )
    assert abs(second - first) > 0.01


@pytest.mark.parametrize("rounds", [1, 2, 5, 50])
def test_spectral_norm(given, originals, rounds):
    # TF-GAN iterates from a left singular vector, which is the right one of the transpose.
    kernel = given["sn/conv/kernel"]
    matrix = tf.transpose(tf.reshape(kernel, (-1, kernel.shape[-1])))
    u = tf.transpose(given["sn/conv/left"])
    for _ in range(rounds):
        sigma, u = spectral.largest_singular_value(matrix, u)
    close(sigma, originals[f"sn/tfgan/{rounds}"])
    if rounds == 50:
        close(np.linalg.norm(matrix, 2), sigma, rtol=1e-5)


# --- PGGAN --------------------------------------------------------------------------------------


def test_pixel_norm(given, originals):
    close(normalization.PixelNorm()(given["maps"]), originals["layer/pixel_norm"])


def test_minibatch_deviation(given, originals):
    # TF-GAN's is that of the whole batch, as in the paper, without an epsilon.
    close(variety.MinibatchStdDev(group=0)(given["maps"]), originals["layer/stddev"])


def test_resampling(given, originals):
    close(resampling.Upsample2D()(given["maps"]), originals["layer/upscale"])
    close(keras.layers.AveragePooling2D(2)(given["maps"]), originals["layer/downscale"])


def test_equalized_convolution(given, originals):
    layer = equalized.EqualizedConv2D(5)
    layer.build(given["maps"].shape)
    layer.kernel.assign(given["weights/conv/conv2d/kernel"])
    layer.bias.assign(given["weights/conv/bias"])
    close(layer(given["maps"]), originals["layer/conv"], atol=1e-5)


def test_equalized_dense(given, originals):
    flat = given["maps"].reshape(8, -1)
    layer = equalized.EqualizedDense(5, gain=1.0)
    layer.build(flat.shape)
    layer.kernel.assign(given["weights/dense/kernel"])
    layer.bias.assign(given["weights/dense/bias"])
    close(layer(flat), originals["layer/dense"], atol=1e-5)


# --- SAGAN --------------------------------------------------------------------------------------


def test_self_attention(given, originals):
    layer = attention.SelfAttention2D()
    layer.build(given["maps"].shape)
    parts = {"theta": layer.query, "phi": layer.key, "g": layer.value}
    for name, part in {**parts, "attn": layer.output_projection}.items():
        part.kernel.assign(given[f"weights/attention/sn_conv_{name}/weights"])
        part.u.assign(given[f"weights/attention/sn_conv_{name}/right"])
    layer.gamma.assign(given["weights/attention/sigma_ratio"])
    found = layer(given["maps"])
    assert np.abs(found - given["maps"]).max() > 0.1
    close(found, originals["layer/attention"], rtol=1e-5, atol=1e-5)


def test_batch_norm(given, originals):
    layer = normalization.BatchNorm()
    layer.build(given["maps"].shape)
    layer.gain.assign(given["weights/batch_norm/gamma"])
    layer.bias.assign(given["weights/batch_norm/beta"])
    close(layer(given["maps"], training=True), originals["layer/batch_norm"], atol=1e-5)


def test_conditional_batch_norm(given, originals):
    # Ours is given what is added to a gain of 1, TF-GAN's table holds the gain itself.
    rows = given["maps/labels"]
    gain = given["weights/conditional/gamma"][rows] - 1.0
    bias = given["weights/conditional/beta"][rows]
    found = normalization.ConditionalBatchNorm()([given["maps"], gain, bias], training=True)
    close(found, originals["layer/conditional"], atol=1e-5)
