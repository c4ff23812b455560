"""What a served generator can be asked for: images of latents, or PNG files of seeds.

The first axis of all inputs and outputs is the batch, so that servers may join requests and split
their answers. What one example gets does not depend on the others of its batch.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from export import inference
from tfgan_zoo import sampling

# The default truncation unless one is given. It cuts nothing off, as 24 random bits reach no normal
# beyond 5.3, and unlike infinity it can be written in a JSON request.
UNTRUNCATED = 10.0
PRIORS = ("normal", "uniform")

Network = Callable[[dict[str, tf.Tensor]], tf.Tensor]


class Endpoint(NamedTuple):
    """One signature: `keras.export.ExportArchive.add_endpoint` takes both."""

    function: Callable[..., dict[str, tf.Tensor]]
    signature: list[tf.TensorSpec]


def endpoints(
    generator: keras.Model, default_truncation: float | None = None, prior: str = "normal"
) -> dict[str, Endpoint]:
    """Returns the endpoints of a SavedModel by name: "serving_default", "sample", "interpolate".

    Generators that draw in several steps have "canvases" too.

    Args:
        generator: An inference copy.
        default_truncation: What `sample` does without one; None is `UNTRUNCATED`.
        prior: Of the latents that `sample` draws: "normal", or "uniform" in (-1, 1).
    """
    truncation = UNTRUNCATED if default_truncation is None else default_truncation
    if not 0 < truncation < math.inf:
        raise ValueError(
            "`default_truncation` must be positive and finite, or None for none. "
            f"Received: default_truncation={default_truncation}."
        )
    if prior not in PRIORS:
        raise ValueError(f"`prior` must be one of {', '.join(PRIORS)}. Received: {prior!r}.")
    _require_backend()
    inference.require_generator(generator)
    network = _traced_once(generator)
    found = {
        "serving_default": images_of_latents(generator, network=network),
        "sample": pictures_of_seeds(generator, truncation, prior, network),
        "interpolate": pictures_between(generator, network),
    }
    if getattr(generator, "draws_in_steps", False):
        found["canvases"] = canvases_of_latents(generator)
    return found


def images_of_latents(
    generator: keras.Model, batch_size: int | None = None, network: Network | None = None
) -> Endpoint:
    """(latents [N, ...], labels [N] if conditional) -> {"image": [N, H, W, C] in [-1, 1]}.

    Args:
        generator: An inference copy.
        batch_size: N, or None for any.
        network: What to call in its stead.
    """
    _require_backend()
    inference.require_generator(generator)
    shape = (batch_size, *latents_shape(generator))
    latents = tf.TensorSpec(shape, tf.float32, "latents")
    labels = tf.TensorSpec((batch_size,), tf.int32, "labels")

    count, network = num_classes(generator), network or _called(generator)

    def unconditional(latents):
        return {"image": network({"latents": tf.ensure_shape(latents, shape)})}

    def conditional(latents, labels):
        latents, labels = _of_one_batch(latents=latents, labels=_checked(labels, count))
        return {"image": network({"latents": tf.ensure_shape(latents, shape), "labels": labels})}

    if count:
        return Endpoint(conditional, [latents, labels])
    return Endpoint(unconditional, [latents])


def canvases_of_latents(generator: keras.Model) -> Endpoint:
    """latents [N, ...] -> {"canvases": [N, T, H, W, C] in [-1, 1]}, the last of which is the image.

    Args:
        generator: An inference copy of one that draws in several steps, without classes.
    """
    drawing, shape = generator.canvases(), (None, *latents_shape(generator))

    def canvases(latents):
        return {"canvases": drawing({"latents": tf.ensure_shape(latents, shape)}, training=False)}

    return Endpoint(canvases, [tf.TensorSpec(shape, tf.float32, "latents")])


def pictures_of_seeds(
    generator: keras.Model, default_truncation: float, prior: str, network: Network
) -> Endpoint:
    """(labels [N] if conditional, seed [N], truncation [N] or [1]) -> PNG files and their latents.

    Returns {"image_bytes": string [N], "latents": float32 [N, ...]}: servers need the ending
    "_bytes" to write a string as base64 in JSON. Where `truncation` is left out, servers put one
    default for the whole request; only those that join requests then insist on one example.

    Args:
        generator: An inference copy.
        default_truncation: See above.
        prior: See `endpoints`.
        network: What to call in its stead.
    """
    shape, count = latents_shape(generator), num_classes(generator)
    draw = truncated_uniform if prior == "uniform" else truncated_normal
    labels = tf.TensorSpec((None,), tf.int32, "labels")
    seed = tf.TensorSpec((None,), tf.int64, "seed")
    threshold = tf.TensorSpec((None,), tf.float32, "truncation")
    default = tf.constant([default_truncation], tf.float32)

    # Two functions, as an argument `labels=None` would mix up the order of a signature's inputs.
    def unconditional(seed, truncation=default):
        latents = draw(seed, truncation, shape)
        return {"image_bytes": _png_files(network({"latents": latents})), "latents": latents}

    def conditional(labels, seed, truncation=default):
        seed, labels = _of_one_batch(seed=seed, labels=_checked(labels, count))
        latents = draw(seed, truncation, shape)
        images = network({"latents": latents, "labels": labels})
        return {"image_bytes": _png_files(images), "latents": latents}

    if count:
        return Endpoint(conditional, [labels, seed, threshold])
    return Endpoint(unconditional, [seed, threshold])


def pictures_between(generator: keras.Model, network: Network) -> Endpoint:
    """Two latents and two labels, and how far from one to the other -> {"image_bytes": [N]}.

    Inputs are latents_a and latents_b [N, ...], labels_a and labels_b [N] if conditional, and
    position [N], from 0 (a) to 1 (b). A picture is one example, not a way: a batch whose examples
    have different numbers of steps could not be joined with another, nor split again. N rows of
    positions 0, 1/(N-1), ..., 1 are a way of N steps.

    The way is that of `sampling.interpolate`: straight, in the latents and in what the layers make
    of the labels. It stays within the truncation of its ends.

    Args:
        generator: An inference copy.
        network: What to call in its stead, if there are no labels.
    """
    vector = (None, *latents_shape(generator))
    latents = [tf.TensorSpec(vector, tf.float32, f"latents_{end}") for end in "ab"]
    labels = [tf.TensorSpec((None,), tf.int32, f"labels_{end}") for end in "ab"]
    position = tf.TensorSpec((None,), tf.float32, "position")
    count = num_classes(generator)

    def unconditional(latents_a, latents_b, position):
        latents_a, latents_b, position = _of_one_batch(
            latents_a=latents_a, latents_b=latents_b, position=_in_unit(position)
        )
        mixed = tf.ensure_shape(_mixed(latents_a, latents_b, position), vector)
        return {"image_bytes": _png_files(network({"latents": mixed}))}

    if not count:
        return Endpoint(unconditional, [*latents, position])
    embed, draw = sampling.cut_at_labels(generator)

    def conditional(latents_a, latents_b, labels_a, labels_b, position):
        z_a, z_b, y_a, y_b, position = _of_one_batch(
            latents_a=tf.ensure_shape(latents_a, vector),
            latents_b=tf.ensure_shape(latents_b, vector),
            labels_a=_checked(labels_a, count),
            labels_b=_checked(labels_b, count),
            position=_in_unit(position),
        )
        ends = [
            [z, *keras.tree.flatten(embed({"labels": y}, training=False))]
            for z, y in ((z_a, y_a), (z_b, y_b))
        ]
        mixed = [_mixed(a, b, position) for a, b in zip(*ends, strict=True)]
        return {"image_bytes": _png_files(draw(mixed, training=False))}

    return Endpoint(conditional, [*latents, *labels, position])


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
    truncation = _limits(truncation, seed, shape)
    inside = tf.math.erf(truncation / math.sqrt(2.0))
    latents = math.sqrt(2.0) * tf.math.erfinv(inside * _uniforms(seed, shape))
    return tf.clip_by_value(latents, -truncation, truncation)  # float32 rounds some to beyond


def truncated_uniform(seed: tf.Tensor, truncation: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Uniform in (-1, 1), or in (-truncation, truncation) if that is less; as above."""
    return tf.minimum(_limits(truncation, seed, shape), 1.0) * _uniforms(seed, shape)


