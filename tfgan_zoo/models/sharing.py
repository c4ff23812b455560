"""The weight-sharing cGAN: residual players over common kernels.

An article proposes that a generator and a discriminator share layers, globally (each has them, both
update them) or locally (a common sub-network that a gate lets enter), and that the generator has
residual connections; it leaves open which layers, and how. What is built here:

- `global`: the 3x3 convolutions that run at one resolution in both players have one kernel; with
  `shortcuts` the 1x1 ones too.
- `mirror`: for pyramids, whose widths change: the discriminator goes down by the adjoint of what
  the generator goes up by. Its first block, which meets pixels, keeps its kernels.
- `local`: the discriminator's last blocks are also called by the generator, at their resolution,
  and gates tell how much of them is added.

Only kernels are shared: biases, norms, embeddings, first and last layers are each player's own. The
networks are BigGAN's, at best with the CIFAR-10 layout of BigGAN-PyTorch.
"""

import dataclasses
import functools

import keras

from tfgan_zoo.layers import gates, spectral
from tfgan_zoo.models import biggan, blocks

SHARING = ("none", "global", "mirror", "local")
GATES = ("none", "soft", "hard")


@dataclasses.dataclass(frozen=True)
class SharingSpec(biggan.BigGANSpec):
    """Both networks of one weight-sharing cGAN.

    Raises:
        ValueError: If the fields contradict one another, or kernels cannot be shared.
    """

    sharing: str = "none"  # one of SHARING
    shortcuts: bool = False  # whether 1x1 kernels are shared too: global and mirror
    trunk: int = 0  # residual blocks that the generator has besides; shared if local
    gate: str = "none"  # one of GATES: of the trunk's blocks, in both players
    linear_residual: bool = False  # no activations in the generator's blocks

    def __post_init__(self):
        super().__post_init__()
        for name, known in (("sharing", SHARING), ("gate", GATES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(known)}. "
                    f"Received: {name}={getattr(self, name)!r}."
                )
        _check_trunk(self)
        if self.sharing != "none":
            _check_pairs(self)

    @property
    def halvings(self) -> int:
        """Blocks of the discriminator that halve the resolution."""
        return len(self.d_widths) - self.flat_blocks

    @property
    def trunk_after(self) -> int:
        """The generator's block at whose resolution the discriminator's last blocks are."""
        return len(self.g_widths) - 1 - self.halvings


def _check_trunk(spec):
    if (spec.gate != "none" or spec.sharing == "local") and not spec.trunk:
        raise ValueError(
            "`gate` and local `sharing` are of the trunk. "
            f"Received: sharing={spec.sharing!r}, gate={spec.gate!r}, trunk=0. Take trunk=2."
        )
    if spec.trunk and not (spec.trunk <= spec.flat_blocks and spec.trunk_after >= 1):
        raise ValueError(
            "`trunk` counts last blocks of the discriminator that do not halve the resolution, "
            "which must be one that the generator has after a block. Received: "
            f"trunk={spec.trunk}, flat_blocks={spec.flat_blocks}, {spec.halvings} halvings, "
            f"{len(spec.g_widths) - 1} doublings. Change `flat_blocks` or the numbers of widths."
        )
    ends = {*spec.d_widths[spec.halvings - 1 :], spec.g_widths[max(spec.trunk_after, 0)]}
    if spec.trunk and len(ends) > 1:
        raise ValueError(
            "`trunk` needs equal widths of both players at its resolution. Received: "
            f"g_widths={spec.g_widths}, d_widths={spec.d_widths}. Make them equal there."
        )


