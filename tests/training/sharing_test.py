"""Common weights: every mode by hand, whose gradients reach them, and what is resumed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import small
from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.layers import spectral
from tfgan_zoo.models import registry, sharing
from tfgan_zoo.training import sharing as rules
from tfgan_zoo.training.gan import GAN

# --- every mode by hand ---------------------------------------------------------------------------
# G(z) = z S P and D(x) = x S v: S is common, P and v are each player's own.

LATENTS = np.array([1.0, 2.0])
COMMON = np.array([[0.5, -0.3], [0.2, 0.7]])
PRIVATE = np.array([[1.0, 0.4], [-0.6, 0.8]])
VECTOR = np.array([0.5, -1.0])
IMAGES = np.array([[2.0, 6.0], [4.0, -4.0], [-1.0, 3.0], [0.5, 1.5]], "float32")
RATES = {"g": 0.1, "d": 0.05, "shared": 0.2}


def linear(filters, value, source=None):
    layer = spectral.SNConv2D(filters, 1, use_bias=False, normalize=False)
    if source is not None:
        layer.share_kernel(source)
    layer.build((None, 1, 1, 2))
    layer.kernel.assign(value.reshape(1, 1, 2, filters))
    return layer


def linear_gan(tied):
    """(The GAN, the pairs of common weights)."""
    of_g, private = linear(2, COMMON), linear(2, PRIVATE)
    of_d, head = linear(2, COMMON, of_g if tied else None), linear(1, VECTOR)
    latents, images = keras.Input((2,), name="latents"), keras.Input((1, 1, 2), name="images")
    fake = private(of_g(keras.layers.Reshape((1, 1, 2))(latents)))
    drawn = [
        keras.Model(
            {"images": images}, keras.layers.Flatten()(head(of_d(images, detached=detached)))
        )
        for detached in (False, True)
    ]

    def prior(size, seed, step):
        return {"latents": tf.constant(np.tile(LATENTS, (size, 1)), tf.float32)}

    generator = keras.Model({"latents": latents}, fake)
    return GAN(generator, drawn[0], prior, judge=drawn[1]), [(of_g.kernel, of_d.kernel)]


def compiled(mode, d_steps=1, every=1):
    model, pairs = linear_gan(mode != "soft")
    optimizer = keras.optimizers.SGD(RATES["shared"]) if mode == "average" else None
    settings = rules.rules(
        mode, toys.sgd(RATES["g"]), toys.sgd(RATES["d"], steps=d_steps), pairs, optimizer, every
    )
    model.compile(loss=losses.WASSERSTEIN, jit_compile=False, **settings)
    return model, pairs


class Hand:
    """The same in NumPy: what the players' weights are after some steps."""

    def __init__(self, mode, every):
        self.mode, self.every, self.steps = mode, every, 0
        self.of_g, self.of_d = COMMON.copy(), COMMON.copy()
        self.private, self.vector = PRIVATE.copy(), VECTOR.copy()

    def move(self, side, gradient):
        if self.mode == "soft":
            kernel = self.of_g if side == "g" else self.of_d
            kernel -= RATES[side] * gradient
        elif self.mode in ("both", f"{side}_only"):
            self.of_g -= RATES[side] * gradient
            self.of_d = self.of_g

    def step(self, batches):
        self.of_d = self.of_d if self.mode == "soft" else self.of_g
        of_d = []
        for real in batches:
            off = LATENTS @ self.of_g @ self.private - real.mean(axis=0)
            of_d.append(np.outer(off, self.vector))
            of_vector = off @ self.of_d
            self.move("d", of_d[-1])
            self.vector -= RATES["d"] * of_vector
        wanted = self.of_d @ self.vector  # the gradient of D at an image
        of_g = -np.outer(LATENTS, self.private @ wanted)
        of_private = -np.outer(LATENTS @ self.of_g, wanted)
        self.move("g", of_g)
        self.private -= RATES["g"] * of_private
        of_d = np.mean(of_d, axis=0)
        self.steps += 1
        if self.mode == "average":
            self.of_g -= RATES["shared"] * 0.5 * (of_g + of_d)
        if self.mode == "soft" and self.steps % self.every == 0:
            self.of_g[:] = self.of_d[:] = 0.5 * (self.of_g + self.of_d)
        norms = np.linalg.norm(of_g), np.linalg.norm(of_d)
        return np.sum(of_g * of_d) / norms[0] / norms[1], norms[0] / norms[1]


