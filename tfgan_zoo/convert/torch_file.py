"""Reads PyTorch's files. The only part of the zoo that needs PyTorch."""

import importlib
import os

import numpy as np


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The tensors of a state dict, floats as float32. Nothing in the file is run.

    Raises:
        ValueError: If PyTorch is not installed, or the file holds anything but tensors.
    """
    torch = _torch()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged files make its unpickler raise errors of any kind
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} must be a file that torch.save wrote, with tensors only: G_ema.pth, G.pth, "
            f"D.pth or pytorch_model.bin. PyTorch says: {reason}"
        ) from error
    named = isinstance(state, dict) and all(isinstance(name, str) for name in state)
    if not named or not state or not all(map(torch.is_tensor, state.values())):
        raise ValueError(
            f"{path} must hold the tensors of a network. It holds something else: optimizers and "
            "the trainer's bookkeeping (G_optim.pth, state_dict.pth) have no weights of networks. "
            "Name G_ema.pth, G.pth, D.pth or pytorch_model.bin."
        )
    return {name: (x.float() if x.is_floating_point() else x).numpy() for name, x in state.items()}


def _torch():
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ValueError(
            "Files of PyTorch are read by PyTorch, which is not installed here. Install it: "
            "pip install 'tfgan_zoo[torch]'"
        ) from error
