"""The arrays that both sides of a comparison start from, by name; the same at every run."""

import numpy as np

from tfgan_zoo.training import noise

PENALTY_SEED = (3, 4)  # of the places between real and fake images that a gradient is taken at


def arrays() -> dict[str, np.ndarray]:
    """Returns all inputs of originals.py."""
    random = np.random.default_rng(20)
    parts = (_logits, _classes, _penalty, _features, _patches, _pictures, _steps, _kernels, _maps)
    return {name: value for part in parts for name, value in part(random).items()}


def _normal(random, *shape, scale=1.0):
    return (scale * random.normal(size=shape)).astype(np.float32)


def _logits(random):
    """Some are far out, where a sigmoid is 0 or 1 in float32."""
    extremes = np.float32([[90.0], [-90.0], [17.0], [-17.0]])
    return {
        f"logits/{side}": np.concatenate([_normal(random, 32, 1, scale=3.0), extremes])
        for side in ("real", "fake")
    }


def _classes(random):
    return {
        "classes/labels": random.integers(0, 5, 12).astype(np.int32),
        "classes/real": _normal(random, 12, 5, scale=3.0),
        "classes/fake": _normal(random, 12, 5, scale=3.0),
        "codes": random.uniform(-1.0, 1.0, (12, 3)).astype(np.float32),
        "codes/means": _normal(random, 12, 3),
    }


def _penalty(random):
    mix = 0.5 + 0.5 * noise.uniform([6, 1, 1, 1], PENALTY_SEED).numpy()
    return {
        "penalty/real": _normal(random, 6, 4, 4, 2),
        "penalty/fake": _normal(random, 6, 4, 4, 2),
        "penalty/weights": _normal(random, 32, 7, scale=0.2),
        "penalty/mix": mix,
    }


def _features(random):
    """Skewed and correlated features like Inception's; "few" samples, fewer than dimensions."""
    found = {"kid/block": np.array(100)}
    for name, rows, dtype in (("float32", 500, "f4"), ("float64", 350, "f8"), ("few", 20, "f8")):
        mixture = random.normal(size=(40, 40)) / 6.0
        for side, shift in (("real", 0.0), ("fake", 0.3)):
            values = np.maximum(random.normal(size=(rows, 40)) @ mixture + shift, 0.0)
            found[f"features/{name}/{side}"] = values.astype(dtype)
        found[f"inception/{name}"] = (3.0 * random.normal(size=(rows, 30))).astype(dtype)
    # All of one class but for what float64 can just hold.
    found["inception/certain"] = 700.0 * np.eye(10)[random.integers(0, 10, 50)]
    return found


def _patches(random):
    return {
        "pyramid": random.integers(0, 256, (3, 64, 64, 3)).astype(np.float32),
        "points/first": _normal(random, 200, 12),
        "points/second": _normal(random, 200, 12) + 0.3,
        "points/directions": _normal(random, 12, 40),
    }


def _pictures(random):
    """Pairs of which one is the other with ever more noise; TensorFlow wants 176 pixels."""
    rows, columns = np.mgrid[0:192, 0:176] / 20.0
    smooth = np.stack([np.sin(rows + k) * np.cos(columns * (k + 1)) for k in range(3)], axis=-1)
    first = np.repeat(127.5 + 100.0 * smooth[None], 4, axis=0)
    levels = np.array([0.0, 5.0, 40.0, 150.0])[:, None, None, None]
    second = first + levels * random.normal(size=first.shape)
    pictures = (np.clip(np.round(x), 0, 255).astype(np.uint8) for x in (first, second))
    return dict(zip(("pictures/first", "pictures/second"), pictures))


def _steps(random):
    """A descent: weights at the start, and a gradient for each step."""
    return {
        "steps/start": _normal(random, 6, 5, scale=0.05),
        "steps/gradients": _normal(random, 8, 6, 5, scale=0.05),
        "steps/limit": np.array(0.06),
        "steps/decay": np.array(0.7),
    }


def _kernels(random):
    return {
        "sn/dense/kernel": _normal(random, 7, 5),
        "sn/dense/bias": _normal(random, 5),
        "sn/dense/u": _normal(random, 1, 5),
        "sn/dense/inputs": _normal(random, 4, 7),
        "sn/conv/kernel": _normal(random, 3, 3, 4, 6),
        "sn/conv/bias": _normal(random, 6),
        "sn/conv/u": _normal(random, 1, 6),
        "sn/conv/left": _normal(random, 36, 1),
        "sn/conv/inputs": _normal(random, 2, 8, 8, 4),
    }


def _maps(random):
    """Feature maps, and weights by the names they have in TF-GAN's examples."""
    found = {
        "maps": _normal(random, 8, 8, 8, 16),
        "maps/labels": (np.arange(8) % 3).astype(np.int32),
        "weights/conv/conv2d/kernel": _normal(random, 3, 3, 16, 5),
        "weights/conv/bias": _normal(random, 5),
        "weights/dense/kernel": _normal(random, 8 * 8 * 16, 5),
        "weights/dense/bias": _normal(random, 5),
        "weights/attention/sigma_ratio": np.float32(0.7),
    }
    for name, shape in (("theta", (16, 2)), ("phi", (16, 2)), ("g", (16, 8)), ("attn", (8, 16))):
        kernel, scope = _normal(random, *shape), f"weights/attention/sn_conv_{name}"
        # TF-GAN iterates from a left singular vector, we from a right one.
        left, _, right = np.linalg.svd(kernel)
        found |= {f"{scope}/weights": kernel[None, None], f"{scope}/right": right[:1]}
        found[f"{scope}/spectral_norm_u"] = left[:, :1]
    for scope, shape in (("batch_norm", (16,)), ("conditional", (3, 16))):
        found[f"weights/{scope}/gamma"] = 1.0 + _normal(random, *shape, scale=0.3)
        found[f"weights/{scope}/beta"] = _normal(random, *shape, scale=0.3)
    return found
