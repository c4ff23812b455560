"""The variational autoencoder: bounds by hand, what it is fed, and what decides a result."""

import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toys
from tfgan_zoo.models import dave, draw
from tfgan_zoo.training import loop, vae
from tfgan_zoo.training.checkpoints import Checkpoints

SPEC = dave.DAVESpec(resolution=2, e_widths=(6,), d_widths=(5,), z_dim=2)
PIXELS = 4
SEED = tf.constant([3, 4])


def model(network=None, seed=0, weights_seed=0, **settings):
    """A VAE that is not compiled; the same arguments give the same weights."""
    keras.utils.set_random_seed(weights_seed)
    network = network or dave.DAVEPosterior(SPEC)
    return vae.VAE(network.generator, network, seed=seed, **settings)


def compiled(rule=None, **settings):
    made = model(**settings)
    made.compile(rule or toys.adam(), jit_compile=False)
    return made


def constant(logit, mean=0.0, log_sigma=0.0, **settings):
    """One whose outputs are the same for all inputs, but for a mean that only KL sees."""
    made = compiled(toys.sgd(0.0), **settings)
    for weight in made.posterior.weights:
        weight.assign(np.zeros(weight.shape))
    decoder = made.generator.get_layer("decoder")
    for layer, value in (
        (decoder.get_layer("pixels"), logit),
        (made.posterior.get_layer("mean"), mean),
        (made.posterior.get_layer("log_sigma"), log_sigma),
    ):
        layer.bias.assign(np.full(layer.bias.shape, value))
    return made


def floats(logs):
    return {name: float(value) for name, value in logs.items()}


class Recorder:
    """A penalty that is nothing and remembers every Turn."""

    def __init__(self):
        self.turns = []

    def __call__(self, turn):
        self.turns.append(turn)
        return tf.zeros(())


# --- the bound ----------------------------------------------------------------------------------


def test_bound_by_hand():
    """Logits of log 3 are means of 3/4; the divergence is (m^2 + s^2 - 1) / 2 - log s each."""
    made = constant(math.log(3.0), mean=2.0, log_sigma=math.log(0.5), binarize=False)
    grays = np.full((2, 2, 2, 1), -0.6, "float32")  # 0.2 in [0, 1]
    reconstruction = -PIXELS * (0.2 * math.log(0.75) + 0.8 * math.log(0.25))
    kl = SPEC.z_dim * ((4.0 + 0.25 - 1.0) / 2.0 + math.log(2.0))
    logs = floats(made.train_step({"images": tf.constant(grays), "labels": tf.constant([1, 2])}))
    assert logs.pop("g_gradient_norm") > 0.1
    expected = {
        "g_loss": reconstruction + kl,
        "g_reconstruction": reconstruction,
        "g_kl": kl,
        "g_penalty": 0.0,
    }
    assert logs == pytest.approx(expected, rel=1e-5)
    assert made.bound(grays, seed=0) == pytest.approx(reconstruction + kl, rel=1e-5)


def test_a_step_by_hand():
    """SGD of 0.1 on logits of 0: each of two equal images pulls its pixels by target - 1/2."""
    made = constant(0.0, binarize=False)
    made.compile(toys.sgd(0.1, penalties=(lambda turn: tf.constant(7.0),)), jit_compile=False)
    image = np.array([-1.0, 1.0, 0.0, 0.5], "float32").reshape(2, 2, 1)
    logs = floats(made.train_step({"images": tf.constant([image, image])}))
    pixels = made.generator.get_layer("decoder").get_layer("pixels")
    gradient = -image.ravel() / 2
    np.testing.assert_allclose(pixels.bias, -0.1 * gradient, rtol=1e-6, atol=1e-8)
    assert logs["g_penalty"] == 7.0
    assert logs["g_loss"] == pytest.approx(PIXELS * math.log(2.0), rel=1e-6)
    assert logs["g_gradient_norm"] >= np.linalg.norm(gradient)
    assert int(made.step) == 1


def test_bound_is_a_mean_over_all_images_and_samples():
    made = constant(2.0, binarize=False)
    images = np.concatenate([np.full((130, 2, 2, 1), -1.0), np.full((50, 2, 2, 1), 1.0)])
    black, white = PIXELS * math.log1p(math.e**2), PIXELS * math.log1p(math.e**-2)
    expected = (130 * black + 50 * white) / 180
    for samples in (1, 3):
        assert made.bound(images, 0, samples) == pytest.approx(expected, rel=1e-5)


def test_bound_depends_on_its_seed_alone():
    made, images = model(), toys.batch(7)["images"]
    first = made.bound(images, seed=1)
    made.step.assign(9)
    made.seed.assign(9)
    assert made.bound(images, seed=1) == first
    assert made.bound(images, seed=2) != first
    assert made.bound(images, seed=1, samples=2) != first


