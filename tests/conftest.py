"""What all tests share: they leave no memory behind."""

import gc

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def _forget():
    """Networks refer to themselves in circles and would stay until the process ends."""
    yield
    keras.utils.clear_session()
    gc.collect()
