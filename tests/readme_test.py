"""README's Python does what it says."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfgan_zoo

README = pathlib.Path(__file__).parents[1] / "README.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def snippet(word):
    """The one that holds a word."""
    (found,) = (text for text in SNIPPETS if word in text)
    return found


def run(text, **given):
    """The names that it defines."""
    names = dict(given)
    exec(compile(text, "README.md", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def fixture_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_forgotten():
    assert len(SNIPPETS) == 4  # the one with the released weights needs their file


def test_a_trained_generator():
    folder = pathlib.Path("runs/biggan-digits")
    folder.mkdir(parents=True)
    tfgan_zoo.from_preset("biggan-digits").save(folder / "generator.keras")
    images = np.asarray(run(snippet("runs/biggan-digits"))["images"])
    assert images.shape == (10, 32, 32, 1)
    assert images.std() > 0.3 and np.abs(images).max() <= 1.0


def test_a_preset():
    run(snippet("write_png"))
    picture = np.asarray(Image.open("digits.png"))
    assert picture.shape == (2 * (8 * 30 + 2), 2 * (10 * 30 + 2))
    assert picture.std() > 50


def test_the_parts():
    images = tf.zeros((2, 32, 32, 1))
    data = tf.data.Dataset.from_tensors({"images": images, "labels": [3, 7]})
    gan = run(snippet("gan.fit"), dataset=data)["gan"]
    assert int(gan.step.value) == 1
