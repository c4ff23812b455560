r"""Writes the FID Inception's weights as the file that tfgan_zoo.metrics.inception reads.

    python -m tfgan_zoo.convert.inception --source=weights-inception-2015-12-05-6726825d.pth

The source is one of
  - weights-inception-2015-12-05-6726825d.pth or pt_inception-2015-12-05-6726825d.pth, one file by
    two names, read with PyTorch: pip install 'tfgan_zoo[torch]';
  - classify_image_graph_def.pb, the frozen graph that was published first;
  - a folder with saved_model.pb that holds the same graph.
It is needed once: scores find the file afterwards. Other weights of the same shapes are taken, too,
but their scores are named "inception-other" and after the file's hash.
"""

import pathlib
import sys

from absl import app, flags

from tfgan_zoo.convert.inception import sources
from tfgan_zoo.metrics import inception_file


def run(source: str, output: str | None = None, overwrite: bool = False) -> None:
    """Converts, and tells what was written and whether it is what scores are published with.

    Args:
        source: See above.
        output: The .npz file to write; None: where metrics look.
        overwrite: Whether it may exist, and is replaced.
    """
    try:
        sha256 = sources.sha256_of(source)
        path = pathlib.Path(output) if output else inception_file.cache_path(sha256)
        _check_output(path, overwrite)
        weights = inception_file.Weights(sources.read(source), sha256)
        inception_file.write(weights, path)
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(
        f"Wrote {path}: {weights.name}. Hash of the weights themselves, whatever file they come "
        f"in: {inception_file.digest(weights.arrays)}.\n"
    )
    if not sha256.startswith(inception_file.PUBLISHED):
        sys.stderr.write(
            f"Warning: the source's hash is {sha256}, not the {inception_file.PUBLISHED}... of "
            "the published PyTorch file. Whether its weights are the same was not checked: scores "
            f"will be named {weights.name}, and this file must be given by its path.\n"
        )


def _check_output(path, overwrite):
    if path.suffix != ".npz" or path.is_dir():
        raise ValueError(f"`output` must be an .npz file. Received: {path}.")
    if path.exists() and not overwrite:
        raise ValueError(
            f"`output` must not exist yet. Received: {path}. Name another, or --overwrite."
        )


def main(argv: list[str]) -> None:
    """Runs what the flags say."""
    if argv[1:]:
        sys.exit(f"Error: Flags begin with --. Received: {' '.join(argv[1:])}.")
    run(SOURCE.value, OUTPUT.value, OVERWRITE.value)


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    SOURCE = flags.DEFINE_string("source", None, "File or folder to read.", required=True)
    OUTPUT = flags.DEFINE_string(
        "output", None, "The .npz file to write. Default: in ~/.cache/tfgan_zoo, where scores look."
    )
    OVERWRITE = flags.DEFINE_bool("overwrite", False, "Whether --output may exist: is replaced.")
    app.run(main)
