"""Every registered variant at a size that tests can afford: same structure, few channels."""

import dataclasses

import keras
import numpy as np

from tfgan_zoo import losses
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.models import registry
from tfgan_zoo.training.ema import EMA
from tfgan_zoo.training.gan import GAN, UpdateRule
from tfgan_zoo.training.penalties import OffDiagonal
from tfgan_zoo.training.priors import Normal
from tfgan_zoo.training.vae import VAE

WIDTHS = {"biggan": 8, "biggan_deep": 8, "sagan": 8, "sngan": 8}
# Of other families: what makes all their variants small.
CHANGES = {
    "dcgan": {"width": 4},
    "wgan": {"width": 4},
    "wgan_gp": {"width": 4},
    "cgan": {"width": 4, "hidden": 8},
    "cgan_mlp": {"z_dim": 8, "g_units": (8, 4, 8), "d_units": (8, 4, 8)},
    "infogan": {"width": 4, "hidden": 8},
    "gran": {"width": 4, "z_dim": 8, "hidden": 8},
    "wirgan": {"width": 4, "z_dim": 8},
    "gp_wirgan": {"width": 4, "z_dim": 8},
    "resnet": {"width": 4},
    "pggan": {"fmap_base": 512, "fmap_max": 8, "z_dim": 8},
    "sharing": {
        "width": 2,
        "z_dim": 8,
        "resolution": 8,
        "g_widths": (2,) * 3,
        "d_widths": (2,) * 3,
    },
    "draw": {"time_steps": 2, "e_units": 8, "d_units": 8, "z_dim": 4},
    "dave": {"e_widths": (8,), "d_widths": (8,), "z_dim": 4},
}

# What is compiled by XLA and traced on replicas: one stage, which has two blocks, will do.
SHALLOW = {
    "biggan-digits": {
        "resolution": 4,
        "g_widths": (2, 2, 1),
        "d_widths": (1, 2, 2),
        "flat_blocks": 1,
        "z_dim": 30,
    },
    "biggan-deep-digits": {"resolution": 4, "g_widths": (2, 1), "d_widths": (1, 2)},
}


def family(name):
    """The name of the variant's family."""
    (found,) = (family for family in registry.FAMILIES if name in registry.names(family))
    return found


def changes(name):
    """Changes that make the variant small: few channels, three classes if any.

    BigGAN's families begin with one or four pixels, and a last convolution with more filters than
    it needs keeps twice as many. All layers stay, but for SHALLOW.
    """
    spec = registry.spec(name)
    classes = {"num_classes": 3} if spec.num_classes else {}
    if family(name) in CHANGES:
        return CHANGES[family(name)] | classes
    side = spec.resolution >> (len(spec.g_widths) - 1)
    factor = 4 if side % 4 == 0 else 3
    small = {
        "width": WIDTHS[family(name)],
        "resolution": spec.resolution // factor,
        "g_attention": spec.g_attention // factor,
        "d_attention": spec.d_attention // factor,
    }
    if getattr(spec, "rgb_filters", 0):
        small["rgb_filters"] = 2 * spec.channels
    return small | classes | SHALLOW.get(name, {})


def size(name):
    """What the variant's step costs, roughly."""
    spec = registry.spec(name)
    return getattr(spec, "width", 1) * spec.resolution


def distinct(names):
    """Those of the names whose small networks differ in more than constants and widths."""
    same = {"bn_epsilon": 1e-5, "sn_epsilon": 1e-6, "z_dim": 840, "init_std": 0.0}
    seen = {}
    for name in names:
        fields = {field.name for field in dataclasses.fields(registry.spec(name))}
        alike = {key: value for key, value in same.items() if key in fields}
        spec = registry.spec(name, **{**changes(name), **alike})
        if hasattr(spec, "rgb_filters"):
            spec = dataclasses.replace(spec, rgb_filters=0)
        seen.setdefault((type(spec), spec), name)
    return list(seen.values())


def generator(name):
    """A small generator of the variant."""
    return registry.build_generator(name, **changes(name))


def discriminator(name):
    """A small discriminator of the variant."""
    return registry.build_discriminator(name, **changes(name))


def posterior(name):
    """A small posterior of the variant, over a generator of its own."""
    return registry.build_posterior(name, generator(name))


def sides(name):
    """{name of a network: its builder} of the networks that the variant has."""
    other = registry.FAMILIES[family(name)].posterior
    return {"generator": generator} | (
        {"posterior": posterior} if other else {"discriminator": discriminator}
    )


def images(name, count=40):
    """Random images and labels of the variant's shape: noise, for tests of mechanics only."""
    spec = registry.spec(name, **changes(name))
    rng = np.random.default_rng(0)
    shape = (count, spec.resolution, spec.resolution, spec.channels)
    names = tuple("abc"[: max(spec.num_classes, 1)])
    return ImageSet(
        name="noise",
        split="train",
        images=rng.integers(0, 256, shape, dtype=np.uint8),
        labels=rng.integers(0, len(names), count).astype(np.int32),
        class_names=names,
    )


def gan(name, **options):
    """A compiled GAN of the variant, with all that BigGAN uses; or a VAE."""
    if "posterior" in sides(name):
        generates = generator(name)
        model = VAE(generates, registry.build_posterior(name, generates))
        model.compile(UpdateRule(keras.optimizers.SGD(1e-4)), **options)
        return model
    spec = registry.spec(name, **changes(name))
    model = GAN(
        generator(name),
        discriminator(name),
        Normal(spec.latents_shape, spec.num_classes),
        ema_generator=generator(name),
    )
    model.compile(
        loss=losses.HINGE,
        generator=UpdateRule(keras.optimizers.SGD(0.01), penalties=(OffDiagonal(1e-4),)),
        discriminator=UpdateRule(keras.optimizers.SGD(0.01), steps=2),
        ema=EMA(0.9, start_step=1),
        score_together=getattr(spec, "d_norm", "none") in ("none", "layer"),
        **options,
    )
    return model


def inputs(network, count=2, seed=0):
    """Inputs for a generator or a discriminator, by the names and shapes it asks for."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, tensor in network.input.items():
        shape = (count, *tensor.shape[1:])
        if name == "labels":
            found[name] = np.arange(count, dtype=np.int32) % network.spec.num_classes
        else:
            found[name] = np.tanh(rng.normal(size=shape)).astype(np.float32)
    return found
