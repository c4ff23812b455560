r"""Times how fast images come: batches in memory and from a memory map, and JPEGs from a folder.

    python -m recipes.data_speed --output=FOLDER/speed.md

Batches at 32 pixels are compared with what a step of BigGAN at 32 pixels needs: four updates of the
discriminator on 50 images each. JPEGs of 256 pixels become images of 128: by our preparation, which
is done once, and by a PyTorch DataLoader of as many workers, which decodes with Pillow in every
epoch. Both use the same antialiased bicubic filter. All are called in turn within one process.
"""

import os
import pathlib
import platform
import tempfile

import numpy as np
import tensorflow as tf
from absl import app, flags
from PIL import Image

from recipes import tables, timing
from tfgan_zoo.data import folders, photographs, pipelines
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.training.checkpoints import replace_text

try:
    import torch
    from torch.utils.data import DataLoader, Dataset
except ImportError:  # optional
    torch, DataLoader, Dataset = None, None, object

BATCH_SIZE, PARTS = 50, 4  # of BigGAN at 32 pixels
SECONDS = {"float32": 6.3, "bfloat16": 3.7}  # of its step on two cores, measured beforehand
WANTED = 20  # times what the step needs
SIDES = (256, 128)  # of the JPEGs, and of what they become
MISSING = "This comparison needs PyTorch: pip install 'tfgan_zoo[torch]'."


