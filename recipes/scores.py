"""Scores of a generator, every one a record with the protocol it was measured by."""

from collections.abc import Callable

import keras
import numpy as np
from absl import logging
from tqdm import tqdm

from recipes.records import make, resize_rule
from tfgan_zoo import sampling, standing
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.classifier import Classifier
from tfgan_zoo.metrics.fid import fid
from tfgan_zoo.metrics.inception_score import inception_score
from tfgan_zoo.metrics.kid import kid
from tfgan_zoo.metrics.ms_ssim import of_consecutive_pairs
from tfgan_zoo.metrics.swd import swd

BATCH_SIZE = 256
Draw = Callable[[int, int], np.ndarray]  # (count, seed) -> latents


class Scorer:
    """Compares generated images with the real ones of one data set, in one network's features.

    Args:
        backbone: Whose features and logits are compared; None for scores that need none.
        train: What generated images are compared with.
        held_out: Real images that no generator has seen; their own distance from `train` is the
            floor that a generator can hope to reach.
        swd_patches: Of each image, for PGGAN's scores, which need no backbone: sliced Wasserstein
            distances, and MS-SSIM beside them; 0 for none.
    """

    def __init__(
        self, backbone: Classifier | None, train: ImageSet, held_out: ImageSet, swd_patches: int = 0
    ):
        self.backbone = backbone
        self.train = train
        self.held_out = held_out
        self.swd_patches = swd_patches
        if backbone:
            self.real, _ = backbone(train.images)
            self.unseen, self.unseen_logits = backbone(held_out.images)

    def floor(self) -> list[dict]:
        """Records of the held-out real images, as if a generator had made them."""
        return (self._floor_of_features() if self.backbone else []) + self._floor_of_patches()

    def _floor_of_patches(self):
        about = {"step": 0, "weights": "real images", "fake_count": len(self.held_out.images)}
        records = self._of_patches(self.held_out.images, about)
        return [{**record, "metric": f"{record['metric']}_floor"} for record in records]

    def _floor_of_features(self):
        subset = min(1000, len(self.unseen))
        about = {"step": 0, "weights": "real images", "fake_count": len(self.unseen)}
        distance, spread = kid(self.real, self.unseen, subset_size=subset)
        share = np.mean(np.argmax(self.unseen_logits, axis=1) == self.held_out.labels)
        records = [
            self._record("fid_floor", fid(self.real, self.unseen), **about),
            self._record("kid_floor", distance, spread, subset_size=subset, **about),
        ]
        if self._names_classes(self.train.num_classes):
            records.append(self._record("class_share_floor", float(share), **about))
        return records

    def score(
        self, generator, count, seed, step, truncation=None, draw=None, standing_passes=0
    ) -> list[dict]:
        """Records of a generator's images.

        Args:
            generator: Keras model, {"latents", maybe "labels"} -> images in [-1, 1].
            count: How many images; classes take turns, so that all are equally frequent.
            seed: Of the latents.
            step: Of training; put into the records.
            truncation: Largest latent, or None.
            draw: (count, seed) -> latents, if they are not normal.
            standing_passes: Batches whose moments are averaged for this truncation; 0: the moving
                averages of training.
        """
        inputs = generator_inputs(generator, count, seed, truncation, draw)
        moments = "moving averages, ema"
        if standing_passes:
            moments = f"standing, {standing_passes} passes"
            generator = standing.measure(
                generator,
                passes=standing_passes,
                seed=seed + 1,
                draw=lambda size, number: generator_inputs(
                    generator, size, number, truncation, draw
                ),
            )
        # Of a network that still grows pixels are repeated, as its authors' code does.
        images = enlarged(sampling.generate(generator, inputs, BATCH_SIZE), self.train.resolution)
        about = {
            "step": step,
            "weights": "ema",
            "batch_norm": moments,
            "fake_count": count,
            "truncation": truncation,
            "seed": seed,
        }
        records = self._of_features(generator, inputs, images, about) if self.backbone else []
        return records + self._of_patches(images, about)

    def _of_features(self, generator, inputs, images, about):
        """Records of FID, KID, Inception Score, and if there are classes of how many are right."""
        features, logits = self.backbone(images)
        count = len(images)
        subset = min(1000, count, len(self.real))
        distance, spread = kid(self.real, features, subset_size=subset)
        quality, quality_spread = inception_score(logits)
        records = [
            self._record("fid", fid(self.real, features), **about),
            self._record("kid", distance, spread, subset_size=subset, **about),
            self._record("inception_score", quality, quality_spread, splits=10, **about),
        ]
        size = len(self.unseen)
        if count >= size:
            # The floor is measured on `size` images, and distances fall with the number of images.
            parts = [
                fid(self.real, features[start : start + size])
                for start in range(0, count - size + 1, size)
            ]
            about_parts = {**about, "fake_count": size, "subsets": len(parts)}
            records.append(
                self._record(
                    "fid_at_floor_count", float(np.mean(parts)), float(np.std(parts)), **about_parts
                )
            )
        # InfoGAN's categories are classes that nobody named.
        named = "labels" in inputs and getattr(generator.spec, "supervised", True)
        if named and self._names_classes(int(inputs["labels"].max()) + 1):
            share = float(np.mean(np.argmax(logits, axis=1) == inputs["labels"]))
            records.append(self._record("class_share", share, **about))
        return records

    def _of_patches(self, images, about):
        """Records of SWD, of each resolution and their mean, and of MS-SSIM, as far as they go.

        Of as many images as there are of both kinds.
        """
        count = min(len(images), len(self.train.images))
        if not self.swd_patches:
            return []
        found = {}
        try:
            levels, mean = swd(self.train.images[:count], images[:count], self.swd_patches)
            found = {"swd": mean, **{f"swd_{side}": value for side, value in levels.items()}}
            found["ms_ssim"] = of_consecutive_pairs(images[: count - count % 2])
        except ValueError as error:  # flat images have no distance, some sizes no MS-SSIM
            logging.warning("Without some scores: %s", error)
        about = {**about, "fake_count": count, "patches": self.swd_patches}
        return [self._record(name, value, **about) for name, value in found.items()]

    def _names_classes(self, num_classes):
        """Whether the backbone's classes are those of the data, as far as their number tells."""
        return self.backbone.num_classes == num_classes

    def _record(self, metric, value, std=None, **about):
        real = f"{self.train.name}, {self.train.split} split"
        rule = resize_rule(self.backbone, self.train.resolution)
        about = {"real": real, "real_count": len(self.train.images), "resize": rule, **about}
        return make(metric, value, std, self.backbone, **about)


