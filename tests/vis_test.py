"""Maps of what discriminators look at."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import small
from tfgan_zoo import vis

NAMES = ("biggan-digits", "dcgan-digits", "infogan-digits", "pggan-cifar10", "sharing-digits")


@pytest.fixture(name="discriminator", scope="module")
def fixture_discriminator():
    keras.utils.set_random_seed(0)
    return small.discriminator("biggan-digits")


@pytest.fixture(name="images", scope="module")
def fixture_images(discriminator):
    return small.inputs(discriminator, 3)["images"]


@pytest.mark.parametrize("name", NAMES)
def test_a_view_is_the_discriminator_of_one_class(name):
    network = small.discriminator(name)
    inputs = small.inputs(network, 3)
    label = None
    if "labels" in inputs:
        label, inputs["labels"] = 2, np.full(3, 2, np.int32)
    expected = network(inputs)
    expected = expected["logits"] if isinstance(expected, dict) else expected
    layer = vis.feature_layer(network)
    viewed = vis.view(network, label, layer)
    np.testing.assert_allclose(viewed(inputs["images"]), expected, rtol=1e-5, atol=1e-6)
    assert min(viewed.get_layer(vis.FEATURES).output.shape[1:3]) >= vis.LEAST_SIDE


def test_saliency_is_the_gradient(discriminator, images):
    labels = np.array([2, 0, 2])
    maps = vis.saliency(discriminator, images, labels)
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = tf.reduce_sum(discriminator({"images": x, "labels": tf.constant(labels)}))
    gradients = np.abs(tape.gradient(logits, x)).max(axis=-1)
    low, high = (end(gradients, axis=(1, 2), keepdims=True) for end in (np.min, np.max))
    np.testing.assert_allclose(maps, (gradients - low) / (high - low), atol=1e-4)


def test_smoothed_saliency_differs(discriminator, images):
    labels = np.zeros(3, int)
    plain = vis.saliency(discriminator, images, labels)
    smooth = vis.saliency(discriminator, images, labels, samples=4)
    assert smooth.shape == plain.shape and smooth.min() >= 0 and smooth.max() <= 1
    assert np.abs(smooth - plain).max() > 0.05


def test_grad_cam_is_of_the_region_that_counts():
    """A network that sums one corner of its features sees that corner only."""
    images = keras.Input((8, 8, 1), name="images")
    features = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")(images)
    corner = keras.layers.Cropping2D(((0, 6), (0, 6)), name="corner")(features)
    network = keras.Model({"images": images}, keras.layers.Flatten()(corner)[:, :1])
    x = np.full((1, 8, 8, 1), 0.1, np.float32)
    x[0, :2, :2] = 1.0
    (found,) = vis.grad_cam(network, x, layer="conv")
    assert found[:2, :2].min() > 0.99 and found[4:, 4:].max() < 0.2


def test_most_real_raises_the_logit(discriminator):
    image = vis.most_real(discriminator, label=1, steps=20)
    logits = vis.view(discriminator, 1)(np.stack([image, np.zeros_like(image)]))
    assert image.shape == discriminator.input["images"].shape[1:]
    assert np.abs(image).max() <= 1.0
    assert logits[0, 0] > logits[1, 0]


def test_bad_inputs_are_refused(discriminator, images):
    with pytest.raises(ValueError, match="`images` must be"):
        vis.saliency(discriminator, images[0], np.zeros(1, int))
    for labels in (None, [0, 1], [0, 1, 3], [0, -1, 2]):
        with pytest.raises(ValueError, match="`labels` must be one class in"):
            vis.saliency(discriminator, images, labels)
    with pytest.raises(ValueError, match="`layer` must be one with feature maps"):
        vis.grad_cam(discriminator, images, np.zeros(3, int), layer="logits")
    with pytest.raises(ValueError, match="`labels` are of networks with classes"):
        vis.most_real(small.discriminator("dcgan-digits"), label=1)


def test_without_the_package_it_is_named(discriminator, images, monkeypatch):
    monkeypatch.setattr(vis, "Saliency", None)
    with pytest.raises(ValueError, match=r"tfgan_zoo\[vis\]"):
        vis.saliency(discriminator, images, np.zeros(3, int))
