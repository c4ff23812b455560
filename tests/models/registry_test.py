"""The registry: names, specs and the changes made to them."""

import pytest

from tfgan_zoo.models import biggan, registry


def test_names_are_sorted_and_belong_to_families():
    assert registry.names() == sorted(registry.names())
    assert registry.names("biggan") == sorted(biggan.VARIANTS)
    in_families = [name for family in registry.FAMILIES for name in registry.names(family)]
    assert sorted(in_families) == registry.names()
    assert len(set(in_families)) == len(in_families), "a name belongs to two families"


def test_a_spec_is_its_variant_s_until_it_is_changed():
    name = "biggan-digits"
    assert registry.spec(name) == biggan.VARIANTS[name]
    changed = registry.spec(name, num_classes=3)
    assert changed.num_classes == 3 != registry.spec(name).num_classes
    assert registry.spec(name, num_classes=registry.spec(name).num_classes) == registry.spec(name)


def test_networks_have_the_changed_spec():
    for build, cls in (
        (registry.build_generator, biggan.BigGANGenerator),
        (registry.build_discriminator, biggan.BigGANDiscriminator),
    ):
        network = build("biggan-digits", num_classes=3, initializer="zeros")
        assert type(network) is cls
        assert network.spec == registry.spec("biggan-digits", num_classes=3, initializer="zeros")
        assert network.name == build.__name__.removeprefix("build_")


@pytest.mark.parametrize(
    "function", [registry.spec, registry.build_generator, registry.build_discriminator]
)
def test_unknown_names(function):
    with pytest.raises(ValueError, match="`name` must be one of biggan-32, .*Received: 'bigan'"):
        function("bigan")


def test_misspelt_changes():
    with pytest.raises(TypeError, match="num_clases"):
        registry.spec("biggan-digits", num_clases=3)
