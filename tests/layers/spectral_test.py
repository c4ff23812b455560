"""Spectral normalisation against a closed form, NumPy and the singular value decomposition."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers import formulas
from tfgan_zoo.layers import spectral

# Its sigma is near 2, and it moves: the gap between the singular values is small.
INITIALIZER = keras.initializers.RandomNormal(stddev=0.3, seed=1)
LABELS = np.array([3, 0, 8, 3], "int32")
KINDS = {
    "conv": (lambda: spectral.SNConv2D(7, kernel_initializer=INITIALIZER), (2, 4, 5, 6)),
    "pointwise": (lambda: spectral.SNConv2D(7, 1, kernel_initializer=INITIALIZER), (2, 4, 5, 6)),
    "up": (lambda: spectral.SNConv2D(5, 3, "up", kernel_initializer=INITIALIZER), (2, 3, 4, 6)),
    "down": (lambda: spectral.SNConv2D(5, 3, "down", kernel_initializer=INITIALIZER), (2, 4, 6, 3)),
    "dense": (lambda: spectral.SNDense(7, kernel_initializer=INITIALIZER), (4, 12)),
    "embedding": (lambda: spectral.SNEmbedding(9, 6, kernel_initializer=INITIALIZER), None),
}
ALL_KINDS = pytest.mark.parametrize("kind", KINDS)


def build(kind):
    """Returns (layer with a random kernel, bias and u; its inputs)."""
    make, shape = KINDS[kind]
    layer = make()
    inputs = LABELS if shape is None else formulas.random(*shape)
    layer.build(inputs.shape)
    layer.u.assign(formulas.random(*layer.u.shape, seed=2))
    if layer.bias is not None:
        layer.bias.assign(formulas.random(*layer.bias.shape, seed=3))
    return layer, inputs


def matrix(layer):
    return formulas.as_matrix(layer.kernel.numpy(), isinstance(layer, spectral.SNEmbedding))


def iterate(layer):
    """(sigma, v, u) of NumPy after one iteration from the layer's u."""
    return formulas.power_iteration(matrix(layer), layer.u.numpy()[0])


def by_hand(layer, inputs, kernel):
    """What the layer returns for a given normalised kernel."""
    if isinstance(layer, spectral.SNEmbedding):
        return kernel[inputs]
    if isinstance(layer, spectral.SNDense):
        return inputs @ kernel + layer.bias.numpy()
    if layer.resample == "up":
        inputs = formulas.upsample(inputs)
    outputs = formulas.conv(inputs, kernel)
    if layer.resample == "down":
        outputs = formulas.blocks(outputs).mean(axis=-1)
    return outputs + layer.bias.numpy()


# --- sigma --------------------------------------------------------------------------------------


def test_closed_form():
    kernel = tf.constant([[3.0, 0.0], [0.0, 1.0]])
    u = tf.constant([[0.5**0.5, 0.5**0.5]])
    for expected in (2.8635642, 2.9981730, 2.9999774):
        sigma, u = spectral.largest_singular_value(kernel, u)
        np.testing.assert_allclose(sigma, expected, rtol=1e-6)


def test_closed_form_of_training_calls():
    layer = spectral.SNDense(2, use_bias=False)
    layer.build((None, 2))
    layer.kernel.assign([[3.0, 0.0], [0.0, 1.0]])
    layer.u.assign([[0.5**0.5, 0.5**0.5]])
    for expected in (2.8635642, 2.9981730, 2.9999774):
        np.testing.assert_allclose(layer.singular_value(), expected, rtol=1e-6)
        outputs = layer(np.eye(2, dtype="float32"), training=True)
        np.testing.assert_allclose(outputs, np.diag([3, 1]) / expected, rtol=1e-6)


