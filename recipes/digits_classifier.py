r"""Trains the small classifier of digits whose features stand in for Inception's on digits.

    python -m recipes.digits_classifier --output=tfgan_zoo/metrics/digits_classifier.keras

Prints the accuracy on the held-out split, which training never sees, and the file's sha256, which
belongs in tfgan_zoo/metrics/classifier.py. A `.keras` file holds the time it was saved at, so the
same seed gives another sha256.
"""

import hashlib
import os
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from tfgan_zoo.data import sources

DATASET = flags.DEFINE_string("dataset", "digits", "Labelled images, see data/sources.py.")
OUTPUT = flags.DEFINE_string("output", None, "The .keras file to write.", required=True)
SEED = flags.DEFINE_integer("seed", 0, "Of the weights, the batches and their augmentation.")
EPOCHS = flags.DEFINE_integer("epochs", 40, "Passes over the training split.", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Images per update.", lower_bound=1)
MIN_ACCURACY = flags.DEFINE_float(
    "min_accuracy",
    0.98,
    "On the held-out split; below, nothing is written.",
    lower_bound=0.0,
    upper_bound=1.0,
)

RESOLUTION = 32
WIDTHS = (16, 32, 64)  # channels at 32, 16 and 8 pixels; the last is the number of features


def build_classifier(num_classes: int) -> keras.Model:
    """Returns images [batch, 32, 32, 1] in [-1, 1] -> {"features": ..., "logits": ...}."""
    images = keras.Input((RESOLUTION, RESOLUTION, 1), name="images")
    x = images
    for number, width in enumerate(WIDTHS, start=1):
        if number > 1:
            x = keras.layers.MaxPooling2D(name=f"pool_{number}")(x)
        for half in "ab":
            x = keras.layers.Conv2D(
                width, 3, padding="same", use_bias=False, name=f"conv_{number}{half}"
            )(x)
            x = keras.layers.BatchNormalization(name=f"norm_{number}{half}")(x)
            x = keras.layers.ReLU(name=f"relu_{number}{half}")(x)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    x = keras.layers.Dropout(0.3, name="dropout")(features)
    logits = keras.layers.Dense(num_classes, name="logits")(x)
    return keras.Model(images, {"features": features, "logits": logits}, name="classifier")


def to_float(images: np.ndarray) -> np.ndarray:
    """Returns uint8 images as float32 in [-1, 1]."""
    return images.astype(np.float32) / 127.5 - 1.0


def training_batches(data: sources.ImageSet) -> tf.data.Dataset:
    """Returns shuffled batches, every image moved, turned and scaled a little each time."""
    # Black, -1, where an image moves in. One worker, as layers share their random state.
    border = {"fill_mode": "constant", "fill_value": -1.0}
    augment = keras.Sequential(
        [
            keras.layers.RandomTranslation(0.08, 0.08, **border, seed=SEED.value),
            keras.layers.RandomRotation(0.03, **border, seed=SEED.value + 1),
            keras.layers.RandomZoom(0.1, 0.1, **border, seed=SEED.value + 2),
        ]
    )
    pairs = tf.data.Dataset.from_tensor_slices((to_float(data.images), data.labels))
    batches = pairs.shuffle(len(data.images), seed=SEED.value).batch(BATCH_SIZE.value)
    return batches.map(lambda x, y: (augment(x, training=True), y)).prefetch(2)


def train(classifier: keras.Model, data: sources.ImageSet) -> None:
    """Fits the logits to the labels."""
    model = keras.Model(classifier.input, classifier.output["logits"])
    steps = EPOCHS.value * -(-len(data.images) // BATCH_SIZE.value)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(training_batches(data), epochs=EPOCHS.value, verbose=2)


def accuracy(classifier: keras.Model, data: sources.ImageSet) -> float:
    """Returns the share of images whose largest logit is their label's."""
    logits = classifier.predict(to_float(data.images), verbose=0)["logits"]
    return float(np.mean(np.argmax(logits, axis=1) == data.labels))


def save(classifier: keras.Model, path: pathlib.Path) -> str:
    """Writes the network, whole or not at all, and returns the sha256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.partial.keras")
    classifier.save(temporary)
    os.replace(temporary, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(_):
    """Trains, measures and, if good enough, writes."""
    if not OUTPUT.value.endswith(".keras"):
        raise app.UsageError(f"--output must end in .keras. Received: {OUTPUT.value}.")
    keras.utils.set_random_seed(SEED.value)
    splits = {
        split: sources.load(DATASET.value, RESOLUTION, channels=1, split=split)
        for split in ("train", "held_out")
    }
    classifier = build_classifier(len(splits["train"].class_names))
    train(classifier, splits["train"])
    results = {split: accuracy(classifier, data) for split, data in splits.items()}
    for split, result in results.items():
        print(f"accuracy {split}: {result:.4f} of {len(splits[split].images)} images")
    if results["held_out"] < MIN_ACCURACY.value:
        sys.exit(f"The held-out accuracy is below --min_accuracy={MIN_ACCURACY.value}: not saved.")
    print(f"sha256: {save(classifier, pathlib.Path(OUTPUT.value))}  {OUTPUT.value}")


if __name__ == "__main__":
    app.run(main)
