"""Small classifiers as feature networks: images -> features and logits, with Keras alone.

They stand in for the Inception network where that says nothing or is too slow, such as on digits.
Distances in their features compare with none but those of the same file: report `name` with them.
"""

import hashlib
import pathlib

import keras
import numpy as np
from keras import ops

from tfgan_zoo.metrics.pixels import require_uint8

BATCH_SIZE = 256  # of every call of the network; the last batch is padded, so nothing recompiles
DIGITS_PATH = pathlib.Path(__file__).with_name("digits_classifier.keras")
# Printed by recipes/digits_classifier.py. Whoever replaces the file changes every number that was
# computed with it, so the two must not drift apart unnoticed.
DIGITS_SHA256 = "4304fd35d71bcef93181ae9d1e11e1d3a39a80dc658249d2d795298785bb27cb"


class Classifier:
    """A classifier of images and its penultimate layer, read from a `.keras` file.

    The file holds a model from images [batch, H, W, C] in [-1, 1], C 1 or 3, to a dictionary of
    "features" [batch, dimensions] and "logits" [batch, classes], all float32.

    Attributes:
        name: the file's name and the first digits of its hash: "digits-classifier@1a2b3c4d".
        sha256: hash of the file, in hexadecimal.
        num_classes: number of logits.
        resolution: height of the images that the network takes, in pixels.
    """

    def __init__(self, path):
        """Loads the file at `path`.

        Raises:
            ValueError: if its model is not of the kind described above.
        """
        path = pathlib.Path(path)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.name = f"{path.stem.replace('_', '-')}@{self.sha256[:8]}"
        self._model = keras.saving.load_model(path, compile=False)
        _check_model(self._model, path.name)
        self.num_classes = self._model.output["logits"].shape[-1]
        self.resolution = self._model.input_shape[1]

    @classmethod
    def digits(cls) -> "Classifier":
        """Returns the classifier of 32 x 32 grey digits, 64-d features, that comes with the zoo.

        Raises:
            ValueError: if its file is not the one that was published with this version.
        """
        sha256 = hashlib.sha256(DIGITS_PATH.read_bytes()).hexdigest()
        if sha256 != DIGITS_SHA256:
            raise ValueError(
                f"`{DIGITS_PATH.name}` must be the file that came with tfgan_zoo, sha256 "
                f"{DIGITS_SHA256}: install the package again, or load a file of your own with "
                f"Classifier(path). Received: sha256 {sha256}."
            )
        return cls(DIGITS_PATH)

    def __call__(self, images) -> tuple[np.ndarray, np.ndarray]:
        """Returns the features [N, dimensions] and logits [N, classes], float32, of images.

        Where images have other channels than the network, they are averaged to one or repeated to
        three; where they have another size, it is changed by antialiased bicubic resampling
        (`keras.ops.image.resize`) and clipped to the range of pixels, but not rounded to them.

        Args:
            images: uint8 [N, H, W, C], C 1 or 3, at least one image.
        """
        images = _check_images(images)
        outputs = [
            self._run(images[start : start + BATCH_SIZE])
            for start in range(0, len(images), BATCH_SIZE)
        ]
        features, logits = (
            np.concatenate([output[name] for output in outputs])[: len(images)]
            for name in ("features", "logits")
        )
        return features, logits

    def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the outputs [BATCH_SIZE, ...] of up to BATCH_SIZE images; the rest is padding."""
        _, height, width, channels = self._model.input_shape
        missing = BATCH_SIZE - len(images)
        images = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0))).astype(np.float32)
        if channels != images.shape[-1]:
            grey = images.mean(axis=-1, keepdims=True)
            images = np.repeat(grey, channels, axis=-1)
        if images.shape[1:3] != (height, width):
            images = _resize(images, (height, width))
        return self._model.predict_on_batch(images / 127.5 - 1.0)


def _resize(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    resized = ops.image.resize(
        images, size, interpolation="bicubic", antialias=True, data_format="channels_last"
    )
    return np.clip(ops.convert_to_numpy(resized), 0.0, 255.0)  # bicubic overshoots


def _check_images(images) -> np.ndarray:
    images = np.asarray(images)
    require_uint8("images", images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
        raise ValueError(
            "`images` must be [N, H, W, C] with one image or more and C of 1 or 3: add the axis "
            f"that is missing, or drop an alpha channel. Received: shape {images.shape}."
        )
    return images


def _check_model(model: keras.Model, file_name: str) -> None:
    outputs = model.output if isinstance(model.output, dict) else {}
    if set(outputs) != {"features", "logits"} or any(x.ndim != 2 for x in outputs.values()):
        raise ValueError(
            f'`path` must hold a model with outputs "features" and "logits", [batch, dimensions] '
            f"each, as recipes/digits_classifier.py writes it. Received: {file_name} with outputs "
            f"{model.output}."
        )
    size = model.input_shape if isinstance(model.input_shape, tuple) else ()
    if len(size) != 4 or None in size[1:] or size[3] not in (1, 3):
        raise ValueError(
            "`path` must hold a model of one input [batch, H, W, C], its size fixed and C 1 or 3. "
            f"Received: {file_name} with input {model.input_shape}."
        )
    # A file keeps the policies it was made with, but for its inputs, which compute nothing.
    layers = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
    dtypes = {layer.compute_dtype for layer in layers}
    if dtypes != {"float32"}:
        raise ValueError(
            "`path` must hold a model whose layers all compute in float32: make it under the "
            f"global policy float32. Received: {file_name} with {sorted(dtypes)}."
        )