@ALL_KINDS
def test_fifty_calls_find_the_largest_singular_value(kind):
    layer, inputs = build(kind)
    exact = np.linalg.svd(matrix(layer), compute_uv=False)[0]
    assert layer.singular_value() < 0.98 * exact
    for _ in range(50):
        layer(inputs, training=True)
    np.testing.assert_allclose(layer.singular_value(), exact, rtol=0.01)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32), st.floats(0.01, 100.0))
def test_estimates_rise_towards_the_largest_singular_value(rows, columns, seed, scale):
    kernel = scale * formulas.random(rows, columns, seed=seed)
    u = formulas.random(1, columns, seed=seed + 1)
    exact = np.linalg.svd(kernel, compute_uv=False)[0]
    estimates = []
    for _ in range(4):
        sigma, u = spectral.largest_singular_value(tf.constant(kernel), u)
        estimates.append(float(sigma) / exact)
        np.testing.assert_allclose(np.linalg.norm(u), 1, rtol=1e-5)
    assert estimates[-1] <= 1 + 1e-5
    assert np.all(np.diff(estimates) >= -1e-5)


def test_a_kernel_of_zeros_does_not_spoil_u():
    layer = spectral.SNDense(3, kernel_initializer="zeros")
    layer(formulas.random(2, 5), training=True)
    np.testing.assert_array_equal(layer.u.numpy(), np.zeros((1, 3)))


# --- outputs ------------------------------------------------------------------------------------


@ALL_KINDS
@pytest.mark.parametrize("training", [False, True])
def test_outputs_by_hand(kind, training):
    layer, inputs = build(kind)
    kernel = layer.kernel.numpy() / iterate(layer)[0]
    outputs = layer(inputs, training=training)
    np.testing.assert_allclose(outputs, by_hand(layer, inputs, kernel), atol=1e-5)
    assert layer.compute_output_shape(inputs.shape) == tuple(outputs.shape)


@ALL_KINDS
def test_only_training_calls_move_u(kind):
    layer, inputs = build(kind)
    kernel, before, expected = layer.kernel.numpy(), layer.u.numpy(), iterate(layer)[2]
    layer(inputs)
    layer(inputs, training=False)
    layer.singular_value()
    np.testing.assert_array_equal(layer.u.numpy(), before)
    layer(inputs, training=True)
    np.testing.assert_allclose(layer.u.numpy()[0], expected, atol=1e-6)
    assert np.abs(expected - before[0]).max() > 0.1
    np.testing.assert_array_equal(layer.kernel.numpy(), kernel)


def test_u_has_an_entry_per_unit_or_class_and_is_not_trained():
    shapes = {kind: tuple(build(kind)[0].u.shape) for kind in ("conv", "dense", "embedding")}
    assert shapes == {"conv": (1, 7), "dense": (1, 7), "embedding": (1, 9)}
    layer, _ = build("dense")
    assert [weight.name for weight in layer.trainable_weights] == ["kernel", "bias"]
    assert [weight.name for weight in layer.non_trainable_weights] == ["u"]


@pytest.mark.parametrize("scale", [0.01, 0.5, 1000.0])
@ALL_KINDS
def test_the_scale_of_the_kernel_does_not_matter(kind, scale):
    layer, inputs = build(kind)
    before = layer(inputs)
    layer.kernel.assign(scale * layer.kernel)
    np.testing.assert_allclose(layer(inputs), before, atol=1e-5)


