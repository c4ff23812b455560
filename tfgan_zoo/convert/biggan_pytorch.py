"""Networks of BigGAN-PyTorch: G.pth, G_ema.pth and D.pth, of BigGAN and BigGAN-deep.

The shapes tell all but the epsilons. Conditions are [embedding, latents], as ours; the first
layer's units are in the order [channel, row, column].
"""

import functools
import re

import keras
import numpy as np

from tfgan_zoo.convert import mapping, specs
from tfgan_zoo.convert.mapping import Mapping, Tensors
from tfgan_zoo.models import biggan, biggan_deep

LEAVES = {
    "kernel": ".weight",
    "embeddings": ".weight",
    "bias": ".bias",
    "u": ".u0",
    "gain": ".gain",
    "gamma": ".gamma",
    "moving_mean": ".stored_mean",
    "moving_variance": ".stored_var",
}
ATTENTION = {"query": "theta", "key": "phi", "value": "g", "output": "o"}
GENERATOR = {
    "class_embedding": "shared",
    "seed": "linear",
    "norm": "output_layer.0",
    "to_rgb": "output_layer.2",
}
DISCRIMINATOR = {"from_rgb": "input_conv", "logits/linear": "linear", "logits/embedding": "embed"}
# More singular values than one, which are only logged, and counters of statistics.
SPARE = r".*\.(sv\d+|u[1-9]\d*|num_batches_tracked|accumulation_counter)"
# Kernels by their number of axes: from [units, inputs] and [filters, inputs, rows, columns].
TO_OURS = {2: np.transpose, 4: lambda kernel: kernel.transpose(2, 3, 1, 0)}

# By their number of blocks, or of stages of two blocks.
GENERATORS = {
    3: "biggan-cifar10",
    4: "biggan-64",
    5: "biggan-imagenet128",
    6: "biggan-imagenet256",
    7: "biggan-imagenet512",
}
DISCRIMINATORS = {count + 1: name for count, name in GENERATORS.items()}
DEEP = {stages: f"biggan-deep-imagenet{4 << stages}" for stages in (5, 6, 7)}


def network(tensors: Tensors, bn_epsilon: float = 1e-5, sn_epsilon: float = 1e-6) -> keras.Model:
    """The generator or discriminator of a state dict.

    Args:
        tensors: {name: array} in PyTorch's order.
        bn_epsilon: Of its batch norms, which the file does not tell.
        sn_epsilon: Of its spectral norms, likewise.

    Raises:
        ValueError: If it is neither, or not whole.
    """
    epsilons = {"bn_epsilon": bn_epsilon, "sn_epsilon": sn_epsilon}
    if "output_layer.2.weight" in tensors:
        return _generator(_plain_statistics(tensors), epsilons)
    if "embed.weight" in tensors:
        return _discriminator(tensors, epsilons)
    raise ValueError(
        "The file must be a generator (`output_layer.2.weight`) or a discriminator with classes "
        "(`embed.weight`) of BigGAN-PyTorch: G_ema.pth, G.pth or D.pth. "
        f"Received: {mapping.some(tensors)}."
    )


def _generator(tensors, epsilons):
    deep, count = "blocks.0.0.conv4.weight" in tensors, _count(tensors)
    stages = count // 2 if deep else count
    spec = specs.base(DEEP if deep else GENERATORS, stages, "a generator")
    attended = _attended(tensors)
    layers = GENERATOR | _attention(f"blocks.{attended}.1")
    for block in range(count):
        layers |= _block(f"block_{block + 1}_", f"blocks.{block}.0.", 4 if deep else 2)
    names = Mapping(layers, LEAVES, to_ours=TO_OURS, spare=SPARE)
    shape = functools.partial(names.shape, tensors)
    stage = attended // 2 if deep else attended
    changes = {"g_attention": 0 if attended < 0 else 8 << stage, **epsilons}
    if deep:
        channels = shape("to_rgb/kernel", 4)[-1]
        spec = specs.deep_generator(spec, shape, channels=channels, **changes)
    else:
        changes["g_spectral"] = "linear.u0" in tensors
        spec = specs.biggan_generator(spec, shape, "shared.weight" in tensors, **changes)
    last = functools.partial(_channels_last, channels=spec.width * spec.g_widths[0])
    seed = {f"seed/{leaf}": last for leaf in ("kernel", "bias", "u")}
    network_class = biggan_deep.BigGANDeepGenerator if deep else biggan.BigGANGenerator
    generator = mapping.build(network_class, spec, "generator")
    mapping.assign(generator, names._replace(permutations=seed), tensors)
    return generator


