"""Samples of a trained generator: its inputs, its pictures, and the way from one to another.

Runs on every Keras backend.
"""

import math
from collections.abc import Iterator

import keras
import numpy as np

from tfgan_zoo import pictures

LEAST_RESAMPLED = 0.01  # where fewer than 1 of 100 draws is kept


def latents(
    count: int,
    z_dim: int | tuple[int, ...],
    seed: int,
    truncation: float | None = None,
    rule: str = "resample",
) -> np.ndarray:
    """Returns float32 [count, *z_dim] latents. Row i depends on (seed, i) and not on `count`.

    Without truncation they are standard normal. The rules of truncation:
        "resample": components with |z| > truncation are drawn again. Reference: Brock et al.,
            2019, https://arxiv.org/abs/1809.11096, section 3.1.
        "exact": the same distribution by the inverse distribution function, which costs no more
            when the truncation is small.
        "scale": `truncation`, at most 1, times normals truncated at 2: the rule of the released
            BigGAN modules, on another scale than the paper's.

    Raises:
        ValueError: for rules and truncations that do not exist.
    """
    shape = tuple(np.atleast_1d(z_dim))
    _check(count, truncation, rule)
    draw = {"resample": _resample, "exact": _exact, "scale": _scale}[rule]
    if truncation is None:
        draw = _normal
    rows = [draw(np.random.default_rng([seed, row]), shape, truncation) for row in range(count)]
    return np.asarray(rows, np.float32)


def inputs(
    generator: keras.Model,
    count: int,
    seed: int,
    truncation: float | None = None,
    prior: str | None = None,
) -> dict[str, np.ndarray]:
    """Returns what any generator takes: latents as it was trained with, and labels by turns.

    Args:
        generator: {"latents", perhaps "labels"} -> images.
        count: Rows. Row i depends on (seed, i) and not on `count`.
        seed: Of the latents.
        truncation: Largest latent, drawn by the rule "exact"; None for none.
        prior: "normal", or "uniform" in (-1, 1). Default: as the generator's preset says, else
            normal.

    Returns:
        {"latents": float32 [count, ...], and if there are classes "labels": int32 [count]}.

    Raises:
        ValueError: For truncated latents that are uniform, and priors that do not exist.
    """
    prior = prior or getattr(getattr(generator, "preset", None), "prior", "normal")
    if prior not in ("normal", "uniform"):
        raise ValueError(f"`prior` must be 'normal' or 'uniform'. Received: prior={prior!r}.")
    if prior == "uniform" and truncation is not None:
        raise ValueError(
            "`truncation` is for normal latents; this generator's are uniform in (-1, 1). "
            f"Received: truncation={truncation}. Leave it out."
        )
    shapes = {tensor.name: tensor.shape[1:] for tensor in generator.inputs}
    draw = _uniform if prior == "uniform" else latents
    found = {"latents": draw(count, shapes["latents"], seed, truncation, "exact")}
    if "labels" in shapes:
        found["labels"] = np.arange(count, dtype=np.int32) % generator.spec.num_classes
    return found


def class_grid_inputs(
    num_classes: int,
    columns: int,
    z_dim: int | tuple[int, ...],
    seed: int,
    truncation: float | None = None,
    rule: str = "resample",
) -> dict[str, np.ndarray]:
    """Returns inputs for a grid with a row per class; all images of a column share their latents.

    What differs down a column is thus what the label makes, and what differs along a row is what
    the latents make. The arguments are those of `latents`.

    Returns:
        {"latents": float32 [num_classes * columns, *z_dim], "labels": int32}, row by row.
    """
    z = latents(columns, z_dim, seed, truncation, rule)
    return {
        "latents": np.concatenate([z] * num_classes),
        "labels": np.repeat(np.arange(num_classes, dtype=np.int32), columns),
    }


