"""The FID Inception of 2015-12-05: uint8 images of any size -> 2048 features and 1008 logits.

Published FID, KID and Inception Scores are measured in this network. Its weights are the user's to
bring: see `Inception`. All float32; on GPUs with TensorFloat-32 switch that off first, in
TensorFlow by `tf.config.experimental.enable_tensor_float_32_execution(False)`.
"""

import os
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from tfgan_zoo.metrics import inception_file, inception_table
from tfgan_zoo.metrics.pixels import require_uint8

RESOLUTION = 299
BATCH_SIZE = 32
EPSILON = 0.001  # of the batch norms
# The blocks whose output is averaged, and the number of features that are.
TAPS = {"stem_64": 64, "stem_192": 192, "Mixed_6e": 768, "Mixed_7c": 2048}
LAYOUT = {"data_format": "channels_last", "dtype": "float32"}  # whatever the user's defaults are


class Inception:
    """The network with the weights of a file, called like `classifier.Classifier`.

    Attributes:
        name: what scores are named after: "inception-2015-12-05@6726825d" for the published
            weights, "inception-other@1a2b3c4d" for those of any other file; a tap other than 2048
            and logits with bias are added: "inception-2015-12-05@6726825d/768+bias".
        sha256: hash of the file that the weights were converted from, in hexadecimal.
        num_classes: number of logits, 1008.
        resolution: None: it takes images of all sizes.
        resize: what it does to their size, for records.
    """

    num_classes = inception_table.NUM_CLASSES
    resolution = None
    resize = f"TF1 bilinear to {RESOLUTION} px"

    def __init__(
        self,
        path: str | os.PathLike | None = None,
        tap: int = 2048,
        biased_logits: bool = False,
        batch_size: int = BATCH_SIZE,
    ):
        """Loads the weights.

        Args:
            path: A file that `python -m tfgan_zoo.convert.inception` wrote; None: where that
                writes unless told otherwise, and the published weights only.
            tap: Which features: 2048 for published scores, or 64, 192, 768 from earlier layers.
            biased_logits: Whether the classifier's bias is added. The Inception Score's authors
                left it out.
            batch_size: Images per call of the network: 32 take about 1 GB. Scores do not depend
                on it.

        Raises:
            ValueError: if there are no weights (it says how to get them), or they are not whole.
        """
        if tap not in TAPS.values():
            known = ", ".join(map(str, TAPS.values()))
            raise ValueError(f"`tap` must be one of {known}. Received: {tap}.")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be 1 or more. Received: {batch_size}.")
        weights = inception_file.read(path)
        self.sha256 = weights.sha256
        suffix = ("" if tap == 2048 else f"/{tap}") + ("+bias" if biased_logits else "")
        self.name = weights.name + suffix
        self._batch_size = batch_size
        whole = network()
        load(whole, weights.arrays, biased_logits)
        outputs = {"features": whole.output[str(tap)], "logits": whole.output["logits"]}
        self._model = keras.Model(whole.input, outputs)
        # XLA's convolutions are slower than TensorFlow's own on CPUs; JAX has no others.
        self._model.compile(jit_compile=keras.config.backend() == "jax")

    def __call__(
        self, images, progress: Callable[[int], object] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the features [N, tap] and logits [N, 1008], float32, of images.

        Args:
            images: uint8 [N, H, W, C], C 1 (grey, which is repeated) or 3, at least one image.
            progress: Called after each batch with the number of images in it, such as `update` of
                a bar of tqdm.
        """
        images = np.asarray(images)
        require_uint8("images", images)
        if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
            raise ValueError(
                "`images` must be [N, H, W, C] with one image or more and C of 1 or 3: add the "
                f"axis that is missing, or drop an alpha channel. Received: shape {images.shape}."
            )
        size = min(self._batch_size, len(images))
        found = []
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            found.append(self._run(batch, size))
            if progress:
                progress(len(batch))
        features, logits = (
            np.concatenate([outputs[name] for outputs in found])[: len(images)]
            for name in ("features", "logits")
        )
        return features, logits

    def _run(self, images, size):
        """Outputs [size, ...] of up to `size` images; the rest is padding: nothing recompiles."""
        padded = np.pad(images, ((0, size - len(images)), (0, 0), (0, 0), (0, 0)))
        return self._model.predict_on_batch(resized(padded))


def resized(images: np.ndarray, resolution: int = RESOLUTION):
    """Bilinear interpolation as TensorFlow 1 had it: corners not aligned, pixels without centres.

    Bit for bit that of the graph of 2015: `tf.raw_ops.ResizeBilinear`, both of its flags False.

    Args:
        images: [N, H, W, C], C 1 (which is repeated) or 3, in [0, 255].
        resolution: Height and width of the result.

    Returns:
        A float32 tensor [N, resolution, resolution, 3] in [0, 255].
    """
    x = ops.cast(images, "float32")
    for axis in (2, 1):  # columns first
        low, high, share = _neighbours(images.shape[axis], resolution)
        low, high = ops.take(x, low, axis=axis), ops.take(x, high, axis=axis)
        x = low + (high - low) * ops.reshape(share, (-1, 1, 1) if axis == 1 else (-1, 1))
    return x if images.shape[-1] == 3 else ops.repeat(x, 3, axis=-1)


def _neighbours(size, resolution):
    """Of each new pixel its neighbours on both sides among `size`, and how far it is to the 2nd."""
    place = np.arange(resolution, dtype=np.float32) * np.float32(size / resolution)
    low = np.floor(place)
    share = place - low
    low = low.astype(np.int32)
    return low, np.minimum(low + 1, size - 1), share


def network() -> keras.Model:
    """The network without weights; batch norms are part of the convolutions, see `load`.

    [batch, 299, 299, 3] in [0, 255] -> {"64": [batch, 64], "192", "768", "2048": likewise,
    "logits": [batch, 1008]}.
    """
    images = keras.Input((RESOLUTION, RESOLUTION, 3), dtype="float32", name="images")
    x = (images - 128.0) / 128.0
    outputs = {}
    for block in inception_table.blocks():
        x = _concatenated([_branch(x, steps) for steps in block.branches])
        if block.module in TAPS:
            width = str(TAPS[block.module])
            mean = keras.layers.GlobalAveragePooling2D(name=f"features_{width}", **LAYOUT)
            outputs[width] = mean(x)
    logits = keras.layers.Dense(inception_table.NUM_CLASSES, dtype="float32", name="logits")
    model = keras.Model(images, outputs | {"logits": logits(outputs["2048"])})
    model.trainable = False
    return model


def _branch(x, steps):
    for step in steps:
        if isinstance(step, inception_table.Pool):
            x = _pool(step, x)
        else:
            x = _concatenated([_convolution(row, x) for row in step])
    return x


def _pool(pool, x):
    kinds = {"average": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}
    return kinds[pool.kind](3, pool.strides, pool.padding, **LAYOUT)(x)


def _convolution(row, x):
    return keras.layers.Conv2D(
        row.conv.filters,
        row.conv.kernel,
        row.conv.strides,
        row.conv.padding,
        activation="relu",
        name=row.layer,
        **LAYOUT,
    )(x)


def _concatenated(parts):
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)


def load(model: keras.Model, arrays: dict[str, np.ndarray], biased_logits: bool) -> None:
    """Gives `network` its weights, each batch norm folded into the convolution before it.

    Args:
        model: What `network` returned.
        arrays: {name in the graph: array}, see `inception_table.shapes`.
        biased_logits: Whether the logits get their bias, or 0.
    """
    for row in inception_table.rows():
        gamma, beta, mean, variance = (
            arrays[f"{row.scope}/batchnorm/{name}"].astype(np.float64)
            for name in inception_table.MOMENTS
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        kernel = arrays[f"{row.scope}/conv2d_params"] * scale
        model.get_layer(row.layer).set_weights([kernel, beta - mean * scale])
    bias = arrays["softmax/biases"] * np.float32(biased_logits)
    model.get_layer("logits").set_weights([arrays["softmax/weights"], bias])
