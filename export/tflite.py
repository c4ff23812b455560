r"""Converts a trained generator to TFLite files for phones, browsers and small computers.

    python -m export.tflite --generator=RUN/generator.keras --output=FILES --check

Every file has one signature, "serving_default": latents, and labels if there are classes, in;
image out. There is no signature for seeds, as TFLite has no random numbers. Each file is run with
LiteRT and compared with the generator itself: FILES/report.json, report.md and report.png have the
numbers and samples. docs/lite.md tells which file to take and how to run it.
"""

import contextlib
import functools
import math
import pathlib
import statistics
import sys
import tempfile
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from export import inference, lite_metadata, lite_report, saved_model, signatures
from export.quantization import ALL_KINDS, KINDS, representative
from tfgan_zoo import sampling

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    Interpreter = None

IMAGES = 32  # that the command line compares
SAMPLES = 8  # that it draws


def convert(generator: keras.Model, kind: str, prior: str | None = None) -> bytes:
    """Returns a TFLite file that needs no operations but TFLite's own, and describes itself.

    Args:
        generator: Any generator of the zoo; stays as it is.
        kind: "float32", "float16" (weights only), "int8" (weights, and activations while it runs)
            or "int8_full" (both, with scales measured on 100 images). The first two take any
            number of images, the others one per call. Inputs and images stay float32. "int8_full"
            is not for every generator: compare.
        prior: Of the latents: "normal" or "uniform". Default: its preset's, else "normal".

    Raises:
        ValueError: For kinds that do not exist, or that the converter cannot make.
    """
    if kind not in ALL_KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(ALL_KINDS)}. Received: kind={kind!r}.")
    row = ALL_KINDS[kind]
    # Not folded: LiteRT's transposed convolution is slow.
    copy = inference.inference_copy(generator, folded=False)
    endpoint = signatures.images_of_latents(copy, row.batch_size, _refusing(copy))
    with tempfile.TemporaryDirectory() as folder:
        saved_model.write({"serving_default": endpoint}, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.target_spec.supported_types = list(row.types)
        converter.optimizations = list(row.optimizations)
        if row.calibrated:
            converter.representative_dataset = representative(generator, prior=prior)
        with _explained(kind):
            content = converter.convert()
        return lite_metadata.attach(content, lite_metadata.describe(generator, kind, prior))


@contextlib.contextmanager
def _explained(kind):
    """Turns failures of LiteRT, which happen with calibrated kinds only, into errors of ours."""
    try:
        yield
    except RuntimeError as error:
        if not ALL_KINDS[kind].calibrated:
            raise
        raise ValueError(
            f"`kind` must be another than {kind!r} for this generator: LiteRT fails on its "
            f"operations in int8. {str(error).strip()} Take 'int8'."
        ) from error


def _refusing(generator):
    """The generator, after a look-up that fails for labels which do not exist.

    TFLite drops assertions, and layers would read -1 as the last class.
    """
    count = signatures.num_classes(generator)

    def network(inputs):
        if count:
            inputs = {**inputs, "labels": tf.gather(tf.range(count), inputs["labels"])}
        return generator(inputs, training=False)

    return network


def run_file(
    model: bytes, inputs: dict[str, np.ndarray], threads: int = 1
) -> tuple[np.ndarray, float]:
    """Returns a TFLite file's images of these inputs, and milliseconds: the median of one's."""
    _require_runtime()
    runner = Interpreter(model_content=model, num_threads=threads).get_signature_runner()
    images, seconds = [], []
    for row in range(len(inputs["latents"])):
        one = {name: values[row : row + 1] for name, values in inputs.items()}
        start = time.perf_counter()
        images.append(runner(**one)["image"])
        seconds.append(time.perf_counter() - start)
    return np.concatenate(images), 1000.0 * statistics.median(seconds)


def compare(
    model: bytes, generator: keras.Model, count: int, prior: str | None = None
) -> dict[str, Any]:
    """Runs a TFLite file and its generator on the same inputs, one image at a time.

    Args:
        model: The file's content.
        generator: What it was converted from.
        count: How many images, of random latents and all labels in turn.
        prior: Of the latents; see `convert`.

    Returns:
        "max_difference" and "psnr" (dB) of images in [-1, 1], a range of 2; "bytes"; and
        "milliseconds" and "milliseconds_2_threads", the medians for one image.
    """
    inputs = sampling.inputs(generator, count, seed=0, prior=prior)
    images, one_thread = run_file(model, inputs)
    _, two_threads = run_file(model, inputs, threads=2)
    difference = images - generator.predict_on_batch(inputs)
    return {
        "max_difference": float(np.abs(difference).max()),
        "psnr": _psnr(difference),
        "bytes": len(model),
        "milliseconds": one_thread,
        "milliseconds_2_threads": two_threads,
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
    prior: str | None = None,
    count: int = IMAGES,
) -> None:
    """Converts the generator in a file, compares and reports; see the flags below."""
    folder = pathlib.Path(output)
    try:
        _require_runtime()
        inference.require_new(*(folder / name for name in (*map(_file, kinds), *lite_report.FILES)))
        model = inference.load_generator(generator, resolution)
    except ValueError as error:
        sys.exit(str(error))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        export = functools.partial(_export, model, folder, prior=prior, count=count)
        report = {kind: export(kind, min_psnr=min_psnr) for kind in kinds}
        samples = _samples(model, folder, report, prior)
        for name, content in lite_report.files(report, samples).items():
            inference.write(folder / name, content)
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"--output must be a folder that can be written to. Received: {output}: {error}")
    print(lite_report.table(report))
    # Not `<`: whatever is compared with NaN is no success.
    bad = [row["file"] for row in report.values() if not row["psnr"] >= row["min_psnr"]]
    if check and bad:
        sys.exit(f"Too far from the generator's images: {', '.join(bad)}.")


