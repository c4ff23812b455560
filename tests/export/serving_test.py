"""Exports behind the interfaces of TensorFlow Serving, over real sockets on this machine."""

import base64
import concurrent.futures
import http.client
import io
import json
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

grpc = pytest.importorskip("grpc")
apis = pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api")
from tensorflow_serving.apis import (  # noqa: E402  Only then.
    predict_pb2,
    prediction_service_pb2_grpc,
)

SAMPLE = {"labels": [1, 2], "seed": [5, 6], "truncation": [0.5, 0.5]}
PREDICT = "/v1/models/digits:predict"


def pixels(png):
    """Of a PNG file."""
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


@pytest.fixture(name="rest", scope="module")
def fixture_rest(ports):
    """(method, path, body as JSON or text) -> (status, JSON)."""
    connection = http.client.HTTPConnection("127.0.0.1", ports[1], timeout=60)

    def ask(method, path, body=None):
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    yield ask
    connection.close()


@pytest.fixture(name="predict", scope="module")
def fixture_predict(ports):
    """(signature, inputs, ...) -> {output: array}, over gRPC."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{ports[0]}", unlimited) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def ask(signature, inputs, model="digits", version=None, label=None, only=()):
            request = predict_pb2.PredictRequest(output_filter=only)
            request.model_spec.name, request.model_spec.signature_name = model, signature
            if version is not None:
                request.model_spec.version.value = version
            if label is not None:
                request.model_spec.version_label = label
            types = {"labels": np.int32, "seed": np.int64}
            for name, value in inputs.items():
                if not isinstance(value, np.ndarray):
                    value = np.asarray(value, types.get(name.split("_")[0], np.float32))
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            outputs = stub.Predict(request, timeout=60).outputs
            return {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}

        yield ask


def test_images_over_both(tiny, make_inputs, predict, rest):
    inputs = make_inputs(tiny, 3)
    expected = tiny(inputs).numpy()
    images = predict("serving_default", inputs)["image"]
    np.testing.assert_allclose(images, expected, atol=1e-5)
    lists = {name: values.tolist() for name, values in inputs.items()}
    status, columns = rest("POST", PREDICT, {"inputs": lists})
    assert status == 200
    np.testing.assert_allclose(columns["outputs"], expected, atol=1e-5)
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    status, answer = rest("POST", PREDICT, {"instances": rows})
    assert status == 200
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-5)


def test_pictures_are_the_same_over_both(predict, rest):
    files = predict("sample", SAMPLE)["image_bytes"]
    rows = [
        {"labels": 1, "seed": 5, "truncation": 0.5},
        {"labels": 2, "seed": 6, "truncation": 0.5},
    ]
    _, answer = rest("POST", PREDICT, {"signature_name": "sample", "instances": rows})
    found = [base64.b64decode(row["image_bytes"]["b64"]) for row in answer["predictions"]]
    assert found == list(files) and files[0][:4] == b"\x89PNG" and files[0] != files[1]
    assert np.shape(answer["predictions"][0]["latents"]) == (32,)


def test_default_truncation_per_version(predict):
    """The second version has none, and is the newest; version 1 is "stable"."""
    inputs = {"labels": [0] * 4, "seed": [1, 2, 3, 4]}

    def largest(**asked):
        return np.abs(predict("sample", inputs, only=["latents"], **asked)["latents"]).max()

    assert largest() == largest(version=2) > 1.0
    assert 0.2 < largest(version=1) == largest(label="stable") <= 0.25


def test_many_at_once(predict):
    """Big, and at the same time: everyone gets their own pictures."""
    seeds = np.arange(256)
    labels = (seeds % 10).astype(np.int32)
    inputs = {"labels": labels, "seed": seeds, "truncation": np.ones(256, np.float32)}
    whole = predict("sample", inputs)["image_bytes"]
    assert len(set(whole)) == 256

    def one(row):
        return predict("sample", {name: values[row : row + 1] for name, values in inputs.items()})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [answer["image_bytes"][0] for answer in pool.map(one, range(64))]
    for mine, png in zip(found, whole, strict=False):  # what is halfway may round either way
        assert np.abs(pixels(mine) - pixels(png)).max() <= 1
    latents = np.zeros((2000, 32), np.float32)
    images = predict("serving_default", {"latents": latents, "labels": np.zeros(2000, np.int32)})
    assert images["image"].nbytes > 4 * 2**20  # beyond gRPC's usual limit
    np.testing.assert_allclose(images["image"], images["image"][:1].repeat(2000, 0), atol=1e-6)


WRONG = {
    "a label too many": ({"labels": [1, 10]}, r"`labels` must be in \[0, 10\)"),
    "a negative label": ({"labels": [-1, 1]}, r"`labels` must be in \[0, 10\)"),
    "negative truncation": ({"truncation": [0.5, -1.0]}, "`truncation` must be positive"),
    "zero": ({"truncation": [0.0, 0.5]}, "`truncation` must be positive"),
    "one label for two": ({"labels": [1]}, "must have equally many rows"),
    "three truncations": ({"truncation": [0.5, 0.5, 0.5]}, "Incompatible shapes"),
    "an axis too many": ({"seed": [[5, 6]]}, None),
    "an input too many": ({"temperature": [1.0, 1.0]}, None),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_wrong_values(predict, rest, change, message):
    with pytest.raises(grpc.RpcError, match=message) as error:
        predict("sample", SAMPLE | change)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    status, answer = rest("POST", PREDICT, {"signature_name": "sample", "inputs": SAMPLE | change})
    if "temperature" in change:  # TensorFlow Serving takes what it knows from "inputs"
        assert status == 200
    else:
        assert status == 400
        assert re.search(message or "", answer["error"])


def test_wrong_requests_over_grpc(predict):
    def code(*args, **asked):
        with pytest.raises(grpc.RpcError) as error:
            predict(*args, **asked)
        return error.value.code().name

    seeds = {"seed": [5, 6]}
    assert code("sample", SAMPLE, model="nope") == "NOT_FOUND"
    assert code("sample", SAMPLE, version=7) == "NOT_FOUND"
    assert code("sample", SAMPLE, label="old") == "NOT_FOUND"
    assert code("nope", SAMPLE) == "FAILED_PRECONDITION"
    assert code("sample", seeds) == "INVALID_ARGUMENT"  # labels are missing
    assert code("sample", SAMPLE, only=["nope"]) == "INVALID_ARGUMENT"
    assert code("sample", SAMPLE, only=["latents", "latents"]) == "INVALID_ARGUMENT"
    assert code("sample", SAMPLE | {"seed": np.float32([5, 6])}) == "INVALID_ARGUMENT"
    assert code("sample", SAMPLE | {"seed": np.array([b"5", b"6"])}) == "INVALID_ARGUMENT"
    for latents in (np.zeros((2, 31)), np.zeros((2, 32, 1)), np.zeros(32)):
        inputs = {"latents": latents.astype(np.float32), "labels": [1, 2]}
        assert code("serving_default", inputs) == "INVALID_ARGUMENT"
    assert len(predict("sample", SAMPLE)["image_bytes"]) == 2  # it still serves


def test_wrong_requests_over_rest(rest):
    body = {"signature_name": "sample", "inputs": SAMPLE}
    assert rest("POST", PREDICT, body)[0] == 200
    assert rest("POST", "/v1/models/nope:predict", body)[0] == 404
    assert rest("POST", "/v1/models/digits/versions/7:predict", body)[0] == 404
    assert rest("POST", "/v1/models/digits/labels/old:predict", body)[0] == 404
    assert rest("GET", "/v1/models/nope")[0] == 404
    wrong = [
        "no JSON",
        "[]",
        {"signature_name": "nope", "inputs": SAMPLE},
        {"signature_name": "sample"},
        {"signature_name": "sample", "inputs": SAMPLE, "instances": [SAMPLE]},
        {"signature_name": "sample", "inputs": {"labels": [1]}},
        {"signature_name": "sample", "inputs": SAMPLE | {"seed": [5.5, 6.0]}},
        {"signature_name": "sample", "inputs": SAMPLE | {"seed": ["5", "6"]}},
        {"signature_name": "sample", "inputs": SAMPLE | {"seed": [[5], [6, 7]]}},
        {"signature_name": "sample", "instances": [{"labels": 1, "seed": 5}]},
        {"signature_name": "sample", "instances": []},
    ]
    for one in wrong:
        status, answer = rest("POST", PREDICT, one)
        assert status == 400 and answer["error"], one


def test_an_independent_client(tiny, make_inputs, ports):
    """Intel's client for servers of this kind, which shares no code with the others."""
    ovmsclient = pytest.importorskip("ovmsclient")
    inputs = make_inputs(tiny, 2)
    expected = tiny(inputs).numpy()
    for make, port in ((ovmsclient.make_grpc_client, 0), (ovmsclient.make_http_client, 1)):
        client = make(f"127.0.0.1:{ports[port]}")
        status = client.get_model_status("digits", 1)
        assert status[1]["state"] == "AVAILABLE"
        if port == 0:  # over HTTP it reads another server's spelling only
            found = client.get_model_metadata("digits", 1)
            assert found["inputs"]["latents"] == {"shape": [-1, 32], "dtype": "DT_FLOAT"}
        images = client.predict(inputs, "digits", 1)
        np.testing.assert_allclose(images, expected, atol=1e-5)
        with pytest.raises(ovmsclient.tfs_compat.base.errors.ModelNotFoundError):
            client.get_model_status("nope", 1)