@ALL_KINDS
def test_folding_keeps_the_outputs(kind):
    layer, inputs = build(kind)
    before, u, kernel = layer(inputs), layer.u.numpy(), layer.kernel.numpy()
    expected = kernel / iterate(layer)[0]
    layer.fold()
    np.testing.assert_allclose(layer.kernel.numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(layer(inputs), before, atol=1e-6)
    # From now on it is a plain layer.
    layer(inputs, training=True)
    np.testing.assert_array_equal(layer.u.numpy(), u)
    layer.kernel.assign(kernel)
    np.testing.assert_allclose(layer(inputs), by_hand(layer, inputs, kernel), atol=1e-4)


# --- gradients ----------------------------------------------------------------------------------


def gradients(layer, inputs, parts, factors=None):
    """Of sum(outputs * factors) in a training call."""
    with tf.GradientTape() as tape:
        outputs = layer(inputs, training=True)
        factors = formulas.random(*outputs.shape, seed=4) if factors is None else factors
        loss = tf.reduce_sum(outputs * factors)
    return tape.gradient(loss, parts)


def test_gradient_of_a_dense_layer_by_hand():
    layer, inputs = build("dense")
    factors = formulas.random(4, 7, seed=4)
    sigma, v, u = iterate(layer)
    kernel = layer.kernel.numpy().astype("float64")
    # d(K / s) = dK / s - K <v u^T, dK> / s^2
    direct = inputs.T @ factors / sigma
    through_sigma = -np.sum(direct * kernel) / sigma * np.outer(v, u)
    assert np.abs(through_sigma).max() > 0.1
    gradient, bias = gradients(layer, inputs, [layer.kernel.value, layer.bias.value], factors)
    np.testing.assert_allclose(gradient, direct + through_sigma, atol=1e-5)
    np.testing.assert_allclose(bias, factors.sum(axis=0), rtol=1e-5)


@ALL_KINDS
def test_gradient_passes_through_sigma_and_not_through_u_and_v(kind):
    layer, inputs = build(kind)
    embedding = kind == "embedding"
    _, v, u = (value.astype("float32") for value in map(np.asarray, iterate(layer)))
    with tf.GradientTape() as tape:
        kernel = tf.constant(layer.kernel.numpy())
        tape.watch(kernel)
        columns = tf.transpose(kernel) if embedding else tf.reshape(kernel, [-1, len(u)])
        plain = kernel / tf.tensordot(v, tf.linalg.matvec(columns, u), 1)
        if embedding:
            outputs = tf.gather(plain, inputs)
        elif kind == "dense":
            outputs = tf.matmul(inputs, plain)
        else:
            images = formulas.upsample(inputs) if kind == "up" else inputs
            outputs = tf.nn.conv2d(images, plain, 1, "SAME")
            outputs = tf.nn.avg_pool2d(outputs, 2, 2, "VALID") if kind == "down" else outputs
        loss = tf.reduce_sum(outputs * formulas.random(*outputs.shape, seed=4))
    expected = tape.gradient(loss, kernel)
    actual = gradients(layer, inputs, layer.kernel.value)
    np.testing.assert_allclose(tf.convert_to_tensor(actual), expected, atol=1e-4)


def test_the_layer_cannot_grow_along_its_kernel():
    # Outputs do not depend on the kernel's scale, so with u at its fixed point the gradient is
    # orthogonal to the kernel.
    layer, inputs = build("dense")
    for _ in range(300):
        layer(inputs, training=True)
    gradient = gradients(layer, inputs, layer.kernel.value).numpy()
    cosine = np.sum(gradient * layer.kernel.numpy()) / np.linalg.norm(gradient)
    assert abs(cosine / np.linalg.norm(layer.kernel.numpy())) < 1e-3


# --- resampling ---------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize(
    "resample, size", [("up", (4, 6)), ("up", (3, 1)), ("up", (5, 2)), ("down", (6, 4))]
)
def test_folding_resampling_into_the_kernel_changes_nothing(resample, size, channels):
    layer = spectral.SNConv2D(4, 3, resample, kernel_initializer=INITIALIZER)
    images = tf.constant(formulas.random(2, *size, channels))
    layer.build(images.shape)
    layer.bias.assign([1.0, 2.0, 3.0, 4.0])
    assert layer.folded
    u, results = layer.u.numpy(), []
    for layer.folded in (True, False):
        layer.u.assign(u)
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=True)
            loss = tf.reduce_sum(outputs * formulas.random(*outputs.shape, seed=4))
        parts = [images, layer.kernel.value, layer.bias.value]
        results.append([outputs, *tape.gradient(loss, parts)])
    for folded, plain in zip(*results):
        assert np.ptp(plain) > 0
        np.testing.assert_allclose(folded, plain, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(5, 4), (4, 7)])
