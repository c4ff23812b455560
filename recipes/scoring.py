"""The flags of scores, and what they ask for."""

from absl import flags

from recipes import backbones
from recipes.scores import Scorer
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.classifier import Classifier
from tfgan_zoo.metrics.inception import Inception

BACKBONE = flags.DEFINE_string(
    "backbone",
    "auto",
    "Feature network of the scores: digits, none, inception, the path of a .keras classifier as "
    "recipes/digits_classifier.py writes it, or auto: digits for the digits, else none.",
)
NUM_SCORED = flags.DEFINE_integer(
    "num_scored", 5000, "Generated images that are scored.", lower_bound=2
)
SWD_PATCHES = flags.DEFINE_integer(
    "swd_patches",
    0,
    "Patches of each image for sliced Wasserstein distances, with which comes MS-SSIM: scores that "
    "need no feature network. 0: none. PGGAN's paper has 128, of 16,384 images.",
    lower_bound=0,
)


def backbone(dataset: str) -> Classifier | Inception | None:
    """The feature network of --backbone, for a data set.

    Raises:
        ValueError: If it cannot be read.
    """
    name = BACKBONE.value
    if name == "auto":
        name = "digits" if dataset == "digits" else "none"
    if name == "none":
        print(
            "No scores that need a feature network: none here suits these images. Train one with "
            "python -m recipes.digits_classifier, and name it with --backbone."
        )
        return None
    return backbones.load(name)


def scorer(features: Classifier | Inception | None, splits: list[ImageSet]) -> Scorer | None:
    """What scores generators against (train, held-out) images; None if there is nothing to do."""
    if features or SWD_PATCHES.value:
        return Scorer(features, *splits, SWD_PATCHES.value)
    return None
