"""What can be told of a converted network without data."""

import keras
import numpy as np

from tfgan_zoo.layers.attention import SelfAttention2D
from tfgan_zoo.layers.spectral import SpectralNormalized

ITERATIONS = 50
TOLERANCE = 0.05  # of the largest singular value of a normalised kernel, from 1


def findings(network: keras.Model) -> list[str]:
    """Sentences on what is not as in trained BigGANs; none if all is well.

    The stored singular vectors must give spectral norms within 0.05 of 1, or the vectors belong
    to other kernels; attention must have learned to take part.
    """
    layers = network._flatten_layers()  # Keras has no public way to all of them
    found = []
    for layer in layers:
        if isinstance(layer, SpectralNormalized) and layer.normalize:
            norm = spectral_norm(layer)
            if not abs(norm - 1.0) <= TOLERANCE:
                found.append(f"{layer.path} has spectral norm {norm:.2f} instead of 1 +- 0.05.")
        if isinstance(layer, SelfAttention2D) and not float(layer.gamma):
            found.append(f"{layer.path} has gamma 0: it does nothing, as before training.")
    return found


def parameters(network: keras.Model) -> int:
    """Trainable numbers in the network, which papers count."""
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def spectral_norm(layer: SpectralNormalized) -> float:
    """Largest singular value of the kernel that the layer applies, by power iteration."""
    matrix, u = (keras.ops.convert_to_numpy(x) for x in (layer.matrix(), layer.u))
    # Not from u alone, which may be blind to the largest one.
    noise = np.random.default_rng(0).standard_normal(u.shape)
    u = (u / max(np.linalg.norm(u), 1e-12) + noise / np.linalg.norm(noise)).astype(matrix.dtype)
    for _ in range(ITERATIONS):
        v = matrix @ u[0]
        u = (v / max(np.linalg.norm(v), 1e-12) @ matrix)[None]
        largest, u = np.linalg.norm(u), u / max(np.linalg.norm(u), 1e-12)
    return float(largest / layer.singular_value())
