r"""Converts a trained generator to an ONNX file, for any number of images.

    python -m export.onnx --generator=RUN/generator.keras --output=generator.onnx

Inputs are "latents" and, if there are classes, "labels"; the output is "images" in [-1, 1]. The
file is run by ONNX Runtime and compared with the generator; if they differ, nothing is written.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
from typing import Any

import keras
import numpy as np
from absl import app, flags
from keras import ops

from export import inference, lite_metadata, signatures
from tfgan_zoo import sampling

try:
    import onnx
    import onnxruntime
    import tf2onnx  # noqa: F401  Keras calls it
except ImportError:
    onnx = None

MAX_DIFFERENCE = 1e-4  # of images in [-1, 1]; a file above it is broken
IMAGES = 32  # that the command line compares


class KnownLabels(keras.layers.Layer):
    """Hands labels [N] on; of those that do not exist, ONNX Runtime's look-up makes an error.

    Without it, -1 would be the last class.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels):
        table = ops.arange(self.num_classes, dtype="int32")
        return ops.take(table, ops.where(labels < 0, self.num_classes, labels))


def convert(generator: keras.Model, prior: str | None = None) -> bytes:
    """Returns an ONNX file of standard operations, with the metadata of TFLite files.

    Args:
        generator: Any generator of the zoo; stays as it is.
        prior: Of the latents: "normal" or "uniform". Default: its preset's, else "normal".
    """
    _require_packages()
    inference.require_generator(generator)
    model = _named(inference.inference_copy(generator, folded=True))
    signature = {
        name: keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in model.input.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "generator.onnx")
        model.export(path, format="onnx", input_signature=[signature], verbose=False)
        written = onnx.load(path)
    for value in (*written.graph.input, *written.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    about = lite_metadata.describe(generator, "float32", prior)
    about["outputs"] = {"images": about["outputs"]["image"]}
    onnx.helper.set_model_props(written, {lite_metadata.NAME: json.dumps(about)})
    onnx.checker.check_model(written)
    return written.SerializeToString()


def _named(generator):
    """The generator with an output called "images", and a look-up for its labels."""
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in generator.inputs
    }
    known = dict(inputs)
    if count := signatures.num_classes(generator):
        known["labels"] = KnownLabels(count)(inputs["labels"])
    return keras.Model(inputs, {"images": generator(known)})


def compare(
    model: bytes, generator: keras.Model, count: int, prior: str | None = None
) -> dict[str, Any]:
    """Runs an ONNX file on the CPU and its generator on the same inputs.

    Args:
        model: The file's content.
        generator: What it was converted from.
        count: How many images: all at once, and one by one.
        prior: Of the latents; see `convert`.

    Returns:
        "max_difference" of images in [-1, 1], "bytes", and "milliseconds" for one image on one
        thread, the median.
    """
    _require_packages()
    inputs = sampling.inputs(generator, count, seed=0, prior=prior)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    together, seconds, images = session.run(["images"], inputs)[0], [], []
    for row in range(count):
        one = {name: values[row : row + 1] for name, values in inputs.items()}
        start = time.perf_counter()
        images.append(session.run(["images"], one)[0])
        seconds.append(time.perf_counter() - start)
    expected = generator.predict_on_batch(inputs)
    both = np.stack([together, np.concatenate(images)])
    return {
        "max_difference": float(np.abs(both - expected).max()),
        "bytes": len(model),
        "milliseconds": 1000.0 * statistics.median(seconds),
    }


def _require_packages():
    if onnx is None:
        raise ValueError(
            "ONNX files need the packages onnx, tf2onnx and onnxruntime, which are not all "
            "installed. Install them with: pip install 'tfgan_zoo[onnx]'."
        )


def run(
    generator: str,
    output: str,
    max_difference: float = MAX_DIFFERENCE,
    resolution: int | None = None,
    prior: str | None = None,
    count: int = IMAGES,
) -> None:
    """Converts the generator in a file, compares, and writes the result; see the flags below."""
    path = pathlib.Path(output)
    try:
        _require_packages()
        if path.suffix != ".onnx":
            raise ValueError(f"--output must be a file named *.onnx. Received: {output}.")
        inference.require_new(path)
        model = inference.load_generator(generator, resolution)
    except ValueError as error:
        sys.exit(str(error))
    content = convert(model, prior)
    report = compare(content, model, count, prior)
    # Not `>`: whatever is compared with NaN is no success.
    if not report["max_difference"] <= max_difference:
        sys.exit(
            f"Too far from the generator's images: {report['max_difference']:.2g}, and at most "
            f"{max_difference:g} is allowed. Nothing was written."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        inference.write(path, content)
    except OSError as error:
        sys.exit(f"--output must be a file that can be written. Received: {output}: {error}")
    print(
        f"Wrote {path}, {report['bytes']:,} bytes. {count} images differ from Keras's by at most "
        f"{report['max_difference']:.2g}; one takes {report['milliseconds']:.2f} ms on one thread."
    )


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    GENERATOR = flags.DEFINE_string(
        "generator", None, "The generator's .keras file, or a preset.", required=True
    )
    OUTPUT = flags.DEFINE_string("output", None, "The .onnx file.", required=True)
    BOUND = flags.DEFINE_float(
        "max_difference", MAX_DIFFERENCE, "Of pixels in [-1, 1].", lower_bound=0.0
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "A lower resolution of a generator that grew.", lower_bound=1
    )
    PRIOR = flags.DEFINE_enum(
        "latents", None, signatures.PRIORS, "Their distribution; by default as a preset says."
    )
    COUNT = flags.DEFINE_integer("count", IMAGES, "Images to compare.", lower_bound=1)
    SETTINGS = (GENERATOR, OUTPUT, BOUND, RESOLUTION, PRIOR, COUNT)
    app.run(lambda _: run(*(flag.value for flag in SETTINGS)))
