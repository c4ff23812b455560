"""The variational autoencoder: a generator and its posterior learn one bound together.

What `gan` is for games. Images are in [-1, 1] and stand for the means (image + 1) / 2 of Bernoulli
variables; all bounds are in nats per image.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo.training import batches, noise
from tfgan_zoo.training.gan import Turn, UpdateRule

Tensor = tf.Tensor
TRACKED = ("g_loss", "g_reconstruction", "g_kl", "g_penalty", "g_gradient_norm")
BATCH_SIZE = 100  # of `VAE.bound`


@dataclasses.dataclass(frozen=True)
class SaltAndPepper:
    """Makes a share of the pixels black or white, with equal chances.

    Reference: Im et al., 2017, https://arxiv.org/abs/1511.06406, section 5; the paper's 5 %.

    Raises:
        ValueError: If `level` is not a share.
    """

    level: float = 0.05  # the share of the pixels

    def __post_init__(self):
        if not 0 <= self.level <= 1:
            raise ValueError(f"`level` must be in [0, 1], a share. Received: level={self.level}.")

    def __call__(self, images: Tensor, seed: Tensor) -> Tensor:
        where_seed, value_seed = noise.split(seed)
        shape = [*tf.unstack(tf.shape(images))[:3], 1]
        where = noise.uniform(shape, where_seed) < 2.0 * self.level - 1.0
        return tf.where(where, tf.sign(noise.uniform(shape, value_seed)), images)


@dataclasses.dataclass(frozen=True)
class GaussianNoise:
    """Adds normal noise to every value.

    Raises:
        ValueError: If `std` is negative.
    """

    std: float  # of grey values in [0, 1], as in Im et al., 2017, section 5: 0.025 for faces

    def __post_init__(self):
        if self.std < 0:
            raise ValueError(f"`std` must not be negative. Received: std={self.std}.")

    def __call__(self, images: Tensor, seed: Tensor) -> Tensor:
        return images + 2.0 * self.std * noise.normal(tf.shape(images), seed)


def binarized(images: Tensor, seed: Tensor) -> Tensor:
    """Draws each value anew: 1 with probability (value + 1) / 2, otherwise -1."""
    return tf.where(noise.uniform(tf.shape(images), seed) < images, 1.0, -1.0)


class VAE(keras.Model):
    """A generator and a posterior over its weights; `compile` gives them the rule they learn by.

    The noise of a step depends on `seed` and the step alone: not on the number of replicas, nor on
    how often training was interrupted.

    Args:
        generator: {"latents": ...} -> images.
        posterior: {"images": ..., "noise": ...} -> {"logits": ..., "kl": ...}, which shares the
            generator's weights.
        corrupt: (images, seed) -> what the posterior sees of them; the target stays clean.
            Default: it sees the target.
        binarize: Whether targets are drawn from the images, anew in every step.
        seed: Of all noise; a weight of this name, which may be changed, holds it.

    Raises:
        ValueError: If the posterior does not have all weights of the generator.
    """

    def __init__(
        self,
        generator: keras.Model,
        posterior: keras.Model,
        corrupt: Callable[[Tensor, Tensor], Tensor] | None = None,
        binarize: bool = True,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        missing = {id(w) for w in generator.weights} - {id(w) for w in posterior.weights}
        if missing:
            raise ValueError(
                "`posterior` must reconstruct with the weights of `generator`. Received: a "
                f"posterior without {len(missing)} of them. Build it with generator=generator."
            )
        self.generator = generator
        self.posterior = posterior
        self.corrupt = corrupt
        self.binarize = binarize
        self.seed = noise.add_counter(self, "seed", seed)
        self.step = noise.add_counter(self, "step")
        self.built = True

    def compile(self, rule: UpdateRule, **kwargs) -> None:
        """Sets the rule, and builds the optimizer, so that `fit` works under a strategy.

        Args:
            rule: Of both networks together. Its penalties get a `Turn` without `score` and logits:
                the posterior, what it was fed, the target and the reconstruction.
            **kwargs: `jit_compile` and others of `keras.Model.compile`.

        Raises:
            ValueError: If the rule wants several updates or micro-batches.
        """
        for name in ("steps", "micro_batches"):
            if getattr(rule, name) != 1:
                raise ValueError(
                    f"`{name}` must be 1: a step is one update on one batch. "
                    f"Received: {name}={getattr(rule, name)}."
                )
        super().compile(optimizer=rule.optimizer, **kwargs)
        self.rules = {"g": rule}
        rule.optimizer.build(rule.weights(self.posterior))
        self.trackers = {name: keras.metrics.Mean(name) for name in TRACKED}

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def players(self) -> dict[str, keras.Model]:
        """The network that learns, by the side of its rule: as `GAN.players`."""
        return {"g": self.posterior}

    @property
    def results(self) -> dict[str, keras.Model]:
        """The networks that are worth keeping."""
        return {"generator": self.generator, "posterior": self.posterior}

    # As of a `GAN`, for loops that train both.
    batches = 1
    micro_batches = 1
    perfect_loss = None
    takes_labels = False

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Updates both networks once.

        Args:
            batch: {"images": [batch, H, W, C] in [-1, 1] or uint8}; all else in it is ignored.

        Returns:
            The means of all tracked quantities since `reset_metrics`.
        """
        rule = self.rules["g"]
        weights = rule.weights(self.posterior)
        # Optimizers add gradients up over replicas, so each gets its share.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        seed = tf.stack([self.seed.value, self.step.value])
        target, inputs = self._draw_among_replicas(batches.floats(batch["images"]), seed)
        with tf.GradientTape() as tape:
            outputs = self.posterior(inputs, training=True)
            reconstruction, kl = (tf.reduce_mean(term) for term in _terms(target, outputs))
            turn = self._turn(target, inputs, outputs, seed)
            penalty = sum((p(turn) for p in rule.penalties), tf.zeros(()))
            objective = rule.optimizer.scale_loss((reconstruction + kl + penalty) / replicas)
        gradients = tape.gradient(objective, [weight.value for weight in weights])
        norm = tf.linalg.global_norm(gradients) * tf.cast(replicas, tf.float32)
        rule.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for project in rule.projections:
            project(self.posterior)
        self.step.assign_add(1)
        values = (reconstruction + kl, reconstruction, kl, penalty, norm)
        for tracker, value in zip(self.trackers.values(), values, strict=True):
            tracker.update_state(value)
        return {name: mean.result() for name, mean in self.trackers.items()}

    def _turn(self, target, inputs, outputs, seed):
        fake = tf.tanh(0.5 * outputs["logits"])  # the Bernoulli means, scaled
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        own_seed = noise.fold_in(seed, 1 + tf.cast(replica, tf.int32))
        return Turn(self.posterior, None, inputs, target, fake, None, None, own_seed)

    def _draw_among_replicas(self, images, seed):
        """The rows of `_draw` that one replica with all replicas' images would have for these."""
        context = tf.distribute.get_replica_context()
        count = context.num_replicas_in_sync
        if count == 1:
            return self._draw(images, seed)
        drawn = self._draw(tf.concat([images] * count, 0), seed)
        return tf.nest.map_structure(
            lambda value: tf.reshape(value, [count, -1, *value.shape[1:]])[
                context.replica_id_in_sync_group
            ],
            drawn,
        )

    def _draw(self, images, seed):
        """What is to be reconstructed, and what the posterior is fed."""
        binary_seed, corruption_seed, noise_seed = noise.split(seed, 3)
        target = binarized(images, binary_seed) if self.binarize else images
        shape = [tf.shape(images)[0], *self.posterior.input["noise"].shape[1:]]
        return target, {
            "images": self.corrupt(target, corruption_seed) if self.corrupt else target,
            "noise": noise.normal(shape, noise_seed),
        }

    @tf.function(reduce_retracing=True)
    def _bounds(self, images, seed):
        target, inputs = self._draw(images, seed)
        return tf.add(*_terms(target, self.posterior(inputs)))

    def bound(self, images: np.ndarray | Tensor, seed: int, samples: int = 1) -> float:
        """The bound on the negative log-likelihood: its mean over images, as in training.

        Args:
            images: [N, H, W, C] in [-1, 1].
            seed: Of targets, corruption and latents.
            samples: How often each image is taken, each time with noise of its own.

        Raises:
            ValueError: If there are no images or no samples.
        """
        if len(images) < 1 or samples < 1:
            raise ValueError(
                "The bound is a mean over `samples` of `images`: at least 1 of each. "
                f"Received: {len(images)} images, samples={samples}."
            )
        total, number = 0.0, 0
        for _ in range(samples):
            for first in range(0, len(images), BATCH_SIZE):
                rows = tf.cast(images[first : first + BATCH_SIZE], tf.float32)
                bounds = self._bounds(rows, tf.constant([seed, number]))
                total += float(tf.reduce_sum(bounds))
                number += 1
        return total / (len(images) * samples)


def _terms(target, outputs):
    """Cross-entropy of the reconstruction and divergence of the latents, nats: [batch] each."""
    entropies = tf.nn.sigmoid_cross_entropy_with_logits(0.5 * (target + 1.0), outputs["logits"])
    return tf.reduce_sum(entropies, axis=[1, 2, 3]), outputs["kl"]
