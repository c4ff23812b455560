"""Which networks a recipe trains: a variant from the registry, and changes to it."""

import dataclasses

from absl import flags

from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.models import registry
from tfgan_zoo.models.network import Spec
from tfgan_zoo.training.growing import Phase

VARIANT = flags.DEFINE_string("variant", None, "Networks: a name from the registry.")
SPEC = flags.DEFINE_list(
    "spec",
    [],
    "Changes to the networks of --variant, as FIELD=VALUE, ...: width=64,skip_z=false. Widths are "
    "separated by colons: g_widths=16:8:4.",
)


def flag_spec() -> Spec:
    """The spec of --variant with the changes of --spec.

    Raises:
        ValueError: If a field does not exist or a value is not of its kind.
    """
    return registry.spec(VARIANT.value, **_changes(SPEC.value))


def spec_changes(images: ImageSet, phase: Phase) -> dict:
    """Changes to --variant: those of --spec, of the images, and of the moment of growing."""
    spec = flag_spec()
    data = {"channels": images.channels}
    if spec.supervised:
        data["num_classes"] = images.num_classes
    if hasattr(spec, "fading"):
        data |= {"resolution": phase.resolution, "fading": phase.fading}
    return {**_changes(SPEC.value), **data}


def _changes(pairs: list[str]) -> dict:
    spec = registry.spec(VARIANT.value)
    changes = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in (field.name for field in dataclasses.fields(spec)):
            names = ", ".join(field.name for field in dataclasses.fields(spec))
            raise ValueError(
                f"--spec must be FIELD=VALUE, ... with fields of {VARIANT.value}: {names}. "
                f"Received: {pair!r}."
            )
        changes[name] = _as(getattr(spec, name), name, text)
    return changes


def _as(example, name, text):
    """`text` as a value of the kind of `example`."""
    kinds = {bool: _BOOLS.__getitem__, int: int, float: float, str: str, tuple: _widths}
    try:
        return kinds[type(example)](text)
    except (ValueError, KeyError):
        wanted = {bool: "true or false", tuple: "numbers with colons between, as 16:8:4"}
        raise ValueError(
            f"--spec={name}= must be {wanted.get(type(example), type(example).__name__)}. "
            f"Received: {text!r}."
        ) from None


_BOOLS = {"true": True, "false": False}


def _widths(text):
    return tuple(int(width) for width in text.split(":"))


def require(families: tuple[str, ...]) -> None:
    """Raises ValueError if the variant is of none of the families."""
    known = [name for family in families for name in registry.names(family)]
    if VARIANT.value not in known:
        raise ValueError(
            f"--variant must be one of {', '.join(known)}. Received: {VARIANT.value!r}."
        )
