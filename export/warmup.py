"""Warm-up: requests that TensorFlow Serving answers before it says that a model is available.

Without them, whoever asks first waits until TensorFlow has prepared itself for what is asked.
"""

import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from export.serving_config import BATCH_SIZES

try:
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
except ImportError:
    prediction_log_pb2 = None

FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def require_api() -> None:
    """Raises ValueError unless the messages of TensorFlow Serving are installed."""
    if prediction_log_pb2 is None:
        raise ValueError(
            "Warm-up records need the package tensorflow-serving-api, which is not installed. "
            "Install it with pip install tensorflow-serving-api, or leave out --warmup."
        )


def signature_defs(path: str | pathlib.Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Returns what a SavedModel can be asked for, by name."""
    content = pathlib.Path(path, "saved_model.pb").read_bytes()
    rows = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def
    return {name: rows[name] for name in sorted(rows) if not name.startswith("__")}


def requests(path: str | pathlib.Path, batch_sizes: tuple[int, ...] = BATCH_SIZES) -> list:
    """Returns a `PredictRequest` of each signature of a SavedModel and each number of examples."""
    require_api()
    return [
        _request(name, row, size)
        for name, row in signature_defs(path).items()
        for size in batch_sizes
    ]


def _request(name, row, size):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "generator", name
    for key, info in row.inputs.items():
        dtype = tf.as_dtype(info.dtype)
        shape = (size, *tf.TensorShape(info.tensor_shape)[1:])
        # One half is a latent, a truncation and a position; zero is a label and a seed.
        values = np.full(shape, 0.5 if dtype.is_floating else 0, dtype.as_numpy_dtype)
        request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
    return request


def write(path: str | pathlib.Path, batch_sizes: tuple[int, ...] = BATCH_SIZES) -> int:
    """Adds warm-up records to a SavedModel and returns how many.

    Raises:
        ValueError: If tensorflow-serving-api is not installed.
    """
    found = requests(path, batch_sizes)
    file = pathlib.Path(path, FILE)
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for request in found:
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())
    return len(found)
