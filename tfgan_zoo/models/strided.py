"""Stacks of strided convolutions: what DCGAN, GRAN and those after them draw networks from.

A stack is a list of layers, so that a recurrent network can call the same ones several times.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras

from tfgan_zoo.layers import strided
from tfgan_zoo.layers.normalization import BatchNorm
from tfgan_zoo.models import blocks

WEIGHTED = (keras.layers.Dense, keras.layers.Conv2D, keras.layers.Conv2DTranspose)


class Style(NamedTuple):
    """What the layers of one stack have in common."""

    kernel_size: int
    initializer: str  # of blocks.INITIALIZERS
    biases: str  # "all", "none", or "gran": not in convolutions before a norm
    bn_epsilon: float
    standing: int
    steps: int = 1  # how often the stack is called

    @classmethod
    def of(cls, spec, steps=1):
        """From a spec with fields of these names."""
        return cls(
            spec.kernel_size,
            spec.initializer,
            spec.biases,
            spec.bn_epsilon,
            len(spec.standing),
            steps,
        )

    def dense(self, units, name, **settings):
        """A linear map."""
        return keras.layers.Dense(
            units,
            use_bias=self.biases != "none",
            kernel_initializer=blocks.INITIALIZERS[self.initializer][0].clone(),
            name=name,
            **settings,
        )

    def conv(self, filters, name, normed, kind=keras.layers.Conv2D):
        """A convolution of stride 2 with zero padding, or a transposed one."""
        return kind(
            filters,
            self.kernel_size,
            strides=2,
            padding="same",
            use_bias=self.biases == "all" or (self.biases == "gran" and not normed),
            kernel_initializer=blocks.INITIALIZERS[self.initializer][1].clone(),
            name=name,
        )

    def norm(self, name):
        """Batch norm, with moments of each step."""
        return BatchNorm(
            epsilon=self.bn_epsilon, standing=self.standing, steps=self.steps, name=name
        )


def sides(resolution: int, halvings: int) -> list[int]:
    """Sides of the feature maps, in pixels, from the smallest: each is half of the next, up."""
    found = [resolution]
    for _ in range(halvings):
        found.append(-(-found[-1] // 2))
    return found[::-1]


def decoder(
    style: Style,
    widths: list[int],
    resolution: int,
    channels: int,
    norms: str = "all",
    hidden: int = 0,
    unit_norm: bool = False,
    prefix: str = "",
) -> list[keras.layers.Layer]:
    """A dense layer, then a doubling to each further width and to the images, which are linear.

    Args:
        style: Of the layers.
        widths: Channels of the seed, then after each doubling but the last.
        resolution: Of the images; where a doubling is a pixel too large, it is cut off.
        channels: Of the images.
        norms: "all" but after the last layer, "dense": after dense layers only, or "none".
        hidden: Units of a dense layer before the first, 0 for none.
        unit_norm: Whether the seed's norm has moments of each unit, not of each channel.
        prefix: Of all names.
    """
    first, *sizes = sides(resolution, len(widths))
    layers = []

    def norm(name, wanted=norms != "none"):
        return [style.norm(f"{prefix}{name}_norm")] if wanted else []

    if hidden:
        layers += [style.dense(hidden, f"{prefix}hidden"), *norm("hidden"), keras.layers.ReLU()]
    layers += [style.dense(first * first * widths[0], f"{prefix}seed")]
    shape = [keras.layers.Reshape((first, first, widths[0]))]
    layers += norm("seed") + shape if unit_norm else shape + norm("seed")
    side = first
    for number, (width, target) in enumerate(
        zip([*widths[1:], channels], sizes, strict=True), start=1
    ):
        normed = norms == "all" and number < len(widths)
        layers += [keras.layers.ReLU()]
        layers += [style.conv(width, f"{prefix}up_{number}", normed, strided.Conv2DTranspose)]
        if 2 * side > target:
            layers += [keras.layers.Cropping2D(((0, 2 * side - target),) * 2)]
        layers += norm(f"up_{number}", normed)
        side = target
    return layers


def encoder(
    style: Style,
    widths: list[int],
    normed: Callable[[int], bool],
    slope: float,
    prefix: str = "",
    kind: type[keras.layers.Layer] = strided.Conv2D,
) -> list[keras.layers.Layer]:
    """A halving to each width, each followed by a norm, if it is normed, and a LeakyReLU.

    Args:
        style: Of the layers.
        widths: Channels after each halving.
        normed: Of the number of a convolution, from 0: whether a norm follows.
        slope: Of the LeakyReLUs for negative values; 0 for ReLUs.
        prefix: Of all names.
        kind: Of the convolutions.
    """
    layers = []
    for number, width in enumerate(widths):
        name = f"{prefix}down_{number + 1}"
        layers += [style.conv(width, name, normed(number), kind)]
        if normed(number):
            layers += [style.norm(f"{name}_norm")]
        layers += [strided.LeakyReLU(slope) if slope else keras.layers.ReLU()]
    return [*layers, keras.layers.Flatten()]


def run(layers: list, x, step: int = 0, join: Callable | None = None):
    """Calls the layers in order.

    Args:
        layers: Of a stack.
        x: What enters the first.
        step: Which call of the stack this is, from 0.
        join: What is done to the inputs of layers with kernels, such as joining classes to them.
    """
    for layer in layers:
        if isinstance(layer, BatchNorm):
            x = layer(x, step=step)
            continue
        if join and isinstance(layer, WEIGHTED):
            x = join(x)
        x = layer(x)
    return x