def _discriminator(tensors, epsilons):
    deep, count = "input_conv.weight" in tensors, _count(tensors)
    spec = specs.base(DEEP if deep else DISCRIMINATORS, count, "a discriminator")
    attended = _attended(tensors)
    layers = DISCRIMINATOR | _attention(f"blocks.{attended}.{2 if deep else 1}")
    for block in range(count):
        if deep:
            layers |= _block(f"block_{2 * block + 1}_", f"blocks.{block}.0.", 4)
            layers |= _block(f"block_{2 * block + 2}_", f"blocks.{block}.1.", 4)
        else:
            layers |= _block(f"block_{block + 1}_", f"blocks.{block}.0.", 2)
    names = Mapping(layers, LEAVES, to_ours=TO_OURS, spare=SPARE)
    spec = specs.discriminator(
        spec,
        functools.partial(names.shape, tensors),
        "from_rgb/kernel" if deep else "block_1_conv_1/kernel",
        d_attention=0 if attended < 0 else spec.resolution >> attended + 1,
        **epsilons,
    )
    network_class = biggan_deep.BigGANDeepDiscriminator if deep else biggan.BigGANDiscriminator
    discriminator = mapping.build(network_class, spec, "discriminator")
    mapping.assign(discriminator, names, tensors)
    return discriminator


def _block(ours, theirs, count):
    """{our layer: theirs} of one residual block with that many convolutions and norms."""
    layers = {f"{ours}shortcut": f"{theirs}conv_sc"}
    for number in range(1, count + 1):
        layers[f"{ours}conv_{number}"] = f"{theirs}conv{number}"
        layers[f"{ours}norm_{number}"] = f"{theirs}bn{number}"
        layers[f"{ours}norm_{number}_gain"] = f"{theirs}bn{number}.gain"
        layers[f"{ours}norm_{number}_bias"] = f"{theirs}bn{number}.bias"
    return layers


def _attention(theirs):
    inner = {f"attention/{ours}": f"{theirs}.{part}" for ours, part in ATTENTION.items()}
    return {"attention": theirs, **inner}


def _count(tensors):
    """How many blocks there are: their numbers begin at 0."""
    numbers = (re.match(r"blocks\.(\d+)\.", name) for name in tensors)
    return 1 + max((int(match[1]) for match in numbers if match), default=-1)


def _attended(tensors):
    """Number of the first entry of `blocks` that ends with attention, -1 for none."""
    numbers = (re.fullmatch(r"blocks\.(\d+)\.[12]\.gamma", name) for name in tensors)
    return min((int(match[1]) for match in numbers if match), default=-1)


def _plain_statistics(tensors):
    """One name and meaning for what its three kinds of batch norm store.

    Statistics that were summed over `accumulation_counter` passes become their mean.
    """
    plain = {}
    for name, tensor in tensors.items():
        name = re.sub(r"(bn\d|output_layer\.0)\.bn\.", r"\1.", name)
        plain[re.sub(r"\.running_(mean|var)$", r".stored_\1", name)] = tensor
    for name, counter in list(plain.items()):
        layer, _, last = name.rpartition(".")
        if last == "accumulation_counter" and counter.item() > 0:
            for moment in {f"{layer}.stored_mean", f"{layer}.stored_var"} & plain.keys():
                plain[moment] = plain[moment] / counter.item()
    return plain


def _channels_last(array, channels):
    """[..., units] from the order [channel, row, column] to [row, column, channel]."""
    split = array.reshape(*array.shape[:-1], channels, -1)
    return np.moveaxis(split, -2, -1).reshape(array.shape)