def test_odd_sizes_cannot_be_halved(size):
    with pytest.raises(ValueError, match="`resample"):
        spectral.SNConv2D(4, resample="down").build((None, *size, 2))


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, received",
    [
        ({"resample": "sideways"}, "resample='sideways', kernel_size=3"),
        ({"resample": "up", "kernel_size": 1}, "resample='up', kernel_size=1"),
        ({"resample": "down", "kernel_size": 5}, "resample='down', kernel_size=5"),
    ],
)
def test_resampling_errors(settings, received):
    with pytest.raises(ValueError, match=f"`resample` must be one of.*{received}.*`Upsample2D`"):
        spectral.SNConv2D(4, **settings)


def test_one_initializer_for_two_layers_draws_twice():
    initializer = keras.initializers.Orthogonal()
    first, second = (spectral.SNDense(4, kernel_initializer=initializer) for _ in range(2))
    first.build((None, 4))
    second.build((None, 4))
    assert np.abs(first.kernel.numpy() - second.kernel.numpy()).max() > 0.01


@pytest.mark.parametrize("kind", ["conv", "dense", "embedding"])
def test_a_plain_layer_uses_its_raw_kernel(kind):
    layer, inputs = build(kind)
    plain = type(layer).from_config({**layer.get_config(), "normalize": False})
    plain.build(inputs.shape)
    assert not plain.non_trainable_weights
    plain.kernel.assign(layer.kernel / layer.singular_value())
    if layer.bias is not None:
        plain.bias.assign(layer.bias)
    before = plain.kernel.numpy()
    np.testing.assert_allclose(plain(inputs, training=True), layer(inputs), atol=1e-5)
    plain.fold()
    np.testing.assert_array_equal(plain.kernel.numpy(), before)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (spectral.SNConv2D(4, 5, use_bias=False, epsilon=1e-4, name="a"), (None, 4, 4, 2)),
        (spectral.SNConv2D(4, resample="down", kernel_initializer="zeros"), (None, 4, 4, 2)),
        (spectral.SNConv2D(4, resample="up", dtype="mixed_bfloat16"), (None, 4, 4, 2)),
        (spectral.SNDense(3, use_bias=False, kernel_initializer=INITIALIZER), (None, 2)),
        (spectral.SNEmbedding(5, 3, epsilon=1e-12, trainable=False), (None,)),
        (spectral.SNDense(3, normalize=False), (None, 2)),
    ],
)
def test_config_round_trip(layer, shape):
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    own = {"filters", "kernel_size", "resample", "units", "num_classes"} & set(vars(layer))
    for name in ("name", "dtype", "trainable", "use_bias", "epsilon", "normalize", *own):
        assert getattr(copy, name) == getattr(layer, name), name
    copy.build(shape)
    layer.build(shape)
    assert [w.path for w in copy.weights] == [w.path for w in layer.weights]
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]


@pytest.mark.parametrize("kind", ["conv", "dense", "embedding"])
def test_mixed_precision_estimates_sigma_in_float32(kind):
    plain, inputs = build(kind)
    layer = type(plain).from_config({**plain.get_config(), "dtype": "mixed_bfloat16"})
    layer.build(inputs.shape)
    layer.set_weights(plain.get_weights())
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    sigma, _, u = iterate(layer)
    np.testing.assert_allclose(layer.singular_value(), sigma, rtol=1e-6)
    outputs = layer(inputs, training=True)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(layer.u.numpy()[0], u, atol=1e-6)
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), plain(inputs, training=True), atol=0.05, rtol=0.02
    )
