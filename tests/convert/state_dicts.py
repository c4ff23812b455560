"""Small networks of other programs: their names and shapes, and values by a formula.

Names are sorted; tensor number `index` has the same values as in /models/biggan_test.py, kernels
cos(0.7 i + 1.3 index) / sqrt(inputs) in PyTorch's order. So a fixture is a few recorded outputs.
"""

import keras
import numpy as np


def value(index, shape):
    """Tensor number `index`, of at least two axes or none of the special kinds."""
    flat = np.arange(int(np.prod(shape, dtype=int)))
    if len(shape) < 2:
        return 0.05 * np.cos(flat + index).reshape(shape)
    return (np.cos(0.7 * flat + 1.3 * index) / np.sqrt(np.prod(shape[1:]))).reshape(shape)


def special(name, shape):
    """Values of attention's gamma and of plain gains, None for others."""
    if name.endswith("gamma"):
        return np.full(shape, 0.5)
    if name in ("output_layer.0.gain", "generator.bn.weight"):
        return 1 + 0.1 * np.cos(np.arange(shape[0]))
    return None


def filled(shapes):
    """{name: float32 array} of all trainable tensors."""
    tensors = {}
    for index, name in enumerate(sorted(shapes)):
        values = special(name, shapes[name])
        values = value(index, shapes[name]) if values is None else values
        tensors[name] = values.astype(np.float32)
    return tensors


def moments(index, rows, channels):
    """Mean and variance tables [rows, channels], or [channels] without rows."""
    i = np.arange((rows or 1) * channels)
    shape = (rows, channels) if rows else (channels,)
    mean, variance = 0.1 * np.cos(0.3 * i + index), 0.3 + 0.2 * np.cos(0.9 * i + index)
    return mean.reshape(shape).astype(np.float32), variance.reshape(shape).astype(np.float32)


# --- BigGAN-PyTorch ------------------------------------------------------------------------------


def pytorch_generator(ch, multiples, attended, chunk, shared=16, classes=10, plain_moments=False):
    """State dict of a BigGAN-PyTorch generator with attention after block `attended`."""
    widths = [ch * multiple for multiple in multiples]
    shapes = {"shared.weight": (classes, shared)}
    shapes |= {"linear.weight": (16 * widths[0], chunk), "linear.bias": (16 * widths[0],)}
    norms = {}
    for block, (wide, narrow) in enumerate(zip(widths, widths[1:])):
        prefix = f"blocks.{block}.0."
        shapes |= _convolution(f"{prefix}conv1", wide, narrow, 3)
        shapes |= _convolution(f"{prefix}conv2", narrow, narrow, 3)
        shapes |= _convolution(f"{prefix}conv_sc", wide, narrow, 1)
        for number, width in ((1, wide), (2, narrow)):
            norms[f"{prefix}bn{number}"] = width
            for part in ("gain", "bias"):
                shapes[f"{prefix}bn{number}.{part}.weight"] = (width, shared + chunk)
    shapes |= _attention(f"blocks.{attended}.1.", widths[attended + 1], "o")
    last = widths[-1]
    norms["output_layer.0"] = last
    shapes |= {"output_layer.0.gain": (last,), "output_layer.0.bias": (last,)}
    shapes |= _convolution("output_layer.2", last, 3, 3)
    tensors = with_vectors(filled(shapes))
    for index, (name, width) in enumerate(norms.items()):
        mean, variance = moments(index, 0, width)
        if plain_moments:
            mean, variance = np.zeros_like(mean), np.ones_like(variance)
        tensors |= {f"{name}.stored_mean": mean, f"{name}.stored_var": variance}
    return tensors


def pytorch_discriminator(ch, multiples, halvings, attended=None, classes=10):
    """State dict of a BigGAN-PyTorch discriminator, perhaps with attention after a block."""
    shapes, wide = {}, 3
    for block, multiple in enumerate(multiples):
        narrow, prefix = ch * multiple, f"blocks.{block}.0."
        shapes |= _convolution(f"{prefix}conv1", wide, narrow, 3)
        shapes |= _convolution(f"{prefix}conv2", narrow, narrow, 3)
        if block < halvings or wide != narrow:
            shapes |= _convolution(f"{prefix}conv_sc", wide, narrow, 1)
        if block == attended:
            shapes |= _attention(f"blocks.{block}.1.", narrow, "o")
        wide = narrow
    shapes |= {"linear.weight": (1, wide), "linear.bias": (1,), "embed.weight": (classes, wide)}
    return with_vectors(filled(shapes))


def pytorch_deep_discriminator(ch, multiples, attended, classes=10):
    """State dict of its BigGAN-deep discriminator, with attention after stage `attended`."""
    wide = ch * multiples[0]
    shapes = _convolution("input_conv", 3, wide, 3)
    for stage, multiple in enumerate(multiples[1:]):
        narrow = ch * multiple
        for part in range(2):
            prefix, middle = f"blocks.{stage}.{part}.", narrow // 4
            shapes |= _convolution(f"{prefix}conv1", wide, middle, 1)
            shapes |= _convolution(f"{prefix}conv2", middle, middle, 3)
            shapes |= _convolution(f"{prefix}conv3", middle, middle, 3)
            shapes |= _convolution(f"{prefix}conv4", middle, narrow, 1)
            if wide != narrow:
                shapes |= _convolution(f"{prefix}conv_sc", wide, narrow - wide, 1)
            wide = narrow
        if stage == attended:
            shapes |= _attention(f"blocks.{stage}.2.", narrow, "o")
    shapes |= {"linear.weight": (1, wide), "linear.bias": (1,), "embed.weight": (classes, wide)}
    return with_vectors(filled(shapes))


