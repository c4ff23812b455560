r"""Writes a page that draws a generator's images in the browser: a folder for any web server.

    python -m export.web --generator=biggan-digits --output=PAGE
    python -m http.server --directory PAGE

PAGE has the generator as a TFLite file, the page, and LiteRT.js, which runs the file; npm fetches
it at export. The page asks no other server for anything. docs/web.md tells what it can do, and how
its latents are made.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from export import inference, lite_metadata, saved_model, signatures
from export.quantization import KINDS
from tfgan_zoo import sampling

LITERT = "2.5.3"  # of LiteRT.js: the version that the page was tested with
# {package: what the page loads of it}; the files in `wasm` are alternatives for different browsers.
# Those with threads or JSPI, which need headers or flags, are left out.
PACKAGES = {
    "core": (
        "dist/index.js",
        *(
            f"wasm/litert_wasm_{name}internal.{ending}"
            for name in ("", "compat_")
            for ending in ("js", "wasm")
        ),
    ),
    "wasm-utils": ("dist/index.js",),
}
PAGE = pathlib.Path(__file__).parent / "web_page"
FILES = ("index.html", "page.js", "style.css")
LICENCE = "apache-2.0.txt"  # for LiteRT.js, whose packages name their licence only
SECONDS = 300  # that npm may take: 12 MB
GOLDEN = 0x9E3779B9  # 2^32 over the golden ratio


def latents(
    seed: int, shape: tuple[int, ...], prior: str = "normal", truncation: float | None = None
) -> np.ndarray:
    """Returns the latents that the page makes of a seed: float32 [1, *shape].

    Component i is the inverse distribution function of 32 random bits, hashed from (seed, i). So
    the same seed moves smoothly with the truncation. The hash is MurmurHash3's finaliser.

    Args:
        seed: In [0, 2^32).
        shape: Of one image's latents.
        prior: "normal", or "uniform" in (-1, 1).
        truncation: Largest normal; None for none.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be in [0, 2^32). Received: seed={seed}.")
    start = _hashed(np.uint64(seed + GOLDEN))
    counts = np.arange(1, np.prod(shape, dtype=int) + 1, dtype=np.uint64)
    # In (-1, 1), without its ends, whose normals would be infinite.
    centred = (2.0 * _hashed(start + counts * np.uint64(GOLDEN)) + 1.0) / 2.0**32 - 1.0
    if prior == "normal":
        normal = statistics.NormalDist()
        half = 0.5 if truncation is None else normal.cdf(truncation) - 0.5
        centred = [normal.inv_cdf(0.5 + half * value) for value in centred]
    return np.asarray(centred, np.float32).reshape(1, *shape)


def _hashed(values):
    """32 bits of the lowest 32 bits of each, as uint64."""
    mask = np.uint64(0xFFFFFFFF)
    values = values & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        values = (values ^ values >> np.uint64(shift)) * np.uint64(factor) & mask
    return values ^ values >> np.uint64(16)


