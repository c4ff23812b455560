"""Standing statistics: batch-norm moments that suit what is sampled, not how training ended.

The moments inside a generator depend on how far its latents are truncated. Here they are measured
by many passes in training mode, one set for each truncation, and kept in tables beside the moving
averages: the generator's file holds them, and `select` chooses. Runs on every Keras backend.
Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 3.1 and Appendix C.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np

from tfgan_zoo import sampling
from tfgan_zoo.layers.normalization import Standardized

Moments = dict[str, tuple[np.ndarray, np.ndarray]]


def measure(
    generator: keras.Model,
    truncation: float | None = None,
    passes: int = 100,
    batch_size: int = 64,
    seed: int = 0,
    rule: str = "exact",
    draw: Callable[[int, int], dict[str, np.ndarray]] | None = None,
) -> keras.Model:
    """Returns a copy of the generator whose moving averages are standing statistics.

    Args:
        generator: Stays as it is.
        truncation: Of the latents, or None.
        passes: Batches whose moments are averaged; the paper takes 100.
        batch_size: Of each; an image's moments are those of the batch it is in.
        seed: Of the latents and labels.
        rule: Of truncation: see `sampling.latents`.
        draw: (count, seed) -> the generator's inputs, for latents that are not normal.

    Raises:
        ValueError: If `passes` is below 1, or `truncation` is not positive.
    """
    copy = _copy(generator, generator.spec)
    _assign(copy, _moments(copy, truncation, passes, batch_size, seed, rule, draw))
    return copy


def tabulate(
    generator: keras.Model,
    truncations: Sequence[float],
    passes: int = 100,
    batch_size: int = 64,
    seed: int = 0,
    rule: str = "exact",
) -> keras.Model:
    """Returns a copy that keeps the moments of several truncations; the largest is selected.

    Args:
        generator: Stays as it is; its own tables, if any, are left out.
        truncations: Positive; `math.inf` for none.
        passes: As in `measure`, and the others.
        batch_size: See there.
        seed: See there.
        rule: See there.
    """
    truncations = tuple(sorted(map(float, truncations)))
    if not truncations or truncations[0] <= 0 or len(set(truncations)) < len(truncations):
        raise ValueError(
            "`truncations` must be positive and differ from one another, at least one. "
            f"Received: {truncations}. Use math.inf for none."
        )
    plain = _copy(generator, dataclasses.replace(generator.spec, standing=()))
    kept = _copy(plain, dataclasses.replace(generator.spec, standing=truncations))
    for row, truncation in enumerate(truncations):
        limit = None if math.isinf(truncation) else truncation
        moments = _moments(plain, limit, passes, batch_size, seed, rule, None)
        for name, layer in _norms(kept).items():
            for table, values in zip(
                (layer.standing_mean, layer.standing_variance), moments[name], strict=True
            ):
                rows = keras.ops.convert_to_numpy(table).copy()
                rows[row] = values
                table.assign(rows)
    select(kept, truncations[-1])
    return kept


def select(generator: keras.Model, truncation: float | None) -> None:
    """Sets a generator's moving averages to the moments it keeps for a truncation.

    Between two kept truncations the moments are interpolated linearly.

    Raises:
        ValueError: If the generator keeps no moments, or none on one side of `truncation`.
    """
    kept = generator.spec.standing
    if not kept:
        raise ValueError(
            "`generator` must keep moments of several truncations. Received: one that keeps none. "
            "Make one with standing.tabulate(generator, truncations)."
        )
    wanted = math.inf if truncation is None else truncation
    after = next((row for row, value in enumerate(kept) if value >= wanted - 1e-6), None)
    near = after is not None and (math.isclose(kept[after], wanted, abs_tol=1e-6))
    if after is None or not near and (after == 0 or math.isinf(kept[after])):
        raise ValueError(
            f"`truncation` must be one of {kept} or between two finite ones of them. "
            f"Received: {truncation}."
        )
    before = after if near else after - 1
    share = 0.0 if near else (wanted - kept[before]) / (kept[after] - kept[before])
    moments = {}
    for name, layer in _norms(generator).items():
        tables = map(keras.ops.convert_to_numpy, (layer.standing_mean, layer.standing_variance))
        moments[name] = tuple((1 - share) * t[before] + share * t[after] for t in tables)
    _assign(generator, moments)


def _moments(generator, truncation, passes, batch_size, seed, rule, draw) -> Moments:
    """{layer: (mean, variance)}, averaged over passes; the generator ends as it began."""
    if passes < 1:
        raise ValueError(f"`passes` must be at least 1. Received: passes={passes}.")
    draw = draw or _draw_from(generator, truncation, rule)
    norms, before = _norms(generator), generator.get_weights()
    totals = {name: [0.0, 0.0] for name in norms}
    with _no_memory(norms.values()):
        for number in range(passes):
            generator(draw(batch_size, seed + number), training=True)
            for name, layer in norms.items():
                for part, moment in enumerate((layer.moving_mean, layer.moving_variance)):
                    totals[name][part] += keras.ops.convert_to_numpy(moment).astype(np.float64)
    generator.set_weights(before)
    return {name: (mean / passes, variance / passes) for name, (mean, variance) in totals.items()}


def _draw_from(generator, truncation, rule):
    z_dim = generator.input["latents"].shape[1:]

    def draw(count, seed):
        inputs = {"latents": sampling.latents(count, z_dim, seed, truncation, rule)}
        if "labels" in generator.input:
            labels = np.random.default_rng(seed).integers(0, generator.spec.num_classes, count)
            inputs["labels"] = labels.astype(np.int32)
        return inputs

    return draw


@contextlib.contextmanager
def _no_memory(norms) -> Iterator[None]:
    """Within, a training call leaves the batch's own moments in the moving averages."""
    momenta = [(layer, layer.momentum) for layer in norms]
    for layer, _ in momenta:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in momenta:
            layer.momentum = momentum


def _norms(generator):
    return {
        layer.path: layer
        for layer in generator._flatten_layers()  # Keras has no public way to all of them
        if isinstance(layer, Standardized)
    }


def _assign(generator, moments: Moments):
    for name, layer in _norms(generator).items():
        layer.moving_mean.assign(moments[name][0])
        layer.moving_variance.assign(moments[name][1])


def _copy(generator, spec):
    """The same network with another spec; weights that only one of the two has are left."""
    copy = type(generator)(spec, name=generator.name)
    values = {weight.path: weight for weight in generator.weights}
    for weight in copy.weights:
        if weight.path in values and weight.shape == values[weight.path].shape:
            weight.assign(values[weight.path])
    return copy
