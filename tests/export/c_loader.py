"""Runs a SavedModel as a server written in C++ does: TensorFlow's C interface, no Python of it.

    python c_loader.py REQUEST RESPONSE

Both are pickles. REQUEST: {"folder": str, "calls": [{"feeds": {tensor: array}, "fetches":
[tensor]}]}. RESPONSE: {"modules": [str], "results": [[array or list of bytes] or an error str]}.
"""

import ctypes
import importlib.util
import pathlib
import pickle
import sys

import numpy as np

# TF_DataType
TYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 9: np.int64, 10: np.bool_}
STRING, STRING_SIZE = 7, 24


class Output(ctypes.Structure):
    """TF_Output: an operation and which of its outputs."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Error(RuntimeError):
    """What TensorFlow refused, and its code: the same as gRPC's."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Library:
    """Both shared libraries of the wheel; all functions return pointers unless told otherwise."""

    NUMBERS = {
        "TF_GetCode": ctypes.c_int,
        "TF_Message": ctypes.c_char_p,
        "TF_TensorType": ctypes.c_int,
        "TF_NumDims": ctypes.c_int,
        "TF_Dim": ctypes.c_int64,
        "TF_StringGetSize": ctypes.c_size_t,
    }

    def __init__(self):
        # Finds the package without importing it.
        folder = pathlib.Path(importlib.util.find_spec("tensorflow").origin).parent
        names = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
        self.parts = [ctypes.CDLL(str(folder / name)) for name in names]

    def __getattr__(self, name):
        function = getattr(self.parts[not hasattr(self.parts[0], name)], name)
        function.restype = self.NUMBERS.get(name, ctypes.c_void_p)
        return function


TF = Library()


def pointer(value):
    return ctypes.c_void_p(value)


def check(status):
    """Raises the error in a status, if any; the status is gone then."""
    code, message = TF.TF_GetCode(status), TF.TF_Message(status).decode()
    TF.TF_DeleteStatus(status)
    if code:
        raise Error(code, message)


def load(folder):
    """Returns (session, graph)."""
    status, graph = pointer(TF.TF_NewStatus()), pointer(TF.TF_NewGraph())
    options, meta_graph = pointer(TF.TF_NewSessionOptions()), pointer(TF.TF_NewBuffer())
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = TF.TF_LoadSessionFromSavedModel(
        options, None, folder.encode(), tags, 1, graph, meta_graph, status
    )
    check(status)
    return pointer(session), graph


def output(graph, tensor):
    name, index = tensor.split(":")
    operation = TF.TF_GraphOperationByName(graph, name.encode())
    assert operation, f"no operation {name}"
    return Output(operation, int(index))


def to_tensor(array):
    array = np.array(array, order="C")
    kinds = {np.dtype(dtype): number for number, dtype in TYPES.items()}
    if array.dtype not in kinds:
        raise Error(3, f"no input is {array.dtype}")
    kind = kinds[array.dtype]
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    tensor = pointer(TF.TF_AllocateTensor(kind, shape, array.ndim, ctypes.c_size_t(array.nbytes)))
    ctypes.memmove(TF.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
    return tensor


def from_tensor(tensor):
    shape = [TF.TF_Dim(tensor, axis) for axis in range(TF.TF_NumDims(tensor))]
    data, count = TF.TF_TensorData(tensor), int(np.prod(shape))
    kind = TF.TF_TensorType(tensor)
    if kind == STRING:
        strings = [pointer(data + i * STRING_SIZE) for i in range(count)]
        return [
            ctypes.string_at(TF.TF_StringGetDataPointer(one), TF.TF_StringGetSize(one))
            for one in strings
        ]
    array = np.empty(shape, TYPES[kind])
    ctypes.memmove(array.ctypes.data, data, array.nbytes)
    return array


def run(session, graph, feeds, fetches):
    """Returns the fetched tensors."""
    status = pointer(TF.TF_NewStatus())
    inputs = (Output * len(feeds))(*(output(graph, name) for name in feeds))
    values = [to_tensor(array) for array in feeds.values()]
    pointers = (ctypes.c_void_p * len(feeds))(*(value.value for value in values))
    outputs = (Output * len(fetches))(*(output(graph, name) for name in fetches))
    results = (ctypes.c_void_p * len(fetches))()
    TF.TF_SessionRun(
        *(session, None, inputs, pointers, len(feeds), outputs, results, len(fetches)),
        *(None, 0, None, status),
    )
    for value in values:
        TF.TF_DeleteTensor(value)
    check(status)
    found = [pointer(tensor) for tensor in results]
    arrays = [from_tensor(tensor) for tensor in found]
    for tensor in found:
        TF.TF_DeleteTensor(tensor)
    return arrays


def attempt(*args):
    try:
        return run(*args)
    except Error as error:
        return str(error)


def main(request, response):
    job = pickle.loads(pathlib.Path(request).read_bytes())
    session, graph = load(job["folder"])
    results = [attempt(session, graph, call["feeds"], call["fetches"]) for call in job["calls"]]
    answer = {"modules": sorted(sys.modules), "results": results}
    pathlib.Path(response).write_bytes(pickle.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