def generate(
    generator: keras.Model, inputs: dict[str, np.ndarray], batch_size: int = 64
) -> np.ndarray:
    """Returns a generator's images of any number of inputs as uint8 [N, H, W, C].

    Args:
        generator: {name: inputs} -> images in [-1, 1].
        inputs: Arrays of N rows.
        batch_size: Rows per call. All calls have the same size, so the network compiles once.

    Raises:
        ValueError: for latents of another shape than the generator's, and for labels of classes
            that it does not have.
    """
    _check_inputs(generator, inputs)
    return np.concatenate([*map(pictures.to_uint8, _outputs(generator, inputs, batch_size))])


def interpolate(
    generator: keras.Model,
    start: dict[str, np.ndarray],
    end: dict[str, np.ndarray],
    steps: int,
    batch_size: int = 64,
) -> np.ndarray:
    """Returns images on N straight ways between inputs as uint8 [N, steps, H, W, C].

    The ways are straight in the latents and, if there are labels, in what the layers make of
    them (class embeddings), shared or one per block; labels themselves have nothing in between.

    Args:
        generator: {"latents": ..., perhaps "labels": ...} -> images in [-1, 1]; functional.
        start: Inputs of the first images: N rows, or one without the axis of rows.
        end: Inputs of the last ones.
        steps: Images per way, both ends included.
        batch_size: Rows per call of the generator.
    """
    if steps < 2:
        raise ValueError(f"`steps` must be at least 2, the ends. Received: steps={steps}.")
    first, last = (_rows(generator, inputs) for inputs in (start, end))
    if len(first[0]) != len(last[0]):
        raise ValueError(
            "`start` and `end` must have as many rows as one another. "
            f"Received: {len(first[0])} and {len(last[0])}."
        )
    model = generator
    if len(first) > 1:
        embed, model = cut_at_labels(generator)
        first, last = ([z, *_embedded(embed, y, batch_size)] for z, y in (first, last))
    mixed = [_mix(a, b, steps) for a, b in zip(first, last, strict=True)]
    names = [tensor.name for tensor in model.inputs]
    images = generate(model, dict(zip(names, mixed, strict=True)), batch_size)
    return images.reshape(-1, steps, *images.shape[1:])


def with_chunk(latents: np.ndarray, others: np.ndarray, chunk: int, chunks: int) -> np.ndarray:
    """Returns `latents` with one chunk of their components taken from `others`.

    Args:
        latents: [N, ...].
        others: Of the same shape.
        chunk: Which one, counted from 0.
        chunks: Equal parts that the components of a row are split into, in order, as BigGAN splits
            them among its blocks; 1 for latents that are not split: then all are taken.
    """
    latents, others = np.asarray(latents), np.asarray(others)
    if latents.shape != others.shape:
        raise ValueError(
            "`latents` and `others` must be of one shape. "
            f"Received: {latents.shape} and {others.shape}."
        )
    if chunks == 1 and chunk == 0:
        return others.copy()
    if latents.ndim != 2 or chunks < 1 or latents.shape[1] % chunks:
        raise ValueError(
            "`latents` must be [N, z_dim] and z_dim a multiple of `chunks`: take the `z_parts` of "
            f"the generator's spec. Received: {latents.shape} and chunks={chunks}."
        )
    if not 0 <= chunk < chunks:
        raise ValueError(f"`chunk` must be in [0, {chunks}). Received: chunk={chunk}.")
    size = latents.shape[1] // chunks
    mixed = latents.copy()
    mixed[:, chunk * size : (chunk + 1) * size] = others[:, chunk * size : (chunk + 1) * size]
    return mixed


def traverse_chunks(
    generator: keras.Model,
    start: dict[str, np.ndarray],
    others: np.ndarray,
    chunks: int,
    steps: int,
    batch_size: int = 64,
) -> np.ndarray:
    """Returns images on the ways that one chunk of the latents goes while all else stays.

    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 3 (skip-z).

    Args:
        generator: As in `interpolate`.
        start: Inputs of the first images, N rows.
        others: Latents of N rows, to whose chunks the ways lead.
        chunks: As in `with_chunk`.
        steps: Images per way, both ends included.
        batch_size: Rows per call of the generator.

    Returns:
        uint8 [N, chunks, steps, H, W, C].
    """
    mixed = [with_chunk(start["latents"], others, chunk, chunks) for chunk in range(chunks)]
    start = {name: np.repeat(values, chunks, axis=0) for name, values in start.items()}
    end = {**start, "latents": np.stack(mixed, axis=1).reshape(start["latents"].shape)}
    images = interpolate(generator, start, end, steps, batch_size)
    return images.reshape(-1, chunks, *images.shape[1:])


