"""The weight-sharing cGAN: who has which kernel, counts, what is refused, what is saved."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import saved_model, tflite
from tests.conformance import small
from tfgan_zoo.layers import spectral
from tfgan_zoo.models import registry, sharing

TINY = {"width": 2, "z_dim": 8, "num_classes": 3}
PYRAMID = {"g_widths": (3, 4, 2, 1), "d_widths": (2, 4, 3, 3), "thin": True}
LOCAL = {"sharing": "local", "trunk": 2}
# Every structure, by the kernels that its players have in common.
STRUCTURES = {
    "global": ({"sharing": "global"}, 5),
    "shortcuts": ({"sharing": "global", "shortcuts": True}, 6),
    "mirror": ({"sharing": "mirror", **PYRAMID}, 4),
    "mirror-shortcuts": ({"sharing": "mirror", "shortcuts": True, **PYRAMID}, 6),
    "soft": ({**LOCAL, "gate": "soft"}, 4),
    "hard": ({**LOCAL, "gate": "hard"}, 4),
    "linear": ({"sharing": "global", "linear_residual": True}, 5),
}
ALL = pytest.mark.parametrize("structure", STRUCTURES)


def players(structure, tied=True):
    """A tiny generator and discriminator."""
    changes = {**TINY, **STRUCTURES[structure][0]}
    generator = registry.build_generator("sharing-digits", **changes)
    other = generator if tied else None
    return generator, registry.build_discriminator("sharing-digits", other, **changes)


def unlike_new(network):
    """The network with weights that nothing starts with."""
    for number, weight in enumerate(network.trainable_variables):
        values = 0.3 * np.cos(np.arange(int(np.prod(weight.shape))) + number)
        weight.assign(values.reshape(weight.shape))
    network(small.inputs(network, 4, seed=1), training=True)
    return network


# --- counts: the reference configuration, to the parameter ----------------------------------------

NARROW = {"width": 205, "g_widths": (1,) * 4, "d_widths": (1,) * 4}
SKIP = {"shared_dim": 128, "skip_z": True}
TOTALS = [
    ("sharing-cifar10", {"sharing": "none"}, 8_511_748),
    ("sharing-cifar10", {}, 5_562_628),
    ("sharing-cifar10", {"shortcuts": True}, 5_497_092),
    ("sharing-cifar10", {**LOCAL, "gate": "soft"}, 8_533_256),
    ("sharing-cifar10", {**LOCAL, "gate": "hard"}, 8_533_256),
    ("sharing-cifar10", {"sharing": "none", "trunk": 2}, 10_892_548),
    ("sharing-cifar10", {"sharing": "none", **NARROW}, 5_550_994),
    ("sharing-cifar10", {"sharing": "none", **SKIP}, 8_580_612),
    ("sharing-cifar10", SKIP, 5_631_492),
    ("sharing-stl48", {"sharing": "none"}, 9_172_228),
    ("sharing-stl48", {}, 6_223_108),
    # By hand: 4 kernels of 9 * 256^2 less.
    ("sharing-cifar10", {"sharing": "mirror", "thin": True}, 8_511_748 - 4 * 589_824),
]


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize("name, changes, total", TOTALS)
def test_parameters_of_both_players(name, changes, total):
    spec = registry.spec(name, **changes, initializer="zeros")
    generator = sharing.SharingGenerator(spec)
    discriminator = sharing.SharingDiscriminator(spec, generator)
    weights = [*generator.trainable_weights, *discriminator.trainable_weights]
    assert count({id(weight): weight for weight in weights}.values()) == total


def test_parameters_of_each_role():
    spec = registry.spec("sharing-cifar10", initializer="zeros")
    generator = sharing.SharingGenerator(spec)
    discriminator = sharing.SharingDiscriminator(spec, generator)
    common = [first for first, _ in sharing.kernel_pairs(generator, discriminator)]
    assert count(common) == 2_949_120
    assert count(generator.trainable_weights) - count(common) == 1_355_267
    assert count(discriminator.trainable_weights) - count(common) == 1_258_241


# --- who has which kernel -------------------------------------------------------------------------


def test_pairs_of_the_reference_configuration():
    assert sharing.pairs(registry.spec("sharing-cifar10", shortcuts=True)) == {
        "block_1_conv_2": "block_3_conv_2",
        "block_2_conv_1": "block_2_conv_1",
        "block_2_conv_2": "block_2_conv_2",
        "block_2_shortcut": "block_2_shortcut",
        "block_3_conv_1": "block_1_conv_1",
        "block_3_conv_2": "block_1_conv_2",
    }
    assert sharing.pairs(registry.spec("sharing-cifar10", **LOCAL)) == {
        "block_3_conv_1": "trunk_1_conv_1",
        "block_3_conv_2": "trunk_1_conv_2",
        "block_4_conv_1": "trunk_2_conv_1",
        "block_4_conv_2": "trunk_2_conv_2",
    }
    mirrored = sharing.pairs(registry.spec("sharing-cifar10", sharing="mirror", thin=True))
    assert mirrored == {
        "block_2_conv_1": "block_2_conv_2",
        "block_2_conv_2": "block_2_conv_1",
        "block_3_conv_1": "block_1_conv_2",
        "block_3_conv_2": "block_1_conv_1",
    }


def resolutions(network):
    """{convolution: the height of what its 3x3 kernel works on}."""
    found = {}
    for layer in network.layers:
        if isinstance(layer, spectral.SNConv2D):
            found[layer.name] = max(layer.input.shape[1], layer.output.shape[1])
    return found


@ALL
def test_common_kernels_run_at_one_resolution_and_nothing_else_is_common(structure):
    generator, discriminator = players(structure)
    found = sharing.kernel_pairs(generator, discriminator)
    assert len(found) == STRUCTURES[structure][1]
    assert all(first is second for first, second in found)
    of_g, of_d = resolutions(generator), resolutions(discriminator)
    for ours, theirs in sharing.pairs(generator.spec).items():
        if "conv" in ours:
            assert of_d[ours] == of_g[theirs]
    trainable = {id(w) for w in generator.trainable_variables}
    common = [w for w in discriminator.trainable_variables if id(w) in trainable]
    assert {id(w) for w in common} == {id(first) for first, _ in found}
    # Singular vectors are common exactly where both see the kernel alike.
    vectors = {id(layer.u) for layer in generator.layers if hasattr(layer, "u")}
    shared = [w for w in discriminator.non_trainable_variables if id(w) in vectors]
    assert len(shared) == (0 if structure.startswith("mirror") else len(found))


@ALL
def test_alone_a_discriminator_has_kernels_of_its_own(structure):
    generator, discriminator = players(structure, tied=False)
    found = sharing.kernel_pairs(generator, discriminator)
    assert all(a is not b and a.shape == b.shape for a, b in found)
    _, tied = players(structure)
    assert [v.shape for v in tied.variables] == [v.shape for v in discriminator.variables]
    # So that copies, which know of no generator, take a tied one's weights.
    discriminator.set_weights(unlike_new(tied).get_weights())
    inputs = small.inputs(tied)
    np.testing.assert_allclose(discriminator(inputs), tied(inputs), rtol=1e-5, atol=1e-6)


@ALL
def test_the_judge_is_the_discriminator_but_for_gradients(structure):
    generator, discriminator = players(structure)
    judge = discriminator.judge()
    unlike_new(discriminator)
    inputs = {name: tf.constant(value) for name, value in small.inputs(discriminator).items()}
    np.testing.assert_array_equal(judge(inputs), discriminator(inputs))
    assert {id(w) for w in judge.weights} == {id(w) for w in discriminator.weights}
    for gate in (layer for layer in discriminator.layers if "gate" in layer.name):
        gate.logit.assign(1.0)  # a closed one lets nothing through
    common = [first.value for first, _ in sharing.kernel_pairs(generator, discriminator)]
    private = discriminator.get_layer("logits").weights[0].value
    images = inputs["images"]
    gradients = {}
    for network in (judge, discriminator):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(network(inputs, training=True))
        gradients[network.name, network is judge] = tape.gradient(total, [*common, private, images])
    of_judge, of_discriminator = gradients.values()
    assert of_judge[: len(common)] == [None] * len(common)
    assert all(np.any(g.numpy() != 0) for g in of_discriminator)
    assert all(np.any(g.numpy() != 0) for g in of_judge[len(common) :])


def test_gates_are_in_the_trunk_of_both():
    generator, discriminator = players("hard")
    names = [
        [la.name for la in net.layers if "gate" in la.name] for net in (generator, discriminator)
    ]
    assert names == [["trunk_1_gate", "trunk_2_gate"], ["block_3_gate", "block_4_gate"]]
    # Closed, the trunk does nothing; open, it does.
    inputs = small.inputs(unlike_new(generator))
    gates = [generator.get_layer(name) for name in names[0]]
    images = []
    for logit in (-1.0, 1.0):
        for gate in gates:
            gate.logit.assign(logit)
        images.append(generator(inputs).numpy())
        generator.get_layer("trunk_1_conv_2").bias.assign_add(np.ones(8))
        images.append(generator(inputs).numpy())
    np.testing.assert_array_equal(images[0], images[1])
    assert np.any(images[2] != images[3])


def test_linear_residual_blocks_have_no_activation():
    plain, linear = (players(name)[0] for name in ("global", "linear"))
    count_of = [
        sum(isinstance(la, keras.layers.ReLU) for la in net.layers) for net in (plain, linear)
    ]
    assert count_of == [7, 1]  # the last one is before the images
    linear.set_weights(unlike_new(plain).get_weights())
    inputs = small.inputs(plain)
    assert np.any(np.abs(plain(inputs) - linear(inputs)) > 1e-3)


# --- saving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("structure", ["global", "mirror-shortcuts", "hard"])
def test_each_file_is_complete(structure, tmp_path):
    for network in players(structure):
        unlike_new(network)
        path = tmp_path / f"{network.name}.keras"
        network.save(path)
        again = keras.models.load_model(path)
        inputs = small.inputs(network)
        np.testing.assert_allclose(again(inputs), network(inputs), rtol=1e-5, atol=1e-6)
        assert count(again.trainable_weights) == count(network.trainable_weights)


def test_exports_are_the_generator(tmp_path):
    # Without gates: tests/conformance/exports_test.py.
    generator = unlike_new(players("hard")[0])
    inputs = small.inputs(generator, 3)
    served = tf.saved_model.load(saved_model.save(generator, tmp_path)).signatures
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    images = served["serving_default"](**tensors)["image"]
    np.testing.assert_allclose(images, generator(inputs), atol=1e-5)
    report = tflite.compare(tflite.convert(generator, "float32"), generator, 2)
    assert report["max_difference"] < 1e-4, report


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"sharing": "all"}, "must be one of none, global, mirror, local"),
        ({"gate": "shut"}, "must be one of none, soft, hard"),
        ({"sharing": "local"}, "trunk=0"),
        ({"sharing": "global", "gate": "soft"}, "trunk=0"),
        ({**LOCAL, "trunk": 3}, "which must be one that the generator has"),
        # The generator begins with what the discriminator ends with.
        ({**LOCAL, "g_widths": (4, 4, 4)}, "2 halvings, 2 doublings"),
        ({**LOCAL, "g_widths": (4, 2, 4, 4)}, "equal widths of both players"),
        ({**LOCAL, "d_widths": (4, 4, 2, 2)}, "equal widths of both players"),
        ({"g_widths": (4, 4, 4, 2)}, "block_1_conv_2 maps 32 to 32 .* block_3_conv_2 16 to 16"),
        ({"d_widths": (4, 4, 2, 2)}, "block_3_conv_1 maps 32 to 16"),
        ({"g_widths": (3, 4, 2, 2), "d_widths": (2, 2, 4, 4)}, "Change `g_widths`"),
        ({"sharing": "mirror", "g_widths": (2, 4, 4, 4)}, "Change `g_widths` or `d_widths`"),
        # A generator that narrows as its partner does: the same orientation after all.
        (
            {"sharing": "mirror", "thin": True, "g_widths": (4, 2, 4, 4), "d_widths": (4, 4, 2, 2)},
            "Received: sharing='mirror'",
        ),
        ({"sharing": "mirror", "g_widths": (4, 4), "resolution": 8}, "run at one resolution"),
        ({"g_spectral": False}, "normalised in both networks or in neither"),
        ({"d_spectral": False}, "normalised in both networks or in neither"),
    ],
)
def test_specs_that_cannot_share_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        registry.spec("sharing-digits", **changes)


def test_opposite_orientations_are_told():
    pyramid = {"g_widths": (2, 4, 4, 4), "d_widths": (4, 4, 2, 2), "thin": True}
    with pytest.raises(ValueError, match="opposite orientations: take sharing=mirror"):
        registry.spec("sharing-digits", **pyramid)
    registry.spec("sharing-digits", sharing="mirror", **pyramid)
    level = {"d_widths": (4, 4, 4, 4), "g_widths": (2, 4, 4, 4)}
    with pytest.raises(ValueError, match="Change `g_widths` or `d_widths`"):
        registry.spec("sharing-digits", **level)


def test_generators_of_another_spec_are_refused():
    generator, _ = players("global")
    spec = dataclasses.replace(generator.spec, shortcuts=True)
    with pytest.raises(ValueError, match="of the discriminator's spec"):
        sharing.SharingDiscriminator(spec, generator)
    with pytest.raises(ValueError, match="for variants that share kernels"):
        registry.build_discriminator("sharing-digits", generator, sharing="none")
    with pytest.raises(ValueError, match="for variants that share kernels"):
        registry.build_discriminator("sngan-digits", generator)