def test_training_lowers_the_bound():
    images = np.where(np.arange(4).reshape(1, 2, 2, 1) < 2, 1.0, -1.0) * np.ones((20, 1, 1, 1))
    made = compiled(toys.adam(0.05))
    before = made.bound(images, 0)
    data = tf.data.Dataset.from_tensors({"images": tf.constant(images, tf.float32)}).repeat()
    loop.train(made, data, 60)
    assert int(made.step) == 60
    assert before > PIXELS * 0.5 and made.bound(images, 0) < 0.5 * before


def test_draw_learns():
    spec = draw.DRAWSpec(
        resolution=4, time_steps=2, z_dim=2, e_units=8, d_units=8, read_size=2, write_size=2
    )
    made = compiled(toys.adam(0.05), network=draw.DRAWPosterior(spec))
    images = np.where(np.indices((4, 4))[0] < 2, 1.0, -1.0)[None, :, :, None]
    images = images.repeat(10, axis=0).astype("float32")
    before = made.bound(images, 0)
    data = tf.data.Dataset.from_tensors({"images": tf.constant(images)}).repeat()
    loop.train(made, data, 30)
    assert made.bound(images, 0) < 0.7 * before


# --- what it is fed -----------------------------------------------------------------------------


def test_binarized_images():
    levels = np.array([-1.0, -0.5, 0.0, 0.8, 1.0], "float32")
    images = np.broadcast_to(levels, (4000, 1, 1, 5))
    drawn = vae.binarized(tf.constant(images), SEED).numpy()
    assert set(np.unique(drawn)) == {-1.0, 1.0}
    shares = (drawn == 1).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(shares, (levels + 1) / 2, atol=0.03)
    assert shares[0] == 0.0 and shares[-1] == 1.0


def test_salt_and_pepper():
    images = tf.fill([500, 4, 4, 3], 0.25)
    changed = vae.SaltAndPepper(0.2)(images, SEED).numpy()
    assert set(np.unique(changed)) == {-1.0, 0.25, 1.0}
    np.testing.assert_array_equal(changed, changed[..., :1].repeat(3, axis=-1))
    for value, share in ((-1.0, 0.1), (1.0, 0.1), (0.25, 0.8)):
        assert np.mean(changed == value) == pytest.approx(share, abs=0.02)
    np.testing.assert_array_equal(vae.SaltAndPepper(0.0)(images, SEED), images)
    assert np.all(np.abs(vae.SaltAndPepper(1.0)(images, SEED)) == 1.0)


def test_gaussian_noise():
    """In units of the grey values in [0, 1], which are half as far apart."""
    images = tf.fill([500, 4, 4, 3], 0.25)
    added = vae.GaussianNoise(0.025)(images, SEED).numpy() - 0.25
    assert np.std(added) == pytest.approx(0.05, rel=0.05)
    assert np.mean(added) == pytest.approx(0.0, abs=0.002)
    np.testing.assert_array_equal(vae.GaussianNoise(0.0)(images, SEED), images)


def turns(steps=1, size=400, **settings):
    recorder = Recorder()
    made = compiled(toys.sgd(0.0, penalties=(recorder,)), **settings)
    for _ in range(steps):
        made.train_step({"images": tf.fill([size, *made.posterior.spec.shape], 0.2)})
    return recorder.turns


def test_only_the_posterior_sees_the_corruption():
    (turn,) = turns(corrupt=vae.SaltAndPepper(1.0))
    seen, target = turn.inputs["images"].numpy(), turn.real.numpy()
    assert set(np.unique(target)) == {-1.0, 1.0}
    assert np.mean(target) == pytest.approx(0.2, abs=0.06)
    assert np.mean(seen) == pytest.approx(0.0, abs=0.06)


def test_targets_corruption_and_latents_have_random_numbers_of_their_own():
    """One seed for all would give them the same ones in the same order."""
    (turn,) = turns(corrupt=vae.GaussianNoise(0.5))
    target, latents = turn.real.numpy().ravel(), turn.inputs["noise"].numpy().ravel()
    added = turn.inputs["images"].numpy().ravel() - target
    first = slice(len(latents))
    correlations = np.corrcoef([target[first], added[first], latents])
    np.testing.assert_allclose(correlations, np.eye(3), atol=0.15)


def test_targets_may_stay_gray():
    (turn,) = turns(binarize=False)
    assert np.all(turn.real.numpy() == np.float32(0.2))
    np.testing.assert_array_equal(turn.inputs["images"], turn.real)


def test_noise_is_new_in_every_time_step_and_training_step():
    spec = draw.DRAWSpec(
        resolution=2, time_steps=3, z_dim=2, e_units=2, d_units=2, read_size=2, write_size=2
    )
    seen = turns(steps=2, network=draw.DRAWPosterior(spec))
    noises = [turn.inputs["noise"].numpy() for turn in seen]
    columns = np.concatenate([noise.reshape(400, 6) for noise in noises], axis=1)
    np.testing.assert_allclose(np.corrcoef(columns.T), np.eye(12), atol=0.2)
    np.testing.assert_allclose(np.std(columns, axis=0), 1.0, atol=0.15)
    assert np.any(seen[0].real != seen[1].real)
    assert np.any(seen[0].seed != seen[1].seed)


