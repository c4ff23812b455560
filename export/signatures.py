"""What a served generator can be asked for: images of latents, or PNG files of seeds.

The first axis of all inputs and outputs is the batch, so that servers may join requests and split
their answers. What one example gets does not depend on the others of its batch.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from export import inference

# The default truncation unless one is given. It cuts nothing off, as 24 random bits reach no normal
# beyond 5.3, and unlike infinity it can be written in a JSON request.
UNTRUNCATED = 10.0


class Endpoint(NamedTuple):
    """One signature: `keras.export.ExportArchive.add_endpoint` takes both."""

    function: Callable[..., dict[str, tf.Tensor]]
    signature: list[tf.TensorSpec]


def endpoints(
    generator: keras.Model, default_truncation: float | None = None
) -> dict[str, Endpoint]:
    """Returns the endpoints of a SavedModel by name: "serving_default" and "sample".

    Generators that draw in several steps have "canvases" too.

    Args:
        generator: An inference copy.
        default_truncation: What `sample` does without one; None is `UNTRUNCATED`.
    """
    truncation = UNTRUNCATED if default_truncation is None else default_truncation
    if not truncation > 0:
        raise ValueError(
            "`default_truncation` must be positive, or None for none. "
            f"Received: default_truncation={default_truncation}."
        )
    found = {
        "serving_default": images_of_latents(generator),
        "sample": pictures_of_seeds(generator, truncation),
    }
    if getattr(generator, "draws_in_steps", False):
        found["canvases"] = canvases_of_latents(generator)
    return found


def images_of_latents(generator: keras.Model, batch_size: int | None = None) -> Endpoint:
    """(latents [N, ...], labels [N] if conditional) -> {"image": [N, H, W, C] in [-1, 1]}.

    Args:
        generator: An inference copy.
        batch_size: N, or None for any.
    """
    _require_backend()
    inference.require_generator(generator)
    latents = tf.TensorSpec((batch_size, *latents_shape(generator)), tf.float32, "latents")
    labels = tf.TensorSpec((batch_size,), tf.int32, "labels")

    def unconditional(latents):
        return {"image": _images(generator, latents)}

    def conditional(latents, labels):
        return {"image": _images(generator, latents, labels)}

    if num_classes(generator):
        return Endpoint(conditional, [latents, labels])
    return Endpoint(unconditional, [latents])


def canvases_of_latents(generator: keras.Model) -> Endpoint:
    """latents [N, ...] -> {"canvases": [N, T, H, W, C] in [-1, 1]}, the last of which is the image.

    Args:
        generator: An inference copy of one that draws in several steps, without classes.
    """
    _require_backend()
    drawing = generator.canvases()
    latents = tf.TensorSpec((None, *latents_shape(generator)), tf.float32, "latents")

    def canvases(latents):
        return {"canvases": drawing({"latents": latents}, training=False)}

    return Endpoint(canvases, [latents])


def pictures_of_seeds(generator: keras.Model, default_truncation: float) -> Endpoint:
    """(labels [N] if conditional, seed [N], truncation [N] or [1]) -> PNG files and their latents.

    Returns {"image_bytes": string [N], "latents": float32 [N, ...]}: servers need the ending
    "_bytes" to write a string as base64 in JSON. Where `truncation` is left out, servers put one
    default for the whole request; only those that join requests then insist on one example.

    Args:
        generator: An inference copy.
        default_truncation: See above.
    """
    _require_backend()
    inference.require_generator(generator)
    shape = latents_shape(generator)
    labels = tf.TensorSpec((None,), tf.int32, "labels")
    seed = tf.TensorSpec((None,), tf.int64, "seed")
    threshold = tf.TensorSpec((None,), tf.float32, "truncation")
    default = tf.constant([default_truncation], tf.float32)

    # Two functions, as an argument `labels=None` would mix up the order of a signature's inputs.
    def unconditional(seed, truncation=default):
        latents = truncated_normal(seed, truncation, shape)
        return {"image_bytes": _png_files(_images(generator, latents)), "latents": latents}

    def conditional(labels, seed, truncation=default):
        latents = truncated_normal(seed, truncation, shape)
        images = _images(generator, latents, labels)
        return {"image_bytes": _png_files(images), "latents": latents}

    if num_classes(generator):
        return Endpoint(conditional, [labels, seed, threshold])
    return Endpoint(unconditional, [seed, threshold])


def latents_shape(generator: keras.Model) -> tuple[int, ...]:
    """The shape of the latents of one image."""
    return {tensor.name: tensor.shape[1:] for tensor in generator.inputs}["latents"]


def num_classes(generator: keras.Model) -> int:
    """How many labels a generator knows, 0 if it takes none."""
    return generator.spec.num_classes if len(generator.inputs) > 1 else 0


def truncated_normal(seed: tf.Tensor, truncation: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Normals cut off at +-truncation, exactly: by the inverse distribution function.

    Args:
        seed: int64 [N]; row i of the result depends on entry i only.
        truncation: float32 [N], or [1] for all; positive.
        shape: Of a row.

    Returns:
        float32 [N, *shape].
    """
    positive = tf.reduce_all(truncation > 0.0)
    message = ["`truncation` must be positive. Received the smallest:", tf.reduce_min(truncation)]
    with tf.control_dependencies([tf.debugging.Assert(positive, message)]):
        truncation = tf.broadcast_to(truncation, tf.shape(seed))
    truncation = tf.reshape(truncation, (-1, *[1] * len(shape)))
    spec = tf.TensorSpec(shape, tf.float32)
    uniform = tf.map_fn(lambda one: _uniform(one, shape), seed, fn_output_signature=spec)
    inside = tf.math.erf(truncation / math.sqrt(2.0))
    latents = math.sqrt(2.0) * tf.math.erfinv(inside * uniform)
    return tf.clip_by_value(latents, -truncation, truncation)  # float32 rounds some to beyond


def _uniform(seed, shape):
    """Multiples of 2^-23 that lie symmetrically in (-1, 1): its ends would become infinite."""
    low, high = -1.0 + 2.0**-23, 1.0 + 2.0**-23
    # Named, because the default algorithm depends on the device.
    return tf.random.stateless_uniform(shape, tf.stack([seed, 0]), low, high, alg="philox")


def _images(generator, latents, labels=None):
    inputs = {"latents": latents}
    if labels is not None:
        inputs["labels"] = _checked(labels, num_classes(generator))
    return generator(inputs, training=False)


def _checked(labels, count):
    """The labels, once all are known to exist: layers would read -1 as the last class."""
    known = tf.reduce_all((labels >= 0) & (labels < count))
    message = f"`labels` must be in [0, {count}). Received the smallest and the largest:"
    extremes = [tf.reduce_min(labels), tf.reduce_max(labels)]
    with tf.control_dependencies([tf.debugging.Assert(known, [message, *extremes])]):
        return tf.identity(labels)


def _png_files(images):
    pixels = tf.round(tf.clip_by_value((images + 1.0) * 127.5, 0.0, 255.0))
    return tf.io.encode_png(tf.cast(pixels, tf.uint8))


def _require_backend():
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Exports need Keras to run on TensorFlow. "
            f"Received: KERAS_BACKEND={keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )
