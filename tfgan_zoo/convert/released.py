"""From files that others trained to a network, and from a network to our file."""

import json
import os
import pathlib

import keras

from tfgan_zoo.convert import biggan_pytorch, huggingface, tf_hub, torch_file

CONFIG, WEIGHTS = "config.json", "pytorch_model.bin"  # perhaps after "biggan-deep-128-"


def load(source: str | os.PathLike, **epsilons: float) -> keras.Model:
    """The network of a released file or folder.

    Args:
        source: pytorch_model.bin beside its config.json, or a folder with the two; G_ema.pth, G.pth
            or D.pth of BigGAN-PyTorch; or a TF-Hub module's folder.
        **epsilons: `bn_epsilon` and `sn_epsilon` for BigGAN-PyTorch, whose files do not tell them.

    Raises:
        ValueError: If the source is none of these, not whole, or of another network.
        OSError: If it cannot be read.
    """
    source = pathlib.Path(source)
    if not source.exists():
        raise ValueError(f"`source` must exist. Received: {source}.")
    hub = source.is_dir() and (source / "saved_model.pb").exists()
    path = source if hub else _weights_file(source)
    if path.suffix == ".pth":
        return biggan_pytorch.network(torch_file.read(path), **epsilons)
    if epsilons:
        raise ValueError(
            "Epsilons are for BigGAN-PyTorch's .pth files; others tell their own. "
            f"Received: {epsilons} for {source}. Leave them out."
        )
    if hub:
        return tf_hub.generator(tf_hub.read(path))
    config = path.with_name(path.name.removesuffix(WEIGHTS) + CONFIG)
    return huggingface.generator(_read_config(config), torch_file.read(path))


def save(network: keras.Model, path: str | os.PathLike, overwrite: bool = False) -> None:
    """Writes a network as a .keras file, whole or not at all.

    Raises:
        ValueError: If the path is no name for a new .keras file.
        OSError: If it cannot be written.
    """
    check_output(path, overwrite)
    path = pathlib.Path(path)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.keras")
    try:
        network.save(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def check_output(path: str | os.PathLike, overwrite: bool) -> None:
    """Raises ValueError where `save` would, before the work is done."""
    path = pathlib.Path(path)
    if path.suffix != ".keras" or path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            f"`output` must be a .keras file in a folder that exists. Received: {path}."
        )
    if path.exists() and not overwrite:
        raise ValueError(
            f"`output` must not exist yet. Received: {path}. Name another, or overwrite."
        )


def _weights_file(source):
    if source.is_file() and (source.suffix == ".pth" or source.name.endswith(WEIGHTS)):
        if source.name.startswith("state_dict"):
            raise ValueError(
                f"{source} is the trainer's bookkeeping and has no weights. Name G_ema.pth, G.pth "
                "or D.pth beside it."
            )
        return source
    found = sorted(source.glob(f"*{WEIGHTS}")) if source.is_dir() else []
    if len(found) == 1:
        return found[0]
    held = sorted(p.name for p in source.glob("*")) if source.is_dir() else [source.name]
    raise ValueError(
        f"`source` must be a .pth file of BigGAN-PyTorch, a *{WEIGHTS}, or a folder with "
        "one of the latter or with saved_model.pb and variables/. "
        f"Received: {source} ({', '.join(held[:6]) or 'empty'}). Name the file that you mean."
    )


def _read_config(path):
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path} must be beside the weights. There is no such file.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be a JSON file. Received: {error}.") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} must be a JSON object. Received: {type(config).__name__}.")
    return config
