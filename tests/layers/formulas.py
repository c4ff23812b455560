"""What layers are held to: the same maps in plain NumPy, by the shortest way."""

import numpy as np


def random(*shape, seed=0):
    """Standard normal float32 values."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def power_iteration(matrix, u):
    """Algorithm 1 of spectral normalisation: W [rows, units], u [units] -> (sigma, v, u)."""
    v = matrix @ u
    v = v / np.linalg.norm(v)
    u = v @ matrix
    sigma = np.linalg.norm(u)
    return sigma, v, u / sigma


def as_matrix(kernel, embedding=False):
    """[everything else, entries of u]: units for kernels, classes for tables."""
    kernel = np.asarray(kernel, "float64")
    return kernel.T if embedding else kernel.reshape(-1, kernel.shape[-1])


def normalized(layer, embedding=False):
    """The kernel of a spectrally normalised layer over the sigma of one iteration."""
    matrix = as_matrix(layer.kernel.numpy(), embedding)
    return layer.kernel.numpy() / power_iteration(matrix, layer.u.numpy()[0])[0]


def conv(images, kernel):
    """Stride 1 and zero padding: a product for every entry of an odd kernel."""
    size = len(kernel)
    height, width = images.shape[1:3]
    margins = (size // 2, size // 2)
    padded = np.pad(images, [(0, 0), margins, margins, (0, 0)])
    return sum(
        padded[:, row : row + height, column : column + width] @ kernel[row, column]
        for row in range(size)
        for column in range(size)
    )


def upsample(images):
    """Repeats every pixel twice along both axes."""
    return images.repeat(2, axis=1).repeat(2, axis=2)


def blocks(images):
    """[batch, H, W, C] -> [batch, H / 2, W / 2, C, 4]: what every 2x2 pooling sees."""
    batch, height, width, channels = images.shape
    split = images.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return split.transpose(0, 1, 3, 5, 2, 4).reshape(batch, height // 2, width // 2, channels, 4)
