"""The two interfaces of TensorFlow Serving, REST and gRPC, as one for export.client.

REST needs Python only, gRPC the package tensorflow-serving-api, which is imported when it is used.
"""

import base64
import http.client
import importlib
import json
import struct
from typing import NamedTuple

Inputs = dict[str, list]


class ServerError(Exception):
    """One line that says what the server, or the way to it, refused."""


class Signature(NamedTuple):
    """What a model can be asked for: {name: (type, shape)}, and {input: its default}."""

    inputs: dict[str, tuple[str, list[int]]]
    outputs: dict[str, tuple[str, list[int]]]
    defaults: dict[str, float]


class Address(NamedTuple):
    """Where which version of which model is; without version and label, the newest."""

    host: str
    port: int
    model: str
    version: int | None
    label: str | None
    timeout: float

    def __str__(self):
        return f"{self.host}:{self.port}"


class Rest:
    """A model server's REST interface. One thread at a time: it keeps one connection."""

    def __init__(self, address: Address):
        self.address, self.connection = address, None
        kind, name = ("labels", address.label) if address.label else ("versions", address.version)
        self.path = f"/v1/models/{address.model}" + (f"/{kind}/{name}" if name else "")

    def close(self) -> None:
        """Ends the connection; the next question begins another."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def health(self) -> list[tuple[int, str]]:
        """(version, state) of all versions."""
        rows = self._ask("GET", self.path).get("model_version_status", [])
        return [(int(row["version"]), row["state"]) for row in rows]

    def signatures(self) -> dict[str, Signature]:
        """By name."""
        found = self._ask("GET", f"{self.path}/metadata")["metadata"]["signature_def"]
        return {name: _signature(row) for name, row in sorted(found["signature_def"].items())}

    def predict(self, signature: str, inputs: Inputs) -> dict[str, list]:
        """Inputs of N examples -> {output: N values}; the server wants all inputs."""
        body = {"signature_name": signature, "inputs": inputs}
        outputs = self._ask("POST", f"{self.path}:predict", json.dumps(body))["outputs"]
        return {name: [*map(_from_json, values)] for name, values in _named(outputs).items()}

    def _ask(self, method, path, body=None):
        try:
            status, text = self._exchange(method, path, body)
            answer = json.loads(text)
        except ConnectionRefusedError as error:
            raise ServerError(f"No server answers at {self.address}: is it running?") from error
        except TimeoutError as error:
            raise ServerError(
                f"{self.address} did not answer in {self.address.timeout:g} s; see --timeout."
            ) from error
        except (ValueError, http.client.HTTPException) as error:
            raise ServerError(
                f"What answers at {self.address} is no REST interface of a model server. "
                f"{_line(ascii(error))[:100]}"
            ) from error
        except OSError as error:
            raise ServerError(f"Cannot reach {self.address}: {error}.") from error
        if status != 200:
            reason = answer.get("error", text) if isinstance(answer, dict) else text
            raise ServerError(f"The server refused with HTTP {status}: {_line(reason)}")
        return answer

    def _exchange(self, method, path, body):
        if self.connection is None:
            host, port, timeout = self.address.host, self.address.port, self.address.timeout
            self.connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            self.connection.request(method, path, body, {"Content-Type": "application/json"})
            response = self.connection.getresponse()
            return response.status, response.read().decode()
        except BaseException:
            self.close()
            raise


def _named(outputs):
    """A single output comes without its name: of pictures, which no other signature makes."""
    return outputs if isinstance(outputs, dict) else {"image_bytes": outputs}


def _from_json(value):
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _signature(row):
    """A SignatureDef in JSON."""
    inputs, outputs = (
        {name: (info["dtype"], _shape(info)) for name, info in sorted(row.get(side, {}).items())}
        for side in ("inputs", "outputs")
    )
    defaults = {name: _scalar(tensor) for name, tensor in row.get("defaults", {}).items()}
    return Signature(inputs, outputs, defaults)


def _shape(info):
    return [int(size["size"]) for size in info["tensor_shape"].get("dim", [])]


def _scalar(tensor):
    """The one value of a float TensorProto in JSON, which has two ways to hold it."""
    if "float_val" in tensor:
        return tensor["float_val"][0]
    return struct.unpack("<f", base64.b64decode(tensor["tensor_content"])[:4])[0]


class Grpc:
    """A model server's gRPC interface."""

    def __init__(self, address: Address):
        try:
            self.grpc = importlib.import_module("grpc")
            apis = "tensorflow_serving.apis"
            self.services = importlib.import_module(f"{apis}.prediction_service_pb2_grpc")
            self.status = importlib.import_module(f"{apis}.model_service_pb2_grpc")
            self.messages = [
                importlib.import_module(f"{apis}.{name}_pb2")
                for name in ("predict", "get_model_metadata", "get_model_status")
            ]
            self.tensorflow = importlib.import_module("tensorflow")
        except ImportError as error:
            raise ServerError(
                "--grpc needs: pip install tensorflow-serving-api. Without it, REST is used."
            ) from error
        self.address = address
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = self.grpc.insecure_channel(str(address), options)

    def close(self) -> None:
        """Ends the connection, for good."""
        self.channel.close()

    def health(self) -> list[tuple[int, str]]:
        """(version, state) of all versions."""
        request = self.messages[2].GetModelStatusRequest()
        stub = self.status.ModelServiceStub(self.channel)
        rows = self._ask(stub.GetModelStatus, request).model_version_status
        states = self.messages[2].ModelVersionStatus.State
        return [(row.version, states.Name(row.state)) for row in rows]

    def signatures(self) -> dict[str, Signature]:
        """By name."""
        json_format = importlib.import_module("google.protobuf.json_format")
        request = self.messages[1].GetModelMetadataRequest(metadata_field=["signature_def"])
        stub = self.services.PredictionServiceStub(self.channel)
        rows = self.messages[1].SignatureDefMap()
        self._ask(stub.GetModelMetadata, request).metadata["signature_def"].Unpack(rows)
        found = json_format.MessageToDict(rows, preserving_proto_field_name=True)
        return {name: _signature(row) for name, row in sorted(found["signature_def"].items())}

    def predict(self, signature: str, inputs: Inputs) -> dict[str, list]:
        """Inputs of N examples -> {output: N values}."""
        request = self.messages[0].PredictRequest()
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            dtype = {"labels": "int32", "seed": "int64"}.get(name.split("_")[0], "float32")
            tensor = self.tensorflow.make_tensor_proto(values, dtype)
            request.inputs[name].CopyFrom(tensor)
        stub = self.services.PredictionServiceStub(self.channel)
        outputs = self._ask(stub.Predict, request).outputs
        return {name: self.tensorflow.make_ndarray(t).tolist() for name, t in outputs.items()}

    def _ask(self, call, request):
        spec = request.model_spec
        spec.name = self.address.model
        # Not even an empty one: of version and label, a message holds what was set last.
        if self.address.label:
            spec.version_label = self.address.label
        if self.address.version:
            spec.version.value = self.address.version
        try:
            return call(request, timeout=self.address.timeout)
        except self.grpc.RpcError as error:
            code, details = error.code().name, _line(error.details())
            if code == "UNAVAILABLE":
                details = f"No gRPC server answers at {self.address}: is it running? {details}"
                raise ServerError(details) from error
            if code == "DEADLINE_EXCEEDED":
                raise ServerError(
                    f"{self.address} did not answer in {self.address.timeout:g} s; see --timeout."
                ) from error
            raise ServerError(f"The server refused with {code}: {details}") from error


def _line(text):
    return " ".join(text.split())[:400]
