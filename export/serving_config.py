r"""Settings of TensorFlow Serving for exported generators: which versions, and how requests join.

    python -m export.serving_config --folder=SERVED --name=digits --labels=stable:1,canary:2

writes SERVED/models.config for `tensorflow_model_server --model_config_file`. Clients then ask for
"stable" instead of a number; moving a label is editing one line, or running this again.
"""

import json
import os
import pathlib
import re
import shlex
import sys

from absl import app, flags

# Of joined requests; warm-up has a record of each.
BATCH_SIZES = (1, 2, 4, 8, 16)
BATCHING = "batching_params.pbtxt"  # what the server looks for beside saved_model.pb


def batching_parameters(batch_sizes: tuple[int, ...] = BATCH_SIZES, threads: int = 2) -> str:
    """Returns the text of a `BatchingParameters` message, which says how a server joins requests.

    Args:
        batch_sizes: Ascending; joined requests are filled up to the next of them.
        threads: Batches computed at the same time.
    """
    rows = [
        f"max_batch_size {{ value: {batch_sizes[-1]} }}",
        "batch_timeout_micros { value: 2000 }",
        "max_enqueued_batches { value: 100 }",
        f"num_batch_threads {{ value: {threads} }}",
        *(f"allowed_batch_sizes: {size}" for size in batch_sizes),
    ]
    return "\n".join(rows) + "\n"


def models_config(
    name: str, base_path: str, versions: tuple[int, ...] = (), labels: dict[str, int] | None = None
) -> str:
    """Returns the text of a `ModelServerConfig` of one model.

    Args:
        name: By which clients ask for it.
        base_path: The folder of all versions, where the server sees it.
        versions: All that are served; none for the newest.
        labels: Other names of versions.
    """
    rows = [f"name: {_quoted(name)}", f"base_path: {_quoted(base_path)}"]
    rows.append('model_platform: "tensorflow"')
    if versions:
        numbers = " ".join(f"versions: {version}" for version in versions)
        rows.append(f"model_version_policy {{ specific {{ {numbers} }} }}")
    for label, version in (labels or {}).items():
        rows.append(f"version_labels {{ key: {_quoted(label)} value: {version} }}")
    body = "\n".join(f"    {row}" for row in rows)
    return f"model_config_list {{\n  config {{\n{body}\n  }}\n}}\n"


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)  # escapes what protobuf's text form escapes


def existing_versions(folder: str | os.PathLike) -> list[int]:
    """Returns the versions that servers find in a folder, ascending."""
    names = [path.name for path in pathlib.Path(folder).iterdir() if path.is_dir()]
    return sorted(int(name) for name in names if name.isdecimal())


def parse_labels(texts: list[str], existing: list[int]) -> dict[str, int]:
    """Returns {label: version} of texts such as "stable:1".

    Raises:
        ValueError: If a text is something else, or a version does not exist.
    """
    labels = {}
    for text in texts:
        label, _, version = text.partition(":")
        if not re.fullmatch(r"[\w.-]+", label) or not version.isdecimal() or label in labels:
            raise ValueError(f"`labels` must be NAME:VERSION, each name once. Received: {text!r}.")
        if int(version) not in existing:
            raise ValueError(
                f"`labels` must be of versions that exist: {existing}. Received: {text!r}."
            )
        labels[label] = int(version)
    return labels


def write(path: pathlib.Path, text: str) -> None:
    """Writes a file whole or not at all; one that exists is replaced."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def run(folder: str, name: str, base_path: str | None, labels: list[str]) -> None:
    """Writes `folder`/models.config, and prints how to use it."""
    try:
        existing = existing_versions(folder)
        if not existing:
            raise ValueError("`folder` must hold versions: run export.saved_model first.")
        if not re.fullmatch(r"[\w.-]+", name):
            raise ValueError(f"`name` must be of letters, digits, _, . and -. Received: {name!r}.")
        chosen = parse_labels(labels, existing)
        served = tuple(sorted(set(chosen.values()))) or (existing[-1],)
        path = pathlib.Path(folder, "models.config")
        write(path, models_config(name, base_path or f"/models/{name}", served, chosen))
    except (ValueError, OSError) as error:
        sys.exit(f"{error}" if isinstance(error, ValueError) else f"--folder: {error}")
    volume = shlex.quote(f"{path.parent.resolve()}:/models/{name}")
    sys.stdout.write(
        f"Wrote {path}: versions {', '.join(map(str, served))}.\n"
        f"  docker run --rm -p 8500:8500 -p 8501:8501 -v {volume} "
        f"tensorflow/serving --model_config_file=/models/{name}/models.config "
        "--allow_version_labels_for_unavailable_models=true\n"
    )


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    FOLDER = flags.DEFINE_string("folder", None, "That of all versions.", required=True)
    NAME = flags.DEFINE_string("name", "generator", "By which clients ask for the model.")
    BASE_PATH = flags.DEFINE_string(
        "base_path", None, "Where the server sees the folder; /models/NAME by default."
    )
    LABELS = flags.DEFINE_list("labels", [], "Names of versions: stable:1,canary:2.")
    app.run(lambda _: run(FOLDER.value, NAME.value, BASE_PATH.value, LABELS.value))
