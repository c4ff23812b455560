"""All variants of all families: their names, specs and networks."""

import dataclasses
from typing import NamedTuple

from tfgan_zoo.models import (
    biggan,
    biggan_deep,
    cgan,
    cgan_mlp,
    dave,
    dcgan,
    draw,
    gran,
    pggan,
    resnet,
    sagan,
    sharing,
    sngan,
    wgan,
)
from tfgan_zoo.models.network import Network, Spec


class Family(NamedTuple):
    """The rows of one model file; a generator has either a discriminator or a posterior."""

    variants: dict[str, Spec]
    generator: type[Network]
    discriminator: type[Network] | None = None
    posterior: type[Network] | None = None


BIGGAN = (biggan.BigGANGenerator, biggan.BigGANDiscriminator)
DEEP = (biggan_deep.BigGANDeepGenerator, biggan_deep.BigGANDeepDiscriminator)
DCGAN = (dcgan.DCGANGenerator, dcgan.DCGANDiscriminator)
CGAN_MLP = (cgan_mlp.CGANMLPGenerator, cgan_mlp.CGANMLPDiscriminator)
GRAN = (gran.GRANGenerator, gran.GRANDiscriminator)
FAMILIES = {
    "biggan": Family(biggan.VARIANTS, *BIGGAN),
    "biggan_deep": Family(biggan_deep.VARIANTS, *DEEP),
    "sagan": Family(sagan.VARIANTS, *BIGGAN),
    "sngan": Family(sngan.VARIANTS, *BIGGAN),
    "dcgan": Family(dcgan.VARIANTS, *DCGAN),
    "wgan": Family(wgan.WGAN, *DCGAN),
    "wgan_gp": Family(wgan.WGAN_GP, *DCGAN),
    "cgan": Family(cgan.CGAN, *DCGAN),
    "cgan_mlp": Family(cgan_mlp.VARIANTS, *CGAN_MLP),
    "infogan": Family(cgan.INFOGAN, *DCGAN),
    "resnet": Family(resnet.VARIANTS, resnet.ResNetGenerator, resnet.ResNetDiscriminator),
    "pggan": Family(pggan.VARIANTS, pggan.PGGANGenerator, pggan.PGGANDiscriminator),
    "sharing": Family(sharing.VARIANTS, sharing.SharingGenerator, sharing.SharingDiscriminator),
    "draw": Family(draw.VARIANTS, draw.DRAWGenerator, posterior=draw.DRAWPosterior),
    "dave": Family(dave.VARIANTS, dave.DAVEGenerator, posterior=dave.DAVEPosterior),
    "gran": Family(gran.GRAN, *GRAN),
    "wirgan": Family(gran.WIRGAN, *GRAN),
    "gp_wirgan": Family(gran.GP_WIRGAN, *GRAN),
}


def names(family: str | None = None) -> list[str]:
    """Sorted names of all variants, or of those of one family."""
    if family is not None and family not in FAMILIES:
        raise ValueError(f"`family` must be one of {', '.join(FAMILIES)}. Received: {family!r}.")
    families = FAMILIES if family is None else {family: FAMILIES[family]}
    return sorted(name for rows in families.values() for name in rows.variants)


def spec(name: str, **changes) -> Spec:
    """The spec of a variant, with `changes` to its fields, such as `num_classes=3`."""
    return dataclasses.replace(_family(name).variants[name], **changes)


def build_generator(name: str, **changes) -> Network:
    """A freshly initialised generator of the variant, with `changes` to its spec."""
    return _family(name).generator(spec(name, **changes), name="generator")


def build_discriminator(name: str, generator: Network | None = None, **changes) -> Network:
    """A freshly initialised discriminator of the variant, with `changes` to its spec.

    Args:
        name: Of the variant.
        generator: Of the same spec, to share kernels with; of variants that share.
        **changes: To the spec.

    Raises:
        ValueError: If the variant has none, or there is a generator and nothing to share.
    """
    family = _family(name)
    if family.discriminator is None:
        raise ValueError(
            f"`name` must be of a GAN. Received: {name!r}, an autoencoder: use build_posterior."
        )
    if generator is None:
        return family.discriminator(spec(name, **changes), name="discriminator")
    if getattr(spec(name, **changes), "sharing", "none") == "none":
        raise ValueError(
            "`generator` is for variants that share kernels. "
            f'Received: {name!r}. Leave it out, or take sharing="global".'
        )
    return family.discriminator(spec(name, **changes), generator, name="discriminator")


def build_posterior(name: str, generator: Network) -> Network:
    """A freshly initialised posterior that reconstructs with the weights of `generator`.

    Raises:
        ValueError: If the variant has none.
    """
    family = _family(name)
    if family.posterior is None:
        raise ValueError(
            f"`name` must be of an autoencoder. Received: {name!r}, a GAN: use build_discriminator."
        )
    return family.posterior(generator.spec, generator, name="posterior")


def _family(name):
    for family in FAMILIES.values():
        if name in family.variants:
            return family
    raise ValueError(f"`name` must be one of {', '.join(names())}. Received: {name!r}.")
