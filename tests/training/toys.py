"""Toy networks, GANs and batches: images of 2x2 pixels, about a hundred weights."""

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo import losses
from tfgan_zoo.layers import normalization, spectral
from tfgan_zoo.training.gan import GAN, UpdateRule
from tfgan_zoo.training.priors import Normal

LAYERS = keras.layers
Z_DIM = 3


def generator(num_classes=0, norm=False):
    """{"latents": [batch, 3], perhaps "labels"} -> images; `norm` for batch norm and SN layers."""
    inputs = {"latents": keras.Input((Z_DIM,), name="latents")}
    x = (spectral.SNDense if norm else LAYERS.Dense)(8)(inputs["latents"])
    x = _add_classes(inputs, x, num_classes)
    x = LAYERS.Reshape((2, 2, 2))(LAYERS.Activation("tanh")(x))
    x = normalization.BatchNorm()(x) if norm else x
    images = LAYERS.Dense(1, "tanh")(x)
    return keras.Model(inputs, images, name="generator")


def discriminator(num_classes=0, norm=False):
    """{"images": [batch, 2, 2, 1], perhaps "labels"} -> logits; `norm` for SN layers."""
    inputs = {"images": keras.Input((2, 2, 1), name="images")}
    x = (spectral.SNDense if norm else LAYERS.Dense)(6)(LAYERS.Flatten()(inputs["images"]))
    x = LAYERS.Activation("tanh")(_add_classes(inputs, x, num_classes))
    return keras.Model(inputs, LAYERS.Dense(1)(x), name="discriminator")


def _add_classes(inputs, x, num_classes):
    if not num_classes:
        return x
    inputs["labels"] = keras.Input((), dtype="int32", name="labels")
    table = LAYERS.Embedding(num_classes, x.shape[-1], "random_normal")
    return LAYERS.Add()([x, table(inputs["labels"])])


def gan(num_classes=0, norm=False, ema=False, prior=None, seed=0, weights_seed=0):
    """A GAN that is not compiled; the same arguments give the same weights."""
    keras.utils.set_random_seed(weights_seed)
    return GAN(
        generator(num_classes, norm),
        discriminator(num_classes, norm),
        prior or Normal((Z_DIM,), num_classes),
        ema_generator=generator(num_classes, norm) if ema else None,
        seed=seed,
    )


def sgd(rate=0.1, **settings):
    """An `UpdateRule` whose steps can be checked by hand."""
    return UpdateRule(keras.optimizers.SGD(rate), **settings)


def adam(rate=0.01, **settings):
    """An `UpdateRule` whose optimizer has a state."""
    return UpdateRule(keras.optimizers.Adam(rate), **settings)


def compiled(model, loss=losses.HINGE, g=None, d=None, **settings):
    """Returns `model` after compiling it, without XLA, which takes seconds."""
    settings = {"jit_compile": False, **settings}
    model.compile(loss=loss, generator=g or sgd(), discriminator=d or sgd(), **settings)
    return model


def batch(size, num_classes=0, seed=0):
    """`size` different images, perhaps with labels."""
    rng = np.random.default_rng(seed)
    inputs = {"images": tf.constant(rng.uniform(-1, 1, (size, 2, 2, 1)), tf.float32)}
    if num_classes:
        inputs["labels"] = tf.constant(rng.integers(num_classes, size=size), tf.int32)
    return inputs


def dataset(size, num_classes=0):
    """An infinite dataset of one batch."""
    return tf.data.Dataset.from_tensors(batch(size, num_classes)).repeat()


def values(network):
    """Copies of all variables."""
    return [variable.numpy().copy() for variable in network.variables]


def moved(network, before):
    """Whether each variable differs from the copies `before`."""
    return [
        bool(np.any(variable.numpy() != old)) for variable, old in zip(network.variables, before)
    ]


def results(num_classes=0, steps=2, size=6, model=None, **settings):
    """All weights of both players after some steps."""
    model = compiled(model or gan(num_classes), **settings)
    for number in range(steps):
        model.train_step(batch(size, num_classes, seed=number))
    return values(model.generator) + values(model.discriminator)


def largest_difference(first, second):
    """Of two lists of arrays."""
    return max(np.abs(a - b).max() for a, b in zip(first, second, strict=True))
