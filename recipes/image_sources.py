"""Where scored images come from: data sets, generators and SavedModels, behind one interface."""

import dataclasses
import hashlib
import math
import pathlib
import types
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from PIL import Image

from export import inference
from recipes import scores
from tfgan_zoo import pictures, presets, sampling, standing
from tfgan_zoo.data import arrays, folders, sources
from tfgan_zoo.data.image_set import LazyImages
from tfgan_zoo.presets import reading

SPLITS = (*sources.SPLITS, "all")
BLOCK = 1024  # images held at once, where not all are
GRAMMAR = (
    ", ".join(loader.grammar for loader in sources.LOADERS.values())
    + "; a generator's .keras file; a preset; or the folder of a SavedModel"
)


@dataclasses.dataclass(frozen=True)
class Draws:
    """How generators draw.

    Args:
        count: Images.
        seed: Of the latents.
        truncation: Largest latent; None for none.
        prior: "normal" or "uniform"; None: as a preset says, else normal.
        standing_passes: Batches whose moments are averaged for batch norms; 0: those in the file.
    """

    count: int = 5000
    seed: int = 0
    truncation: float | None = None
    prior: str | None = None
    standing_passes: int = 0


@dataclasses.dataclass(frozen=True)
class Images:
    """Images to score.

    Args:
        name: As the user wrote it.
        images: uint8 [N, resolution, resolution, C], or LazyImages.
        labels: int32 [N], or None.
        class_names: Of the labels; None if they have no names.
        about: Fields of records that tell how the images came to be.
    """

    name: str
    images: np.ndarray | LazyImages
    labels: np.ndarray | None
    class_names: tuple[str, ...] | None
    about: dict

    @property
    def num_classes(self) -> int:
        return 1 + int(self.labels.max()) if self.class_names is None else len(self.class_names)


@dataclasses.dataclass(frozen=True)
class Source:
    """A source that exists, and what makes its images.

    Args:
        name: As the user wrote it.
        resolution: Of its images; None if it can have any.
        load: (resolution, number of classes of the other source) -> Images.
        generates: Whether images are generated: they cannot be resized.
        labelled: Whether they are of classes; data sets always are, perhaps of one.
    """

    name: str
    resolution: int | None
    load: Callable[[int, int], Images]
    generates: bool = False
    labelled: bool = True


def find(name: str, split: str, draws: Draws, count: int | None = None) -> Source:
    """Looks at a source, without making its images.

    Args:
        name: See GRAMMAR.
        split: Of a data set: "train", "held_out" or "all".
        draws: Of a generator.
        count: Images of a data set; None for all.

    Raises:
        ValueError: If there is no such source.
    """
    path = pathlib.Path(name)
    if name.partition(":")[0] in sources.LOADERS:
        return _data_set(name, split, count)
    if (path.suffix == ".keras" and path.is_file()) or _is_preset(name):
        return _generator(name, draws)
    if path.is_dir():
        return _saved_model(path, draws)
    hint = f" Write npz:{name}." if path.suffix == ".npz" else ""
    lacking = " There is no such file." if path.suffix == ".keras" else ""
    raise ValueError(f"Images come from one of: {GRAMMAR}. Received: {name}.{lacking}{hint}")


def _is_preset(name):
    return name in presets.names() or "://" in name or (pathlib.Path(name) / "gan.json").is_file()


def digest(images: np.ndarray | LazyImages) -> str:
    """sha256 of the pixels in their order, and of their shape."""
    found = hashlib.sha256(repr(tuple(images.shape)).encode())
    for start in range(0, len(images), BLOCK):
        found.update(np.ascontiguousarray(images[start : start + BLOCK]))
    return found.hexdigest()


def _data_set(name, split, count):
    def load(resolution, _):
        parts = [_part(name, resolution, part) for part in _splits(split)]
        parts = [part for part in parts if part is not None]
        if count is not None:
            parts = [sources.subset(_joined(parts), count)]
        whole = _joined(parts)
        about = {"source": f"{name}, {split} split", "source_resize": whole.resize}
        return Images(name, whole.images, whole.labels, whole.class_names, about)

    return Source(name, _stored_resolution(name), load)


def _splits(split):
    return sources.SPLITS if split == "all" else (split,)


