"""A model server for tests: TensorFlow Serving's two interfaces over TensorFlow's C session.

What it accepts and refuses, and with which status, follows TensorFlow Serving's public sources
(predict_util.cc, json_tensor.cc, http_rest_api_handler.cc); nothing of it is TensorFlow Serving.
"""

import base64
import concurrent.futures
import contextlib
import http.server
import json
import pathlib
import re
import threading

import grpc
import numpy as np
import tensorflow as tf  # before the C libraries: the other order crashes
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export import warmup
from tests.export import c_loader

CODES = {code.value[0]: code for code in grpc.StatusCode}
INVALID, NOT_FOUND, FAILED_PRECONDITION = 3, 5, 9
HTTP = {0: 200, 3: 400, 4: 504, 5: 404, 8: 429, 9: 400, 11: 400, 12: 501, 13: 500, 14: 503}
PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(:predict|/metadata)?")
Error = c_loader.Error


class Models:
    """All versions of one model, loaded.

    Args:
        name: By which clients ask for it.
        folder: Of the versions.
        labels: {label: version}.
    """

    def __init__(self, name, folder, labels=None):
        self.name, self.labels, self.versions = name, labels or {}, {}
        for path in sorted(pathlib.Path(folder).iterdir()):
            if path.name.isdecimal():
                session = c_loader.load(str(path))
                self.versions[int(path.name)] = (*session, warmup.signature_defs(path))

    def find(self, spec):
        """The version that a ModelSpec names."""
        version = max(self.versions)
        if spec.WhichOneof("version_choice") == "version":
            version = spec.version.value
        if spec.WhichOneof("version_choice") == "version_label":  # even if it is empty
            version = self.labels.get(spec.version_label, -1)
        if spec.name != self.name or version not in self.versions:
            raise Error(NOT_FOUND, f"Servable not found for request: {spec.name}/{version}")
        return version

    def signature(self, spec, code):
        """(session, graph, name of the signature, SignatureDef)."""
        session, graph, defs = self.versions[self.find(spec)]
        name = spec.signature_name or "serving_default"
        if name not in defs:
            raise Error(code, f'Serving signature key "{name}" not found.')
        return session, graph, name, defs[name]

    def predict(self, request):
        """A PredictRequest -> {name: array, or list of bytes}."""
        session, graph, _, row = self.signature(request.model_spec, FAILED_PRECONDITION)
        given, known = set(request.inputs), set(row.inputs)
        if extra := given - known or (known - given - set(row.defaults)):
            raise Error(INVALID, f"input size does not match signature: {sorted(extra)}")
        names = list(request.output_filter) or sorted(row.outputs)
        if set(names) - set(row.outputs) or len(set(names)) < len(names):
            raise Error(INVALID, f"output tensor alias not found or duplicate: {names}")
        protos = {**row.defaults, **request.inputs}
        feeds = {row.inputs[name].name: _array(proto) for name, proto in protos.items()}
        fetched = c_loader.run(session, graph, feeds, [row.outputs[name].name for name in names])
        return dict(zip(names, fetched, strict=True))


def _array(proto):
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise Error(INVALID, f"tensor parsing error: {error}") from error


