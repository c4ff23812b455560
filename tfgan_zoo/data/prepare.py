r"""Prepares pictures once, before networks are trained on them.

    python -m tfgan_zoo.data.prepare dataset --dataset=folder:PATH --resolution=128 --out=DIR
    python -m tfgan_zoo.data.prepare pyramid --dataset=folder:PATH --resolution=256 --out=DIR
    python -m tfgan_zoo.data.prepare check DIR
    python -m tfgan_zoo.data.prepare celebahq --images=DIR --landmarks=FILE --out=DIR

`dataset` writes any data set as shards with a manifest, which are then --dataset=tfrecord:DIR; run
it again to continue. `pyramid` writes multi-resolution TFRecords, for networks that grow, which are
then --dataset=tfrecords:DIR. `check` looks whether such folders are complete. `celebahq` turns and
cuts the original pictures of CelebA as for CelebA-HQ, see tfgan_zoo/data/celebahq.py.
"""

import argparse
import dataclasses
import functools
import sys
import time
from pathlib import Path

import tensorflow as tf

from tfgan_zoo.data import (
    cache,
    celebahq,
    shard_writer,
    shards,
    sources,
    tfrecord_writer,
    tfrecords,
)
from tfgan_zoo.data.image_set import ImageSet


@dataclasses.dataclass
class Bar:
    """A line on the error stream about work that takes longer than a second."""

    what: str
    _start: float = dataclasses.field(default_factory=time.monotonic)
    _shown: float = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Tells how much is done, twice a second at most."""
        passed = time.monotonic() - self._start
        if passed - self._shown < (0.5 if self._shown else 1.0) and (done < total or passed < 1.0):
            return
        self._shown = passed
        filled = "#" * (20 * done // total)
        left = passed * (total - done) / done
        end = "\n" if done == total else ""
        sys.stderr.write(
            f"\r{self.what} [{filled:<20}] {done:,}/{total:,}, {left:,.0f} s left   {end}"
        )


def shard(  # noqa: PLR0913  One for each flag.
    dataset: str,
    resolution: int,
    out: str,
    name: str | None = None,
    channels: int | None = None,
    shard_size: int = 4096,
    overwrite: bool = False,
    **options,
) -> str:
    """Writes both splits of a data set as shards. Returns what to tell.

    Args:
        dataset: See `sources.load`.
        resolution: Sides of the images.
        out: The folder.
        name: What the names of its files begin with. Default: the name of the folder.
        channels: See `sources.load`.
        shard_size: Images of a shard.
        overwrite: Whether another data set may be replaced.
        **options: See `sources.load`: data_dir, on_bad_image, try_gcs.

    Raises:
        ValueError: If something does not fit.
    """
    directory = Path(out).expanduser()
    name = name or directory.absolute().name
    shard_writer.check_free(directory, name, overwrite)
    sets = [each for each in _load(dataset, resolution, channels, **options) if each]
    bar = Bar("writing")
    target = shard_writer.write(directory, name, sets, shard_size, overwrite, bar)
    return f"Wrote {_describe(shards.parse_manifest(target), directory)}"


def _describe(manifest: dict, directory: Path) -> str:
    count = sum(shard["count"] for shard in manifest["shards"])
    skipped = manifest.get("skipped")
    lines = [
        f"{directory}: {count:,} images of {manifest['name']}, {len(manifest['class_names'])} "
        f"classes, in {len(manifest['shards'])} shards"
    ]
    if skipped:
        lines.append(f"Left out, as unreadable: {len(skipped)}")
        lines += [f"  {problem}" for problem in skipped]
    return "\n".join(lines)


def pyramid(
    dataset: str,
    resolution: int,
    out: str,
    name: str | None = None,
    channels: int | None = None,
    data_dir: str | None = None,
    overwrite: bool = False,
) -> str:
    """Writes all images of a data set as TFRecords. Returns what to tell.

    Args:
        dataset: See `sources.load`; both splits are written, and which is which.
        resolution: Of full size, a power of two.
        out: The folder.
        name: What the names of its files begin with. Default: the name of the folder.
        channels: See `sources.load`.
        data_dir: See `sources.load`.
        overwrite: Whether a complete data set may be replaced.

    Raises:
        ValueError: If something does not fit.
    """
    directory = Path(out).expanduser()
    name = name or directory.absolute().name
    tfrecord_writer.check_free(directory, name, overwrite)
    tfrecord_writer.check_resolution(resolution)
    train, held_out = _load(dataset, resolution, channels, data_dir)
    stored = tfrecord_writer.write(directory, name, train, held_out, Bar("writing"), overwrite)
    tfrecords.check(stored)
    return f"Wrote {tfrecords.describe(stored)}"


def _load(dataset, resolution, channels, data_dir, **options) -> tuple[ImageSet, ImageSet | None]:
    load = functools.partial(sources.load, dataset, resolution, channels, data_dir, **options)
    train = load(progress=Bar("decoding"))
    try:
        held_out = load(split="held_out", progress=Bar("decoding"))
    except ValueError:  # classes of single images, as the other split could be loaded
        held_out = None
    return train, held_out


def check(directory: str) -> str:
    """Looks whether a folder of TFRecords is as it should be. Returns what to tell.

    Raises:
        ValueError: If it is not.
    """
    manifests = sorted(Path(directory).expanduser().glob(f"*{shards.MANIFEST}"))
    if len(manifests) == 1:
        return f"Checked {_describe(shards.check(manifests[0]), Path(directory))}"
    stored = tfrecords.find(directory)
    tfrecords.check(stored)
    return f"Checked {tfrecords.describe(stored)}"


def align(images: str, landmarks: str, out: str, size: int = celebahq.SIZE) -> str:
    """Aligns CelebA's pictures. Returns what to tell.

    Args:
        images: Folder of the pictures in the wild.
        landmarks: list_landmarks_celeba.txt of those pictures.
        out: Folder to write to.
        size: Sides of the results.

    Raises:
        ValueError: If something does not fit.
    """
    count = celebahq.write(images, landmarks, out, size, Bar("aligning"))
    return (
        f"Wrote {Path(out) / celebahq.NAME}: {count:,} pictures of {size} pixels. They are CelebA, "
        f"aligned; not CelebA-HQ. Next: pyramid --dataset=folder:{out}"
    )


class _Parser(argparse.ArgumentParser):
    """Tells mistakes in one line."""

    def error(self, message):
        sys.exit(f"Error: {message}. See python -m tfgan_zoo.data.prepare --help.")


def _parser() -> argparse.ArgumentParser:
    whole = _Parser(
        "python -m tfgan_zoo.data.prepare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = whole.add_subparsers(required=True, metavar="dataset, pyramid, check or celebahq")

    flags = commands.add_parser("dataset", help="Writes any data set as shards with a manifest.")
    flags.set_defaults(run=shard)
    _add_source_flags(flags)
    flags.add_argument("--shard_size", type=int, default=4096, help="Images of a shard.")
    flags.add_argument(
        "--on_bad_image",
        choices=cache.ON_BAD_IMAGE,
        default="error",
        help="skip: leave out files that cannot be read, and list them.",
    )
    flags.add_argument(
        "--try_gcs", action="store_true", help="tfds: only: may fetch sets from Google's storage."
    )

    flags = commands.add_parser("pyramid", help="Writes a data set as multi-resolution TFRecords.")
    flags.set_defaults(run=pyramid)
    _add_source_flags(flags)

    flags = commands.add_parser("check", help="Looks whether a folder of TFRecords is complete.")
    flags.set_defaults(run=check)
    flags.add_argument("directory", metavar="DIR")

    flags = commands.add_parser("celebahq", help="Turns and cuts CelebA's original pictures.")
    flags.set_defaults(run=align)
    flags.add_argument("--images", required=True, help="Folder of the pictures in the wild.")
    flags.add_argument("--landmarks", required=True, help="list_landmarks_celeba.txt.")
    flags.add_argument("--out", required=True, help="Folder to write to.")
    flags.add_argument("--size", type=int, default=celebahq.SIZE, help="Sides of the results.")
    return whole


def _add_source_flags(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--dataset", required=True, help="Images: folder:PATH, tfds:NAME, ...")
    flags.add_argument(
        "--resolution", required=True, type=int, help="Sides of the images, in pixels."
    )
    flags.add_argument("--out", required=True, help="Folder to write to.")
    flags.add_argument("--name", help="Of the data set. Default: that of the folder.")
    flags.add_argument("--channels", type=int, help="1 or 3. Default: as the pictures have.")
    flags.add_argument("--data_dir", help="For decoded pictures. Default: ~/.cache/tfgan_zoo.")
    flags.add_argument("--overwrite", action="store_true", help="May replace a data set in --out.")


def main(arguments: list[str]) -> None:
    """Runs what the command line says."""
    given = vars(_parser().parse_args(arguments))
    run = given.pop("run")
    try:
        sys.stdout.write(run(**given) + "\n")
    except (ValueError, OSError, tf.errors.OpError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