def _part(name, resolution, split):
    with scores.progress(0, "image") as bar:

        def show(done, total):
            bar.total = total
            bar.update(done - bar.n)

        try:
            return sources.load(name, resolution, split=split, progress=show)
        except ValueError as error:
            if split == "held_out" and "nothing is held out" in str(error):
                return None  # as classes of one image have it; the other split then has all
            raise


def _joined(parts):
    if len(parts) == 1:
        return parts[0]
    first, second = (part.images for part in parts)
    size = len(first)

    def compute(rows):
        found = np.empty((len(rows), *first.shape[1:]), np.uint8)
        late = rows >= size
        found[~late], found[late] = first[rows[~late]], second[rows[late] - size]
        return found

    images = LazyImages((size + len(second), *first.shape[1:]), compute)
    labels = np.concatenate([part.labels for part in parts])
    files = parts[0].files and parts[0].files + parts[1].files
    return dataclasses.replace(parts[0], images=images, labels=labels, split="all", files=files)


def _stored_resolution(name):
    """The side of all images, if they are square and equal; None if it is free or not known.

    Raises:
        ValueError: If there is nothing by that name.
    """
    prefix, _, argument = name.partition(":")
    path = pathlib.Path(argument).expanduser()
    if prefix == "npz":
        shapes = {tuple(arrays.read(path)[0].shape[1:3])}
    elif prefix == "folder":
        shapes = {_size(file) for file in folders.scan(path)[1]}
    else:
        return None
    sides = {side for shape in shapes for side in shape}
    return sides.pop() if len(sides) == 1 else None


def _size(file):
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return (0, 0)  # loading it says what is wrong


def _about(draws, **more):
    about = {"seed": draws.seed, "truncation": draws.truncation}
    return {**about, "source_resize": "none: generated", **more}


def _generator(name, draws):
    generator = inference.load_generator(name)
    # Runs save the average of the weights where they keep one, see trainer.py.
    origin = {"weights": "as saved"}
    if preset := getattr(generator, "preset", None):
        origin = {"weights": preset.weights, "step": preset.step}
    path = (reading.find(name) / reading.WEIGHTS) if preset else pathlib.Path(name)
    origin["source_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    resolution = generator.output_shape[1]

    def load(_, __):
        network, moments = _settled(generator, draws)
        inputs = sampling.inputs(network, draws.count, draws.seed, draws.truncation, draws.prior)
        images = _drawn(draws.count, lambda rows: _rows_of(network, inputs, rows))
        about = _about(draws, source=name, batch_norm=moments, **origin)
        return Images(name, images, inputs.get("labels"), None, about)

    labelled = len(generator.inputs) > 1
    return Source(name, resolution, load, generates=True, labelled=labelled)


def _settled(generator, draws):
    """The generator with the batch-norm moments that are asked for, and what they are called."""
    if draws.standing_passes:
        network = standing.measure(
            generator,
            passes=draws.standing_passes,
            seed=draws.seed + 1,
            draw=lambda count, seed: sampling.inputs(
                generator, count, seed, draws.truncation, draws.prior
            ),
        )
        return network, f"standing, {draws.standing_passes} passes"
    if draws.truncation is not None and getattr(generator.spec, "standing", None):
        standing.select(generator, draws.truncation)
        return generator, f"standing, kept for truncation {draws.truncation}"
    return generator, "as saved"


def _rows_of(network, inputs, rows):
    return sampling.generate(
        network, {key: x[rows] for key, x in inputs.items()}, scores.BATCH_SIZE
    )


def _drawn(count, draw):
    """Images of rows 0 to count, with a bar."""
    found = []
    with scores.progress(count, "image") as bar:
        for start in range(0, count, BLOCK):
            found.append(draw(slice(start, min(start + BLOCK, count))))
            bar.update(len(found[-1]))
    return np.concatenate(found)


def _saved_model(folder, draws):
    path = _version(folder)
    try:
        model = tf.saved_model.load(str(path))
        signature = model.signatures["serving_default"]
        given = dict(signature.structured_input_signature[1])
        latents, size = given.pop("latents"), signature.structured_outputs["image"].shape
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            "A SavedModel must have a signature serving_default of latents, perhaps labels, and "
            f"image, as export/saved_model.py writes it. Received: {path}: {error!r}."
        ) from error
    if draws.standing_passes or given.keys() - {"labels"} or None in size[1:]:
        raise ValueError(
            f"{path} has its batch-norm moments for good, takes latents and labels only, and has "
            f"images of one size. Received: standing_passes={draws.standing_passes}, inputs "
            f"{sorted(given)}, images {size}."
        )

    def load(_, num_classes):
        if "labels" in given and num_classes < 2:
            raise ValueError(
                f"{path} takes labels of the classes of --real, and there are none. Give --real "
                "images of these classes."
            )
        tensors = [types.SimpleNamespace(name="latents", shape=tuple(latents.shape))]
        tensors += [types.SimpleNamespace(name=name, shape=(None,)) for name in given]
        described = types.SimpleNamespace(
            inputs=tensors, spec=types.SimpleNamespace(num_classes=num_classes)
        )
        inputs = sampling.inputs(described, draws.count, draws.seed, draws.truncation, draws.prior)

        def draw(rows):
            parts = range(rows.start, rows.stop, scores.BATCH_SIZE)
            slices = [slice(at, min(at + scores.BATCH_SIZE, rows.stop)) for at in parts]
            outputs = [
                signature(**{key: tf.constant(x[part]) for key, x in inputs.items()})["image"]
                for part in slices
            ]
            return pictures.to_uint8(np.concatenate([x.numpy() for x in outputs]))

        about = _about(draws, source=str(path), weights="as saved", batch_norm="as saved")
        images = _drawn(draws.count, draw)
        return Images(str(folder), images, inputs.get("labels"), None, about)

    return Source(str(folder), size[1], load, generates=True, labelled="labels" in given)


