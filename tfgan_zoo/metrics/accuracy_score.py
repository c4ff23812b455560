"""Classification accuracy score: Ravuri and Vinyals, 2019, https://arxiv.org/abs/1905.10887.

Section 3: a classifier learns from generated images alone, and is tested on real ones that nobody
has seen. Classes that are missing, mixed up or without variety cost accuracy, which the score of a
classifier of the same kind that learnt from real images puts into proportion. The paper's network
is a ResNet-50 for ImageNet; the one here is for images of some 32 pixels, so scores compare only
with those that the same `build`, `epochs` and number of images gave.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfgan_zoo.metrics.intra_class import check_labels
from tfgan_zoo.metrics.pixels import require_uint8

WIDTHS = (32, 64, 128)  # channels of `small_cnn`, each at half the resolution before
LEARNING_RATE = 3e-3  # of Adam at the start; it falls to 0 along a cosine
TOP = 5
Labelled = tuple[np.ndarray, np.ndarray]
Progress = Callable[[int, int], None]


class Accuracy(NamedTuple):
    """How right classifiers are about the held-out images; means over the seeds.

    Attributes:
        top1: Share whose label has the largest logit.
        top1_std: Its population standard deviation over the seeds.
        top5: Share whose label is among the five largest; NaN below six classes.
        recalls: {label: share of the class that is recognised}.
    """

    top1: float
    top1_std: float
    top5: float
    recalls: dict[int, float]


class AccuracyScore(NamedTuple):
    """The score and what it is measured by.

    Attributes:
        fake: Of classifiers that learnt from generated images.
        real: Of such that learnt from real ones; None if there were none.
    """

    fake: Accuracy
    real: Accuracy | None


def small_cnn(shape: tuple[int, int, int], num_classes: int, seed: int) -> keras.Model:
    """A network from uint8 images [batch, H, W, C] to logits [batch, num_classes].

    Args:
        shape: (H, W, C), sides of 8 or more.
        num_classes: Number of logits.
        seed: Of weights and dropout.
    """
    images = keras.Input(shape, dtype="uint8", name="images")
    x = keras.layers.Rescaling(1.0 / 127.5, offset=-1.0)(images)
    for number, width in enumerate(WIDTHS):
        start = keras.initializers.HeNormal(seed=seed + number)
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=start)(
            x
        )
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.3, seed=seed)(x)
    start = keras.initializers.GlorotUniform(seed=seed + len(WIDTHS))
    logits = keras.layers.Dense(num_classes, kernel_initializer=start, name="logits")(x)
    return keras.Model(images, logits, name="small_cnn")


def classification_accuracy_score(
    fake: Labelled,
    real: Labelled | None,
    held_out: Labelled,
    seeds: Sequence[int] = (0,),
    epochs: int = 20,
    batch_size: int = 128,
    build: Callable[[tuple[int, int, int], int, int], keras.Model] = small_cnn,
    progress: Progress | None = None,
) -> AccuracyScore:
    """Trains classifiers on generated images, and as many on real ones; tests them on real ones.

    Images are uint8 [N, H, W, C], labels integers [N] from 0; all sets have images of one shape.
    Same arguments give the same score only as far as the backend is deterministic.

    Args:
        fake: (images, labels that the generator was given): as many as `real` and of its balance.
        real: (images, labels) of the training split, or None to go without the reference.
        held_out: (images, labels) of real images of which no network has seen any.
        seeds: One classifier is trained on each set for each of them. The paper's protocol for
            small images has three.
        epochs: Passes over the set.
        batch_size: Images of an update.
        build: (shape of an image, num_classes, seed) -> network of uint8 images that gives logits.
        progress: Called with the numbers of epochs done and in all.

    Raises:
        ValueError: If images or labels are not so, or a set is smaller than a batch.
    """
    sets = [("fake", fake), ("real", real), ("held_out", held_out)]
    sets = {name: _check(name, given) for name, given in sets if given is not None}
    _check_options(sets, seeds, epochs, batch_size)
    num_classes = 1 + max(int(labels.max()) for _, labels in sets.values())
    trained = [name for name in ("fake", "real") if name in sets]
    done, total = 0, len(trained) * len(seeds) * epochs
    found = {"real": None}

    def advance():
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    for name in trained:
        results = []
        for seed in seeds:
            model = build(sets["held_out"][0].shape[1:], num_classes, seed)
            _train(model, _Batches(*sets[name], batch_size, seed), epochs, advance)
            logits = model.predict(sets["held_out"][0], batch_size=256, verbose=0)
            results.append(logits_accuracy(logits, sets["held_out"][1]))
        found[name] = _over_seeds(results)
    return AccuracyScore(found["fake"], found["real"])


def logits_accuracy(logits: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Accuracy of one network.

    Args:
        logits: [N, classes].
        labels: Integers [N] in [0, classes).
    """
    order = np.argsort(-logits, axis=1, kind="stable")
    right = order[:, 0] == labels
    among = np.any(order[:, :TOP] == labels[:, None], axis=1)
    recalls = {int(label): float(np.mean(right[labels == label])) for label in np.unique(labels)}
    top5 = float(np.mean(among)) if logits.shape[1] > TOP else math.nan
    return Accuracy(float(np.mean(right)), 0.0, top5, recalls)


