"""The projection head by hand and against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers import formulas
from tfgan_zoo.layers import heads

FEATURES = formulas.random(5, 6)
LABELS = np.array([2, 0, 3, 3, 1], "int32")


def build(**settings):
    layer = heads.ClassProjection(4, "random_normal", **settings)
    layer.build([FEATURES.shape, LABELS.shape])
    layer.linear.bias.assign([0.3])
    return layer


def test_by_hand():
    layer = heads.ClassProjection(2)
    layer.build([(None, 2), (None,)])
    # The linear map has norm 5, the table 2, which its u finds at once.
    layer.linear.kernel.assign([[3.0], [4.0]])
    layer.linear.bias.assign([0.5])
    layer.embedding.kernel.assign([[2.0, 0.0], [0.0, 1.0]])
    layer.embedding.u.assign([[1.0, 0.0]])
    features = np.array([[5.0, 0.0], [5.0, 0.0], [0.0, 5.0], [0.0, 5.0]], "float32")
    logits = layer([features, np.array([0, 1, 0, 1])])
    # 3 + 0.5 or 4 + 0.5, plus 5 times an entry of [[1, 0], [0, 0.5]].
    np.testing.assert_allclose(logits, [[8.5], [3.5], [4.5], [7.0]], rtol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_equals_numpy(training):
    layer = build()
    linear = formulas.normalized(layer.linear)
    table = formulas.normalized(layer.embedding, embedding=True)
    expected = FEATURES @ linear[:, 0] + 0.3 + np.sum(table[LABELS] * FEATURES, axis=1)
    logits = layer([FEATURES, LABELS], training=training)
    np.testing.assert_allclose(logits, expected[:, None], atol=1e-5)
    assert layer.compute_output_shape([FEATURES.shape, LABELS.shape]) == (5, 1)


def test_weights():
    layer = build()
    shapes = {weight.path.split("/", 1)[1]: tuple(weight.shape) for weight in layer.weights}
    trained = {"linear/kernel": (6, 1), "linear/bias": (1,), "embedding/embeddings": (4, 6)}
    assert shapes == {**trained, "linear/u": (1, 1), "embedding/u": (1, 4)}
    assert len(layer.trainable_weights) == len(trained)


def test_only_the_classes_that_occur_get_direct_gradients():
    layer = build()
    layer.embedding.fold()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer([FEATURES, np.array([2, 2, 2, 2, 2])]))
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.embedding.kernel.value))
    np.testing.assert_allclose(gradient[2], FEATURES.sum(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(gradient.numpy()[[0, 1, 3]], 0)


def test_config_round_trip():
    layer = build(epsilon=1e-4, name="logits")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
    assert (copy.num_classes, copy.linear.epsilon, copy.embedding.epsilon) == (4, 1e-4, 1e-4)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy([FEATURES, LABELS]), layer([FEATURES, LABELS]))
