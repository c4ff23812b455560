"""FID within each class: Miyato and Koyama, 2018, https://arxiv.org/abs/1802.05637, section 4."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics.fid import fid
from tfgan_zoo.metrics.moments import check_pair


class IntraClass(NamedTuple):
    """Distances within classes; 0 is best.

    Attributes:
        mean: Of all classes.
        classes: {label: FID of its real and its generated features}.
    """

    mean: float
    classes: dict[int, float]


def intra_class_fid(
    real, real_labels, fake, fake_labels, progress: Callable[[int, int], None] | None = None
) -> IntraClass:
    """FID of each class and their mean. It rises with class leakage and with lost variety.

    Classes seldom have as many samples as there are dimensions, and FID falls with their number:
    compare models by equal numbers per class only. SNGAN-projection's protocol is 5,000 generated
    images of each class against all its training images. Warns once if any class has too few for a
    covariance of full rank.

    Args:
        real: Features [N, dimensions], finite.
        real_labels: Integers [N]; two rows or more of each class.
        fake: Features [M, dimensions] of the same network.
        fake_labels: Integers [M], the classes that were asked for: those of `real_labels`.
        progress: Called with the numbers of classes done and in all.

    Raises:
        ValueError: If features or labels are not so.
    """
    real, fake = check_pair("real", real, "fake", fake)
    sets = (real, check_labels("real_labels", real_labels, len(real)))
    others = (fake, check_labels("fake_labels", fake_labels, len(fake)))
    names = _classes(sets[1], others[1])
    classes = {}
    for done, label in enumerate(names, start=1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            classes[int(label)] = fid(*(rows[labels == label] for rows, labels in (sets, others)))
        if progress:
            progress(done, len(names))
    fewest = min(np.min(np.unique(x, return_counts=True)[1]) for x in (sets[1], others[1]))
    if fewest <= real.shape[1]:
        warnings.warn(
            f"A class has {fewest} samples of {real.shape[1]} dimensions, so that covariances are "
            "singular: compare with equal numbers per class only.",
            stacklevel=2,
        )
    return IntraClass(float(np.mean(list(classes.values()))), classes)


def check_labels(argument: str, labels, count: int) -> np.ndarray:
    """Returns `labels` as an array of `count` integers, or raises ValueError."""
    labels = np.asarray(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{argument}` must be integers [{count}], one for each sample. "
            f"Received: {labels.dtype} {labels.shape}."
        )
    return labels


def _classes(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """The classes of both; ValueError unless both have the same, with two samples each."""
    (names, counts), (others, other_counts) = (
        np.unique(labels, return_counts=True) for labels in (real, fake)
    )
    if len(odd := np.setxor1d(names, others)):
        raise ValueError(
            "`real_labels` and `fake_labels` must have the same classes: generate samples of "
            f"every class. Received: {len(odd)} classes in one only, as {odd[0]}."
        )
    if np.minimum(counts, other_counts).min() < 2:
        label = names[np.argmin(np.minimum(counts, other_counts))]
        raise ValueError(
            "Every class must have two or more samples in both sets: bring more, or leave the "
            f"class out. Received: one of class {label}."
        )
    return names
