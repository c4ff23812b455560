"""States of a GAN in a folder: written whole or not at all, and never trusted unchecked."""

import hashlib
import json
import math
import os
import pathlib
import warnings

import numpy as np

from tfgan_zoo.training.gan import GAN

SUFFIX = ".weights.h5"
BEST = "best"


class Checkpoints:
    """The newest few states, and the best by a score of which less is better.

    A state is everything that training moves: networks, moving average, both optimizers, singular
    vectors, moments and the step. Its weights come first, under a temporary name until they are
    complete; then a small JSON file with their sha256 says that they are there.

    Args:
        folder: Created if missing.
        keep: How many of the newest to keep.

    Raises:
        ValueError: If `keep` is below 1.
    """

    def __init__(self, folder: str | os.PathLike, keep: int = 3):
        if keep < 1:
            raise ValueError(f"`keep` must be at least 1. Received: keep={keep}.")
        self.folder = pathlib.Path(folder)
        self.keep = keep
        self.folder.mkdir(parents=True, exist_ok=True)

    def save(self, gan: GAN) -> None:
        """Writes the state of `gan` unless it is there, and removes the oldest beyond `keep`.

        Raises:
            FloatingPointError: If a weight is not finite; nothing is written then.
        """
        step = int(gan.step.numpy())
        if step not in self.steps():
            name = f"step-{step:08d}"
            self._write(gan, name, name, {"step": step})
        self._remove(self.steps()[: -self.keep])

    def _remove(self, steps):
        for step in steps:
            self._record(f"step-{step:08d}").unlink()
            self._weights(f"step-{step:08d}").unlink(missing_ok=True)

    def save_best(self, gan: GAN, score: float) -> bool:
        """Writes the state of `gan` as the best one if `score` is below that of the last best."""
        record = self._read(BEST)
        if not score < (record["score"] if record else math.inf):
            return False
        name = f"{BEST}-{int(gan.step.numpy()):08d}"
        self._write(gan, BEST, name, {"step": int(gan.step.numpy()), "score": score})
        for old in self.folder.glob(f"{BEST}-*{SUFFIX}"):
            if old != self._weights(name):
                old.unlink()
        return True

    def replace_from(self, step: int, gan: GAN) -> None:
        """Removes the states of `step` and later, then writes that of `gan`: after a rollback."""
        self._remove([later for later in self.steps() if later >= step])
        self.save(gan)

    def restore(self, gan: GAN) -> int | None:
        """Loads the newest intact state; returns its step, or None if there is none.

        A damaged one is left out with a warning that says so.
        """
        for leftover in self.folder.glob("tmp-*"):
            leftover.unlink()
        for step in reversed(self.steps()):
            name = f"step-{step:08d}"
            if self._load(gan, name):
                return step
            self._record(name).unlink()  # or `save` would take it for good when it gets there again
        return None

    def restore_best(self, gan: GAN) -> int | None:
        """Loads the best state; returns its step, or None if there is none or it is damaged."""
        record = self._read(BEST)
        return record["step"] if record and self._load(gan, BEST) else None

    def steps(self) -> list[int]:
        """Steps of the states in the folder, oldest first."""
        return sorted(int(path.stem[5:]) for path in self.folder.glob("step-*.json"))

    def _weights(self, name):
        return self.folder / (name + SUFFIX)

    def _record(self, name):
        return self.folder / (name + ".json")

    def _write(self, gan, record_name, weights_name, record):
        bad = [v.path for v in gan.variables if not np.all(np.isfinite(v.numpy()))]
        if bad:
            raise FloatingPointError(f"Not saved: {len(bad)} weights are not finite, as {bad[0]}.")
        weights = self._weights(weights_name)
        temporary = weights.with_name(f"tmp-{weights.name}")
        gan.save_weights(temporary)
        record = {**record, "file": weights.name, "sha256": _sha256(temporary)}
        os.replace(temporary, weights)
        replace_text(self._record(record_name), json.dumps(record))

    def _read(self, name):
        try:
            return json.loads(self._record(name).read_text())
        except (FileNotFoundError, ValueError):  # none, or nothing that is JSON
            return None

    def _load(self, gan, name):
        record = self._read(name)
        weights = self.folder / record["file"] if record else self._record(name)
        if record and weights.exists() and _sha256(weights) == record["sha256"]:
            gan.load_weights(weights)
            return True
        warnings.warn(
            f"The checkpoint {weights} is damaged or incomplete and was left out.", stacklevel=3
        )
        return False


def replace_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file under a temporary name, then gives it its own."""
    temporary = path.with_name(f"tmp-{path.name}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
