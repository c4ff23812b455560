"""How often a classifier that was trained on real images is at odds with generated ones.

References: Feng et al., 2020 (GP-WIRGAN), Table 8, whose samples are of MNIST; it does not say
what an error is where nothing was asked for, so `unrecognised` and `disagreement` do not compare
with it. None of them sees variety: one perfect image, repeated, has an error of 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics.intra_class import check_labels
from tfgan_zoo.metrics.moments import check_rows

NORMAL_95 = 1.959963984540054  # the standard normal's 97.5 % quantile


class Share(NamedTuple):
    """A share of samples.

    Attributes:
        value: In [0, 1].
        low: Of its 95 % interval.
        high: Of its 95 % interval.
        count: Samples.
    """

    value: float
    low: float
    high: float
    count: int


def classifier_error(logits, labels) -> Share:
    """Share of samples that are seen as another class than was asked for.

    Args:
        logits: [N, classes], finite.
        labels: Integers [N] in [0, classes), which the generator was given.

    Raises:
        ValueError: If they are not so.
    """
    logits = _check_logits("logits", logits)
    labels = check_labels("labels", labels, len(logits))
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"`labels` must be in [0, {logits.shape[1]}), the classes of `logits`. "
            f"Received: {labels.min()} to {labels.max()}."
        )
    return share(int(np.sum(np.argmax(logits, axis=1) != labels)), len(labels))


def unrecognised(logits, confidence: float = 0.9, temperature: float = 1.0) -> Share:
    """Share of samples of which no class is likely; for generators without classes.

    Args:
        logits: [N, classes], finite.
        confidence: What the largest probability must be, in (0, 1).
        temperature: Logits are divided by it, so that held-out reals are as sure as they are right.

    Raises:
        ValueError: If they are not so.
    """
    logits = _check_logits("logits", logits).astype(np.float64)
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"`confidence` must be in (0, 1). Received: confidence={confidence}.")
    if not 0.0 < temperature < np.inf:
        raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}.")
    logits = (logits - logits.max(axis=1, keepdims=True)) / temperature
    largest = 1.0 / np.exp(logits).sum(axis=1)
    return share(int(np.sum(largest < confidence)), len(logits))


def disagreement(logits: Sequence) -> Share:
    """Share of samples that classifiers, trained independently, do not all see as one class.

    Args:
        logits: Of two classifiers or more, [N, classes] each, of the same samples.

    Raises:
        ValueError: If they are not so.
    """
    if len(logits) < 2:
        raise ValueError(f"`logits` must be of two classifiers or more. Received: {len(logits)}.")
    checked = [_check_logits(f"logits[{i}]", rows) for i, rows in enumerate(logits)]
    shapes = {rows.shape for rows in checked}
    if len(shapes) > 1:
        raise ValueError(
            f"`logits` must be of the same samples and classes. Received: shapes {sorted(shapes)}."
        )
    seen = np.stack([np.argmax(rows, axis=1) for rows in checked])
    return share(int(np.sum(np.any(seen != seen[0], axis=0))), seen.shape[1])


def share(number: int, count: int) -> Share:
    """`number` of `count`, with the interval of Wilson, 1927, which is sound near 0 and 1 too.

    Args:
        number: From 0 to `count`.
        count: 1 or more.
    """
    if not 0 <= number <= count or count < 1:
        raise ValueError(
            f"`number` must be from 0 to `count`, and that 1 or more. Received: {number}, {count}."
        )
    value, z = number / count, NORMAL_95
    centre = (value + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(value * (1 - value) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    # At the ends the bound is the value itself, but for round-off.
    low = 0.0 if number == 0 else float(centre - half)
    high = 1.0 if number == count else float(centre + half)
    return Share(value, low, high, count)


def _check_logits(name: str, logits) -> np.ndarray:
    logits = check_rows(name, logits)
    if not len(logits):
        raise ValueError(f"`{name}` must be of one sample or more. Received: none.")
    return logits
