"""One training step of every family: compiled, on replicas, in bfloat16."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import small
from tests.conformance.chosen import COMPILED, FIRSTS, run


@pytest.mark.parametrize("name", COMPILED)
def test_step_compiles_with_xla(name):
    """On static shapes, with the weights of the step without it; a minute of compilation each."""
    data = small.images(name).images[:16].astype("float32") / 127.5 - 1.0
    batch = {"images": tf.constant(data), "labels": tf.constant(np.arange(16) % 3, tf.int32)}
    results = []
    for jit in (False, True):
        keras.utils.set_random_seed(0)
        gan = small.gan(name)
        # Without XLA it is not traced either: that takes longer than the step.
        compiled = tf.function(gan.train_step, jit_compile=True, autograph=False)
        (compiled if jit else gan.train_step)(batch)
        results.append([(v.path, v.numpy()) for v in gan.variables])
    for (path, plain), (_, compiled) in zip(*results, strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=2e-3, atol=2e-5, err_msg=path)


def test_replicas_equal_one_device():
    # Half a minute of tracing each: others by hand, python -m tests.conformance.replicas_check.
    (line,) = run("replicas_check", FIRSTS[0]).splitlines()
    # Too small for round-off to grow.
    assert line.startswith(FIRSTS[0]) and float(line.split()[-1].rstrip("%")) < 0.5, line


@pytest.mark.parametrize("name", FIRSTS)
def test_bfloat16_step(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = small.gan(name)
    finally:
        keras.config.set_dtype_policy("float32")
    data = small.images(name).images[:8].astype("float32") / 127.5 - 1.0
    batch = {"images": tf.constant(data), "labels": tf.constant(np.arange(8) % 3, tf.int32)}
    logs = gan.train_step(batch)
    assert all(value.dtype == tf.float32 and np.isfinite(value) for value in logs.values())
    assert all(v.dtype in ("float32", "int32") for v in gan.variables)
    images = gan.generator(small.inputs(gan.generator))
    assert images.dtype == tf.float32