def chunk_effects(
    generator: keras.Model,
    inputs: dict[str, np.ndarray],
    others: np.ndarray,
    chunks: int,
    batch_size: int = 64,
) -> np.ndarray:
    """Returns how much each chunk of the latents matters: float64 [chunks].

    It is the mean absolute change of the pixels, on a scale of [0, 1], when that chunk alone is
    taken from `others` instead; labels stay.

    Args:
        generator: As in `generate`.
        inputs: Arrays of N rows.
        others: Other latents, independent of those of `inputs`.
        chunks: As in `with_chunk`.
        batch_size: Rows per call.
    """
    before = generate(generator, inputs, batch_size).astype(np.float64)
    effects = []
    for chunk in range(chunks):
        mixed = with_chunk(inputs["latents"], others, chunk, chunks)
        after = generate(generator, {**inputs, "latents": mixed}, batch_size)
        effects.append(np.abs(after - before).mean() / 255.0)
    return np.asarray(effects)


def _check(count: int, truncation: float | None, rule: str) -> None:
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}.")
    if rule not in ("resample", "exact", "scale"):
        raise ValueError(f"`rule` must be 'resample', 'exact' or 'scale'. Received: rule={rule!r}.")
    if truncation is None:
        return
    if not truncation > 0:
        raise ValueError(
            f"`truncation` must be positive, or None for none. Received: truncation={truncation}."
        )
    if rule == "scale" and truncation > 1:
        raise ValueError(
            "`truncation` must be in (0, 1] with rule='scale'. "
            f"Received: truncation={truncation}. The paper's thresholds belong to 'resample'."
        )
    if rule == "resample" and truncation < LEAST_RESAMPLED:
        raise ValueError(
            f"`truncation` must be at least {LEAST_RESAMPLED} with rule='resample', or drawing "
            f"takes forever. Received: truncation={truncation}. Take rule='exact'."
        )


def _check_inputs(generator: keras.Model, inputs: dict[str, np.ndarray]) -> None:
    """Refuses what would fail deep in the network, or be drawn as something else."""
    shapes = {tensor.name: tensor.shape[1:] for tensor in generator.inputs}
    if missing := sorted(shapes.keys() - inputs.keys()):
        raise ValueError(
            f"`inputs` must hold what the generator takes: {sorted(shapes)}. Missing: {missing}."
        )
    shape = np.shape(inputs["latents"])[1:] if "latents" in shapes else ()
    if "latents" in shapes and shape != shapes["latents"]:
        raise ValueError(
            f"`latents` must be rows of shape {shapes['latents']}, which this generator was built "
            f"for. Received: rows of shape {shape}."
        )
    num_classes = getattr(getattr(generator, "spec", None), "num_classes", None)
    if "labels" in shapes and num_classes:  # a network without spec does not say how many
        labels = np.asarray(inputs["labels"])
        wrong = labels[(labels < 0) | (labels >= num_classes)]
        if wrong.size:
            raise ValueError(
                f"`labels` must be in [0, {num_classes}): this generator has {num_classes} "
                f"classes. Received: label {wrong.flat[0]}."
            )


def _uniform(count: int, shape: tuple, seed: int, truncation: None, rule: str) -> np.ndarray:
    _check(count, truncation, rule)
    rows = [np.random.default_rng([seed, row]).uniform(-1.0, 1.0, shape) for row in range(count)]
    return np.asarray(rows, np.float32)


def _normal(random: np.random.Generator, shape: tuple, truncation: None) -> np.ndarray:
    return random.standard_normal(shape)