def with_vectors(tensors):
    """Adds `u0` and `sv0` to what BigGAN-PyTorch normalises: all kernels but `shared`."""
    added = {}
    for name, tensor in tensors.items():
        if tensor.ndim > 1 and name != "shared.weight":
            count = len(tensor)
            layer = name.removesuffix("weight")
            added[f"{layer}u0"] = np.full((1, count), count**-0.5, np.float32)
            added[f"{layer}sv0"] = np.ones(1, np.float32)
    return tensors | added


# --- pytorch-pretrained-BigGAN -------------------------------------------------------------------

LAYERS = [(16, 16), (16, 8), (8, 4), (4, 2), (2, 1)]
CONFIG = {
    "output_dim": 128,
    "z_dim": 16,
    "class_embed_dim": 16,
    "channel_width": 8,
    "num_classes": 10,
    "attention_layer_position": 8,
    "eps": 1e-4,
    "n_stats": 51,
    "layers": [block for a, b in LAYERS for block in ([False, a, a], [True, a, b])],
}


def pretrained():
    """State dict of the port's generator that CONFIG describes."""
    ch, condition = CONFIG["channel_width"], 2 * CONFIG["z_dim"]
    shapes = {"embeddings.weight": (CONFIG["z_dim"], CONFIG["num_classes"])}
    shapes |= {"generator.gen_z.weight": (256 * ch, condition), "generator.gen_z.bias": (256 * ch,)}
    norms = {}
    for block, (_, a, b) in enumerate(CONFIG["layers"]):
        prefix = f"generator.layers.{block + (block >= 8)}."
        wide, middle, narrow = a * ch, a * ch // 4, b * ch
        sizes = [(wide, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, narrow, 1)]
        for part, (inputs, filters, size) in enumerate(sizes):
            shapes |= _convolution(f"{prefix}conv_{part}", inputs, filters, size)
            norms[f"{prefix}bn_{part}"] = inputs
            for kind in ("scale", "offset"):
                shapes[f"{prefix}bn_{part}.{kind}.weight"] = (inputs, condition)
    theirs = _attention("snconv1x1_", 2 * ch, "o_conv")
    shapes |= {f"generator.layers.8.{name}": shape for name, shape in theirs.items()}
    shapes["generator.layers.8.gamma"] = shapes.pop("generator.layers.8.snconv1x1_gamma")
    norms["generator.bn"] = ch
    shapes |= {"generator.bn.weight": (ch,), "generator.bn.bias": (ch,)}
    shapes |= _convolution("generator.conv_to_rgb", ch, ch, 3)
    tensors = _renamed(filled(shapes))
    for index, (name, width) in enumerate(norms.items()):
        mean, variance = moments(index, CONFIG["n_stats"], width)
        tensors |= {f"{name}.running_means": mean, f"{name}.running_vars": variance}
    return tensors


def _renamed(tensors):
    """Normalised kernels as the port has them: `weight_orig`, and one iteration's two vectors."""
    renamed = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or name == "embeddings.weight":
            renamed[name] = tensor
            continue
        matrix, layer = tensor.reshape(len(tensor), -1), name.removesuffix("weight")
        v = matrix.T @ first_vector(len(matrix))
        v /= np.linalg.norm(v)
        u = matrix @ v
        u /= np.linalg.norm(u)
        renamed |= {f"{layer}weight_orig": tensor, f"{layer}weight_u": u, f"{layer}weight_v": v}
    return renamed


def first_vector(count):
    """What the module's iteration begins with."""
    return np.full(count, count**-0.5, np.float32)


def _convolution(name, inputs, filters, size):
    return {f"{name}.weight": (filters, inputs, size, size), f"{name}.bias": (filters,)}


def _attention(prefix, width, output):
    return {
        f"{prefix}gamma": (1,) if output == "o_conv" else (),
        f"{prefix}theta.weight": (width // 8, width, 1, 1),
        f"{prefix}phi.weight": (width // 8, width, 1, 1),
        f"{prefix}g.weight": (width // 2, width, 1, 1),
        f"{prefix}{output}.weight": (width, width // 2, 1, 1),
    }


def check_attention(network, tensors, prefix, last):
    """These kernels, one by one: formulas make attention so even that outputs hardly tell them."""
    names = {"query": "theta", "key": "phi", "value": "g", "output_projection": "o"}
    layer = network.get_layer("attention")
    for ours, theirs in names.items():
        theirs = "o_conv" if theirs == "o" and last == "weight_orig" else theirs
        kernel = keras.ops.convert_to_numpy(getattr(layer, ours).kernel)
        expected = tensors[f"{prefix}{theirs}.{last}"].transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(kernel, expected)


# --- inputs --------------------------------------------------------------------------------------


def images(resolution):
    """Two images by formula, and labels, for a discriminator."""
    flat = np.cos(0.01 * np.arange(2 * resolution * resolution * 3))
    pixels = flat.reshape(2, resolution, resolution, 3).astype(np.float32)
    return {"images": pixels, "labels": np.array([0, 3], np.int32)}


def inputs(z_dim):
    """Two latents by formula, and labels."""
    z = (1.5 * np.cos(0.5 * np.arange(2 * z_dim) + 0.2)).reshape(2, z_dim)
    return {"latents": z.astype(np.float32), "labels": np.array([0, 3], np.int32)}