def _check_pairs(spec):
    if spec.g_spectral != spec.d_spectral:
        raise ValueError(
            "`sharing` needs kernels that are normalised in both networks or in neither. Received: "
            f"g_spectral={spec.g_spectral}, d_spectral={spec.d_spectral}. Make them equal."
        )
    if not pairs(spec):
        raise ValueError(
            "`sharing` needs convolutions that run at one resolution in both networks. Received: "
            f"sharing={spec.sharing!r}, g_widths={spec.g_widths}, d_widths={spec.d_widths}, "
            f"flat_blocks={spec.flat_blocks}. Add widths."
        )
    misfit = _misfit(spec, spec.sharing)
    if misfit is None:
        return
    other = {"global": "mirror", "mirror": "global"}.get(spec.sharing)
    raise ValueError(
        "`sharing` needs kernels of one shape. "
        f"Received: sharing={spec.sharing!r}, where {misfit}. "
        + (
            f"They run in opposite orientations: take sharing={other}."
            if other and _misfit(spec, other) is None
            else "Change `g_widths` or `d_widths`: equal ones, or for mirror, with thin=true, the "
            "generator's from its last but one down to its first."
        )
    )


def _misfit(spec, sharing):
    """The first pair whose kernels differ in shape, in words; None if there is none."""
    of_g, of_d = _g_channels(spec), _d_channels(spec)
    for ours, theirs in _pairs(spec, sharing).items():
        wanted = of_g[theirs][::-1] if sharing == "mirror" else of_g[theirs]
        if of_d[ours] != wanted:
            return (
                f"the discriminator's {ours} maps {of_d[ours][0]} to {of_d[ours][1]} channels and "
                f"the generator's {theirs} {of_g[theirs][0]} to {of_g[theirs][1]}"
            )
    return None


def _g_channels(spec):
    """{name of a convolution: (channels in, out)} of the generator's blocks."""
    found = {}
    widths = [spec.width * multiple for multiple in spec.g_widths]
    for number in range(1, len(widths)):
        ends = (widths[number - 1], widths[number])
        found |= {f"block_{number}_{part}": ends for part in ("conv_1", "shortcut")}
        found[f"block_{number}_conv_2"] = (widths[number],) * 2
    for number in range(1, spec.trunk + 1):
        ends = (widths[spec.trunk_after],) * 2
        found |= {f"trunk_{number}_{part}": ends for part in ("conv_1", "conv_2")}
    return found


def _d_channels(spec):
    """{name of a convolution: (channels in, out)} of the discriminator's blocks."""
    found, before = {}, spec.channels
    for number, multiple in enumerate(spec.d_widths, start=1):
        width = spec.width * multiple
        middle = before if spec.thin and number > 1 else width
        found[f"block_{number}_conv_1"] = (before, middle)
        found[f"block_{number}_conv_2"] = (middle, width)
        if number <= spec.halvings or before != width:
            found[f"block_{number}_shortcut"] = (before, width)
        before = width
    return found


def pairs(spec: SharingSpec) -> dict[str, str]:
    """{the discriminator's convolution: the generator's} whose kernels are one.

    The discriminator's block b and the generator's last but b run at one resolution.
    """
    return _pairs(spec, spec.sharing)


def _pairs(spec, sharing):
    if sharing == "none":
        return {}
    if sharing == "local":
        before = len(spec.d_widths) - spec.trunk
        return {
            f"block_{before + number}_conv_{part}": f"trunk_{number}_conv_{part}"
            for number in range(1, spec.trunk + 1)
            for part in (1, 2)
        }
    mirror, doublings = sharing == "mirror", len(spec.g_widths) - 1
    found = {} if mirror else {"block_1_conv_2": f"block_{doublings}_conv_2"}
    for number in range(2, min(len(spec.d_widths), spec.halvings + 1, doublings) + 1):
        ours, theirs = f"block_{number}", f"block_{doublings + 1 - number}"
        for part in (1, 2):
            found[f"{ours}_conv_{part}"] = f"{theirs}_conv_{3 - part if mirror else part}"
        if spec.shortcuts and f"{ours}_shortcut" in _d_channels(spec):
            found[f"{ours}_shortcut"] = f"{theirs}_shortcut"
    return found


# The CIFAR-10 layout of BigGAN-PyTorch; SVHN's too.
CIFAR10 = SharingSpec(**dataclasses.asdict(biggan.VARIANTS["biggan-cifar10"]), sharing="global")
VARIANTS = {
    # The layout at half its resolution, at a width that one CPU core can train.
    "sharing-digits": dataclasses.replace(
        CIFAR10,
        resolution=16,
        width=8,
        z_dim=32,
        channels=1,
        initializer="orthogonal",
        sn_epsilon=1e-6,
    ),
    "sharing-cifar10": CIFAR10,
    # A 6x6 seed, and a last feature map of 12x12.
    "sharing-stl48": dataclasses.replace(CIFAR10, resolution=48),
}


