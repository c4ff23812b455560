import keras
import numpy as np
import pytest
from keras import ops

from tfgan_zoo.layers.equalized import USUAL_BATCH, EqualizedConv2D, EqualizedDense


def built(layer, *shape):
    layer.build((None, *shape))
    return layer


@pytest.mark.parametrize(
    "layer, shape, scale",
    [  # the check values of the released code: sqrt(2) / sqrt(fan in), and so on
        (EqualizedConv2D(512), (4, 4, 512), 0.0208333),
        (EqualizedConv2D(256), (4, 4, 256), 0.0294628),
        (EqualizedDense((4, 4, 512), gain=2**0.5 / 4), (512,), 0.015625),
        (EqualizedConv2D(3, 1, gain=1.0), (4, 4, 16), 0.25),
    ],
)
def test_scales(layer, shape, scale):
    np.testing.assert_allclose(built(layer, *shape).scale, scale, rtol=1e-5)


@pytest.mark.parametrize("equalized", [True, False])
def test_variance(equalized):
    keras.utils.set_random_seed(0)
    layer = built(EqualizedConv2D(256, equalized=equalized), 16, 16, 64)
    spread = 1.0 if equalized else (2 / (9 * 64)) ** 0.5
    np.testing.assert_allclose(np.std(layer.kernel), spread, rtol=0.02)
    x = np.random.default_rng(0).normal(size=(16, 16, 16, 64)).astype(np.float32)
    inner = layer(x)[:, 1:-1, 1:-1]  # zeros beyond the border have no variance
    np.testing.assert_allclose(np.var(inner), 2.0, rtol=0.05)


def test_dense_by_hand():
    layer = built(EqualizedDense((1, 2, 2), gain=1.0), 4)
    layer.kernel.assign(np.arange(16.0).reshape(4, 4))
    layer.bias.assign([10.0, 20.0])
    found = layer(np.array([[1.0, 0.0, 0.0, 2.0]], np.float32))
    # (row 0 + 2 row 3) / sqrt(4), then a bias for each of the last axis's two.
    expected = np.array([0 + 24, 1 + 26, 2 + 28, 3 + 30]) / 2 + [10, 20, 10, 20]
    np.testing.assert_allclose(found, expected.reshape(1, 1, 2, 2))


def test_upsampling_is_the_same_folded_and_plain():
    layer = built(EqualizedConv2D(5, upsample=True), 4, 4, 3)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    folded = layer(x)
    layer.folded = False
    assert folded.shape == (2, 8, 8, 5)
    np.testing.assert_allclose(folded, layer(x), atol=1e-5)
    repeated = x.repeat(2, axis=1).repeat(2, axis=2)
    kernel = layer.kernel * layer.scale
    np.testing.assert_allclose(layer(x), ops.conv(repeated, kernel, padding="same"), atol=1e-5)


@pytest.mark.parametrize("side, filters", [(2, 64), (16, 2)])
def test_scaling_inputs_or_the_kernel_is_the_same(side, filters):
    layer = built(EqualizedConv2D(filters), side, side, 3)
    x = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype(np.float32)
    assert (USUAL_BATCH * side * side * 3 < 27 * filters) == (side == 2)
    expected = ops.conv(x, layer.kernel * layer.scale, padding="same")
    for training in (False, True):
        np.testing.assert_allclose(layer(x, training=training), expected, atol=1e-5)


def test_step_of_adam_is_scaled_too():
    """What the method is for: one step moves effective weights in proportion to their size."""
    moved = []
    for features in (4, 400):
        layer = built(EqualizedDense(1, gain=1.0, use_bias=False), features)
        before = np.array(layer.kernel)
        optimizer = keras.optimizers.Adam(0.1)
        optimizer.apply([ops.ones_like(layer.kernel)], [layer.kernel])
        moved.append(np.mean(before - layer.kernel) * layer.scale * features**0.5)
    np.testing.assert_allclose(moved, 0.1, rtol=1e-3)


def test_bad_kernel_beside_an_upsampling():
    with pytest.raises(ValueError, match="kernel_size=5"):
        EqualizedConv2D(3, 5, upsample=True)