def convert(generator: keras.Model, kind: str = "float32", prior: str | None = None) -> bytes:
    """Returns a TFLite file for one image per call, as LiteRT.js wants it.

    It takes "latents" [1, ...] and, if there are classes, "labels_a" and "labels_b" [1] and
    "position" [1] in [0, 1]: how far from one class to the other; see `sampling.interpolate`.

    Args:
        generator: Any generator of the zoo; stays as it is.
        kind: A key of `KINDS`.
        prior: Of the latents: "normal" or "uniform". Default: its preset's, else "normal".
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}. Received: kind={kind!r}.")
    endpoint = _endpoint(inference.inference_copy(generator, folded=False))
    with tempfile.TemporaryDirectory() as folder:
        saved_model.write({"serving_default": endpoint}, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.target_spec.supported_types = list(KINDS[kind].types)
        converter.optimizations = list(KINDS[kind].optimizations)
        return lite_metadata.attach(converter.convert(), describe(generator, kind, prior))


def _endpoint(generator):
    """One image of latents, between two classes if there are any."""
    if not signatures.num_classes(generator):
        return signatures.images_of_latents(generator, 1)
    embed, draw = sampling.cut_at_labels(generator)

    def image(latents, labels_a, labels_b, position):
        ends = [keras.tree.flatten(embed({"labels": y})) for y in (labels_a, labels_b)]
        mixed = [(1.0 - position) * a + position * b for a, b in zip(*ends, strict=True)]
        return {"image": draw([latents, *mixed])}

    shape = (1, *signatures.latents_shape(generator))
    labels = [tf.TensorSpec((1,), tf.int32, f"labels_{end}") for end in "ab"]
    position = tf.TensorSpec((1,), tf.float32, "position")
    return signatures.Endpoint(
        image, [tf.TensorSpec(shape, tf.float32, "latents"), *labels, position]
    )


def describe(generator: keras.Model, kind: str, prior: str | None = None) -> dict:
    """Returns what the page must know: `lite_metadata.describe` with the inputs of this file."""
    about = lite_metadata.describe(generator, kind, prior)
    if labels := about["inputs"].pop("labels", None):
        about["inputs"] |= {"labels_a": labels, "labels_b": labels, "position": {"range": [0, 1]}}
    return about


def write(
    generator: keras.Model,
    output: str | os.PathLike,
    litert: str | os.PathLike,
    kind: str = "float32",
    prior: str | None = None,
) -> None:
    """Writes the page's folder, whole or not at all.

    Args:
        generator: Any generator of the zoo.
        output: Must not exist.
        litert: A folder with @litertjs/core and @litertjs/wasm-utils, such as node_modules.
        kind: See `convert`.
        prior: See `convert`.

    Raises:
        ValueError: If there is something at `output`, or no LiteRT.js in `litert`.
        OSError: If `output` cannot be written to.
    """
    output, packages = _new(output), _packages(litert)
    # Not tempfile's: web servers of other users could not read it.
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    unfinished.mkdir(parents=True)
    try:
        for name in FILES:
            shutil.copyfile(PAGE / name, unfinished / name)
        _vendor(packages, unfinished / "litert")
        content = convert(generator, kind, prior)
        (unfinished / "generator.tflite").write_bytes(content)
        (unfinished / "generator.json").write_text(
            json.dumps(lite_metadata.read(content), indent=1) + "\n", encoding="utf-8"
        )
        os.rename(unfinished, output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _new(output):
    path = pathlib.Path(os.path.abspath(output))
    if os.path.lexists(path):
        raise ValueError(
            f"`output` must be a folder that does not exist yet. Received: {output}. "
            "Remove it, or take another."
        )
    return path


def _packages(litert):
    """{"core" and "wasm-utils": the folder of each}, known to be of the right version."""
    found = {name: pathlib.Path(litert, "@litertjs", name) for name in PACKAGES}
    for name, folder in found.items():
        try:
            version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
        except (OSError, ValueError, KeyError, TypeError):
            version = "none"
        files = [folder / file for file in PACKAGES[name]]
        if version != LITERT or not all(file.is_file() for file in files):
            raise ValueError(
                f"`litert` must be a folder with @litertjs/{name} {LITERT}, whole. "
                f"Received: {litert}, version {version}. "
                f"`npm install @litertjs/core@{LITERT} @litertjs/wasm-utils@{LITERT}` makes one: "
                "node_modules."
            )
    return found


def _vendor(packages, target):
    """Copies what the page loads, with what the packages say about themselves."""
    target.mkdir()
    licences = [path for folder in packages.values() for path in folder.glob("LICEN[CS]E*")]
    shutil.copyfile([*licences, PAGE / LICENCE][0], target / "LICENSE")
    for name, folder in packages.items():
        for file in (*PACKAGES[name], "package.json"):
            (target / name / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / file, target / name / file)


def fetch_litert(folder: str | os.PathLike) -> None:
    """Lets npm fetch LiteRT.js, and unpacks it so that `write` takes `folder`.

    Nothing of it is run. Raises ValueError if npm is missing or fails.
    """
    names = [f"@litertjs/{name}@{LITERT}" for name in PACKAGES]
    command = ["npm", "pack", "--loglevel=error", *names]
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=SECONDS, cwd=folder
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise ValueError(
            f"npm could not fetch LiteRT.js {LITERT}: {said[0]} Install Node.js, or where there "
            f"is a network, run `npm install {' '.join(names)}` and give its folder node_modules: "
            "--litert=node_modules."
        ) from error
    for name in PACKAGES:
        target = pathlib.Path(folder, "@litertjs", name)
        with tarfile.open(pathlib.Path(folder, f"litertjs-{name}-{LITERT}.tgz")) as archive:
            archive.extractall(target.with_name(f"{name}.unpacked"), filter="data")
        os.rename(target.with_name(f"{name}.unpacked") / "package", target)


def sizes(folder: str | os.PathLike) -> Iterator[str]:
    """Yields a line for each file of a page, and one for the whole."""
    paths = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    bytes_of = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    for name, size in (*bytes_of.items(), ("in all", sum(bytes_of.values()))):
        yield f"{size / 1024:>10,.1f} KiB  {name}"


def run(
    generator: str,
    output: str,
    kind: str = "float32",
    litert: str | None = None,
    resolution: int | None = None,
    prior: str | None = None,
) -> None:
    """Writes the page of the generator in a file; see the flags below."""
    try:
        _new(output)
        with tempfile.TemporaryDirectory() as folder:
            if litert is None:
                fetch_litert(folder)
            litert = litert or folder
            _packages(litert)
            write(inference.load_generator(generator, resolution), output, litert, kind, prior)
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"--output must be a folder that can be written. Received: {output}: {error}")
    print("\n".join(sizes(output)))
    print(f"Look at it: python -m http.server --directory {output}")


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    GENERATOR = flags.DEFINE_string(
        "generator", None, "The generator's .keras file, or a preset.", required=True
    )
    OUTPUT = flags.DEFINE_string(
        "output", None, "Folder of the page; must not exist.", required=True
    )
    KIND = flags.DEFINE_enum("kind", "float32", list(KINDS), "How the file stores weights.")
    PACKAGE = flags.DEFINE_string(
        "litert", None, "Folder node_modules with LiteRT.js; by default npm fetches it."
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "A lower resolution of a generator that grew.", lower_bound=1
    )
    PRIOR = flags.DEFINE_enum(
        "latents", None, signatures.PRIORS, "Their distribution; by default as a preset says."
    )
    SETTINGS = (GENERATOR, OUTPUT, KIND, PACKAGE, RESOLUTION, PRIOR)
    app.run(lambda _: run(*(flag.value for flag in SETTINGS)))
