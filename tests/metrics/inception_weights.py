"""Weights of the FID Inception drawn by a rule, and others' ways of writing the same weights."""

import numpy as np

from tfgan_zoo.metrics import inception_table


def drawn(seed: int = 0) -> dict[str, np.ndarray]:
    """{name in the graph: array}: in the order of `shapes`, of one RandomState.

    Kernels and the classifier's matrix are normal with variance 2 / fan in, gammas uniform in
    [0.75, 1.25], variances in [0.5, 1.5], all else normal with standard deviation 0.1.
    """
    random = np.random.RandomState(seed)
    found = {}
    for name, shape in inception_table.shapes().items():
        if name.endswith("gamma"):
            array = random.uniform(0.75, 1.25, shape)
        elif name.endswith("moving_variance"):
            array = random.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            array = 0.1 * random.randn(*shape)
        else:
            array = random.randn(*shape) * np.sqrt(2 / np.prod(shape[:-1]))
        found[name] = array.astype(np.float32)
    return found


def state_dict(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays by the names and in the layout of PyTorch's file."""
    moments = zip(
        inception_table.MOMENTS, ("weight", "bias", "running_mean", "running_var"), strict=True
    )
    moments = list(moments)
    found = {}
    for row in inception_table.rows():
        kernel = arrays[f"{row.scope}/conv2d_params"]
        found[f"{row.module}.conv.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        for ours, theirs in moments:
            found[f"{row.module}.bn.{theirs}"] = arrays[f"{row.scope}/batchnorm/{ours}"]
    found["fc.weight"] = np.ascontiguousarray(arrays["softmax/weights"].T)
    found["fc.bias"] = arrays["softmax/biases"]
    return found


def images(size: int | tuple[int, int], count: int = 1) -> np.ndarray:
    """Noise with large and small patterns, uint8 [count, height, width, 3]."""
    height, width = (size, size) if isinstance(size, int) else size
    random = np.random.RandomState(height)
    coarse = random.randint(0, 192, (count, 4, 4, 3))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    fine = random.randint(0, 64, (count, height, width, 3))
    return (coarse[:, rows][:, :, columns] + fine).astype(np.uint8)