def write_jpegs(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """Writes crops of photographs, and returns the files."""
    crops = photographs.load("photographs", SIDES[0], 3, "train").images[:count]
    folder.mkdir(parents=True)
    files = [folder / f"{number}.jpg" for number in range(count)]
    for file, crop in zip(files, crops, strict=True):
        Image.fromarray(crop).save(file, quality=90)
    return files


class Pictures(Dataset):
    """What a user of PyTorch writes: a file, as a tensor of floats."""

    def __init__(self, files: list[pathlib.Path]):
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int):
        with Image.open(self.files[row]) as opened:
            image = opened.convert("RGB")
        image = image.resize((SIDES[1],) * 2, Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1.0


def their_epoch(files: list[pathlib.Path], workers: int):
    """A function that reads all files once, in a DataLoader whose workers live on."""
    loader = DataLoader(
        Pictures(files),
        BATCH_SIZE,
        shuffle=True,
        num_workers=workers,
        persistent_workers=True,
        multiprocessing_context="spawn",  # a fork would copy TensorFlow's threads, and hang
    )
    return lambda: sum(len(batch) for batch in loader)


def our_preparation(files: list[pathlib.Path], target: pathlib.Path):
    """A function that decodes all files into a memory map."""
    return lambda: folders.prepare(target, files, SIDES[1], 3, "error", None)


def our_batches(images: np.ndarray, total: int, parts: int):
    """A function that takes at least `total` images from batches, mirrored."""
    labels = np.zeros(len(images), np.int32)
    image_set = ImageSet("images", "train", images, labels, ("images",))
    elements = iter(pipelines.batches(image_set, BATCH_SIZE, 0, parts=parts, flip=True))
    steps = -(-total // (BATCH_SIZE * parts))

    def take():
        for _ in range(steps):
            next(elements)["images"].numpy()

    return take, steps * BATCH_SIZE * parts


def small_batches(folder: pathlib.Path, total: int) -> tuple[dict, dict]:
    """Functions that take 32-pixel batches, and how many images each takes."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (50_000, 32, 32, 3), np.uint8)
    np.save(folder / "images.npy", images)
    mapped = np.load(folder / "images.npy", mmap_mode="r")
    made = {
        "batches, 32 px, from memory": our_batches(images, total, PARTS),
        "batches, 32 px, from a memory map": our_batches(mapped, total, PARTS),
    }
    return {name: take for name, (take, _) in made.items()}, {n: c for n, (_, c) in made.items()}


def large_images(folder: pathlib.Path, count: int, workers: int) -> tuple[dict, dict]:
    """Functions that read 128-pixel images, and how many images each reads."""
    files = write_jpegs(folder / "jpegs", count)
    prepared = folder / "prepared.npy"
    prepare = our_preparation(files, prepared)
    prepare()
    take, total = our_batches(np.load(prepared, mmap_mode="r"), count, 1)
    names = (
        "PyTorch's DataLoader, 128 px, each epoch",
        "our preparation, 128 px, once",
        "our batches, 128 px, each epoch",
    )
    functions = (their_epoch(files, workers), prepare, take)
    return dict(zip(names, functions, strict=True)), dict(
        zip(names, (count, count, total), strict=True)
    )


def rows(timings: dict, counts: dict) -> list[dict]:
    """A row for each function, in images per second."""
    return [
        {
            "what": name,
            "images/s": f"{counts[name] / timed.median:,.0f}",
            "quartiles": f"{counts[name] / timed.high:,.0f} to {counts[name] / timed.low:,.0f}",
        }
        for name, timed in timings.items()
    ]


def report(small: tuple[dict, dict], large: tuple[dict, dict], how: str) -> str:
    """The text of the results: of timings and counts of both comparisons."""
    need = {name: BATCH_SIZE * PARTS / seconds for name, seconds in SECONDS.items()}
    lines = rows(*small)
    for line, (name, timed) in zip(lines, small[0].items(), strict=True):
        speed = small[1][name] / timed.median
        for kind, needed in need.items():
            line[f"times the need, {kind}"] = f"{speed / needed:,.0f}"
    theirs = next(iter(large[0]))
    against = rows(*large)
    base = large[1][theirs] / large[0][theirs].median
    for line, (name, timed) in zip(against, large[0].items(), strict=True):
        line["times as fast as the DataLoader"] = f"{large[1][name] / timed.median / base:.2f}"
    needs = ", ".join(f"{needed:.0f} images/s in {name}" for name, needed in need.items())
    return "\n".join(
        [
            "# How fast images come",
            "",
            how,
            "",
            f"The step of BigGAN at 32 px needs {needs}; wanted are {WANTED} times that.",
            "",
            tables.markdown(lines),
            f"JPEGs of {SIDES[0]} px to images of {SIDES[1]} px, antialiased bicubic by Pillow:",
            "",
            tables.markdown(against),
        ]
    )


def main(_) -> None:
    """Prints the comparison and writes it."""
    if torch is None:
        raise app.UsageError(MISSING)
    workers, rounds = WORKERS.value, ROUNDS.value
    torch.set_num_threads(1)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        functions, small = small_batches(folder, 40 * BATCH_SIZE * PARTS)
        few = timing.interleaved(functions, rounds)
        functions, large = large_images(folder, IMAGES.value, workers)
        many = timing.interleaved(functions, rounds)
    how = (
        f"{platform.machine()}, {os.cpu_count()} CPUs, shared with other programs: Linux's load "
        f"was {before:.1f} when it began and {os.getloadavg()[0]:.1f} in the end, our own "
        f"included. TensorFlow {tf.__version__}, PyTorch {torch.__version__}, {workers} workers, "
        f"{IMAGES.value} JPEGs; medians of {rounds} rounds in turn, after 2 to warm up. Batches "
        "are mirrored, and bytes until a step; the DataLoader's are floats and not mirrored."
    )
    text = report((few, small), (many, large), how)
    replace_text(pathlib.Path(OUTPUT.value), text)
    print(text)


if __name__ == "__main__":
    OUTPUT = flags.DEFINE_string("output", None, "The file to write.", required=True)
    WORKERS = flags.DEFINE_integer("workers", 2, "Processes of the DataLoader.", lower_bound=1)
    IMAGES = flags.DEFINE_integer("images", 400, "JPEGs.", lower_bound=1)
    ROUNDS = flags.DEFINE_integer("rounds", 9, "That are timed.", lower_bound=1)
    app.run(main)
