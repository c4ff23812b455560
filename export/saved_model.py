r"""Writes a trained generator as a SavedModel that TensorFlow Serving and others can run.

    python -m export.saved_model --generator=RUN/generator.keras --output=SERVED

SERVED/1/ has three signatures, see signatures.py: "serving_default" makes images of latents,
"sample" makes PNG files of seeds, and "interpolate" makes them on the way between two latents.
Generators that draw in steps have a fourth, "canvases". The next export goes to SERVED/2/, which a
running server then takes over; nothing is ever overwritten. docs/serving.md says how to serve it.
"""

import math
import os
import pathlib
import shlex
import sys
import tempfile

import keras
import tensorflow as tf
from absl import app, flags

from export import inference, serving_config, signatures, warmup
from tfgan_zoo import sampling, standing

STATISTICS = ("saved", "measured")


def save(
    generator: keras.Model,
    folder: str | os.PathLike,
    version: int | None = None,
    default_truncation: float | None = None,
    statistics: str = "saved",
    prior: str | None = None,
    warm: bool = False,
) -> pathlib.Path:
    """Writes `folder`/`version`/, whole or not at all, and returns its path.

    Args:
        generator: Any generator of the zoo; stays as it is.
        folder: Is created if it does not exist.
        version: At least 1; None is one more than the largest that exists.
        default_truncation: Of signature "sample"; None is none.
        statistics: Of batch normalisation, for good: "saved", those the generator came with, of
            which those for `default_truncation` are selected if it keeps several; or "measured",
            standing statistics at `default_truncation`, see `tfgan_zoo.standing`.
        prior: Of the latents of "sample": "normal", or "uniform" in (-1, 1). Default: as the
            generator's preset says, else normal.
        warm: Whether to add requests that a server warms up with.

    Raises:
        ValueError: If an argument is wrong: the version exists, no statistics are kept for this
            truncation, or a package is missing.
        OSError: If `folder` cannot be written to.
    """
    if warm:
        warmup.require_api()
    prior = prior or getattr(getattr(generator, "preset", None), "prior", "normal")
    copy = _settled(generator, default_truncation, statistics, prior)
    found = signatures.endpoints(copy, default_truncation, prior)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / str(_next_version(folder) if version is None else version)
    if not path.name.isdecimal() or int(path.name) < 1 or path.exists():
        raise ValueError(
            "`version` must be an integer of at least 1 that does not exist. "
            f"Received: version={version}, existing: {serving_config.existing_versions(folder)}. "
            "Leave it out."
        )
    # Servers look at folders whose names are numbers only: an unfinished one is not seen.
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
        written = pathlib.Path(unfinished, path.name)
        write(found, written)
        (written / serving_config.BATCHING).write_text(serving_config.batching_parameters())
        if warm:
            warmup.write(written)
        os.rename(written, path)
    return path


def _settled(generator, truncation, statistics, prior):
    """An inference copy whose batch-norm moments are those that will be served."""
    if statistics not in STATISTICS:
        raise ValueError(
            f"`statistics` must be one of {', '.join(STATISTICS)}. Received: {statistics!r}."
        )
    if statistics == "measured":
        generator = _measured(generator, truncation, prior)
    copy = inference.inference_copy(generator, folded=True)
    if statistics == "saved" and truncation is not None and generator.spec.standing:
        standing.select(copy, truncation)
    return copy


def _measured(generator, truncation, prior):
    if prior == "normal":
        return standing.measure(generator, truncation)

    def draw(count, seed):
        return sampling.inputs(generator, count, seed, truncation, prior)

    return standing.measure(generator, draw=draw)


def write(endpoints: dict[str, signatures.Endpoint], path: str | os.PathLike) -> None:
    """Writes a SavedModel with these signatures."""
    archive = keras.export.ExportArchive()
    # Without `track`: Keras 3.15 would write all weights twice (keras-team/keras, issue 23553).
    for name, endpoint in endpoints.items():
        archive.add_endpoint(name, endpoint.function, input_signature=endpoint.signature)
    archive.write_out(str(path), verbose=False)


def _next_version(folder):
    return max(serving_config.existing_versions(folder), default=0) + 1


def describe(path: str | os.PathLike) -> list[str]:
    """Returns a line for each signature of a SavedModel: its inputs, defaults and outputs."""
    return [
        f"{name}: {_tensors(row.inputs, row.defaults)} -> {_tensors(row.outputs)}"
        for name, row in warmup.signature_defs(path).items()
    ]


def _tensors(infos, defaults=()):
    return ", ".join(
        f"{name} {tf.as_dtype(info.dtype).name} {tf.TensorShape(info.tensor_shape)}"
        + (f" = {tf.make_ndarray(defaults[name]).tolist()}" if name in defaults else "")
        for name, info in sorted(infos.items())
    )


def run(
    generator: str,
    output: str,
    truncation: float | None,
    resolution: int | None = None,
    statistics: str = "saved",
    prior: str | None = None,
    warm: bool = False,
) -> None:
    """Writes one version of the generator in a file, and prints how to use it."""
    try:
        model = inference.load_generator(generator, resolution)
        path = save(model, output, None, truncation, statistics, prior, warm)
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"--output must be a folder that can be written to. Received: {output}: {error}")
    labels = "labels=[0];" if signatures.num_classes(model) else ""
    folder = shlex.quote(str(path))
    volume = shlex.quote(f"{path.parent.resolve()}:/models/generator")
    print(f"Wrote {path}, {_size(path):,} bytes:", *describe(path), sep="\n  ")
    print(
        "Try it:\n"
        f"  saved_model_cli run --dir {folder} --tag_set serve --signature_def sample "
        f"--input_exprs '{labels}seed=[1]'\n"
        "Serve it:\n"
        f"  docker run --rm -p 8500:8500 -p 8501:8501 -v {volume} "
        "-e MODEL_NAME=generator tensorflow/serving\n"
        "Ask it:\n"
        "  python -m export.client sample --model=generator --output=samples.png"
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
        "truncation",
        lambda value: value is None or 0 < value < math.inf,
        "must be positive; leave it out for none",
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "A lower resolution of a generator that grew.", lower_bound=1
    )
    STANDING = flags.DEFINE_enum(
        "standing",
        "saved",
        STATISTICS,
        "Batch-norm moments: those in the file (for --truncation, if it keeps several), or "
        "measured now at --truncation.",
    )
    PRIOR = flags.DEFINE_enum(
        "latents", None, signatures.PRIORS, "What `sample` draws; by default as a preset says."
    )
    WARMUP = flags.DEFINE_bool("warmup", False, "Add requests that a server warms up with.")
    SETTINGS = (GENERATOR, OUTPUT, TRUNCATION, RESOLUTION, STANDING, PRIOR, WARMUP)
    app.run(lambda _: run(*(flag.value for flag in SETTINGS)))
