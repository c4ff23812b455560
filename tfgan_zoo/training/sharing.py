"""How weights learn that both players have: who moves them, and what the two want of them.

The players share variables, of which each takes the gradient through its own path only (the `judge`
of a `GAN` sees to that), or have copies that are pulled together.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# both: each player moves them in its turn. d_only, g_only: one of them does. average: neither, but
# once per step the mean of both gradients. soft: both have copies, which are averaged.
MODES = ("both", "d_only", "g_only", "average", "soft")
TRACKED = ("shared_cosine", "shared_norm_ratio")
Pairs = tuple[tuple[keras.Variable, keras.Variable], ...]


@dataclasses.dataclass(frozen=True)
class Without:
    """Those of a network's weights that are not among `left_out`; for `UpdateRule.weights`."""

    left_out: tuple[keras.Variable, ...]
    weights: Callable[[keras.Model], list]

    def __call__(self, network):
        left_out = {id(weight) for weight in self.left_out}
        return [weight for weight in self.weights(network) if id(weight) not in left_out]


@dataclasses.dataclass(frozen=True)
class AveragePairs:
    """A projection that replaces both weights of each pair by their mean.

    Args:
        pairs: Of weights of one shape.
        every: Updates between two averages.
        iterations: Counts the updates, the one just done among them.
    """

    pairs: Pairs
    every: int = 1
    iterations: keras.Variable | None = None

    def __call__(self, network):
        due = self.every == 1 or tf.equal(self.iterations.value % self.every, 0)
        for first, second in self.pairs:
            mean = 0.5 * (first.value + second.value)
            for weight in (first, second):
                weight.assign(tf.where(due, mean, weight.value))


@dataclasses.dataclass(frozen=True)
class SharedRule:
    """What happens to weights that both players have, beside what the players' rules do.

    A player's gradient of a step is the mean over its updates in the step. The two gradients are
    compared: the cosine between them, and the generator's norm over the discriminator's.

    Args:
        pairs: (The generator's weight, the discriminator's): one variable, or two of one shape.
        optimizer: If given, it moves them once per step, by the mean of the two gradients.
    """

    pairs: Pairs
    optimizer: keras.optimizers.Optimizer | None = None

    def weights(self, side: str) -> list:
        """The player's weights of all pairs; `side` is "g" or "d"."""
        return [pair[side == "d"] for pair in self.pairs]

    def build(self, players: dict[str, list]) -> None:
        """Gives the optimizer its slots.

        Args:
            players: The weights that each player's rule moves, by side.

        Raises:
            ValueError: If these contradict this rule.
        """
        self._check(players)
        if self.optimizer is not None:
            self.optimizer.build(self.weights("g"))

    def _check(self, players):
        for side, moved in players.items():
            missing = {id(w) for w in self.weights(side)} & {id(w) for w in moved}
            if self.optimizer is not None and missing:
                raise ValueError(
                    "Shared weights that have an optimizer of their own must not be moved by a "
                    f"player's too. Received: {len(missing)} that the rule of {side!r} moves. "
                    "Leave them out of its `weights`, as `sharing.rules` does, or drop "
                    "the optimizer."
                )
        moved = {id(weight) for weights in players.values() for weight in weights}
        of_both = {id(w): w for pair in self.pairs for w in pair}
        idle = [weight.path for key, weight in of_both.items() if key not in moved]
        if self.optimizer is None and idle:
            raise ValueError(
                "Shared weights must be moved by a player, or have an optimizer. "
                f"Received: {len(idle)} that nobody moves, as {idle[0]}. Give one of the players "
                "these `weights`."
            )

    def update(self, gradients: dict[str, list[list[tf.Tensor]]]) -> dict[str, tf.Tensor]:
        """Moves the weights if it has an optimizer, and compares what the players want.

        Args:
            gradients: Of both sides, those of each update, in the order of `pairs`; their sum over
                replicas is meant.

        Returns:
            The values of TRACKED.
        """
        means = {
            side: [tf.add_n(parts) / len(parts) for parts in zip(*updates, strict=True)]
            for side, updates in gradients.items()
        }
        if self.optimizer is not None:
            both = [0.5 * (a + b) for a, b in zip(means["g"], means["d"], strict=True)]
            self.optimizer.apply_gradients(zip(both, self.weights("g"), strict=True))
        flat = (_flat(_over_replicas(means[side])) for side in "gd")
        return dict(zip(TRACKED, _compared(*flat), strict=True))


def _over_replicas(tensors):
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def _flat(tensors):
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)


def _compared(first, second):
    """(Cosine, ratio of the norms); 0 where a norm is 0."""
    norms = tf.norm(first), tf.norm(second)
    product = tf.reduce_sum(first * second)
    return tf.math.divide_no_nan(product, norms[0] * norms[1]), tf.math.divide_no_nan(*norms)


def rules(
    mode: str,
    generator: Any,
    discriminator: Any,
    pairs: list[tuple[keras.Variable, keras.Variable]],
    optimizer: keras.optimizers.Optimizer | None = None,
    every: int = 1,
) -> dict[str, Any]:
    """Arguments of `GAN.compile` that make players learn common weights in one of MODES.

    Args:
        mode: One of MODES.
        generator: The generator's `UpdateRule` without sharing.
        discriminator: The discriminator's.
        pairs: (The generator's weight, the discriminator's): two copies if `mode` is soft, else one
            variable.
        optimizer: Of the common weights; average only.
        every: The generator's updates between two averages; soft only.

    Returns:
        {"generator": rule, "discriminator": rule, "shared": rule}.

    Raises:
        ValueError: If the mode does not go with the other arguments.
    """
    pairs = tuple(pairs)
    _check(mode, pairs, optimizer, every, (generator.optimizer, discriminator.optimizer))
    common = tuple(first for first, _ in pairs)
    if mode in ("d_only", "average"):
        generator = dataclasses.replace(generator, weights=Without(common, generator.weights))
    if mode in ("g_only", "average"):
        discriminator = dataclasses.replace(
            discriminator, weights=Without(common, discriminator.weights)
        )
    if mode == "soft":
        average = AveragePairs(pairs, every, generator.optimizer.iterations)
        projections = (*generator.projections, average)
        generator = dataclasses.replace(generator, projections=projections)
    shared = SharedRule(pairs, optimizer)
    return {"generator": generator, "discriminator": discriminator, "shared": shared}


def _check(mode, pairs, optimizer, every, others):
    if mode not in MODES:
        raise ValueError(f"`mode` must be one of {', '.join(MODES)}. Received: {mode!r}.")
    tied = sum(first is second for first, second in pairs)
    wanted = 0 if mode == "soft" else len(pairs)
    if not pairs or tied != wanted:
        raise ValueError(
            f"mode={mode!r} needs `pairs` of {'two copies' if wanted == 0 else 'one variable'}. "
            f"Received: {len(pairs)} pairs, of which {tied} are one variable. Draw the "
            f"discriminator {'without' if mode == 'soft' else 'with'} the generator, from a spec "
            "that shares kernels."
        )
    if (optimizer is not None) != (mode == "average"):
        raise ValueError(
            "`optimizer` is of the common weights, which have one of their own in the mode average "
            f"and there alone. Received: mode={mode!r}, optimizer={optimizer}."
        )
    if optimizer is not None and any(optimizer is other for other in others):
        raise ValueError(
            "`optimizer` must be another one than the players'. Received: one that a player has. "
            "Build a new one."
        )
    if every < 1 or (every > 1 and mode != "soft"):
        raise ValueError(
            "`every` must be at least 1, and 1 unless the mode is soft. "
            f"Received: every={every}, mode={mode!r}."
        )
