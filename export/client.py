r"""Asks a model server for pictures: TensorFlow Serving, or what speaks as it does.

    python -m export.client health --model=generator
    python -m export.client metadata --model=generator
    python -m export.client sample --model=generator --classes=0,1,2 --output=samples.png
    python -m export.client interpolate --model=generator --seeds=1,2 --output=way.png
    python -m export.client load --model=generator --requests=200 --workers=4

It needs Python only, and pillow for pictures; --grpc needs the package tensorflow-serving-api.
Without this package, copy this file and serving_api.py into a folder named export.
"""

import argparse
import concurrent.futures
import contextlib
import io
import math
import os
import sys
import time
from collections.abc import Sequence

from export.serving_api import Address, Grpc, Rest, ServerError

try:
    from PIL import Image
except ImportError:
    Image = None

COLUMNS = 8  # of a grid of one row of seeds


def health(server: Rest | Grpc) -> str:
    """A line for each version; raises ServerError unless one is available."""
    rows = server.health()
    if not any(state == "AVAILABLE" for _, state in rows):
        raise ServerError(f"No version is available: {rows}.")
    return "\n".join(f"version {version}: {state}" for version, state in rows)


def metadata(server: Rest | Grpc) -> str:
    """What the model can be asked for."""
    lines = []
    for name, row in server.signatures().items():
        lines.append(name)
        for side, tensors in (("in", row.inputs), ("out", row.outputs)):
            for key, (dtype, shape) in tensors.items():
                sizes = ", ".join("N" if size < 0 else str(size) for size in shape)
                default = f" = {row.defaults[key]:g}" if key in row.defaults else ""
                lines.append(f"  {side:3} {key}: {dtype[3:].lower()} [{sizes}]{default}")
    return "\n".join(lines)


def draw(
    server: Rest | Grpc, seeds: list[int], classes: list[int], truncation: float | None
) -> dict[str, list]:
    """Asks for pictures: {"image_bytes": PNG files, "latents"}, a row for each class.

    Args:
        server: To ask.
        seeds: Of each row.
        classes: Of the rows; a generator without classes makes one.
        truncation: Largest latent; None for the server's default.
    """
    row = _find(server, "sample")
    repeats = len(classes) if "labels" in row.inputs else 1
    inputs = {"seed": seeds * repeats}
    if "labels" in row.inputs:
        inputs["labels"] = [label for label in classes for _ in seeds]
    # Said even if it is the default: REST knows no defaults, and joined requests need all rows.
    truncation = row.defaults.get("truncation") if truncation is None else truncation
    if truncation is None:
        raise ServerError("The server does not tell its default: give --truncation.")
    inputs["truncation"] = [truncation] * len(inputs["seed"])
    return server.predict("sample", inputs)


def way(
    server: Rest | Grpc,
    seeds: list[int],
    classes: list[int],
    truncation: float | None,
    steps: int,
) -> list[bytes]:
    """Asks for `steps` pictures on the way from one seed (and class) to another."""
    if len(seeds) != 2 or len(classes) not in (1, 2) or steps < 2:
        raise ServerError("A way needs two --seeds, one or two --classes, and two --steps or more.")
    row = _find(server, "interpolate")
    ends = [draw(server, [seed], classes[:1], truncation)["latents"][0] for seed in seeds]
    inputs = {"position": [step / (steps - 1) for step in range(steps)]}
    for letter, latents, label in zip("ab", ends, [classes[0], classes[-1]], strict=True):
        inputs[f"latents_{letter}"] = [latents] * steps
        if "labels_a" in row.inputs:
            inputs[f"labels_{letter}"] = [label] * steps
    return server.predict("interpolate", inputs)["image_bytes"]


def _find(server, name):
    found = server.signatures()
    if name not in found:
        raise ServerError(f"The model has no signature {name!r}. It has: {', '.join(found)}.")
    return found[name]