def _version(folder):
    """The folder itself if it is a SavedModel, or its newest version that is one."""
    versions = [path for path in folder.iterdir() if path.name.isdecimal()]
    for path in [folder, *sorted(versions, key=lambda path: -int(path.name))]:
        if (path / "saved_model.pb").is_file():
            return path
    raise ValueError(
        f"{folder} is a folder, but not of a SavedModel: it has no saved_model.pb. For pictures "
        f"write folder:{folder}."
    )


def shared_resolution(
    real: Source, fake: Source, asked: int | None, backbone_resolution: int | None
) -> int:
    """The size at which both are scored.

    Raises:
        ValueError: If they differ and nobody said what to do, or none is known.
    """
    known = {source.name: source.resolution for source in (real, fake) if source.resolution}
    for source in (real, fake):
        if source.generates and asked not in (None, source.resolution):
            raise ValueError(
                f"{source.name} makes images of {source.resolution} px, which are not resized. "
                f"Received: --resolution={asked}. Leave it out, or write --resolution="
                f"{source.resolution}."
            )
    if asked:
        return asked
    if len(set(known.values())) > 1:
        sizes = ", ".join(f"{name}: {side} px" for name, side in known.items())
        raise ValueError(
            f"The images differ in size: {sizes}. Say with --resolution to which both are brought."
        )
    found = next(iter(known.values()), backbone_resolution)
    if found is None:
        raise ValueError(
            f"Neither {real.name} nor {fake.name} has images of one square size: say with "
            "--resolution to which both are brought."
        )
    return found


def in_equal_channels(first: Images, second: Images) -> tuple[Images, Images]:
    """Repeats gray images to three channels if the others are in colour."""
    depth = max(first.images.shape[3], second.images.shape[3])
    return tuple(
        part if part.images.shape[3] == depth else _in_colour(part, depth)
        for part in (first, second)
    )


def _in_colour(part, depth):
    shape = (*part.images.shape[:3], depth)
    images = LazyImages(shape, lambda rows: np.repeat(part.images[rows], depth, axis=3))
    about = {**part.about, "source_channels": f"1 repeated to {depth}"}
    return dataclasses.replace(part, images=images, about=about)


def require_finite(name: str, value: float | None) -> None:
    """Raises ValueError unless a flag is positive and finite, or not given."""
    if value is not None and not 0 < value < math.inf:
        raise ValueError(f"--{name} must be positive; leave it out for none. Received: {value}.")
