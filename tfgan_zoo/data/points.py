"""Points in the plane whose distribution is known, drawn afresh from a seed.

The definitions of the code of Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, which Feng
et al., 2020 (GP-WIRGAN, Figs. 4-6) use too. All lie within [-3, 3]^2.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

SWISS_NOISE = 0.25  # before the division by `SWISS_SCALE`
SWISS_SCALE = 7.5


@dataclasses.dataclass(frozen=True)
class Gaussians:
    """Equally likely round Gaussians: what their `centres` and `std` are after scaling."""

    centres: np.ndarray  # [count, 2]
    std: float

    def __call__(self, count, random):
        chosen = self.centres[random.integers(len(self.centres), size=count)]
        return chosen + self.std * random.standard_normal((count, 2))


def _ring():
    angles = np.arange(8) * np.pi / 4
    return Gaussians(
        2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1) / 1.414, std=0.02 / 1.414
    )


def _grid():
    steps = np.arange(-2, 3)
    centres = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return Gaussians(2.0 * centres / 2.828, std=0.05 / 2.828)


def _swiss_roll(count, random):
    """Angle t = 1.5 pi (1 + 2u), u uniform in [0, 1); the spiral (t cos t, t sin t) plus noise."""
    angles = 1.5 * np.pi * (1.0 + 2.0 * random.random(count))
    spiral = angles[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (spiral + SWISS_NOISE * random.standard_normal((count, 2))) / SWISS_SCALE


GAUSSIANS = {"8-gaussians": _ring(), "25-gaussians": _grid()}
SETS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "swiss-roll": _swiss_roll,
    **GAUSSIANS,
}


def sample(name: str, count: int, seed: int | Sequence[int]) -> np.ndarray:
    """Draws independent points.

    Args:
        name: "swiss-roll", "8-gaussians" or "25-gaussians".
        count: How many.
        seed: One number or several; the same give the same points.

    Returns:
        float32 [count, 2].

    Raises:
        ValueError: If there is no such distribution.
    """
    if name not in SETS:
        raise ValueError(f"`name` must be one of {', '.join(SETS)}. Received: {name!r}.")
    return SETS[name](count, np.random.default_rng(seed)).astype(np.float32)
