r"""Converts a trained generator to TFLite files for phones, browsers and small computers.

    python -m export.tflite --generator=RUN/generator.keras --output=FILES --check

Every file has one signature, "serving_default": latents, and labels if there are classes, in;
image out. There is no signature for seeds, as TFLite has no random numbers. Each file is run with
LiteRT on one thread and compared with the generator itself; FILES/report.json has the numbers.
"""

import json
import math
import os
import pathlib
import statistics
import sys
import tempfile
import time
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from export import inference, saved_model, signatures
from tfgan_zoo import sampling

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    Interpreter = None


class Kind(NamedTuple):
    """How the weights of a file are stored."""

    batch_size: int | None  # None for any
    optimizations: tuple[tf.lite.Optimize, ...]
    types: tuple[tf.DType, ...]
    min_psnr: float  # in dB; a file below it is broken


KINDS = {
    "float32": Kind(None, (), (), 90.0),
    "float16": Kind(None, (tf.lite.Optimize.DEFAULT,), (tf.float16,), 50.0),
    # int8 kernels of a dynamic batch would take 16 times longer than float32's, not half as long.
    "int8": Kind(1, (tf.lite.Optimize.DEFAULT,), (), 30.0),
}
IMAGES = 32  # that the command line compares


def convert(generator: keras.Model, kind: str) -> bytes:
    """Returns a TFLite file that needs no operations but TFLite's own.

    Args:
        generator: Any generator of the zoo; stays as it is.
        kind: "float32", "float16" (weights only) or "int8" (weights, and activations while it
            runs; one image per call). The first two take any number of images.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}. Received: kind={kind!r}.")
    batch_size, optimizations, types, _ = KINDS[kind]
    # Not folded: LiteRT's transposed convolution is slow.
    copy = inference.inference_copy(generator, folded=False)
    endpoint = signatures.images_of_latents(copy, batch_size)
    with tempfile.TemporaryDirectory() as folder:
        saved_model.write({"serving_default": endpoint}, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.target_spec.supported_types = list(types)
        converter.optimizations = list(optimizations)
        return converter.convert()


def compare(model: bytes, generator: keras.Model, count: int) -> dict[str, Any]:
    """Runs a TFLite file and its generator on the same inputs, one image at a time.

    Args:
        model: The file's content.
        generator: What it was converted from.
        count: How many images, of random latents and all labels in turn.

    Returns:
        "max_difference" and "psnr" (dB) of images in [-1, 1], a range of 2; "bytes"; and
        "milliseconds", the median for one image on one thread.
    """
    _require_runtime()
    inputs = {"latents": sampling.latents(count, signatures.latents_shape(generator), seed=0)}
    if classes := signatures.num_classes(generator):
        inputs["labels"] = np.arange(count, dtype=np.int32) % classes
    runner = Interpreter(model_content=model, num_threads=1).get_signature_runner()
    images, seconds = [], []
    for row in range(count):
        one = {name: values[row : row + 1] for name, values in inputs.items()}
        start = time.perf_counter()
        images.append(runner(**one)["image"])
        seconds.append(time.perf_counter() - start)
    difference = np.concatenate(images) - generator.predict_on_batch(inputs)
    return {
        "max_difference": float(np.abs(difference).max()),
        "psnr": _psnr(difference),
        "bytes": len(model),
        "milliseconds": 1000.0 * statistics.median(seconds),
    }


def _require_runtime():
    if Interpreter is None:
        raise ValueError(
            "Running TFLite files needs the package ai-edge-litert, which is not installed. "
            "Install it with: pip install 'tfgan_zoo[export]'."
        )


def _psnr(difference):
    """In dB, and of finite images always finite: JSON has no infinity."""
    return 10.0 * math.log10(2.0**2 / max(float(np.mean(difference**2)), 1e-30))


def run(
    generator: str,
    output: str,
    kinds: list[str],
    check: bool,
    min_psnr: float | None,
    resolution: int | None = None,
) -> None:
    """Converts the generator in a file, compares and reports; see the flags below."""
    folder = pathlib.Path(output)
    try:
        _require_runtime()
        model = inference.load_generator(generator, resolution)
    except ValueError as error:
        sys.exit(str(error))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        report = {kind: _export(model, folder, kind, min_psnr) for kind in kinds}
        _write(folder / "report.json", json.dumps(report, indent=2).encode())
    except OSError as error:
        sys.exit(f"--output must be a folder that can be written to. Received: {output}: {error}")
    print("file                          bytes  milliseconds  max difference  PSNR in dB  at least")
    for row in report.values():
        print(
            f"{row['file']:24} {row['bytes']:10,} {row['milliseconds']:13.2f} "
            f"{row['max_difference']:15.2g} {row['psnr']:11.1f} {row['min_psnr']:9.1f}"
        )
    # Not `<`: whatever is compared with NaN is no success.
    bad = [row["file"] for row in report.values() if not row["psnr"] >= row["min_psnr"]]
    if check and bad:
        sys.exit(f"Too far from the generator's images: {', '.join(bad)}.")


def _export(generator, folder, kind, min_psnr):
    """Writes the file of one kind and returns its row of the report."""
    name = f"generator_{kind}.tflite"
    content = convert(generator, kind)
    _write(folder / name, content)
    bound = KINDS[kind].min_psnr if min_psnr is None else min_psnr
    return {"file": name, **compare(content, generator, IMAGES), "min_psnr": bound}


def _write(path, content):
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    GENERATOR = flags.DEFINE_string(
        "generator", None, "The generator's .keras file.", required=True
    )
    OUTPUT = flags.DEFINE_string("output", None, "Folder of the files.", required=True)
    NAMES = flags.DEFINE_list("kinds", list(KINDS), f"Which files: {', '.join(KINDS)}.")
    CHECK = flags.DEFINE_bool("check", False, "Exit with 1 if a file is below its PSNR.")
    MIN_PSNR = flags.DEFINE_float(
        "min_psnr",
        None,
        "In dB, of images in [-1, 1]. By default "
        + ", ".join(f"{kind.min_psnr:g} for {name}" for name, kind in KINDS.items())
        + ".",
    )
    flags.register_validator(
        "kinds", lambda names: names and set(names) <= set(KINDS), f"must be of {', '.join(KINDS)}"
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "A lower resolution of a generator that grew.", lower_bound=1
    )
    SETTINGS = (GENERATOR, OUTPUT, NAMES, CHECK, MIN_PSNR, RESOLUTION)
    app.run(lambda _: run(*(flag.value for flag in SETTINGS)))