@pytest.mark.parametrize("d_steps", [1, 2])
@pytest.mark.parametrize(
    "mode, every", [*((mode, 1) for mode in rules.MODES), ("soft", 2), ("soft", 3)]
)
def test_two_steps_by_hand(mode, every, d_steps):
    model, ((of_g, of_d),) = compiled(mode, d_steps, every)
    hand = Hand(mode, every)
    for number in range(2):
        images = np.roll(IMAGES, number, axis=0) * (1 + number)
        cosine, ratio = hand.step(np.split(images, d_steps))
        model.reset_metrics()
        logs = model.train_step({"images": tf.constant(images.reshape(4, 1, 1, 2))})
        np.testing.assert_allclose(logs["shared_cosine"], cosine, rtol=1e-4)
        np.testing.assert_allclose(logs["shared_norm_ratio"], ratio, rtol=1e-4)
        for weight, expected in [
            (of_g, hand.of_g),
            (of_d, hand.of_d if mode == "soft" else hand.of_g),
            (model.generator.trainable_variables[1], hand.private),
            (model.discriminator.trainable_variables[1], hand.vector),
        ]:
            np.testing.assert_allclose(weight.numpy().ravel(), expected.ravel(), rtol=1e-4)
    assert np.any(np.abs(hand.of_g - COMMON) > 0.01)


def test_modes_differ():
    ends = {}
    for mode in rules.MODES:
        model, ((of_g, _),) = compiled(mode)
        model.train_step({"images": tf.constant(IMAGES.reshape(4, 1, 1, 2))})
        ends[mode] = of_g.numpy()
    values = list(ends.values())
    assert all(np.any(a != b) for i, a in enumerate(values) for b in values[:i])


# --- real networks --------------------------------------------------------------------------------

STRUCTURES = {
    "global": {"shortcuts": True},
    "mirror": {"sharing": "mirror", "thin": True},
    "local": {"sharing": "local", "trunk": 2, "gate": "soft"},
}


def sharing_gan(structure="global", mode="both", g=None, d=None):
    """A tiny GAN of models/sharing.py, and its pairs."""
    keras.utils.set_random_seed(0)
    changes = {"width": 2, "z_dim": 8, "num_classes": 3, **STRUCTURES[structure]}
    generator = registry.build_generator("sharing-digits", **changes)
    discriminator = registry.build_discriminator(
        "sharing-digits", None if mode == "soft" else generator, **changes
    )
    pairs = sharing.kernel_pairs(generator, discriminator)

    def prior(size, seed, step):
        return {name: tf.constant(x) for name, x in small.inputs(generator, size).items()}

    model = GAN(generator, discriminator, prior, judge=discriminator.judge())
    optimizer = keras.optimizers.Adam(0.01) if mode == "average" else None
    settings = rules.rules(mode, g or toys.adam(), d or toys.adam(), pairs, optimizer)
    watched = {layer.name: layer.gate for layer in generator.layers if layer.name.endswith("gate")}
    model.compile(loss=losses.HINGE, jit_compile=False, watched=watched, **settings)
    return model, pairs


def batch(model, seed=0):
    return {name: tf.constant(x) for name, x in small.inputs(model.discriminator, 4, seed).items()}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_generator_learns_common_kernels_through_its_own_path_alone(structure):
    model, pairs = sharing_gan(structure, g=toys.sgd(1.0), d=toys.sgd(0.0))
    twin, twins = sharing_gan(structure)
    twin.set_weights(model.get_weights())
    before = [first.numpy().copy() for first, _ in pairs]
    data = batch(model)
    model.train_step(data)

    # By hand, in the twin: the discriminator's turn moves singular vectors only, then two tapes.
    inputs = twin.prior(4, None, None)
    fake = twin.generator(inputs, training=True)
    twin.discriminator(
        {
            "images": tf.concat([data["images"], fake], 0),
            "labels": tf.concat([data["labels"], inputs["labels"]], 0),
        },
        training=True,
    )
    kernels = [first.value for first, _ in twins]
    with tf.GradientTape() as own_path:
        fake = twin.generator(inputs, training=True)
    with tf.GradientTape() as their_path:
        their_path.watch(fake)
        logits = twin.discriminator({"images": fake, "labels": inputs["labels"]}, training=True)
        loss = -tf.reduce_mean(logits)
    of_fake, *through_theirs = their_path.gradient(loss, [fake, *kernels])
    expected = own_path.gradient(fake, kernels, output_gradients=of_fake)
    for (first, _), old, gradient, left_out in zip(
        pairs, before, expected, through_theirs, strict=True
    ):
        np.testing.assert_allclose(old - first.numpy(), gradient, rtol=2e-3, atol=2e-6)
        # There would have been something to gain.
        assert np.linalg.norm(left_out) > 1e-2 * np.linalg.norm(gradient) > 0


