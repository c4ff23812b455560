"""Which images are held out, where nobody has said it."""

import numpy as np

SPLITS = ("train", "held_out")


def held_out(labels: np.ndarray, fraction: float) -> np.ndarray:
    """Returns a bool mask: `fraction` of each class, at least one image but never all of them."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(len(rows) - 1, max(1, round(fraction * len(rows))))
        mask[np.random.default_rng([0, label]).permutation(rows)[:count]] = True
    return mask


def in_parts(name: str, mask: np.ndarray, split: str) -> tuple[np.ndarray, slice]:
    """Returns an order with held-out images last, so that one cache serves both splits as slices.

    The second is the slice of the split.

    Raises:
        ValueError: If the split is empty.
    """
    train_size = np.count_nonzero(~mask)
    if split == "held_out" and train_size == len(mask):
        raise ValueError(f"{name} has no class of two images or more, so nothing is held out.")
    rows = slice(train_size) if split == "train" else slice(train_size, None)
    return np.argsort(mask, kind="stable"), rows
