r"""Computes and keeps the statistics of real images that generated ones are compared with.

    python -m recipes.reference_stats --real=digits --resolution=32 --backbone=digits \
        --output=digits-32.npz
    python -m recipes.evaluate --reference=digits-32.npz --fake=RUN/generator.keras

The file holds mean and covariance, and what they are of: the data and a hash of its pixels, the
size of the images, the feature network and its hash. docs/scores.md says more.
"""

import pathlib
import sys

from absl import app, flags

from recipes import backbones, image_sources, reference


def compute(
    real: str,
    backbone: str,
    resolution: int | None = None,
    split: str = "train",
    class_moments: bool = False,
    features: bool = True,
) -> reference.Reference:
    """Statistics of a data set.

    Args:
        real: See image_sources.GRAMMAR.
        backbone: See `backbones.load`.
        resolution: Pixels to which images are brought; None for their own, if all have the same.
        split: "train", "held_out" or "all".
        class_moments: Whether each class gets its own, besides.
        features: Whether those of all images are kept, for KID, precision and such.

    Raises:
        ValueError: If something is missing or does not fit.
    """
    network = backbones.load(backbone)
    source = image_sources.find(real, split, image_sources.Draws())
    seen = getattr(network, "resolution", None)
    side = image_sources.shared_resolution(source, source, resolution, seen)
    images = source.load(side, 0)
    return reference.measure(network, images, class_moments, features)


def run(output: str, *arguments) -> None:
    """Computes and writes."""
    path = pathlib.Path(output)
    if path.suffix != ".npz" or path.is_dir():
        raise ValueError(f"--output must be a file that ends in .npz. Received: {output}.")
    found = compute(*arguments)
    reference.write(path, found)
    about = found.about
    print(
        f"{path}: {about['real_count']} images of {about['real']}, {about['resolution']} px, "
        f"seen by {about['backbone']}, {len(found.classes)} classes by themselves, features "
        f"{'kept' if found.features is not None else 'not kept'}."
    )


def main(_):
    """Does what the flags say."""
    try:
        run(*(flag.value for flag in SETTINGS))
    except (ValueError, OSError) as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    # Not at import: tests use this module beside others that have flags of such names.
    REAL = flags.DEFINE_string("real", None, f"Of {image_sources.GRAMMAR}.", required=True)
    BACKBONE = flags.DEFINE_string(
        "backbone", None, f"{backbones.NAMES}or a classifier's .keras file.", required=True
    )
    OUTPUT = flags.DEFINE_string("output", None, "The .npz to write.", required=True)
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "Pixels to which images are brought.", lower_bound=1
    )
    SPLIT = flags.DEFINE_enum("split", "train", image_sources.SPLITS, "Of the data set.")
    CLASS_MOMENTS = flags.DEFINE_bool(
        "class_moments", False, "Those of each class, too. 2048 features need 32 MB per class."
    )
    FEATURES = flags.DEFINE_bool(
        "features", True, "Keep features and labels: for kid, precision_recall, density_coverage."
    )
    SETTINGS = (OUTPUT, REAL, BACKBONE, RESOLUTION, SPLIT, CLASS_MOMENTS, FEATURES)
    app.run(main)