class Grpc(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    """Both services of a server; what the others raise becomes a status."""

    def __init__(self, models):
        self.models = models

    def _answer(self, context, work):
        try:
            return work()
        except Error as error:
            context.abort(CODES[error.code], error.message)

    def Predict(self, request, context):  # noqa: N802  The generated code wants such names.
        return self._answer(context, lambda: self._predict(request))

    def GetModelMetadata(self, request, context):  # noqa: N802
        return self._answer(context, lambda: metadata(self.models, request))

    def GetModelStatus(self, request, context):  # noqa: N802
        return self._answer(context, lambda: status(self.models, request.model_spec))

    def _predict(self, request):
        response = predict_pb2.PredictResponse()
        for name, value in self.models.predict(request).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        response.model_spec.name = self.models.name
        response.model_spec.version.value = self.models.find(request.model_spec)
        return response


def metadata(models, request):
    """The signatures of a version."""
    if list(request.metadata_field) != ["signature_def"]:
        raise Error(INVALID, "Metadata field must be signature_def")
    version = models.find(request.model_spec)
    rows = get_model_metadata_pb2.SignatureDefMap()
    for name, row in models.versions[version][2].items():
        rows.signature_def[name].CopyFrom(row)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name, response.model_spec.version.value = models.name, version
    response.metadata["signature_def"].Pack(rows)
    return response


def status(models, spec):
    """Which versions are available."""
    asked = spec.WhichOneof("version_choice") or spec.name != models.name
    response = get_model_status_pb2.GetModelStatusResponse()
    for version in [models.find(spec)] if asked else models.versions:
        row = response.model_version_status.add(version=version, state=30)  # AVAILABLE
        row.status.SetInParent()
    return response


# --- REST ---------------------------------------------------------------------------------------


def _tensor(value, info, name):
    """A JSON value as an array of the input's type."""
    dtype = tf.as_dtype(info.dtype)
    try:
        found = np.array(value)
    except ValueError as error:
        raise Error(INVALID, f"Encountered list at unexpected size: {name}") from error
    if found.dtype.kind not in ("if" if dtype.is_floating else "i") and found.size:
        raise Error(INVALID, f"JSON Value of {name} is not of expected type: {dtype.name}")
    return found.astype(dtype.as_numpy_dtype)


def _columns(body, row):
    """{input: JSON value of all examples}, of either format."""
    if ("instances" in body) == ("inputs" in body):
        raise Error(INVALID, "Missing 'inputs' or 'instances' key, or both exist")
    columns, only = body.get("inputs"), len(row.inputs) == 1 and next(iter(row.inputs))
    if "inputs" in body:
        columns = columns if isinstance(columns, dict) else only and {only: columns}
    else:
        rows = body["instances"]
        if not isinstance(rows, list) or not rows:
            raise Error(INVALID, "No values in 'instances' array")
        rows = [one if isinstance(one, dict) else {only: one} for one in rows]
        if any(set(one) != set(row.inputs) for one in rows):
            raise Error(INVALID, f"keys must be equal to: {sorted(row.inputs)}")
        columns = {name: [one[name] for one in rows] for name in row.inputs}
    # The JSON layer knows nothing of defaults.
    if not columns or set(row.inputs) - set(columns):
        raise Error(INVALID, f"Missing named input: {sorted(row.inputs)} in 'inputs' object.")
    return {name: columns[name] for name in row.inputs}


def _json_values(name, value):
    if isinstance(value, list):
        assert name.endswith("_bytes")
        return [{"b64": base64.b64encode(one).decode()} for one in value]
    return value.tolist()


class Rest(http.server.BaseHTTPRequestHandler):
    """Answers GET of status and metadata, and POST of :predict."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # http.server sends header and body apart
    models = None  # set by `serve`

    def log_message(self, *_):
        """Tests want no log."""

    def do_GET(self):  # noqa: N802
        self._respond(self._get)

    def do_POST(self):  # noqa: N802
        self._respond(self._post)

    def _respond(self, work):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            code, answer = 0, work(body)
        except Error as error:
            code, answer = error.code, json.dumps({"error": error.message})
        content = answer.encode()
        self.send_response(HTTP.get(code, 500))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _asked(self, request, wanted):
        match = PATH.fullmatch(self.path)
        if not match or match[4] not in wanted:
            raise Error(INVALID, f"Malformed request: {self.command} {self.path}")
        request.model_spec.name = match[1]
        if match[2]:
            request.model_spec.version.value = int(match[2])
        if match[3]:
            request.model_spec.version_label = match[3]
        return match[4]

    def _get(self, _):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        options = {"preserving_proto_field_name": True}
        if self._asked(request, (None, "/metadata")) is None:
            found = status(self.models, request.model_spec)
            options["always_print_fields_with_no_presence"] = True
            return json_format.MessageToJson(found, **options)
        found = metadata(self.models, request)
        rows = get_model_metadata_pb2.SignatureDefMap()
        found.metadata["signature_def"].Unpack(rows)
        rows = json_format.MessageToDict(rows, **options)
        spec = json_format.MessageToDict(found.model_spec, **options)
        return json.dumps({"model_spec": spec, "metadata": {"signature_def": rows}})

    def _post(self, body):
        request = predict_pb2.PredictRequest()
        self._asked(request, (":predict",))
        try:
            body = json.loads(body)
        except ValueError as error:
            raise Error(INVALID, f"JSON Parse error: {error}") from error
        if not isinstance(body, dict):
            raise Error(INVALID, "JSON Value: Is not object")
        request.model_spec.signature_name = body.get("signature_name", "")
        row = self.models.signature(request.model_spec, INVALID)[3]
        for name, value in _columns(body, row).items():
            array = _tensor(value, row.inputs[name], name)
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        found = self.models.predict(request)
        columns = {name: _json_values(name, value) for name, value in found.items()}
        if "inputs" in body:
            return json.dumps({"outputs": columns if len(columns) > 1 else [*columns.values()][0]})
        rows = [*zip(*columns.values(), strict=True)]
        rows = [dict(zip(columns, row, strict=True)) if len(row) > 1 else row[0] for row in rows]
        return json.dumps({"predictions": rows})


@contextlib.contextmanager
def serve(models):
    """Within, `models` is served on two free ports of this machine: (gRPC's, REST's)."""
    pool = concurrent.futures.ThreadPoolExecutor(8)
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server, both = grpc.server(pool, options=unlimited), Grpc(models)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(both, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(both, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    handler = type("Handler", (Rest,), {"models": models})
    rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    rest.daemon_threads = True
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    try:
        yield port, rest.server_address[1]
    finally:
        rest.shutdown()
        rest.server_close()
        server.stop(None).wait()
        pool.shutdown()
