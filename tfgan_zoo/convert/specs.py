"""Specs of networks, as far as the shapes of their weights tell them."""

import dataclasses
from collections.abc import Callable

from tfgan_zoo.models import registry
from tfgan_zoo.models.network import Spec

Shape = Callable[[str, int], tuple[int, ...]]  # (path of our weight, its rank) -> its shape


def base(names: dict[int, str], count: int, what: str) -> Spec:
    """The registry's spec for that number of blocks.

    Raises:
        ValueError: If no network has so many.
    """
    if count not in names:
        raise ValueError(
            f"The file must hold {what} of {', '.join(map(str, names))} blocks. "
            f"Received: {count} of them. Is it a file of another program?"
        )
    return registry.spec(names[count])


def biggan_generator(spec: Spec, shape: Shape, shared: bool = True, **changes) -> Spec:
    """`spec` with the width, latents and classes that a BigGAN generator's shapes tell."""
    first = shape("block_1_conv_1/kernel", 4)[2]
    entering = shape("seed/kernel", 2)[0]
    changes |= {
        "width": max(1, first // spec.g_widths[0]),
        "channels": shape("to_rgb/kernel", 4)[-1],
    }
    if not shared:
        num_classes = shape("block_1_norm_1_gain/embeddings", 2)[0]
        changes |= {"num_classes": num_classes, "shared_dim": 0, "skip_z": False}
        return dataclasses.replace(spec, z_dim=entering, **changes)
    num_classes, shared_dim = shape("class_embedding/embeddings", 2)
    skip_z = shape("block_1_norm_1_gain/kernel", 2)[0] > shared_dim
    z_dim = entering * len(spec.g_widths) if skip_z else entering
    changes |= {"num_classes": num_classes, "shared_dim": shared_dim, "skip_z": skip_z}
    return dataclasses.replace(spec, z_dim=z_dim, **changes)


def deep_generator(spec: Spec, shape: Shape, **changes) -> Spec:
    """`spec` with the width, latents and classes that a BigGAN-deep generator's shapes tell."""
    num_classes, shared_dim = shape("class_embedding/embeddings", 2)
    return dataclasses.replace(
        spec,
        width=max(1, shape("block_1_conv_1/kernel", 4)[2] // spec.g_widths[0]),
        z_dim=max(1, shape("seed/kernel", 2)[0] - shared_dim),
        num_classes=num_classes,
        shared_dim=shared_dim,
        **changes,
    )


def discriminator(spec: Spec, shape: Shape, first: str, **changes) -> Spec:
    """`spec` with the width and classes that a discriminator's shapes tell.

    Args:
        spec: With `d_widths`.
        shape: Of a weight.
        first: Path of the kernel that takes the images.
        **changes: Other fields.
    """
    channels, filters = shape(first, 4)[2:]
    return dataclasses.replace(
        spec,
        width=max(1, filters // spec.d_widths[0]),
        channels=channels,
        num_classes=shape("logits/embedding/embeddings", 2)[0],
        **changes,
    )
