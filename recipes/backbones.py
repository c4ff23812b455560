"""Feature networks by name."""

import pathlib

from tfgan_zoo.metrics.classifier import Classifier
from tfgan_zoo.metrics.inception import Inception

NAMES = "digits, inception, inception:FILE (as python -m tfgan_zoo.convert.inception writes it), "


def load(name: str) -> Classifier | Inception:
    """The network "digits", "inception", "inception:FILE", or a `.keras` classifier's path.

    Raises:
        ValueError: If there is none, or its weights are lacking.
    """
    family, _, file = name.partition(":")
    if family == "inception":
        return Inception(file or None)
    if name == "digits":
        return Classifier.digits()
    path = pathlib.Path(name)
    if path.suffix != ".keras" or not path.is_file():
        raise ValueError(
            f"--backbone must be {NAMES}or the .keras file of a classifier as "
            f"recipes/digits_classifier.py writes it. Received: {name}"
            f"{', which is no file' if path.suffix == '.keras' else ''}."
        )
    return Classifier(path)