@pytest.mark.parametrize("mode", ["both", "average", "soft"])
def test_training_goes_on_exactly_and_common_weights_stay_one(mode, tmp_path):
    whole, _ = sharing_gan(mode=mode)
    for number in range(2):
        whole.train_step(batch(whole, number))
    path = tmp_path / "state.weights.h5"
    whole.save_weights(path)
    whole.train_step(batch(whole, 2))
    resumed, pairs = sharing_gan(mode=mode)
    for weight in resumed.variables:
        weight.assign(tf.ones_like(weight.value))
    resumed.load_weights(path)
    assert all((first is second) == (mode != "soft") for first, second in pairs)
    again = sharing.kernel_pairs(resumed.generator, resumed.discriminator)
    assert all(a is b and c is d for (a, c), (b, d) in zip(pairs, again, strict=True))
    resumed.train_step(batch(resumed, 2))
    assert len(whole.variables) == len(resumed.variables)
    for a, b in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


@pytest.mark.parametrize(
    "mode, of_g, of_d, own",
    [
        ("both", True, True, 0),
        ("d_only", False, True, 0),
        ("g_only", True, False, 0),
        ("average", False, False, 1),
        ("soft", True, True, 0),
    ],
)
def test_optimizers_have_slots_for_what_they_move(mode, of_g, of_d, own):
    model, pairs = sharing_gan(mode=mode)
    slots = 2  # Adam's, besides the step and the rate
    for side, network, moves in [
        ("g", model.generator, of_g),
        ("d", model.discriminator, of_d),
    ]:
        count = len(network.trainable_variables) - (0 if moves else len(pairs))
        assert len(model.rules[side].optimizer.variables) == slots * count + 2
    if own:
        assert model.rules["shared"] is model.shared
        assert len(model.shared_optimizer.variables) == slots * len(pairs) + 2
    before = toys.values(model)
    model.train_step(batch(model))
    assert sum(toys.moved(model, before)) > 0.9 * len(before)


def test_gates_are_watched():
    model, _ = sharing_gan("local", g=toys.sgd(0.0))
    names = {"trunk_1_gate", "trunk_2_gate"}
    assert names <= model.trackers.keys()
    for name, logit in zip(sorted(names), (0.0, 2.0)):
        model.generator.get_layer(name).logit.assign(logit)
    logs = model.train_step(batch(model))
    assert float(logs["trunk_1_gate"]) == 0.5
    np.testing.assert_allclose(logs["trunk_2_gate"], 1 / (1 + np.exp(-2)), rtol=1e-6)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"mode": "all"}, "must be one of both, d_only"),
        ({"mode": "soft"}, "needs `pairs` of two copies"),
        ({"mode": "both", "tied": False}, "needs `pairs` of one variable"),
        ({"mode": "both", "pairs": []}, "Received: 0 pairs"),
        ({"mode": "average"}, "which have one of their own in the mode average"),
        ({"mode": "both", "optimizer": keras.optimizers.SGD()}, "mode='both', optimizer="),
        ({"mode": "average", "optimizer": "g"}, "another one than the players'"),
        ({"mode": "both", "every": 2}, "1 unless the mode is soft"),
        ({"mode": "soft", "tied": False, "every": 0}, "at least 1"),
    ],
)
def test_modes_that_contradict_the_rest_are_refused(settings, words):
    _, pairs = linear_gan(settings.pop("tied", True))
    g, d = toys.sgd(), toys.sgd()
    settings = {"pairs": pairs, **settings}
    if settings.get("optimizer") == "g":
        settings["optimizer"] = g.optimizer
    with pytest.raises(ValueError, match=words):
        rules.rules(settings.pop("mode"), g, d, **settings)


def test_rules_that_contradict_the_shared_one_are_refused():
    model, pairs = linear_gan(True)
    kept = {"loss": losses.WASSERSTEIN, "jit_compile": False}
    with pytest.raises(ValueError, match="must not be moved by a player's too"):
        model.compile(
            **kept,
            generator=toys.sgd(),
            discriminator=toys.sgd(),
            shared=rules.SharedRule(tuple(pairs), keras.optimizers.SGD()),
        )
    common = rules.Without((pairs[0][0],), lambda network: network.trainable_variables)
    with pytest.raises(ValueError, match="Received: 1 that nobody moves"):
        model.compile(
            **kept,
            generator=toys.sgd(weights=common),
            discriminator=toys.sgd(weights=common),
            shared=rules.SharedRule(tuple(pairs)),
        )
