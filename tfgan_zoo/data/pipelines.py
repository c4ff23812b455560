"""Endless batches of an image set, each a pure function of the seed and the number of the step."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfgan_zoo.data.image_set import ImageSet

NOISES = 2**16  # places in a grey level, of which noise is made


def batches(  # noqa: PLR0913  All but the first three have defaults that change nothing.
    image_set: ImageSet,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    parts: int = 1,
    replicas: int = 1,
    flip: bool = False,
    labels: bool = True,
    fade: Callable | None = None,
    balanced: bool = False,
    dequantize: bool = False,
    worker: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Returns an endless dataset of what a discriminator takes.

    Every epoch visits each image once, in an order of its own; an epoch may end within a batch.
    Step k is the same whether the dataset starts at 0 or at k, so runs resume exactly. Finding it
    takes no longer for a later one.

    Args:
        image_set: Where the images come from.
        batch_size: Images per update, over all replicas.
        seed: At least 0; the only source of randomness.
        start_step: Number of the first step.
        parts: Updates that one step serves: an element holds `parts` times `batch_size` images.
        replicas: Equal consecutive blocks that an element will be dealt out in. Rows are ordered
            so that part j of all the blocks together is part j of an element for one replica.
        flip: Whether half of the images, drawn anew in every epoch, are mirrored left to right.
        labels: Whether elements have labels.
        fade: For networks that grow: step -> alpha, in plain arithmetic, for it is called with a
            tensor. Images lose a share 1 - alpha, clipped to [0, 1], of what their 2x2 means lack:
            x * alpha + up(down(x)) * (1 - alpha), as in the code of Karras et al., 2018.
        balanced: Whether classes come equally often: each once in every round of all classes, in
            an order of its own. Then each class has its own epochs.
        dequantize: Whether images are what `dequantized` makes of them, with noise that depends on
            the seed, the step and the place in the element alone.
        worker: (number, how many there are): elements hold the consecutive share of that worker,
            whose replicas are as many as every other's.

    Returns:
        {"images": uint8 [batch_size * parts / workers, R, R, C], of which the step on the device
        makes x / 127.5 - 1, with `fade` that in float32, with `dequantize` float32 too; "labels":
        int32, as many}.
    """
    _check(image_set, batch_size, seed, start_step, parts, replicas)
    _check_worker(worker, replicas)
    if fade and image_set.resolution % 2:
        raise ValueError(
            "`fade` needs images of an even resolution, which have 2x2 means. "
            f"Received: {image_set.name} of {image_set.resolution} pixels."
        )
    rows = np.arange(batch_size * parts).reshape(parts, replicas, -1).swapaxes(0, 1).ravel()
    rows = np.split(rows, worker[1])[worker[0]]
    draw = _balanced_order(image_set.labels, seed) if balanced else _order(image_set, seed)
    gather = _gatherer(image_set, rows, batch_size * parts, draw)
    shape = image_set.images.shape[1:]

    def element(step):
        pixels, classes, mirrored = tf.numpy_function(
            gather, [step], (tf.uint8, tf.int32, tf.bool), stateful=False
        )
        images = tf.ensure_shape(pixels, (len(rows), *shape))
        if flip:
            mirrored = tf.reshape(tf.ensure_shape(mirrored, len(rows)), (-1, 1, 1, 1))
            images = tf.where(mirrored, tf.reverse(images, (2,)), images)
        if dequantize:
            # All of the element's noise, of which this worker takes its rows.
            drawn = _grey_noise((batch_size * parts, *shape), seed, step)
            images = dequantized(images, tf.gather(drawn, rows))
        elif fade:
            images = tf.cast(images, tf.float32) / 127.5 - 1.0
        if fade:
            images = _fade(images, tf.cast(fade(step), tf.float32))
        classes = {"labels": tf.ensure_shape(classes, len(rows))} if labels else {}
        return {"images": images, **classes}

    steps = tf.data.Dataset.counter(start_step)
    return steps.map(element, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def dequantized(images: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Images as if grey levels were not whole numbers: x / 128 - 1 + U(0, 1 / 128), float32.

    The noise is as wide as a level, so that values fill (-1, 1), and levels do not meet: all are
    odd multiples of 2^-24, which float32 has exactly. What x / 127.5 - 1 makes of a byte is in its
    level, or at an end of it.
    Reference: the code of Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, and of Miyato
    et al., 2018, https://arxiv.org/abs/1802.05957.

    Args:
        images: uint8, of any shape.
        drawn: int32 in [0, NOISES), of that shape: where in its level each value is to be.
    """
    odd = 2 * NOISES * tf.cast(images, tf.int32) + 2 * drawn + 1
    return tf.cast(odd - 2**24, tf.float32) / 2**24


def _grey_noise(shape, seed, step):
    """For `dequantized`: the same with every compiler, which is promised of integers only."""
    # A number that no replica folds in: its other noise would be correlated.
    of_step = tf.random.fold_in(tf.stack([tf.cast(seed, tf.int64), step]), -1, "philox")
    return tf.random.stateless_uniform(shape, of_step, 0, NOISES, tf.int32, alg="philox")


def _fade(images: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """Mixes images [N, H, W, C] with a share 1 - alpha of their 2x2 means."""
    alpha = tf.clip_by_value(alpha, 0.0, 1.0)
    count, height, width, channels = images.shape
    blocks = tf.reshape(images, (count, height // 2, 2, width // 2, 2, channels))
    means = tf.reduce_mean(blocks, axis=(2, 4), keepdims=True)
    return tf.reshape(blocks * alpha + means * (1.0 - alpha), images.shape)


def _gatherer(image_set: ImageSet, rows: np.ndarray, count: int, draw: Callable) -> Callable:
    """Returns a function: step -> the images, labels and mirroring of the step's rows.

    Args:
        image_set: Where the images come from.
        rows: Those of an element that are wanted, of `count` in all.
        count: How many places a step moves on.
        draw: Places in the endless sequence of images -> which images, and whether mirrored.
    """

    def gather(step):
        index, mirrored = draw(step * count + rows)
        return np.asarray(image_set.images[index]), image_set.labels[index], mirrored

    return gather


def _order(image_set: ImageSet, seed: int) -> Callable:
    """Epochs of all images, each in an order of its own."""
    return _epochs(np.arange(len(image_set.images)), (seed,))


def _epochs(images: np.ndarray, seed: tuple[int, ...]) -> Callable:
    """Returns a function: places -> which of the images come there, and whether mirrored."""
    size = len(images)

    @functools.lru_cache(maxsize=2)  # neighbouring steps share an epoch, or two
    def of_epoch(epoch):
        random = np.random.default_rng([*seed, epoch])
        return random.permutation(size), random.random(size) < 0.5

    def draw(where):
        epochs, places = np.divmod(where, size)
        index, mirrored = np.empty_like(where), np.empty(where.shape, bool)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            order, mirror = of_epoch(int(epoch))
            index[here], mirrored[here] = images[order[places[here]]], mirror[places[here]]
        return index, mirrored

    return draw


def _balanced_order(labels: np.ndarray, seed: int) -> Callable:
    """Rounds of one image per class that has any, classes in an order of the round."""
    present = np.unique(labels)
    of_class = [_epochs(np.flatnonzero(labels == label), (seed, 1, label)) for label in present]

    def draw(where):
        rounds, places = np.divmod(where, len(present))
        chosen = np.empty_like(where)
        for number in np.unique(rounds):
            here = rounds == number
            order = np.random.default_rng([seed, 2, number]).permutation(len(present))
            chosen[here] = order[places[here]]
        index, mirrored = np.empty_like(where), np.empty(where.shape, bool)
        for number in np.unique(chosen):
            here = chosen == number
            index[here], mirrored[here] = of_class[number](rounds[here])
        return index, mirrored

    return draw


def _check_worker(worker: tuple[int, int], replicas: int) -> None:
    number, workers = worker
    if not 0 <= number < workers or replicas % workers:
        raise ValueError(
            "`worker` must be (number, how many), and `replicas` those of all workers, who have "
            f"equally many. Received: worker={worker}, replicas={replicas}."
        )


def _check(image_set, batch_size, seed, start_step, parts, replicas) -> None:
    numbers = {"batch_size": batch_size, "parts": parts, "replicas": replicas}
    for name, value in {**numbers, "seed": seed, "start_step": start_step}.items():
        least = 1 if name in numbers else 0
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}.")
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of `replicas`, which get equal shares. "
            f"Received: batch_size={batch_size}, replicas={replicas}."
        )
    if not len(image_set.images):
        raise ValueError(
            f"`image_set` must hold at least 1 image. Received: {image_set.name}, "
            f"split {image_set.split}, without any."
        )