def _file(kind):
    return f"generator_{kind}.tflite"


def _export(generator, folder, kind, min_psnr, prior, count):
    """Writes the file of one kind and returns its row of the report."""
    name = _file(kind)
    content = convert(generator, kind, prior)
    with _explained(kind):
        result = compare(content, generator, count, prior)
    inference.write(folder / name, content)
    bound = ALL_KINDS[kind].min_psnr if min_psnr is None else min_psnr
    return {"file": name, **result, "min_psnr": bound}


def _samples(generator, folder, report, prior):
    """{"Keras" or a kind: images of the same inputs}."""
    inputs = sampling.inputs(generator, SAMPLES, seed=0, prior=prior)
    found = {"Keras": generator.predict_on_batch(inputs)}
    for kind, row in report.items():
        found[kind], _ = run_file((folder / row["file"]).read_bytes(), inputs)
    return found


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    GENERATOR = flags.DEFINE_string(
        "generator", None, "The generator's .keras file, or a preset.", required=True
    )
    OUTPUT = flags.DEFINE_string("output", None, "Folder of the files.", required=True)
    NAMES = flags.DEFINE_list("kinds", list(KINDS), f"Which files: {', '.join(ALL_KINDS)}.")
    CHECK = flags.DEFINE_bool("check", False, "Exit with 1 if a file is below its PSNR.")
    MIN_PSNR = flags.DEFINE_float(
        "min_psnr",
        None,
        "In dB, of images in [-1, 1]. By default "
        + ", ".join(f"{kind.min_psnr:g} for {name}" for name, kind in ALL_KINDS.items())
        + ".",
    )
    flags.register_validator(
        "kinds",
        lambda names: names and set(names) <= set(ALL_KINDS),
        f"must be of {', '.join(ALL_KINDS)}",
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "A lower resolution of a generator that grew.", lower_bound=1
    )
    PRIOR = flags.DEFINE_enum(
        "latents", None, signatures.PRIORS, "Their distribution; by default as a preset says."
    )
    COUNT = flags.DEFINE_integer("count", IMAGES, "Images to compare.", lower_bound=1)
    SETTINGS = (GENERATOR, OUTPUT, NAMES, CHECK, MIN_PSNR, RESOLUTION, PRIOR, COUNT)
    app.run(lambda _: run(*(flag.value for flag in SETTINGS)))