def _over_seeds(results: list[Accuracy]) -> Accuracy:
    top1 = [result.top1 for result in results]
    return Accuracy(
        float(np.mean(top1)),
        float(np.std(top1)),
        float(np.mean([result.top5 for result in results])),
        {
            label: float(np.mean([result.recalls[label] for result in results]))
            for label in results[0].recalls
        },
    )


class _Batches(keras.utils.PyDataset):
    """Whole batches of a set, in another order in every epoch; of the global seed they ask none."""

    def __init__(self, images, labels, batch_size, seed):
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.images) // self.batch_size

    def __getitem__(self, index):
        # Sorted, as a memory map is read faster so.
        rows = np.sort(self.order[index * self.batch_size : (index + 1) * self.batch_size])
        return np.asarray(self.images[rows]), self.labels[rows]

    def on_epoch_end(self):
        self.order = self.random.permutation(len(self.images))


def _train(model, batches, epochs, advance):
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * len(batches))
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # compiling takes longer than it saves
    )
    after = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: advance())
    model.fit(batches, epochs=epochs, callbacks=[after], shuffle=False, verbose=0)


def _check(name: str, given: Labelled) -> Labelled:
    images, labels = given
    if len(images.shape) != 4 or 0 in images.shape:
        raise ValueError(
            f"`{name}` must be (images, labels) with images [N, H, W, C], one or more. "
            f"Received: shape {tuple(images.shape)}."
        )
    require_uint8(name, images)
    labels = check_labels(f"{name} labels", labels, len(images))
    if labels.min() < 0:
        raise ValueError(f"`{name}` labels must be 0 or more. Received: {labels.min()}.")
    return images, labels


def _check_options(sets, seeds, epochs, batch_size):
    shapes = {name: tuple(images.shape[1:]) for name, (images, _) in sets.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"All images must have one shape: resize them. Received: {shapes}.")
    if not len(seeds):
        raise ValueError("`seeds` must name one seed or more. Received: none.")
    if epochs < 1:
        raise ValueError(f"`epochs` must be 1 or more. Received: epochs={epochs}.")
    sizes = {name: len(images) for name, (images, _) in sets.items() if name != "held_out"}
    if not 1 <= batch_size <= min(sizes.values()):
        raise ValueError(
            "`batch_size` must be from 1 to the images of the smaller set that is learnt from. "
            f"Received: batch_size={batch_size}, {sizes}."
        )
    if len(set(sizes.values())) > 1:
        warnings.warn(
            f"Learning from sets of different size, {sizes}: their accuracies do not compare. "
            "Generate as many images as there are real ones.",
            stacklevel=3,
        )