def _resample(random: np.random.Generator, shape: tuple, truncation: float) -> np.ndarray:
    z = random.standard_normal(shape)
    while (outside := np.abs(z) > truncation).any():
        z[outside] = random.standard_normal(outside.sum())
    return z


def _exact(random: np.random.Generator, shape: tuple, truncation: float) -> np.ndarray:
    inside = math.erf(truncation / math.sqrt(2.0))
    uniform = random.uniform(-inside, inside, shape).astype(np.float32)
    z = math.sqrt(2.0) * keras.ops.convert_to_numpy(keras.ops.erfinv(uniform))
    return np.clip(z, -truncation, truncation)  # float32 rounds some to beyond


def _scale(random: np.random.Generator, shape: tuple, truncation: float) -> np.ndarray:
    return truncation * _resample(random, shape, 2.0)


def _outputs(model: keras.Model, inputs: dict[str, np.ndarray], batch_size: int) -> Iterator:
    """Yields a model's outputs of consecutive rows, `batch_size` of them until the last."""
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}.")
    inputs = {name: np.asarray(values) for name, values in inputs.items()}
    counts = {name: len(values) for name, values in inputs.items()}
    count = min(counts.values())
    if not count or count != max(counts.values()):
        raise ValueError(f"`inputs` must be of equally many rows, at least 1. Received: {counts}.")
    size = min(batch_size, count)
    for first in range(0, count, size):
        rows = np.arange(first, first + size).clip(max=count - 1)
        outputs = model.predict_on_batch({name: values[rows] for name, values in inputs.items()})
        yield keras.tree.map_structure(lambda x, left=count - first: x[:left], outputs)


def _rows(generator: keras.Model, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Returns [latents] or [latents, labels] with an axis of rows, as the generator takes them."""
    shapes = {tensor.name: tensor.shape for tensor in generator.inputs}
    if missing := sorted(shapes.keys() - inputs.keys()):
        raise ValueError(
            f"`start` and `end` must hold what the generator takes. Missing: {missing}."
        )
    z = np.asarray(inputs["latents"], np.float32)
    z = z.reshape(-1, *z.shape[z.ndim - len(shapes["latents"]) + 1 :])
    rows = {"latents": z}
    if "labels" in shapes:
        rows["labels"] = np.broadcast_to(np.asarray(inputs["labels"], np.int32), (len(z),))
    _check_inputs(generator, rows)
    return [*rows.values()]


def cut_at_labels(generator: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Returns labels -> [embeddings], and latents and embeddings -> images, on common layers."""
    inputs = {
        tensor.name: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        for tensor in generator.inputs
    }
    embeddings = []

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        tensors = [
            x for x in keras.tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)
        ]
        if any(x is inputs["labels"] for x in tensors):
            if len(tensors) > 1 or "float" not in outputs.dtype:
                raise ValueError(
                    "`generator` must hand its labels to layers that take nothing else and return "
                    f"floats, as an Embedding does. Received: layer {layer.name}."
                )
            embeddings.append(outputs)
        return outputs

    copy = keras.models.clone_model(generator, inputs, lambda layer: layer, call)
    embed = keras.Model({"labels": inputs["labels"]}, embeddings)
    return embed, keras.Model([inputs["latents"], *embeddings], copy.output)


def _embedded(embed: keras.Model, labels: np.ndarray, batch_size: int) -> list[np.ndarray]:
    chunks = _outputs(embed, {"labels": labels}, batch_size)
    return [np.concatenate(parts) for parts in zip(*map(keras.tree.flatten, chunks), strict=True)]


def _mix(first: np.ndarray, last: np.ndarray, steps: int) -> np.ndarray:
    """Returns [N * steps, ...]: each row of `first`, on its straight way to that of `last`."""
    position = np.linspace(0.0, 1.0, steps, dtype=np.float32)
    position = position.reshape(1, steps, *[1] * (first.ndim - 1))
    mixed = (1.0 - position) * first[:, None] + position * last[:, None]
    return mixed.reshape(-1, *first.shape[1:])