def _limits(truncation, seed, shape):
    """Truncations [N, 1, ...], once all are known to be positive."""
    positive = tf.reduce_all(truncation > 0.0)
    message = ["`truncation` must be positive. Received the smallest:", tf.reduce_min(truncation)]
    with tf.control_dependencies([tf.debugging.Assert(positive, message)]):
        truncation = tf.broadcast_to(truncation, tf.shape(seed))
    return tf.reshape(truncation, (-1, *[1] * len(shape)))


def _uniforms(seed, shape):
    """A row for each seed, in (-1, 1)."""
    spec = tf.TensorSpec(shape, tf.float32)
    return tf.map_fn(lambda one: _uniform(one, shape), seed, fn_output_signature=spec)


def _uniform(seed, shape):
    """Multiples of 2^-23 that lie symmetrically in (-1, 1): its ends would become infinite."""
    low, high = -1.0 + 2.0**-23, 1.0 + 2.0**-23
    # Named, because the default algorithm depends on the device.
    return tf.random.stateless_uniform(shape, tf.stack([seed, 0]), low, high, alg="philox")


def _called(generator):
    return functools.partial(generator, training=False)


def _traced_once(generator):
    """The generator as a function that several endpoints call, and the file holds once."""
    return tf.function(_called(generator), autograph=False)


