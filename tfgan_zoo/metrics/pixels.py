"""What metrics of images ask of them."""

import numpy as np


def require_uint8(name: str, images) -> None:
    """Raises ValueError unless images, of which one is looked at, are uint8."""
    dtype = np.asarray(images[:1]).dtype
    if dtype != np.uint8:
        raise ValueError(
            f"`{name}` must be uint8 in [0, 255]: turn images x in [-1, 1] into "
            "np.uint8(np.round(np.clip((x + 1) * 127.5, 0, 255))). "
            f"Received: dtype {dtype}."
        )
