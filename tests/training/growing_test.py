"""Schedules against tables made by hand, and GANs that grow."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training import growing
from tfgan_zoo.training.ema import EMA
from tfgan_zoo.training.gan import GAN, UpdateRule
from tfgan_zoo.training.growing import Phase, Schedule
from tfgan_zoo.training.penalties import Drift, GradientPenalty
from tfgan_zoo.training.priors import Normal

# The second preset for one GPU of the released code.
PRESET = Schedule(
    1024,
    stable_images=600_000,
    fading_images=600_000,
    total_images=12_000_000,
    batch_size=16,
    batch_sizes=((4, 128), (8, 128), (16, 128), (32, 64), (64, 32), (256, 8), (512, 4), (1024, 4)),
    rates=((1024, 1.5),),
)


@pytest.mark.parametrize(
    "kimg, resolution, alpha, batch_size, rate",
    [
        (0, 4, 1.0, 128, 1.0),
        (599, 4, 1.0, 128, 1.0),
        (601, 8, 1 / 600, 128, 1.0),
        (900, 8, 0.5, 128, 1.0),
        (1201, 8, 1.0, 128, 1.0),
        (1950, 16, 0.25, 128, 1.0),
        (4500, 64, 0.5, 32, 1.0),
        (5700, 128, 0.5, 16, 1.0),
        (6500, 128, 1.0, 16, 1.0),
        (8300, 512, 5 / 6, 4, 1.0),
        (9300, 1024, 0.5, 4, 1.5),
        (9601, 1024, 1.0, 4, 1.5),
        (11_999, 1024, 1.0, 4, 1.5),
    ],
)
def test_schedule_by_hand(kimg, resolution, alpha, batch_size, rate):
    phases = PRESET.phases()
    phase = growing.phase_at(phases, 1000 * kimg)
    assert (phase.resolution, phase.batch_size, phase.rate) == (resolution, batch_size, rate)
    step = phase.first_step + (1000 * kimg - phase.first_image) / phase.images_per_step
    # Phases end with a whole step, so later ones begin some images late.
    assert phase.alpha(step) == pytest.approx(alpha, abs=2e-3)
    assert phase.images(step) == pytest.approx(1000 * kimg)


def test_phases_follow_one_another():
    phases = PRESET.phases()
    assert len(phases) == 17
    assert [phase.number for phase in phases] == list(range(17))
    assert [phase.name for phase in phases[:4]] == [
        "00-4px",
        "01-8px-fading",
        "02-8px",
        "03-16px-fading",
    ]
    assert [phase.title for phase in phases[-2:]] == ["1024 px, fading in", "1024 px"]
    for before, after in zip(phases, phases[1:], strict=False):
        assert after.first_step == before.last_step
        assert after.first_image == before.images(before.last_step)
        shown = after.first_image - before.first_image
        assert before.length <= shown < before.length + before.images_per_step
    assert 0 <= phases[-1].images(phases[-1].last_step) - 12_000_000 < 4


def test_alpha_grows_evenly_from_nothing():
    phase = PRESET.phases()[1]
    steps = np.arange(phase.first_step, phase.last_step)
    alphas = np.array([phase.alpha(step) for step in steps])
    assert alphas[0] == 0.0 and alphas[-1] < 1.0
    np.testing.assert_allclose(np.diff(alphas), 128 / 600_000, rtol=1e-6)
    found = phase.alpha(tf.constant(steps[7], tf.float32))
    np.testing.assert_allclose(found, alphas[7], rtol=1e-5)


def test_several_updates_show_several_batches():
    (phase,) = Schedule(8, first=8, total_images=100, batch_size=4, updates=5).phases()
    assert (phase.last_step, phase.images(2)) == (5, 40)


def test_short_and_sudden_schedules():
    schedule = Schedule(16, stable_images=40, fading_images=0, total_images=60, batch_size=10)
    assert [(p.resolution, p.last_step) for p in schedule.phases()] == [(4, 4), (8, 6)]
    whole = Phase.whole(32, steps=7, batch_size=5)
    assert (whole.name, whole.title, whole.last_step, whole.alpha(3)) == ("", "", 7, 1.0)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"resolution": 48}, "`resolution`"),
        ({"stable_images": 0}, "`stable_images`"),
        ({"fading_images": -1}, "`fading_images`"),
        ({"batch_sizes": ((5, 16),)}, "`batch_sizes`"),
        ({"rates": ((8, 0.0),)}, "`rates`"),
    ],
)
def test_bad_schedules(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(PRESET, **changes)


def gan(resolution, fading):
    """A small PGGAN; with SGD, whose steps are in proportion to gradients."""
    changes = {
        "resolution": resolution,
        "fading": fading,
        "fmap_base": 32,
        "fmap_max": 4,
        "z_dim": 3,
    }
    keras.utils.set_random_seed(resolution + fading)
    model = GAN(
        registry.build_generator("pggan-digits", **changes),
        registry.build_discriminator("pggan-digits", **changes),
        Normal((3,)),
        ema_generator=registry.build_generator("pggan-digits", **changes),
    )
    model.compile(
        loss=losses.WASSERSTEIN,
        generator=UpdateRule(keras.optimizers.SGD(0.01)),
        discriminator=UpdateRule(
            keras.optimizers.SGD(0.01), penalties=(GradientPenalty(10.0), Drift(1e-3))
        ),
        ema=EMA(0.5),
        score_together=False,
    )
    return model


def batch(resolution):
    shape = (4, resolution, resolution, 1)
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return {"images": tf.constant(images)}


def test_growing_a_gan():
    older, newer = gan(4, False), gan(8, True)
    for _ in range(2):
        older.train_step(batch(4))
    growing.grow(older, newer)
    assert int(newer.step.numpy()) == 2
    latents = {"latents": np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)}
    for name in ("generator", "ema_generator"):
        small, large = getattr(older, name)(latents), getattr(newer, name)(latents)
        np.testing.assert_allclose(large[:, ::2, ::2], small, atol=1e-6)
    assert np.abs(older.generator(latents) - older.ema_generator(latents)).max() > 1e-5
    # What is new in the average is what is new in the generator.
    paths = {weight.path: weight for weight in newer.ema_generator.weights}
    kernel = newer.generator.get_layer("8_conv_1").kernel
    np.testing.assert_array_equal(paths[kernel.path], kernel)


def test_fading_in_never_traces_again():
    model = gan(8, True)
    traces = []

    @tf.function
    def step(data):
        traces.append(1)
        return model.train_step(data)

    phase = Phase(1, 8, True, 0, 4, 0, 4, 4, 1.0, 16)
    fade = growing.FadeIn(phase)
    fade.set_model(model)
    fade.on_train_begin()
    seen = []
    for number in range(4):
        fade.on_train_batch_begin(number)
        alphas = [model.generator.alpha, model.discriminator.alpha, model.ema_generator.alpha]
        step(batch(8))
        seen.append([float(alpha.numpy()) for alpha in alphas])
    np.testing.assert_allclose(seen, [[alpha] * 3 for alpha in (0.0, 0.25, 0.5, 0.75)])
    # The first call creates the optimizers' slots.
    assert len(traces) <= 2


def test_old_layers_go_on_learning():
    model = gan(8, True)
    model.generator.alpha.assign(0.5)
    model.discriminator.alpha.assign(0.5)
    before = {w.path: w.numpy() for w in model.trainable_variables}
    model.train_step(batch(8))
    still = [w.path for w in model.trainable_variables if np.all(w.numpy() == before[w.path])]
    # The bias of the last layer moves all scores alike; the drift alone is for it.
    assert [path for path in still if "logits/bias" not in path] == []