def _checked(labels, count):
    """The labels, once all are known to exist: layers would read -1 as the last class."""
    known = tf.reduce_all((labels >= 0) & (labels < count))
    message = f"`labels` must be in [0, {count}). Received the smallest and the largest:"
    extremes = [tf.reduce_min(labels), tf.reduce_max(labels)]
    with tf.control_dependencies([tf.debugging.Assert(known, [message, *extremes])]):
        return tf.identity(labels)


def _of_one_batch(**tensors):
    """The tensors, once all are known to have as many rows: one row would be taken for all."""
    counts = tf.stack([tf.shape(tensor)[0] for tensor in tensors.values()])
    message = f"{', '.join(tensors)} must have equally many rows. Received:"
    equal = tf.reduce_all(counts == counts[0])
    with tf.control_dependencies([tf.debugging.Assert(equal, [message, counts])]):
        return [tf.identity(tensor) for tensor in tensors.values()]


def _in_unit(position):
    """The positions, once all are known to be between the ends."""
    between = tf.reduce_all((position >= 0.0) & (position <= 1.0))
    message = "`position` must be in [0, 1]. Received the smallest and the largest:"
    extremes = [tf.reduce_min(position), tf.reduce_max(position)]
    with tf.control_dependencies([tf.debugging.Assert(between, [message, *extremes])]):
        return tf.identity(position)


def _mixed(a, b, position):
    """[N, ...]: each row of `a`, on its straight way to that of `b`."""
    position = tf.reshape(position, (-1, *[1] * (len(a.shape) - 1)))
    return (1.0 - position) * a + position * b


def _png_files(images):
    pixels = tf.round(tf.clip_by_value((images + 1.0) * 127.5, 0.0, 255.0))
    return tf.io.encode_png(tf.cast(pixels, tf.uint8))


def _require_backend():
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Exports need Keras to run on TensorFlow. "
            f"Received: KERAS_BACKEND={keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )
