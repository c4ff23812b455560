"""What layers ask about the machine they run on."""

import functools

import keras


@functools.cache
def only_cpus() -> bool:
    """Whether TensorFlow computes, on CPUs: what is faster there was not measured elsewhere."""
    if keras.backend.backend() != "tensorflow":
        return False
    return all(device.startswith("cpu") for device in keras.distribution.list_devices())