def write_grid(path: str, files: list[bytes], columns: int, scale: int = 1) -> None:
    """Writes PNG files as one, row by row.

    Raises:
        ServerError: If pillow is missing, or `path` cannot be written to.
    """
    if Image is None:
        raise ServerError("Grids need: pip install pillow.")
    images = [Image.open(io.BytesIO(file)) for file in files]
    width, height = (scale * size + 2 for size in images[0].size)
    rows = math.ceil(len(images) / columns)
    grid = Image.new(images[0].mode, (columns * width + 2, rows * height + 2), "white")
    for number, image in enumerate(images):
        corner = (number % columns * width + 2, number // columns * height + 2)
        grid.paste(image.resize((width - 2, height - 2), Image.Resampling.NEAREST), corner)
    unfinished = f"{path}.{os.getpid()}.tmp"
    try:
        grid.save(unfinished, format="PNG")
        os.replace(unfinished, path)
    except OSError as error:
        raise ServerError(f"--output must be a file that can be written. {error}") from error


def load(servers: Sequence[Rest | Grpc], requests: int, batch: int) -> str:
    """Asks for pictures as fast as they come; says how fast that is.

    Args:
        servers: Connections, each of which asks on its own, all at the same time.
        requests: In all.
        batch: Pictures in a request.
    """
    row, seconds = _find(servers[0], "sample"), []
    inputs = {"truncation": [row.defaults.get("truncation", 1.0)] * batch}
    if "labels" in row.inputs:
        inputs["labels"] = [0] * batch

    def ask(server, number):
        seed = [number * batch + example for example in range(batch)]
        start = time.perf_counter()
        server.predict("sample", {**inputs, "seed": seed})
        return time.perf_counter() - start

    def work(worker):
        for number in range(worker, requests, len(servers)):
            seconds.append(ask(servers[worker], number))
            _bar(len(seconds), requests)

    for server in servers:  # the first answer of a connection is slower
        ask(server, 0)
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(work, range(len(servers))))
    passed = time.perf_counter() - start
    half, most = (1000 * _quantile(seconds, share) for share in (0.5, 0.95))
    return (
        f"{requests} requests of {batch} by {len(servers)} workers in {passed:.2f} s: "
        f"{requests / passed:.1f} requests/s, {batch * requests / passed:.1f} pictures/s\n"
        f"latency p50 {half:.1f} ms, p95 {most:.1f} ms"
    )


def _quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _bar(done, total):
    if done == total or done % max(1, total // 50) == 0:
        filled = "#" * (20 * done // total)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r[{filled:<20}] {done:,}/{total:,}{end}")


# --- the command line ---------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        sys.exit(f"Error: {message}. See python -m export.client COMMAND --help.")


def _numbers(text):
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be like 0,1,2. Received: {text}") from None


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1. Received: {text}")
    return int(text)


def _parser():
    common = _Parser(add_help=False)
    common.add_argument("--host", default="localhost")
    common.add_argument("--port", type=_positive, default=8500, help="of gRPC")
    common.add_argument("--rest_port", type=_positive, default=8501)
    common.add_argument("--grpc", action="store_true", help="instead of REST")
    common.add_argument("--model", default="generator", help="its name on the server")
    which = common.add_mutually_exclusive_group()
    which.add_argument("--version", type=_positive, help="by default the newest")
    which.add_argument("--label", help="of a version, as models.config names it")
    common.add_argument("--timeout", type=float, default=10.0, help="in seconds")
    drawn = _Parser(add_help=False)
    drawn.add_argument("--classes", type=_numbers, default=[0], help="0,1,2; if there are classes")
    drawn.add_argument("--truncation", type=float, help="largest latent; the server has a default")
    drawn.add_argument("--output", required=True, help="a PNG file")
    drawn.add_argument("--scale", type=_positive, default=1, help="enlarges pixels")
    parser = _Parser(prog="python -m export.client", description="Asks a server.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("health", parents=[common], help="which versions are available")
    commands.add_parser("metadata", parents=[common], help="what the model can be asked for")
    sample = commands.add_parser("sample", parents=[common, drawn], help="a row for each class")
    sample.add_argument("--seed", type=int, default=0, help="of the first picture of a row")
    sample.add_argument("--columns", type=_positive, default=COLUMNS, help="pictures in a row")
    between = commands.add_parser("interpolate", parents=[common, drawn], help="a way of pictures")
    between.add_argument("--seeds", type=_numbers, default=[0, 1], help="of both ends")
    between.add_argument("--steps", type=_positive, default=COLUMNS, help="pictures, with the ends")
    measured = commands.add_parser("load", parents=[common], help="how fast the server is")
    measured.add_argument("--requests", type=_positive, default=100)
    measured.add_argument("--workers", type=_positive, default=4, help="that ask at the same time")
    measured.add_argument("--batch", type=_positive, default=1, help="pictures in a request")
    return parser


def run(options: argparse.Namespace) -> str:
    """What a command has to say; raises ServerError if it fails."""
    port = options.port if options.grpc else options.rest_port
    at = Address(options.host, port, options.model, options.version, options.label, options.timeout)
    count = min(options.workers, options.requests) if options.command == "load" else 1
    connect = Grpc if options.grpc else Rest
    with contextlib.ExitStack() as stack:
        closing = (contextlib.closing(connect(at)) for _ in range(count))
        return _say(options, [stack.enter_context(one) for one in closing])


def _say(options, servers):
    server = servers[0]
    if options.command == "load":
        return load(servers, options.requests, options.batch)
    if options.command in ("health", "metadata"):
        return {"health": health, "metadata": metadata}[options.command](server)
    if options.command == "sample":
        seeds = [options.seed + column for column in range(options.columns)]
        files = draw(server, seeds, options.classes, options.truncation)["image_bytes"]
    else:
        ends = (options.seeds, options.classes, options.truncation)
        files = way(server, *ends, options.steps)
    columns = options.columns if options.command == "sample" else len(files)
    write_grid(options.output, files, columns, options.scale)
    return f"Wrote {options.output}: {len(files)} pictures."


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what a command says, or one line of what is wrong."""
    try:
        sys.stdout.write(run(_parser().parse_args(arguments)) + "\n")
    except ServerError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
