"""Penalties by hand: on scores that are linear, where gradients are known everywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.layers import attention, normalization, spectral
from tfgan_zoo.training import penalties
from tfgan_zoo.training.gan import Turn, trainable_weights

# Norm 5.
SLOPE = np.array([[[1.0], [2.0]], [[2.0], [4.0]]], "float32")
REAL = toys.batch(6, seed=1)["images"]
FAKE = toys.batch(6, seed=2)["images"]


def linear(slope):
    return lambda images: tf.reduce_sum(images * slope, axis=[1, 2])


def turn(score=None, network=None, real=REAL, fake=FAKE, seed=(1, 2)):
    score = score or linear(SLOPE)
    return Turn(network, score, {}, real, fake, score(real), score(fake), tf.constant(seed))


# --- of gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, 10 * (5 - 1) ** 2),
        ({"weight": 0.5}, 0.5 * (5 - 1) ** 2),
        ({"weight": 1.0, "target": 10.0}, (5 / 10 - 1) ** 2),
        ({"weight": 3.0, "target": 5.0}, 0.0),
    ],
)
def test_gradient_penalty_of_a_linear_score(settings, expected):
    value = penalties.GradientPenalty(**settings)(turn())
    assert value.dtype == tf.float32 and value.shape == ()
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-9)


def test_gradient_penalty_s_gradient():
    slope = tf.Variable(SLOPE)
    with tf.GradientTape() as tape:
        value = penalties.GradientPenalty(10.0)(turn(linear(slope)))
    # 10 (n - 1)^2 with n = 5, along slope / n.
    expected = 20 * (5 - 1) * SLOPE / 5
    np.testing.assert_allclose(tape.gradient(value, slope), expected, rtol=1e-4)


def test_gradient_penalty_looks_between_real_and_fake():
    # The gradient at a point is the point, and fakes have norm 1: norms are the mixing weights.
    size = 20_000
    real, fake = tf.zeros([size, 2, 2, 1]), tf.fill([size, 2, 2, 1], 0.5)

    def score(images):
        return 0.5 * tf.reduce_sum(images**2, axis=[1, 2])

    def value(start, end, seed=(1, 2)):
        return float(penalties.GradientPenalty(1.0)(turn(score, real=start, fake=end, seed=seed)))

    # The mean of (u - 1)^2 for u uniform in [0, 1]; one u for each pixel would give about 0.2.
    assert value(real, fake) == pytest.approx(1 / 3, abs=0.01)
    assert value(fake, real) == pytest.approx(1 / 3, abs=0.01)
    assert value(fake, fake) == pytest.approx(0, abs=1e-6)
    assert value(real, fake) == value(real, fake)
    assert value(real, fake) != value(real, fake, seed=(1, 3))


@pytest.mark.parametrize("settings", [{}, {"one_sided": True}, {"target": 2.0}])
def test_gradient_penalty_of_a_curved_critic(settings):
    # d(x) = tanh(x W) a at two points of a plane, its gradient written out: W ((1 - tanh^2) a).
    weights = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")
    heights = np.array([4.0, 0.5], "float32")
    points = np.array([[0.1, -0.2], [2.0, 0.3]], "float32")
    slopes = (1 - np.tanh(points @ weights) ** 2) * heights
    norms = np.linalg.norm(slopes @ weights.T, axis=1)
    assert norms[0] > 2 and norms[1] < 1
    excess = norms / settings.get("target", 1.0) - 1
    excess = np.maximum(excess, 0) if "one_sided" in settings else excess

    def score(x):
        return tf.tanh(x @ weights) @ heights[:, None]

    given = turn(score, real=tf.constant(points), fake=tf.constant(points))
    value = penalties.GradientPenalty(10.0, **settings)(given)
    assert value.dtype == tf.float32 and value.shape == ()
    np.testing.assert_allclose(value, 10 * np.mean(excess**2), rtol=1e-5)


@pytest.mark.parametrize("norm, two_sided, one_sided", [(1, 0, 0), (2, 10, 10), (0.5, 2.5, 0)])
def test_gradient_penalty_of_a_linear_critic_of_points(norm, two_sided, one_sided):
    network = dense(norm * np.array([[0.6], [-0.8]]))
    given = turn(network, real=tf.ones([5, 2]), fake=tf.zeros([5, 2]))
    value = penalties.GradientPenalty(10.0)(given)
    np.testing.assert_allclose(value, two_sided, rtol=1e-5, atol=1e-9)
    value = penalties.GradientPenalty(10.0, one_sided=True)(given)
    np.testing.assert_allclose(value, one_sided, rtol=1e-5, atol=1e-9)


def test_every_example_has_a_mixing_weight_of_its_own():
    seen = []

    def score(points):
        seen.append(points)
        return tf.reduce_sum(points, axis=1, keepdims=True)

    penalties.GradientPenalty()(turn(score, real=tf.ones([500, 3]), fake=tf.zeros([500, 3])))
    weights = seen[-1].numpy()
    np.testing.assert_array_equal(weights, np.repeat(weights[:, :1], 3, axis=1))
    assert len(np.unique(weights[:, 0])) > 490  # of 2^23 values
    assert 0 < weights.min() < 0.05 and 0.95 < weights.max() < 1


@pytest.mark.parametrize("penalty", [penalties.GradientPenalty(10.0), penalties.R1(10.0)])
def test_norms_of_gradients_are_float32_in_a_bfloat16_critic(penalty):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, dtype="mixed_bfloat16")])
    network.layers[0].kernel.assign([[0.5], [1.5]])  # exact in bfloat16
    seen = []

    def score(points):
        seen.append(points)
        logits = network(points)
        assert logits.dtype == tf.bfloat16
        return tf.cast(logits, tf.float32)

    points = tf.constant([[1.0, 0.25]] * 3, tf.bfloat16)
    value = penalty(turn(score, real=points, fake=-points))
    assert seen[-1].dtype == value.dtype == tf.float32
    # sqrt(2.5) is not exact in bfloat16, which would be wrong by 1e-3.
    expected = {"GradientPenalty": 10 * (2.5**0.5 - 1) ** 2, "R1": 5 * 2.5}
    np.testing.assert_allclose(value, expected[type(penalty).__name__], rtol=1e-5)


def batch_normalised(norm):
    """A critic in which a nested model has the norm."""
    inside = keras.Sequential([keras.Input((2, 2, 3)), norm])
    layers = [keras.Input((2, 2, 1)), keras.layers.Dense(3), inside]
    return keras.Sequential(layers, name="critic")


@pytest.mark.parametrize(
    "norm", [keras.layers.BatchNormalization(name="bn"), normalization.BatchNorm(name="bn")]
)
def test_gradient_penalty_refuses_batch_norm(norm):
    message = "without batch norm: .*depends on the others.*Received: critic with .*bn/moving_mean"
    with pytest.raises(ValueError, match=message):
        penalties.GradientPenalty().check(batch_normalised(norm))


def test_gradient_penalty_allows_other_norms():
    for norm in (keras.layers.LayerNormalization(), keras.layers.GroupNormalization(1)):
        penalties.GradientPenalty().check(batch_normalised(norm))


def test_r1_looks_at_real_images():
    def score(images):
        return 0.5 * tf.reduce_sum(images**2, axis=[1, 2])

    squares = np.sum(REAL.numpy() ** 2, axis=(1, 2, 3))
    value = penalties.R1(3.0)(turn(score))
    np.testing.assert_allclose(value, 1.5 * squares.mean(), rtol=1e-5)


def test_r1_of_a_linear_score():
    np.testing.assert_allclose(penalties.R1()(turn()), 0.5 * 10 * 25, rtol=1e-5)
    slope = tf.Variable(SLOPE)
    with tf.GradientTape() as tape:
        value = penalties.R1(4.0)(turn(linear(slope)))
    np.testing.assert_allclose(tape.gradient(value, slope), 4 * SLOPE, rtol=1e-5)


@pytest.mark.parametrize(
    "penalty, expected", [(penalties.GradientPenalty(10.0), 10.0), (penalties.R1(10.0), 0.0)]
)
def test_a_flat_score_has_a_finite_gradient(penalty, expected):
    slope = tf.Variable(0 * SLOPE)
    with tf.GradientTape() as tape:
        value = penalty(turn(linear(slope)))
    np.testing.assert_allclose(value, expected, atol=1e-4)
    assert np.all(np.isfinite(tape.gradient(value, slope)))


def test_drift_by_hand():
    given = turn()._replace(
        real_logits=tf.constant([[1.0], [-3.0]]), fake_logits=tf.constant([[9.0], [9.0]])
    )
    np.testing.assert_allclose(penalties.Drift(0.5)(given), 0.5 * (1 + 9) / 2)
    np.testing.assert_allclose(penalties.Drift()(given), 1e-3 * 5, rtol=1e-6)


# --- of kernels ---------------------------------------------------------------------------------

# Rows are filters; a Keras kernel has them as columns.
FILTERS = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


def value_and_gradient(network, kernel, weight=1.0):
    with tf.GradientTape() as tape:
        value = penalties.OffDiagonal(weight)(turn(network=network))
    return float(value), tf.convert_to_tensor(tape.gradient(value, kernel.value)).numpy()


def test_off_diagonal_by_hand():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    network.set_weights([FILTERS.T, np.full(2, 100.0)])
    kernel = network.layers[0].kernel
    value, gradient = value_and_gradient(network, kernel)
    assert value == pytest.approx(242)
    np.testing.assert_allclose(gradient.T, [[132, 176], [44, 88]], rtol=1e-6)
    value, gradient = value_and_gradient(network, kernel, weight=0.01)
    assert value == pytest.approx(2.42)
    np.testing.assert_allclose(gradient.T, [[1.32, 1.76], [0.44, 0.88]], rtol=1e-6)
    assert penalties.OffDiagonal() == penalties.OffDiagonal(1e-4)


def test_off_diagonal_of_a_convolution():
    network = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Conv2D(2, (1, 2))])
    network.layers[0].kernel.assign(FILTERS.T.reshape(1, 2, 1, 2))
    value, gradient = value_and_gradient(network, network.layers[0].kernel)
    assert value == pytest.approx(242)
    np.testing.assert_allclose(gradient.reshape(2, 2).T, [[132, 176], [44, 88]], rtol=1e-6)


def test_orthogonal_filters_of_any_norm_cost_nothing():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    network.layers[0].kernel.assign([[3.0, -8.0], [4.0, 6.0]])
    value, gradient = value_and_gradient(network, network.layers[0].kernel)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_off_diagonal_adds_raw_kernels_up_and_leaves_the_rest():
    images = keras.Input((2, 2, 8))
    labels = keras.Input((), dtype="int32")
    x = attention.SelfAttention2D()(images)
    x = keras.layers.Flatten()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Add()([keras.layers.Dense(3)(x), keras.layers.Embedding(5, 3)(labels)])
    network = keras.Model([images, labels], x)
    rng = np.random.default_rng(0)
    expected = 0.0
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape))
        if weight.name == "kernel":
            matrix = weight.numpy().reshape(-1, weight.shape[-1])
            gram = matrix.T @ matrix
            expected += np.sum(gram**2) - np.sum(np.diag(gram) ** 2)
    names = [weight.name for weight in network.weights]
    assert names.count("kernel") == 5 and {"embeddings", "bias", "u", "gamma"} < set(names)
    value = penalties.OffDiagonal(0.5)(turn(network=network))
    np.testing.assert_allclose(value, 0.5 * expected, rtol=1e-5)


def test_off_diagonal_leaves_normalised_embeddings_out():
    labels = keras.Input((), dtype="int32")
    network = keras.Model(labels, spectral.SNEmbedding(5, 3)(labels))
    network.trainable_variables[0].assign(np.ones((5, 3)))
    assert float(penalties.OffDiagonal(1.0)(turn(network=network))) == 0


def l2_network():
    """A convolution, batch norm and a dense layer, with one weight of each number from 1 to 9."""
    layers = [keras.layers.Conv2D(1, (1, 2)), keras.layers.BatchNormalization()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(1)]
    network = keras.Sequential([keras.Input((1, 2, 1)), *layers])
    # Kernel and bias, gain and shift, kernel and bias; the moments, which nobody moves, are last.
    values = iter(range(1, 10))
    for weight in [*network.trainable_variables, *network.non_trainable_variables]:
        size = int(np.prod(weight.shape))
        weight.assign(np.reshape([next(values) for _ in range(size)], weight.shape))
    return network


@pytest.mark.parametrize(
    "weights, squares",
    [
        (penalties.kernels, 1 + 4 + 36),
        (penalties.dense_kernels, 36),
        (trainable_weights, 1 + 4 + 9 + 16 + 25 + 36 + 49),
    ],
)
def test_l2_is_half_the_squares(weights, squares):
    network = l2_network()
    penalty = penalties.L2(0.1, weights)
    with tf.GradientTape() as tape:
        value = penalty(turn(network=network))
    assert value.dtype == tf.float32 and value.shape == ()
    np.testing.assert_allclose(value, 0.1 / 2 * squares, rtol=1e-6)
    # What the authors of DCGAN add to gradients.
    chosen = weights(network)
    gradients = tape.gradient(value, [weight.value for weight in chosen])
    for weight, gradient in zip(chosen, gradients, strict=True):
        np.testing.assert_allclose(gradient, 0.1 * weight.numpy(), rtol=1e-6)


def test_l2_of_no_weights_is_0():
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Conv2D(1, 2)])
    assert float(penalties.L2(1.0, penalties.dense_kernels)(turn(network=network))) == 0


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_l2_shrinks_weights_in_a_game(micro_batches):
    # The loss says nothing, so an update multiplies kernels by 1 - 0.5 * 0.2.
    rule = toys.sgd(
        0.5, micro_batches=micro_batches, penalties=(penalties.L2(0.2, penalties.kernels),)
    )
    flat = losses.AdversarialLoss(
        lambda real, fake: 0.0 * tf.reduce_sum(real), losses.wasserstein_generator
    )
    model = toys.compiled(toys.gan(), flat, d=rule)
    before = toys.values(model.discriminator)
    logs = model.train_step(toys.batch(4))
    kernels = [weight.name == "kernel" for weight in model.discriminator.variables]
    assert kernels == [True, False, True, False]
    expected = [value * (0.9 if kernel else 1.0) for value, kernel in zip(before, kernels)]
    for value, wanted in zip(toys.values(model.discriminator), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6)
    squares = sum(np.sum(value**2) for value, kernel in zip(before, kernels) if kernel)
    np.testing.assert_allclose(logs["d_penalty"], 0.1 * squares, rtol=1e-6)


# --- of singular values -------------------------------------------------------------------------

# Singular values 5 and 2, u0 = (0.6, 0.8, 0), v0 = (1, 0).
MATRIX = np.array([[3.0, 0.0], [4.0, 0.0], [0.0, 2.0]], "float32")
ALONG = np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 0.0]])


def dense(matrix):
    matrix = np.asarray(matrix, "float32")
    network = keras.Sequential([keras.Input(matrix.shape[:1]), keras.layers.Dense(matrix.shape[1])])
    network.layers[0].kernel.assign(matrix)
    return network


def penalised(penalty, network):
    kernel = network.layers[0].kernel
    with tf.GradientTape() as tape:
        value = penalty(turn(network=network))
    return value, tape.gradient(value, kernel.value)


@pytest.mark.parametrize(
    "settings, difference",
    [({"target": 1.0}, 4.0), ({"target": 7.0}, -2.0), ({"ratio": 1.0}, 3.0), ({"ratio": 3.0}, -1)],
)
@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_largest_singular_value(settings, difference, jit_compile):
    penalty = penalties.LargestSingularValue(0.1, **settings)
    network = dense(MATRIX)

    def call():
        return penalised(penalty, network)

    run = call if jit_compile is None else tf.function(call, jit_compile=jit_compile)
    value, gradient = run()
    assert value.dtype == tf.float32 and value.shape == ()
    np.testing.assert_allclose(value, 0.1 * difference**2, rtol=1e-4)
    # Not through the second value, which a ratio makes the target.
    np.testing.assert_allclose(gradient, 2 * 0.1 * difference * ALONG, atol=1e-4)


def test_largest_singular_value_adds_convolutions_and_linear_maps_up():
    images = keras.Input((3, 3, 2))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 2)(images))
    labels = keras.Input((), dtype="int32")
    x = keras.layers.Add()([keras.layers.Dense(3)(x), keras.layers.Embedding(5, 3)(labels)])
    network = keras.Model([images, labels], x)
    matrices = [
        weight.numpy().reshape(-1, weight.shape[-1])
        for weight in network.trainable_variables
        if weight.name == "kernel"
    ]
    assert [matrix.shape for matrix in matrices] == [(8, 4), (16, 3)]
    tops = np.array([np.linalg.svd(matrix, compute_uv=False)[:2] for matrix in matrices])
    given = turn(network=network)
    value = penalties.LargestSingularValue(2.0, target=0.3)(given)
    np.testing.assert_allclose(value, 2 * np.sum((tops[:, 0] - 0.3) ** 2), rtol=1e-4)
    value = penalties.LargestSingularValue(2.0, ratio=0.5)(given)
    np.testing.assert_allclose(value, 2 * np.sum((tops[:, 0] - 0.5 * tops[:, 1]) ** 2), rtol=1e-4)


def test_a_ratio_leaves_kernels_of_one_singular_value():
    network = dense([[3.0], [4.0]])
    assert float(penalties.LargestSingularValue(1.0, ratio=2.0)(turn(network=network))) == 0
    value = penalties.LargestSingularValue(1.0, target=3.0)(turn(network=network))
    np.testing.assert_allclose(value, (5 - 3) ** 2, rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"target": 1.0, "ratio": 1.0}, {"target": 0.0}])
def test_largest_singular_value_s_settings_error(settings):
    with pytest.raises(ValueError, match="Give a positive `target` or `ratio`, not both. Received"):
        penalties.LargestSingularValue(1.0, **settings)


def test_class_error_of_both_sides():
    fake = {"class_error": tf.constant([1.0, 3.0])}
    real = {"class_error": tf.constant([0.5, 0.7])}
    play = turn(score=lambda images: tf.reduce_sum(images, axis=(1, 2, 3), keepdims=True)[:, 0])
    g_play = play._replace(fake_heads=fake)
    d_play = g_play._replace(real_heads=real)
    penalty = penalties.ClassError(0.5)
    np.testing.assert_allclose(penalty(g_play), 0.5 * 2.0, rtol=1e-6)
    np.testing.assert_allclose(penalty(d_play), 0.5 * (2.0 + 0.6), rtol=1e-6)
    # WGAN-GP's: the discriminator's turn is about real images only.
    penalty = penalties.ClassError(0.5, real_only=True)
    np.testing.assert_allclose(penalty(g_play), 0.5 * 2.0, rtol=1e-6)
    np.testing.assert_allclose(penalty(d_play), 0.5 * 0.6, rtol=1e-6)
