"""The game: two players, the rules they learn by, and the step in which both do."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from tfgan_zoo.training import batches, noise, sharing

Tensor = tf.Tensor
TRACKED = ("loss", "penalty", "gradient_norm")
REAL, FAKE = 1, 2  # whose augmentation a seed is for


class Turn(NamedTuple):
    """What one player sees while it updates; penalties read from it.

    Attributes:
        network: The one whose weights are updated.
        score: Images -> float32 logits, with the conditions of `real` (in the generator's turn:
            of `fake`) bound.
        inputs: What the prior gave the generator.
        real: [batch, H, W, C] in [-1, 1], or as augmented; None in the generator's turn.
        fake: [batch, H, W, C], float32, or as augmented.
        real_logits: [batch, 1], float32; None in the generator's turn.
        fake_logits: [batch, 1], float32.
        seed: int32 [2], another one in every update and on every replica.
        fake_heads: What the discriminator says of `fake` besides logits, by name: InfoGAN's codes.
        real_heads: The same of `real`; None in the generator's turn.
    """

    network: keras.Model
    score: Callable[[Tensor], Tensor]
    inputs: dict[str, Tensor]
    real: Tensor | None
    fake: Tensor
    real_logits: Tensor | None
    fake_logits: Tensor
    seed: Tensor
    fake_heads: dict[str, Tensor] | None = None
    real_heads: dict[str, Tensor] | None = None


def trainable_weights(network: keras.Model) -> list:
    """The weights a player may move unless its rule says otherwise."""
    return network.trainable_variables


@dataclasses.dataclass(frozen=True)
class UpdateRule:
    """How one player learns.

    Raises:
        ValueError: If `steps` or `micro_batches` is below 1.
    """

    optimizer: keras.optimizers.Optimizer
    steps: int = 1  # updates in one train_step, each on fresh images
    micro_batches: int = 1  # whose gradients one update averages
    penalties: tuple[Callable[[Turn], Tensor], ...] = ()  # added to the loss
    projections: tuple[Callable[[keras.Model], None], ...] = ()  # applied after each update
    weights: Callable[[keras.Model], list] = trainable_weights  # those it may move
    observers: tuple[Callable[[Turn], None], ...] = ()  # told of each turn after its update

    def __post_init__(self):
        for name in ("steps", "micro_batches"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: {name}={getattr(self, name)}."
                )

    @property
    def batches(self) -> int:
        """Batches of images that one train_step uses up."""
        return self.steps * self.micro_batches


class GAN(keras.Model):
    """Two players and the prior that feeds them; `compile` gives them the rules they learn by.

    The noise of an update depends on `seed` and the step alone: not on the numbers of replicas and
    of micro-batches, over which one large draw is divided, nor on how often training was
    interrupted.

    Args:
        generator: {"latents": ..., **conditions} -> images.
        discriminator: {"images": ..., **conditions} -> logits [batch, 1], or {"logits": ...} and
            other heads, which penalties may use.
        prior: (batch size, seed, step) -> the generator's inputs; see `priors`.
        judge: The discriminator as the generator sees it: itself, unless the players share
            weights, through which the generator must not cheat.
        ema_generator: A second generator that is to hold the moving average.
        seed: Of all noise; a weight of this name, which may be changed, holds it.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        prior: Callable[[int, Tensor, Tensor], dict[str, Tensor]],
        judge: keras.Model | None = None,
        ema_generator: keras.Model | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.prior = prior
        self.judge = judge or discriminator
        self.ema_generator = ema_generator
        self.seed = noise.add_counter(self, "seed", seed)
        self.step = noise.add_counter(self, "step")
        self.built = True

    def compile(
        self,
        *,
        loss,
        generator,
        discriminator,
        shared=None,
        ema=None,
        score_together=True,
        augment=None,
        watched=None,
        **kwargs,
    ) -> None:
        """Sets the rules, and builds the optimizers, so that `fit` works under a strategy.

        Args:
            loss: An `AdversarialLoss`.
            generator: The generator's `UpdateRule`.
            discriminator: The discriminator's `UpdateRule`.
            shared: A `SharedRule`, if there are weights that both players have.
            ema: An `EMA`, if there is an `ema_generator`.
            score_together: Whether the discriminator sees real and fake images in one batch.
                False for discriminators in which the images of a batch influence one another.
            augment: (images, seed) -> what the discriminator sees of real and generated images, in
                both turns; penalties see it too. A layer is saved with the GAN.
            watched: {name: function without arguments} of scalars to be tracked after each step.
            **kwargs: `jit_compile` and others of `keras.Model.compile`.

        Raises:
            ValueError: If only one of `ema` and `ema_generator` is given, a penalty has a method
                `check` that refuses the network, or the rules contradict the shared one.
        """
        if (ema is None) != (self.ema_generator is None):
            raise ValueError(
                "`ema` and the GAN's `ema_generator` go together. Received: "
                f"ema={ema}, ema_generator={self.ema_generator}. Give both or neither."
            )
        for rule, network in ((generator, self.generator), (discriminator, self.discriminator)):
            for penalty in rule.penalties:
                if hasattr(penalty, "check"):
                    penalty.check(network)
        super().compile(optimizer=generator.optimizer, **kwargs)
        self.adversarial_loss, self.ema, self.shared = loss, ema, shared
        self.score_together, self.augment, self.watched = score_together, augment, watched or {}
        self.rules = {"g": generator, "d": discriminator}
        self.d_optimizer = discriminator.optimizer  # an attribute, so that it is saved
        moved = {side: rule.weights(self.players[side]) for side, rule in self.rules.items()}
        for side, rule in self.rules.items():
            rule.optimizer.build(moved[side])
        names = [f"{side}_{quantity}" for side in self.rules for quantity in TRACKED]
        if shared is not None:
            shared.build(moved)
            self.shared_optimizer = shared.optimizer
            self.rules |= {"shared": shared} if shared.optimizer is not None else {}
        names += [*(sharing.TRACKED if shared else ()), *self.watched]
        self.trackers = {
            name: keras.metrics.Mean(name) for name in (*names, "real_logits", "fake_logits")
        }
        if ema is not None:
            for average, weight in zip(
                self.ema_generator.variables, self.generator.variables, strict=True
            ):
                average.assign(weight)

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def players(self) -> dict[str, keras.Model]:
        """The networks that learn, by the side of their rule."""
        return {"g": self.generator, "d": self.discriminator}

    @property
    def results(self) -> dict[str, keras.Model]:
        """The networks that are worth keeping, the generator to sample from among them."""
        generator = self.ema_generator or self.generator
        return {"generator": generator, "discriminator": self.discriminator}

    @property
    def batches(self) -> int:
        """Batches of images that one step uses up, each of the size of a micro-batch."""
        return self.rules["d"].batches

    @property
    def micro_batches(self) -> int:
        """Into which an update divides its images."""
        return self.rules["d"].micro_batches

    @property
    def perfect_loss(self) -> float | None:
        """See `AdversarialLoss.perfect`."""
        return self.adversarial_loss.perfect

    @property
    def takes_labels(self) -> bool:
        """Whether images must come with labels."""
        return "labels" in self.discriminator.input

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Updates the discriminator `steps` times, the generator, shared weights, the average.

        Args:
            batch: The discriminator's inputs, images first: {"images": [size * batches, ...] in
                [-1, 1] or uint8, **conditions}; `batches` is that of the discriminator's rule.

        Returns:
            The means of all tracked quantities since `reset_metrics`.
        """
        common = self._play("dg", batch, self._seeds())
        values = self.shared.update(common) if self.shared else {}
        if self.ema is not None:
            self.ema.update(self.ema_generator, self.generator, self.step)
        self.step.assign_add(1)
        values |= {name: value() for name, value in self.watched.items()}
        for name, value in values.items():
            self.trackers[name].update_state(value)
        return {name: mean.result() for name, mean in self.trackers.items()}

    def d_round(self, batch: dict[str, Tensor], number: Tensor) -> dict[str, Tensor]:
        """Updates the discriminator alone, `steps` times; see `CatchUp`. Returns as `train_step`.

        Args:
            batch: As of `train_step`, of other images.
            number: Of the round, int32; from 0 before every step.
        """
        # Below 0: replicas and micro-batches, whose numbers are folded in too, have the others.
        self._play("d", batch, (noise.fold_in(seed, -1 - number) for seed in self._seeds()))
        return {name: mean.result() for name, mean in self.trackers.items()}

    def _play(self, sides, batch, seeds):
        """Updates players; returns what each update wants of weights that both have, by side."""
        images = batches.floats(batch["images"])
        reals = iter(batches.split({**batch, "images": images}, self.batches))
        size = images.shape[0] // self.batches
        plays = {"d": lambda n: self._d_play(next(reals), n), "g": lambda n: self._g_play(size, n)}
        return {
            side: [self._update(side, next(seeds), play) for _ in range(self.rules[side].steps)]
            for side, play in plays.items()
            if side in sides
        }

    def _d_play(self, real, part):
        inputs = self._draw(real["images"].shape[0], part)
        fake = self._seen(tf.stop_gradient(self.generator(inputs, training=True)), part, FAKE)
        real = {**real, "images": self._seen(real["images"], part, REAL)}
        judge = self._outputs(self.discriminator, real)
        if self.score_together:
            both = {name: tf.concat([real[name], inputs[name]], 0) for name in real.keys() & inputs}
            images = tf.concat([real["images"], fake], 0)
            outputs = self._outputs(self.discriminator, both)(images)
            pairs = {name: tf.split(value, 2) for name, value in outputs.items()}
            of_real, of_fake = ({n: pair[side] for n, pair in pairs.items()} for side in (0, 1))
        else:
            of_real = judge(real["images"])
            of_fake = self._outputs(self.discriminator, inputs)(fake)
        real_logits, fake_logits = of_real.pop("logits"), of_fake.pop("logits")
        self.trackers["real_logits"].update_state(real_logits)
        self.trackers["fake_logits"].update_state(fake_logits)
        turn = Turn(
            self.discriminator,
            _score(judge),
            inputs,
            real["images"],
            fake,
            real_logits,
            fake_logits,
            self._own(part),
            of_fake,
            of_real,
        )
        return turn, self.adversarial_loss.discriminator(real_logits, fake_logits)

    def _g_play(self, size, part):
        inputs = self._draw(size, part)
        fake = self._seen(self.generator(inputs, training=True), part, FAKE)
        judge = self._outputs(self.judge, inputs)
        heads, own = judge(fake), self._own(part)
        logits = heads.pop("logits")
        turn = Turn(self.generator, _score(judge), inputs, None, fake, None, logits, own, heads)
        return turn, self.adversarial_loss.generator(logits)

    def _seen(self, images, part, which):
        """`images` as the discriminator is to see them."""
        if self.augment is None:
            return images
        return self.augment(images, noise.fold_in(self._own(part), which))

    def _outputs(self, network, inputs):
        """`network` as a function of images -> {"logits", perhaps others}, all float32.

        Its other inputs are taken from `inputs`.
        """
        conditions = {name: inputs[name] for name in network.input if name != "images"}

        def outputs(images):
            found = network({"images": images, **conditions}, training=True)
            found = found if isinstance(found, dict) else {"logits": found}
            return {name: tf.cast(value, tf.float32) for name, value in found.items()}

        return outputs

    def _update(self, side, seed, play):
        """One update of one player; the only place that takes gradients.

        Returns those of weights that both players have, moved or not.
        """
        rule, network = self.rules[side], self.players[side]
        moved, common = rule.weights(network), self.shared.weights(side) if self.shared else []
        weights = list({id(weight): weight for weight in (*moved, *common)}.values())
        # Optimizers add gradients up over replicas, so each gets its share.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        shares = rule.micro_batches * replicas
        total = [None] * len(weights)
        for number in range(rule.micro_batches):
            with tf.GradientTape() as tape:
                turn, loss = play(_NoisePart(seed, number, rule.micro_batches))
                penalty = sum((p(turn) for p in rule.penalties), tf.zeros(()))
                objective = rule.optimizer.scale_loss((loss + penalty) / shares)
            gradients = tape.gradient(objective, [weight.value for weight in weights])
            total = [_add(a, b) for a, b in zip(total, gradients, strict=True)]
            self.trackers[f"{side}_loss"].update_state(loss)
            self.trackers[f"{side}_penalty"].update_state(penalty)
        norm = tf.linalg.global_norm(total[: len(moved)]) * tf.cast(replicas, tf.float32)
        self.trackers[f"{side}_gradient_norm"].update_state(norm)
        rule.optimizer.apply_gradients(zip(total[: len(moved)], moved, strict=True))
        for project in rule.projections:
            project(network)
        for observe in rule.observers:
            observe(turn)
        found = {id(weight): gradient for weight, gradient in zip(weights, total, strict=True)}
        return [found[id(weight)] for weight in common]

    def _seeds(self):
        """Yields the seeds of this step's updates, the same after resuming."""
        count = sum(self.rules[side].steps for side in self.players)
        for number in range(count):
            yield tf.stack([self.seed.value, self.step.value * count + number])

    def _draw(self, size, part):
        """`size` rows of the inputs that one replica with one large batch would draw at once."""
        number, count = part.among_replicas()
        inputs = self.prior(size * count, part.seed, self.step.value)
        if count == 1:
            return inputs
        return {
            name: tf.reshape(value, [count, size, *value.shape[1:]])[number]
            for name, value in inputs.items()
        }

    def _own(self, part):
        """A seed that no other replica or micro-batch has, nor the prior."""
        return noise.fold_in(part.seed, 1 + tf.cast(part.among_replicas()[0], tf.int32))


class _NoisePart(NamedTuple):
    """Which part of an update's noise a micro-batch gets."""

    seed: Tensor
    number: int
    count: int

    def among_replicas(self):
        """(number, count) when every replica has `count` parts of its own."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        return context.replica_id_in_sync_group * self.count + self.number, replicas * self.count


def _score(outputs):
    return lambda images: outputs(images)["logits"]


def _add(total, gradient):
    """The sum of two gradients, either of which may be missing, as a dense tensor."""
    if gradient is None:
        return total
    gradient = tf.convert_to_tensor(gradient)
    return gradient if total is None else total + gradient