def _join(spec, name):
    """What adds the two paths of a block of the trunk; None for a plain sum."""
    return None if spec.gate == "none" else gates.GatedAdd(spec.gate == "hard", name=name)


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class SharingGenerator(biggan.BigGANGenerator):
    """BigGAN's, perhaps with a trunk, over kernels that are all its own variables.

    {"latents": [batch, z_dim], "labels": int32 [batch]} -> images in [-1, 1], NHWC float32.
    """

    spec_class = SharingSpec

    def __init__(self, spec, **kwargs):
        style = blocks.Style.of(spec, spec.g_spectral)
        if spec.linear_residual:
            style = style._replace(activation=keras.layers.Identity)

        def after_block(x, number, condition, style):
            return _trunk(x, condition, style, spec) if number == spec.trunk_after else x

        super().__init__(spec, style, after_block, **kwargs)


def _trunk(x, condition, style, spec):
    for number in range(1, spec.trunk + 1):
        name = f"trunk_{number}"
        join = _join(spec, f"{name}_gate")
        x = blocks.up_block(x, condition, x.shape[-1], style, name, up=False, join=join)
    return x


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class SharingDiscriminator(biggan.BigGANDiscriminator):
    """BigGAN's, over kernels that may be a generator's.

    {"images": [batch, H, W, C] in [-1, 1], "labels": int32 [batch]} -> logits [batch, 1].

    Args:
        spec: What is drawn.
        generator: Of the same spec, whose kernels `pairs` tells this network to use; singular
            vectors too, where both see the kernel in one orientation. Default: all are its own.

    Raises:
        ValueError: If the generator has another spec.
    """

    spec_class = SharingSpec

    def __init__(self, spec, generator=None, **kwargs):
        if generator is not None and generator.spec != spec:
            raise ValueError(
                "`generator` must be of the discriminator's spec. "
                f"Received: {generator.spec}, not {spec}."
            )
        style = blocks.Style.of(spec, spec.d_spectral)
        style = style._replace(conv=functools.partial(_convolution, spec, generator))

        def join(number):
            in_trunk = number > len(spec.d_widths) - spec.trunk
            return _join(spec, f"block_{number}_gate") if in_trunk else None

        super().__init__(spec, style, join, **kwargs)

    def judge(self) -> keras.Model:
        """This network as the generator sees it: no gradient reaches the common kernels.

        It is drawn over the same layers, so it has no weights but theirs.
        """
        common = pairs(self.spec)

        def call(layer, *args, **kwargs):
            detached = {"detached": True} if layer.name in common else {}
            return layer(*args, **kwargs, **detached)

        return keras.models.clone_model(
            self, clone_function=lambda layer: layer, call_function=call
        )


def _convolution(spec, generator, *args, name, **settings):
    """A convolution of the discriminator's blocks, over the generator's kernel if it is paired."""
    partner = pairs(spec).get(name)
    if partner is None:
        return spectral.SNConv2D(*args, name=name, **settings)
    kind = spectral.AdjointConv2D if spec.sharing == "mirror" else spectral.SNConv2D
    layer = kind(*args, name=name, **settings)
    if generator is not None:
        source = generator.get_layer(partner)
        layer.share_kernel(source)
        if spec.d_spectral and layer.adjoint == source.adjoint:
            layer.share_singular_vector(source)
    return layer


def kernel_pairs(generator: SharingGenerator, discriminator: SharingDiscriminator) -> list[tuple]:
    """(The generator's variable, the discriminator's) of all common kernels.

    They are one variable if the discriminator was drawn with the generator, else two of one shape.
    """
    return [
        (generator.get_layer(theirs).kernel, discriminator.get_layer(ours).kernel)
        for ours, theirs in pairs(discriminator.spec).items()
    ]
