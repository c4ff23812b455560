"""All variants of all families: their names, specs and networks."""

import dataclasses
from typing import NamedTuple

from tfgan_zoo.models import biggan, biggan_deep, sagan, sngan
from tfgan_zoo.models.network import Network, Spec


class Family(NamedTuple):
    """The rows of one model file."""

    variants: dict[str, Spec]
    generator: type[Network]
    discriminator: type[Network]


BIGGAN = (biggan.BigGANGenerator, biggan.BigGANDiscriminator)
DEEP = (biggan_deep.BigGANDeepGenerator, biggan_deep.BigGANDeepDiscriminator)
FAMILIES = {
    "biggan": Family(biggan.VARIANTS, *BIGGAN),
    "biggan_deep": Family(biggan_deep.VARIANTS, *DEEP),
    "sagan": Family(sagan.VARIANTS, *BIGGAN),
    "sngan": Family(sngan.VARIANTS, *BIGGAN),
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


def build_discriminator(name: str, **changes) -> Network:
    """A freshly initialised discriminator of the variant, with `changes` to its spec."""
    return _family(name).discriminator(spec(name, **changes), name="discriminator")


def _family(name):
    for family in FAMILIES.values():
        if name in family.variants:
            return family
    raise ValueError(f"`name` must be one of {', '.join(names())}. Received: {name!r}.")
