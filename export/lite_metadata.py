"""What a TFLite file says about itself: JSON in a metadata buffer that runtimes pass over."""

import json
from typing import Any

import flatbuffers
import keras
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

import tfgan_zoo
from export import signatures

NAME = "tfgan_zoo"  # of the metadata entry
ALIGNMENT = 16  # bytes: the format's, for weights that are read where they lie


def describe(generator: keras.Model, kind: str, prior: str | None = None) -> dict[str, Any]:
    """Returns what users of the file must know: inputs, their ranges and names, the output.

    Args:
        generator: Of a preset, whose names of classes and whose prior are taken, or any other.
        kind: How the file stores weights.
        prior: Of the latents: "normal" or "uniform". Default: the preset's, else "normal".
    """
    preset = getattr(generator, "preset", None)
    latents = {
        "shape": list(signatures.latents_shape(generator)),
        "prior": prior or getattr(preset, "prior", "normal"),
        "truncation": getattr(preset, "truncation", None),
    }
    about = {
        "name": getattr(preset, "name", generator.name),
        "network": type(generator).__name__,
        "kind": kind,
        "inputs": {"latents": latents},
        "outputs": {"image": {"shape": list(generator.output.shape[1:]), "range": [-1.0, 1.0]}},
        "tfgan_zoo": tfgan_zoo.__version__,
    }
    if count := signatures.num_classes(generator):
        names = getattr(preset, "class_names", ()) or map(str, range(count))
        about["inputs"]["labels"] = {"range": [0, count - 1], "class_names": list(names)}
    if preset is not None:
        keys = ("method", "paper", "data", "licence", "step", "weights")
        about |= {key: getattr(preset, key) for key in keys}
    return about


def attach(model: bytes, about: dict[str, Any]) -> bytes:
    """Returns the TFLite file with `about` in it, in place of what it said before."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    tree.description = f"{about['name']}: a generator of images, {about['kind']}"
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    for entry in tree.metadata or []:
        if _text(entry.name) == NAME:
            tree.buffers[entry.buffer].data = text
            break
    else:
        tree.buffers.append(schema.BufferT(data=text))
        entry = schema.MetadataT(name=NAME, buffer=len(tree.buffers) - 1)
        tree.metadata = [*(tree.metadata or []), entry]
    builder = _Builder(len(model) + len(text))
    builder.Finish(tree.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def read(model: bytes) -> dict[str, Any]:
    """Returns what `attach` wrote into a TFLite file.

    Raises:
        ValueError: If there is nothing.
    """
    if model[4:8] == b"TFL3":
        tree = schema.Model.GetRootAs(model)
        for number in range(tree.MetadataLength()):
            entry = tree.Metadata(number)
            if _text(entry.Name()) == NAME:
                return json.loads(tree.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    raise ValueError(
        f"`model` must be a TFLite file that export.tflite wrote. Received: {len(model):,} bytes "
        f'without the metadata "{NAME}".'
    )


def _text(name):
    return name.decode() if isinstance(name, bytes) else name


class _Builder(flatbuffers.Builder):
    """Aligns what it copies, as the generated classes do not."""

    def CreateNumpyVector(self, x):  # noqa: N802  flatbuffers' name
        self.Prep(ALIGNMENT, x.nbytes)
        return super().CreateNumpyVector(x)