def enlarged(images: np.ndarray, resolution: int) -> np.ndarray:
    """Images [N, R, R, C] with pixels repeated, so that they have `resolution`."""
    times = resolution // images.shape[1]
    return images if times == 1 else images.repeat(times, axis=1).repeat(times, axis=2)


def generator_inputs(
    generator: keras.Model,
    count: int,
    seed: int,
    truncation: float | None = None,
    draw: Draw | None = None,
) -> dict[str, np.ndarray]:
    """Latents, truncated exactly, and labels that take turns if the generator has classes."""
    inputs = {"latents": _latents(generator, count, seed, truncation, draw)}
    if "labels" in generator.input:
        inputs["labels"] = np.arange(count, dtype=np.int32) % generator.spec.num_classes
    return inputs


def sheet_inputs(
    generator: keras.Model,
    columns: int,
    seed: int,
    truncation: float | None = None,
    draw: Draw | None = None,
) -> dict[str, np.ndarray]:
    """Inputs of a sample sheet: a row for each of at most ten classes, or ten rows."""
    if "labels" not in generator.input:
        return {"latents": _latents(generator, 10 * columns, seed, truncation, draw)}
    rows = min(generator.spec.num_classes, 10)
    latents = _latents(generator, columns, seed, truncation, draw)
    return {
        "latents": np.concatenate([latents] * rows),
        "labels": np.repeat(np.arange(rows, dtype=np.int32), columns),
    }


def _latents(generator, count, seed, truncation, draw):
    if draw is None:
        z_dim = generator.input["latents"].shape[1:]
        return sampling.latents(count, z_dim, seed, truncation, rule="exact")
    if truncation is not None:
        raise ValueError(
            "`truncation` is for normal latents. "
            f"Received: truncation={truncation} and other latents. Drop one of them."
        )
    return draw(count, seed)


def latest(records: list[dict]) -> dict[str, dict]:
    """{metric: its newest record}."""
    return {record["metric"]: record for record in records}


def table(records: list[dict]) -> str:
    """The newest scores as lines for people, with the protocol below."""
    newest = latest(records)
    lines = [f"  {'score':20s} {'value':>10s} {'+-':>8s} {'images':>7s} {'step':>8s}"]
    for name, record in newest.items():
        std = "" if record["std"] is None else f"{record['std']:.4g}"
        lines.append(
            f"  {name:20s} {record['value']:10.4g} {std:>8s} "
            f"{record['fake_count']:7d} {record['step']:8d}"
        )
    if newest:
        last = records[-1]
        lines.append(f"  features: {last['backbone']}; real: {last['real']} ({last['real_count']})")
    return "\n".join(lines)


def progress(total: int, unit: str) -> tqdm:
    """A progress bar as all recipes show it, for what takes longer than a second."""
    return tqdm(
        total=total, unit=unit, dynamic_ncols=True, smoothing=0.05, mininterval=0.5, delay=1
    )
