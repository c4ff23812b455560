"""Changes of the images that the discriminator sees, real and generated ones alike.

So that it does not learn few images by heart. The generator learns through the changes: all are
differentiable. They depend on a seed alone: with and without XLA they are the same.
"""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from tfgan_zoo.training import noise

Tensor = tf.Tensor


def brightness(images: Tensor, seed: Tensor) -> Tensor:
    """Adds one number from (-0.5, 0.5) to each image."""
    return images + 0.5 * _uniform(images, seed)


def saturation(images: Tensor, seed: Tensor) -> Tensor:
    """Scales each image's distance from its grey version by a number from (0, 2).

    Images of one channel are grey, and stay as they are.
    """
    return _scaled(images, 1.0 + _uniform(images, seed), axes=[3])


def contrast(images: Tensor, seed: Tensor) -> Tensor:
    """Scales each image's distance from its mean by a number from (0.5, 1.5)."""
    return _scaled(images, 1.0 + 0.5 * _uniform(images, seed), axes=[1, 2, 3])


def translation(images: Tensor, seed: Tensor) -> Tensor:
    """Moves each image by whole pixels, up to an eighth of its side each way; fills up with 0."""
    for axis, part in zip((1, 2), noise.split(seed), strict=True):
        count, side = images.shape[0], images.shape[axis]
        most = int(side / 8 + 0.5)
        # The pixel that comes to each place, of images with a margin of zeros.
        start = noise.integers([count, 1], part, 2 * most + 1)
        margin = [[most, most] if number == axis else [0, 0] for number in range(4)]
        images = tf.gather(
            tf.pad(images, margin), start + tf.range(side)[None], axis=axis, batch_dims=1
        )
    return images


def cutout(images: Tensor, seed: Tensor) -> Tensor:
    """Sets a rectangle in each image, half as high and as wide as it, to 0.

    Its centre is anywhere in the image, so a part of it may be outside.
    """
    count, *sides = images.shape[:3]
    inside = []
    for side, part in zip(sides, noise.split(seed), strict=True):
        hole = int(side / 2 + 0.5)
        first = noise.integers([count, 1], part, side + 1 - hole % 2) - hole // 2
        places = tf.range(side)[None]
        inside.append((places >= first) & (places < first + hole))
    rows, columns = inside
    hidden = rows[:, :, None, None] & columns[:, None, :, None]
    return tf.where(hidden, tf.zeros_like(images), images)


def _uniform(images, seed):
    """A number from (-1, 1) for each image."""
    return noise.uniform([images.shape[0], 1, 1, 1], seed)


def _scaled(images, factors, axes):
    """Distances from the mean over `axes`, scaled."""
    mean = tf.reduce_mean(images, axes, keepdims=True)
    return mean + factors * (images - mean)


POLICIES = {
    "color": (brightness, saturation, contrast),
    "translation": (translation,),
    "cutout": (cutout,),
}


@dataclasses.dataclass(frozen=True)
class DiffAugment:
    """Changes every image, or each of its changes happens with a probability.

    [batch, H, W, C] -> the same shape, float32. Amounts and places are those of the authors' code,
    in their order: color, translation, cutout.
    Reference: Zhao et al., 2020, https://arxiv.org/abs/2006.10738, section 3 and Appendix.

    Args:
        policy: Names out of `POLICIES`, in the order in which they are applied.

    Raises:
        ValueError: If there is none, one is not known, or one comes twice.
    """

    policy: tuple[str, ...] = tuple(POLICIES)

    def __post_init__(self):
        known = [name for name in self.policy if name in POLICIES]
        if not known or len(set(known)) < len(self.policy):
            raise ValueError(
                f"`policy` must be different names out of {', '.join(POLICIES)}. "
                f"Received: policy={','.join(self.policy) or 'nothing'}."
            )

    def __call__(self, images: Tensor, seed: Tensor, probability: Tensor | None = None) -> Tensor:
        """The changed images.

        Args:
            images: [batch, H, W, C] with all sizes known.
            seed: int32 [2].
            probability: Scalar with which each change of each image happens, independently of the
                others. Default: all of them.
        """
        images = tf.cast(images, tf.float32)
        changes = [change for name in self.policy for change in POLICIES[name]]
        for change, part in zip(changes, noise.split(seed, len(changes)), strict=True):
            amount, coin = noise.split(part)
            changed = change(images, amount)
            if probability is not None:
                happens = 0.5 + 0.5 * _uniform(images, coin) < probability
                changed = tf.where(happens, changed, images)
            images = changed
        return images


class AdaptiveAugment(keras.layers.Layer):
    """`DiffAugment` whose probability follows how much the discriminator overfits.

    That is told by r_t, the mean sign of its logits of real images: 0 if it does not know them from
    generated ones, 1 if it knows all. Every few updates of the discriminator the probability rises
    by a fixed amount if r_t is above its target, else it falls, within [0, 1]. `observe` is an
    observer of the discriminator's rule, and must be among them.

    The probability and what it is made of are weights, saved with the GAN. The paper's 18
    transformations are not here: those of `POLICIES` are used instead.
    Reference: Karras et al., 2020, https://arxiv.org/abs/2006.06676, section 3, eq. 1, r_t.

    Args:
        transform: Whose probability it is.
        images_per_update: Real images in an update of the discriminator, over all replicas and
            micro-batches.
        target: Of r_t.
        kimg: Thousands of real images in which the probability can rise from 0 to 1.
        every: Updates of the discriminator after which it moves.

    Raises:
        ValueError: If `target` is not in (-1, 1), or another number is not positive.
    """

    def __init__(
        self,
        transform: Callable[[Tensor, Tensor, Tensor], Tensor],
        images_per_update: int,
        target: float = 0.6,
        kimg: float = 500.0,
        every: int = 4,
        **kwargs,
    ):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        if not -1.0 < target < 1.0:
            raise ValueError(f"`target` must be between -1 and 1. Received: target={target}.")
        for name, value in dict(
            images_per_update=images_per_update, kimg=kimg, every=every
        ).items():
            if not value > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
        self.transform, self.target, self.every = transform, target, every
        self.move = every * images_per_update / (1000.0 * kimg)
        self.probability, self.overfitting, self.signs, self.updates = (
            self.add_weight((), "zeros", trainable=False, aggregation="mean", name=name)
            for name in ("probability", "overfitting", "signs", "updates")
        )
        self.built = True

    def call(self, images, seed):
        return self.transform(images, seed, self.probability.value)

    def observe(self, turn) -> None:
        """Counts the signs of a discriminator's turn, the last micro-batch of its update."""
        # Read back, signs are the mean over replicas; what follows is the same on all.
        self.signs.assign(self.signs.value + tf.reduce_mean(tf.sign(turn.real_logits)))
        self.updates.assign(self.updates.value + 1.0)
        due, mean = self.updates.value >= self.every, self.signs.value / self.every
        moved = self.probability.value + self.move * tf.sign(mean - self.target)
        for weight, value in (
            (self.probability, tf.clip_by_value(moved, 0.0, 1.0)),
            (self.overfitting, mean),
            (self.signs, 0.0),
            (self.updates, 0.0),
        ):
            weight.assign(tf.where(due, value, weight.value))