def test_a_turn_holds_the_reconstruction():
    recorder = Recorder()
    made = constant(math.log(3.0))
    made.compile(toys.sgd(0.0, penalties=(recorder,)), jit_compile=False)
    made.train_step(toys.batch(3))
    (turn,) = recorder.turns
    assert turn.network is made.posterior
    np.testing.assert_allclose(turn.fake, np.full((3, 2, 2, 1), 0.5), rtol=1e-6)


def test_projections_are_applied_to_both_networks():
    seen = []
    made = compiled(toys.sgd(projections=(seen.append,)))
    made.train_step(toys.batch(3))
    assert seen == [made.posterior]


def test_calling_it_generates():
    made, latents = model(), {"latents": tf.ones((3, 2))}
    np.testing.assert_array_equal(made(latents), made.generator(latents))


# --- what decides a result ----------------------------------------------------------------------


def trained(steps, checkpoints=None, **settings):
    made = compiled(**settings)
    if checkpoints is not None:
        assert checkpoints.restore(made) == 2
    while int(made.step) < steps:
        made.train_step(toys.batch(6, seed=int(made.step)))
    return made


def everything(made):
    return [*toys.values(made), *toys.values(made.rules["g"].optimizer)]


def test_without_noise_it_is_a_plain_autoencoder():
    plain, denoising = trained(3), trained(3, corrupt=vae.SaltAndPepper(0.0))
    assert [m.name for m in plain.metrics] == list(vae.TRACKED)
    for a, b in zip(plain.metrics, denoising.metrics, strict=True):
        assert float(a.result()) == float(b.result())
    assert toys.largest_difference(everything(plain), everything(denoising)) == 0.0
    other = trained(3, corrupt=vae.SaltAndPepper(0.5))
    assert toys.largest_difference(everything(plain), everything(other)) > 0.0


def test_training_goes_on_as_if_never_interrupted(tmp_path):
    settings = {"corrupt": vae.SaltAndPepper(0.1), "seed": 5}
    Checkpoints(tmp_path).save(trained(2, **settings))
    resumed = trained(4, Checkpoints(tmp_path), corrupt=settings["corrupt"], weights_seed=1)
    straight = trained(4, **settings)
    # Seed, step, 4 + 4 weights of the decoder and hidden layer, 4 of moments; Adam: 2 + 2 each.
    assert len(everything(straight)) == 2 + 10 + 2 + 20
    for a, b in zip(everything(resumed), everything(straight), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_seed_decides():
    first, again, other = (everything(trained(1, seed=seed)) for seed in (1, 1, 2))
    assert toys.largest_difference(first, again) == 0.0
    assert toys.largest_difference(first, other) > 0.1


def test_replicas_share_the_noise_of_one_device(monkeypatch):
    made = model(corrupt=vae.SaltAndPepper(0.3))
    images = toys.batch(6)["images"]
    whole = made._draw_among_replicas(images, SEED)
    parts = []
    for number in range(2):
        context = types.SimpleNamespace(
            num_replicas_in_sync=2, replica_id_in_sync_group=tf.constant(number)
        )
        monkeypatch.setattr(tf.distribute, "get_replica_context", lambda context=context: context)
        parts.append(made._draw_among_replicas(images[3 * number : 3 * number + 3], SEED))
    both = tf.nest.map_structure(lambda *rows: tf.concat(rows, 0), *parts)
    for a, b in zip(tf.nest.flatten(whole), tf.nest.flatten(both), strict=True):
        np.testing.assert_array_equal(a, b)


# --- errors -------------------------------------------------------------------------------------


def test_networks_must_share_weights():
    generator = dave.DAVEGenerator(SPEC)
    with pytest.raises(ValueError, match="`posterior` must.*Received: .*without 4 of them"):
        vae.VAE(generator, dave.DAVEPosterior(SPEC))


@pytest.mark.parametrize("name", ["steps", "micro_batches"])
def test_one_update_per_step(name):
    with pytest.raises(ValueError, match=f"`{name}` must be 1.*Received: {name}=2"):
        model().compile(toys.sgd(**{name: 2}))


@pytest.mark.parametrize("count, samples", [(0, 1), (3, 0)])
def test_a_mean_over_nothing(count, samples):
    with pytest.raises(ValueError, match=f"{count} images, samples={samples}"):
        model().bound(np.zeros((count, 2, 2, 1)), 0, samples)


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match=f"`level` must be in .* Received: level={level}"):
        vae.SaltAndPepper(level)


def test_a_deviation_is_not_negative():
    with pytest.raises(ValueError, match="`std` must not be negative. Received: std=-1"):
        vae.GaussianNoise(-1)
