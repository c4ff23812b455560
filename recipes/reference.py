"""Statistics of real images' features, kept in a file with where they are from."""

import dataclasses
import json
import os
import pathlib

import numpy as np

from recipes import image_sources, records, scores
from tfgan_zoo.metrics.moments import Moments

ABOUT = ("real", "real_count", "real_sha256", "resolution", "resize", "backbone", "backbone_sha256")


@dataclasses.dataclass
class Reference:
    """What generated images are compared with.

    Args:
        about: The fields ABOUT, class_names, and more for people.
        moments: Of all features.
        classes: {label: moments}, {} if not measured.
        features: [N, dimensions], None if not kept.
        labels: int32 [N], with the features; None if there are no classes.
    """

    about: dict
    moments: Moments
    classes: dict[int, Moments]
    features: np.ndarray | None = None
    labels: np.ndarray | None = None


def measure(
    backbone, real: image_sources.Images, class_moments: bool = False, features: bool = True
) -> Reference:
    """Shows real images to a feature network.

    Args:
        backbone: The network.
        real: The images.
        class_moments: Whether to measure each class by itself as well.
        features: Whether to keep the features, which KID, precision and such need.
    """
    moments, classes, kept = Moments(), {}, []
    for start, rows, _ in outputs(backbone, real.images):
        moments.update(rows)
        if features:
            kept.append(rows)
        if class_moments:
            labels = real.labels[start : start + len(rows)]
            for label in np.unique(labels):
                classes.setdefault(int(label), Moments()).update(rows[labels == label])
    about = {
        "real": real.about["source"],
        "real_resize": real.about["source_resize"],
        "real_count": len(real.images),
        "real_sha256": image_sources.digest(real.images),
        "resolution": real.images.shape[1],
        "class_names": real.class_names and list(real.class_names),
        "resize": records.resize_rule(backbone, real.images.shape[1]),
        "backbone": backbone.name,
        "backbone_sha256": backbone.sha256,
        "versions": records.VERSIONS,
    }
    found = np.concatenate(kept) if features else None
    return Reference(about, moments, classes, found, real.labels)


def outputs(backbone, images):
    """Yields (first row, features, logits), a block of images at a time, with a bar."""
    with scores.progress(len(images), "image") as bar:
        for start in range(0, len(images), image_sources.BLOCK):
            block = np.asarray(images[start : start + image_sources.BLOCK])
            yield start, *backbone(block)
            bar.update(len(block))


def write(path: str | pathlib.Path, reference: Reference) -> None:
    """Writes an .npz, whole or not at all."""
    path = pathlib.Path(path)
    found = {"about": np.array(json.dumps(reference.about))}
    groups = {"all": reference.moments, **reference.classes}
    for name, moments in groups.items():
        found |= {f"{name}/{key}": array for key, array in moments.state().items()}
    if reference.features is not None:
        found["features"] = reference.features
    if reference.labels is not None:
        found["labels"] = reference.labels
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"tmp-{path.name}")
    with open(temporary, "wb") as file:
        np.savez(file, **found)
    os.replace(temporary, path)


def read(path: str | pathlib.Path) -> Reference:
    """What `write` wrote; objects are never unpickled.

    Raises:
        ValueError: If there is no such file, or something else is in it.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _of_arrays(arrays)
    except Exception as error:  # broken files make NumPy and zipfile raise many kinds of error
        raise ValueError(
            f"{path} must be a file of python -m recipes.reference_stats. It cannot be read: "
            f"{' '.join(str(error).split()) or repr(error)}"
        ) from error


def _of_arrays(arrays):
    about = json.loads(str(arrays.pop("about")))
    lacking = [name for name in ABOUT if name not in about]
    if lacking:
        raise ValueError(f"it does not tell {', '.join(lacking)}.")
    features, labels = arrays.pop("features", None), arrays.pop("labels", None)
    groups = {}
    for name, array in arrays.items():
        group, _, key = name.partition("/")
        groups.setdefault(group, {})[key] = array
    found = {name: Moments.from_state(state) for name, state in groups.items()}
    moments = found.pop("all")
    count = about["real_count"]
    sizes = [moments.count, *(len(x) for x in (features, labels) if x is not None)]
    if sizes != [count] * len(sizes):
        raise ValueError(f"it tells of {count} images and holds {sizes}.")
    return Reference(about, moments, {int(name): x for name, x in found.items()}, features, labels)


def check(reference: Reference, path: str, **received) -> None:
    """Raises ValueError unless the file's fields are those received.

    Args:
        reference: What was read.
        path: Of its file.
        **received: Fields of ABOUT.
    """
    for name, value in received.items():
        if reference.about[name] != value:
            raise ValueError(
                f"--reference={path} is of other {'data' if 'real' in name else 'settings'}: "
                f"{name} {reference.about[name]} there, {value} here. Compute it again with "
                "python -m recipes.reference_stats, or pass what it was computed with."
            )
