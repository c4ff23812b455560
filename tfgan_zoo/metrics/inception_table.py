"""The table of the FID Inception network: 94 convolutions, as eleven blocks behind a stem.

It is Inception-v3 as it was published in 2015 (Szegedy et al., https://arxiv.org/abs/1512.00567,
Table 1), with 1008 classes; the later versions of Keras and torchvision differ in weights and in
a pool. Names and shapes are those of the graph of 2015-12-05, `classify_image_graph_def.pb`.
"""

from collections.abc import Iterator
from typing import NamedTuple

NUM_CLASSES = 1008
FEATURES = 2048
MOMENTS = ("gamma", "beta", "moving_mean", "moving_variance")


class Conv(NamedTuple):
    """A convolution, batch norm and ReLU."""

    kernel: tuple[int, int]  # height, width
    filters: int
    strides: int = 1
    padding: str = "same"


class Pool(NamedTuple):
    """A 3 x 3 pool."""

    kind: str  # "average", which leaves the padding out, or "max"
    strides: int = 1
    padding: str = "same"


class Row(NamedTuple):
    """A convolution and what it is called."""

    module: str  # in PyTorch's files: <module>.conv.weight, <module>.bn.weight ...
    scope: str  # in the graph: <scope>/conv2d_params, <scope>/batchnorm/gamma ...
    channels: int  # of its input
    conv: Conv

    @property
    def layer(self) -> str:
        """In Keras, which on PyTorch allows no dots."""
        return self.module.replace(".", "_")

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """Height, width, channels of the input, filters."""
        return (*self.conv.kernel, self.channels, self.conv.filters)


class Block(NamedTuple):
    """Branches that all see the block's input and whose outputs are concatenated.

    The rows of one step share their input, and their outputs are concatenated, too.
    """

    module: str
    branches: tuple[tuple[Pool | tuple[Row, ...], ...], ...]


AVERAGE, MAX, HALVE = Pool("average"), Pool("max"), Pool("max", 2, "valid")


def _point(filters):
    return Conv((1, 1), filters)


def _square(side, filters):
    return Conv((side, side), filters)


def _reduce(filters):
    return Conv((3, 3), filters, 2, "valid")


def _wide(filters):
    return Conv((1, 7), filters)


def _tall(filters):
    return Conv((7, 1), filters)


def _at_35(pooled):
    return {
        "branch1x1": (_point(64),),
        "branch5x5": (_point(48), _square(5, 64)),
        "branch3x3dbl": (_point(64), _square(3, 96), _square(3, 96)),
        "branch_pool": (AVERAGE, _point(pooled)),
    }


def _at_17(width):
    doubled = (_point(width), _tall(width), _wide(width), _tall(width), _wide(192))
    return {
        "branch1x1": (_point(192),),
        "branch7x7": (_point(width), _wide(width), _tall(192)),
        "branch7x7dbl": doubled,
        "branch_pool": (AVERAGE, _point(192)),
    }


def _at_8(pool):
    fork = (Conv((1, 3), 384), Conv((3, 1), 384))  # a tuple: both see the same input
    return {
        "branch1x1": (_point(320),),
        "branch3x3": (_point(384), fork),
        "branch3x3dbl": (_point(448), _square(3, 384), fork),
        "branch_pool": (pool, _point(192)),
    }


STEM = {  # in a row; its convolutions are named one by one
    "stem_64": {
        "Conv2d_1a_3x3": Conv((3, 3), 32, 2, "valid"),
        "Conv2d_2a_3x3": Conv((3, 3), 32, 1, "valid"),
        "Conv2d_2b_3x3": Conv((3, 3), 64),
    },
    "stem_192": {
        "Conv2d_3b_1x1": Conv((1, 1), 80),
        "Conv2d_4a_3x3": Conv((3, 3), 192, 1, "valid"),
    },
}
BLOCKS = {
    "Mixed_5b": _at_35(32),
    "Mixed_5c": _at_35(64),
    "Mixed_5d": _at_35(64),
    "Mixed_6a": {
        "branch3x3": (_reduce(384),),
        "branch3x3dbl": (_point(64), _square(3, 96), _reduce(96)),
        "branch_pool": (HALVE,),
    },
    "Mixed_6b": _at_17(128),
    "Mixed_6c": _at_17(160),
    "Mixed_6d": _at_17(160),
    "Mixed_6e": _at_17(192),
    "Mixed_7a": {
        "branch3x3": (_point(192), _reduce(320)),
        "branch7x7x3": (_point(192), _wide(192), _tall(192), _reduce(192)),
        "branch_pool": (HALVE,),
    },
    "Mixed_7b": _at_8(AVERAGE),
    "Mixed_7c": _at_8(MAX),  # where it differs from all later versions
}


def blocks() -> list[Block]:
    """Two blocks of one branch, the stem, and the eleven, with names and shapes filled in."""
    found = _stem()
    channels = 192
    for number, (name, branches) in enumerate(BLOCKS.items()):
        scope = _numbered("mixed", number)
        towers, drawn = 0, []
        for branch, steps in branches.items():
            # A lone convolution lies in the block's own scope, all others in one of their branch.
            inner = scope if len(steps) == 1 else f"{scope}/{_numbered('tower', towers)}"
            towers += len(steps) > 1
            drawn.append(_branch(f"{name}.{branch}", inner, steps, channels))
        found.append(Block(name, tuple(drawn)))
        channels = sum(_width(steps, channels) for steps in drawn)
    return found


def rows() -> Iterator[Row]:
    """The 94 convolutions, in the order of the graph."""
    for block in blocks():
        for steps in block.branches:
            for step in steps:
                if not isinstance(step, Pool):
                    yield from step


def shapes() -> dict[str, tuple[int, ...]]:
    """{name in the graph: shape} of all 472 arrays."""
    found = {}
    for row in rows():
        found[f"{row.scope}/conv2d_params"] = row.kernel_shape
        found |= {f"{row.scope}/batchnorm/{name}": (row.conv.filters,) for name in MOMENTS}
    return found | {"softmax/weights": (FEATURES, NUM_CLASSES), "softmax/biases": (NUM_CLASSES,)}


def _numbered(word, number):
    return f"{word}_{number}" if number else word


def _stem():
    found, channels, count = [], 3, 0
    for name, convolutions in STEM.items():
        steps = []
        for module, conv in convolutions.items():
            steps.append((Row(module, _numbered("conv", count), channels, conv),))
            channels, count = conv.filters, count + 1
        found.append(Block(name, ((*steps, HALVE),)))
    return found


def _branch(module, scope, steps, channels):
    """A branch's steps as rows; its convolutions are counted, a fork's as 2a and 2b."""
    drawn, count = [], 0
    numbered = len([step for step in steps if not isinstance(step, Pool)]) > 1
    for step in steps:
        if isinstance(step, Pool):
            drawn.append(step)
            continue
        name = f"{module}_{count + 1}" if numbered else module
        if isinstance(step, Conv):
            drawn.append((Row(name, f"{scope}/{_numbered('conv', count)}", channels, step),))
        else:
            places = enumerate(zip("ab", step, strict=True))
            drawn.append(
                tuple(
                    Row(name + letter, f"{scope}/mixed/{_numbered('conv', place)}", channels, conv)
                    for place, (letter, conv) in places
                )
            )
        channels, count = sum(row.conv.filters for row in drawn[-1]), count + 1
    return tuple(drawn)


def _width(steps, channels):
    return channels if isinstance(steps[-1], Pool) else sum(r.conv.filters for r in steps[-1])
