"""Generators that only serve: read from a file, and copied with all work done beforehand."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import keras

import tfgan_zoo  # noqa: F401  Keras then knows the classes of the networks in files.
from tfgan_zoo import presets

UNREADABLE = (ValueError, TypeError, KeyError, OSError)  # what Keras raises for broken files


def load_generator(path: str, resolution: int | None = None) -> keras.Model:
    """Returns the generator saved at `path`, a `.keras` file, or a preset.

    Args:
        path: Of the file; or what `tfgan_zoo.from_preset` takes: a name, a folder, an address.
        resolution: Of the images, for networks that grew, which have lower ones too; None for the
            network as it is.

    Raises:
        ValueError: If there is no such file, or something else is in it.
    """
    model = _of_file(path) if pathlib.Path(path).is_file() else _of_preset(path)
    require_generator(model)
    return model if resolution is None else _at(model, resolution)


def _of_file(path):
    try:
        return keras.models.load_model(path, compile=False)
    except UNREADABLE as error:
        raise ValueError(
            "`generator` must be a .keras file of a generator that this version of tfgan_zoo "
            f"knows. Received: {path}, which Keras cannot read: {error}"
        ) from error


def _of_preset(name):
    try:
        return presets.from_preset(name)
    except ValueError as error:
        raise ValueError(
            f"`generator` must be a .keras file that exists. Received: {name}. "
            f"Nor is it a preset: {error}"
        ) from error


def _at(generator, resolution):
    """The network of a lower resolution."""
    if not hasattr(generator, "at"):
        raise ValueError(
            "`resolution` is of generators that grew, as those of the family pggan. "
            f"Received: resolution={resolution} for a {type(generator).__name__}. Leave it out."
        )
    if resolution > generator.spec.resolution:
        raise ValueError(
            f"`resolution` must be at most {generator.spec.resolution}, to which the generator "
            f"grew. Received: resolution={resolution}."
        )
    return generator.at(resolution)


def require_generator(model: keras.Model) -> None:
    """Raises ValueError unless "latents", and perhaps "labels", go in and images come out."""
    names = sorted(tensor.name for tensor in model.inputs)
    if names not in (["latents"], ["labels", "latents"]):
        raise ValueError(
            '`generator` must have the input "latents", perhaps "labels", and no other. '
            f"Received: a model named {model.name} with the inputs {names}. "
            "Runs save it as generator.keras."
        )


def inference_copy(generator: keras.Model, folded: bool) -> keras.Model:
    """Returns a float32 copy that computes the same images with less work per call.

    Spectral normalisation is divided out of the kernels for good, so the copy cannot be trained.

    Args:
        generator: Stays as it is.
        folded: Whether convolutions that stand beside an upsampling become transposed ones, which
            is faster in TensorFlow and 3.5 times slower in LiteRT.
    """
    config = {**generator.get_config(), "dtype": "float32"}
    with _float32():
        copy = type(generator).from_config(config)
    copy.set_weights(generator.get_weights())
    # Keras has no public way to layers within layers, such as those of SelfAttention2D.
    for layer in copy._flatten_layers():
        if hasattr(layer, "fold"):
            layer.fold()
        if hasattr(layer, "folded"):
            layer.folded = folded
    return copy


def require_new(*paths: pathlib.Path) -> None:
    """Raises ValueError if there is a file of one of these names."""
    for path in paths:
        if os.path.lexists(path):
            raise ValueError(
                f"--output must not hold what is to be written. Received: {path}, which exists. "
                "Remove it, or name another output."
            )


def write(path: pathlib.Path, content: bytes) -> None:
    """Writes a file that is never seen unfinished."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _float32() -> Iterator[None]:
    """Layers created within compute in float32, whatever the program's policy."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
