"""Files of the FID Inception's weights: what `python -m tfgan_zoo.convert.inception` writes."""

import hashlib
import os
import pathlib
import secrets
import zipfile
from typing import NamedTuple

import numpy as np

from tfgan_zoo.metrics import inception_table

PUBLISHED = "6726825d"  # first digits of the sha256 of PyTorch's file, and part of its name
CONVERT = "python -m tfgan_zoo.convert.inception --source=FILE"
HOW_TO_GET = (
    "The weights do not come with tfgan_zoo. Download weights-inception-2015-12-05-6726825d.pth "
    "(the releases of toshas/torch-fidelity on GitHub) or the same file under its name "
    "pt_inception-2015-12-05-6726825d.pth (the releases of mseitzer/pytorch-fid), or "
    "classify_image_graph_def.pb (from inception-2015-12-05.tgz of download.tensorflow.org), "
    f"then run once: {CONVERT}. "
    "Without them, digits can be scored with the small classifier that comes with tfgan_zoo, "
    "tfgan_zoo.metrics.classifier.Classifier.digits(), whose scores bear another name."
)


class Weights(NamedTuple):
    """The network's arrays and where they are from."""

    arrays: dict[str, np.ndarray]  # float32, by their names in the graph
    sha256: str  # of the file they were converted from

    @property
    def name(self) -> str:
        """What scores with these weights are named after, see `name_of`."""
        return name_of(self.sha256)


def name_of(sha256: str) -> str:
    """inception-2015-12-05@6726825d, or for any other file inception-other@ and its own hash."""
    family = "2015-12-05" if sha256.startswith(PUBLISHED) else "other"
    return f"inception-{family}@{sha256[:8]}"


def cache_path(sha256: str = PUBLISHED) -> pathlib.Path:
    """Where the converted file lies unless the user says otherwise."""
    return pathlib.Path.home() / ".cache" / "tfgan_zoo" / f"{name_of(sha256)}.npz"


def digest(arrays: dict[str, np.ndarray]) -> str:
    """Hash of the arrays themselves: the same for the same weights of whatever file."""
    found = hashlib.sha256()
    for name in inception_table.shapes():
        found.update(np.ascontiguousarray(arrays[name], "<f4"))
    return found.hexdigest()


def check(arrays: dict[str, np.ndarray], source: str | os.PathLike) -> None:
    """Raises ValueError, naming the source, unless these are weights of the network."""
    shapes = inception_table.shapes()
    lacking = [name for name in shapes if name not in arrays]
    if lacking:
        raise ValueError(
            f"{source} must hold the {len(shapes)} arrays of the FID Inception. "
            f"It lacks {len(lacking)} of them, {lacking[0]} among them."
        )
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape:
            raise ValueError(
                f"{source} must hold {name} of shape {shape}: it is another network. "
                f"Received: shape {array.shape}."
            )
        if not np.isfinite(array).all() or (name.endswith("variance") and array.min() < 0):
            raise ValueError(f"{source} is damaged: {name} has values that no weight can have.")


def write(weights: Weights, path: str | os.PathLike) -> None:
    """Writes the file at once or not at all; its folder is made if need be."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.npz")
    about = {"source_sha256": weights.sha256, "weights_sha256": digest(weights.arrays)}
    try:
        np.savez(draft, **weights.arrays, **{name: np.array(text) for name, text in about.items()})
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: str | os.PathLike | None = None) -> Weights:
    """The weights in a converted file.

    Args:
        path: None: what the cache has of the published weights.

    Raises:
        ValueError: if there is no such file, or it is another or damaged.
    """
    if path is None:
        return _cached()
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(
            f"`path` must be a file that `{CONVERT}` wrote. There is no file {path}. {HOW_TO_GET}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        sha256 = str(arrays.pop("source_sha256"))
        recorded = str(arrays.pop("weights_sha256"))
    # AttributeError: an .npy or no archive at all, which numpy opens as something else.
    except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError) as error:
        raise _unreadable(path) from error
    except zipfile.BadZipFile as error:
        raise _unreadable(path) from error
    check(arrays, path)
    if digest(arrays) != recorded:
        raise ValueError(
            f"{path} is damaged: its weights are not those that were written. Convert again: "
            f"{CONVERT} --overwrite."
        )
    return Weights(arrays, sha256)


def _cached():
    path = cache_path()
    if path.is_file():
        return read(path)
    others = sorted(path.parent.glob("inception-other@*.npz"))
    named = f" There is {others[0]}, of another file: name it if you mean it." if others else ""
    raise ValueError(f"There is no {path}, the FID Inception's weights.{named} {HOW_TO_GET}")


def _unreadable(path):
    return ValueError(
        f"`path` must be a file that `{CONVERT}` wrote, whole. Received: {path}, which is "
        "something else or damaged. Convert the .pth or .pb file, again if need be."
    )
