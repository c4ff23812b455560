r"""Writes a trained generator as a SavedModel that TensorFlow Serving and others can run.

    python -m export.saved_model --generator=RUN/generator.keras --output=SERVED

SERVED/1/ has two signatures, see signatures.py: "serving_default" makes images of latents, and
"sample" makes PNG files of seeds. Generators that draw in steps have a third, "canvases". The next
export goes to SERVED/2/, which a running server then takes over; nothing is ever overwritten.
"""

import os
import pathlib
import sys
import tempfile

import keras
import tensorflow as tf
from absl import app, flags
from tensorflow.core.protobuf import saved_model_pb2

from export import inference, signatures


def save(
    generator: keras.Model,
    folder: str | os.PathLike,
    version: int | None = None,
    default_truncation: float | None = None,
) -> pathlib.Path:
    """Writes `folder`/`version`/, whole or not at all, and returns its path.

    Args:
        generator: Any generator of the zoo; stays as it is.
        folder: Is created if it does not exist.
        version: At least 1; None is one more than the largest that exists.
        default_truncation: Of signature "sample"; None is none.

    Raises:
        ValueError: If the version exists or cannot be one.
        OSError: If `folder` cannot be written to.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / str(_next_version(folder) if version is None else version)
    if not path.name.isdecimal() or int(path.name) < 1 or path.exists():
        raise ValueError(
            "`version` must be an integer of at least 1 that does not exist. "
            f"Received: version={version}, existing: {_versions(folder)}. Leave it out."
        )
    # Servers look at folders whose names are numbers only: an unfinished one is not seen.
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
        copy = inference.inference_copy(generator, folded=True)
        written = pathlib.Path(unfinished, path.name)
        write(signatures.endpoints(copy, default_truncation), written)
        os.rename(written, path)
    return path


def write(endpoints: dict[str, signatures.Endpoint], path: str | os.PathLike) -> None:
    """Writes a SavedModel with these signatures."""
    archive = keras.export.ExportArchive()
    # Without `track`: Keras 3.15 would write all weights twice (keras-team/keras, issue 23553).
    for name, endpoint in endpoints.items():
        archive.add_endpoint(name, endpoint.function, input_signature=endpoint.signature)
    archive.write_out(str(path), verbose=False)


def _versions(folder):
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def _next_version(folder):
    return max(_versions(folder), default=0) + 1


def describe(path: str | os.PathLike) -> list[str]:
    """Returns a line for each signature of a SavedModel: its inputs, defaults and outputs."""
    content = pathlib.Path(path, "saved_model.pb").read_bytes()
    rows = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def
    return [
        f"{name}: {_tensors(row.inputs, row.defaults)} -> {_tensors(row.outputs)}"
        for name, row in sorted(rows.items())
        if not name.startswith("__")
    ]


def _tensors(infos, defaults=()):
    return ", ".join(
        f"{name} {tf.as_dtype(info.dtype).name} {tf.TensorShape(info.tensor_shape)}"
        + (f" = {tf.make_ndarray(defaults[name]).tolist()}" if name in defaults else "")
        for name, info in sorted(infos.items())
    )


def run(
    generator: str, output: str, truncation: float | None, resolution: int | None = None
) -> None:
    """Writes one version of the generator in a file, and prints how to use it."""
    try:
        model = inference.load_generator(generator, resolution)
    except ValueError as error:
        sys.exit(str(error))
    try:
        path = save(model, output, default_truncation=truncation)
    except OSError as error:
        sys.exit(f"--output must be a folder that can be written to. Received: {output}: {error}")
    labels = "labels=[0];" if signatures.num_classes(model) else ""
    print(f"Wrote {path}, {_size(path):,} bytes:", *describe(path), sep="\n  ")
    print(
        "Try it:\n"
        f"  saved_model_cli run --dir {path} --tag_set serve --signature_def sample "
        f"--input_exprs '{labels}seed=[1]'\n"
        "Serve it:\n"
        f"  docker run --rm -p 8501:8501 -v {path.parent.resolve()}:/models/generator "
        "-e MODEL_NAME=generator tensorflow/serving"
    )


def _size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    GENERATOR = flags.DEFINE_string(
        "generator", None, "The generator's .keras file.", required=True
    )
    OUTPUT = flags.DEFINE_string("output", None, "Folder of all versions.", required=True)
    TRUNCATION = flags.DEFINE_float(
        "truncation", None, "Threshold of `sample` where a request has none; by default none."
    )
    flags.register_validator(
        "truncation", lambda value: value is None or value > 0, "must be positive"
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "A lower resolution of a generator that grew.", lower_bound=1
    )
    app.run(lambda _: run(GENERATOR.value, OUTPUT.value, TRUNCATION.value, RESOLUTION.value))
