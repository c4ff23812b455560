"""Seconds of training steps at true network sizes: models of a table, called in turn."""

import gc
import itertools

import keras
import numpy as np
import tensorflow as tf

from recipes import timing
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training.gan import GAN, UpdateRule
from tfgan_zoo.training.penalties import GradientPenalty
from tfgan_zoo.training.priors import Normal
from tfgan_zoo.training.projections import ClipWeights

D_STEPS = 5
METHODS = ("GRAN", "WIRGAN", "GP-WIRGAN")
Found = dict[tuple[str, int, int], timing.Timing]


def build(method: str, data: str, time_steps: int, d_steps: int, **changes: int) -> GAN:
    """One model of the table, as its recipe has it; rates, which cost no time, aside.

    Args:
        method: Of METHODS.
        data: The end of the variant's name: mnist, cifar10 or 64.
        time_steps: T.
        d_steps: Discriminator updates per step.
        **changes: To the networks, whose sizes are the paper's without.
    """
    name = f"{method.lower()}-{data}"
    changes = {"time_steps": time_steps, **changes}
    spec = registry.spec(name, **changes)
    model = GAN(
        registry.build_generator(name, **changes),
        registry.build_discriminator(name, **changes),
        Normal(spec.latents_shape),
    )
    rules = {
        "GRAN": (losses.NON_SATURATING, _adam, {}),
        "WIRGAN": (losses.WASSERSTEIN, _rmsprop, {"projections": (ClipWeights(0.01),)}),
        "GP-WIRGAN": (losses.WASSERSTEIN, _adam, {"penalties": (GradientPenalty(10.0),)}),
    }
    loss, optimizer, settings = rules[method]
    model.compile(
        loss=loss,
        generator=UpdateRule(optimizer()),
        discriminator=UpdateRule(optimizer(), steps=d_steps, **settings),
        score_together=spec.d_norm == "none",
        jit_compile=False,
    )
    return model


def _adam():
    return keras.optimizers.Adam(1e-4, 0.5, 0.9)


def _rmsprop():
    return keras.optimizers.RMSprop(5e-5)


def measure(
    data: str,
    batch_size: int,
    all_time_steps: tuple[int, ...],
    rounds: int,
    **changes: int,
) -> Found:
    """Times of compiled steps, {(method, T, discriminator updates): seconds}.

    Random images stand for real ones, as their content costs nothing. The models take turns; of
    all of them there is one copy each, so memory must hold them with their optimizers.
    """
    functions = {}
    for method in METHODS:
        for time_steps in all_time_steps:
            for d_steps in (1,) if method == "GRAN" else (1, D_STEPS):
                model = build(method, data, time_steps, d_steps, **changes)
                functions[method, time_steps, d_steps] = _step(model, batch_size * d_steps)
    found = timing.interleaved(functions, rounds, warm_up=1)
    functions.clear()
    gc.collect()
    return found


def _step(model, batch_size):
    shape = (batch_size, *model.discriminator.input["images"].shape[1:])
    images = np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32)
    batch = {"images": tf.constant(images)}
    step = tf.function(model.train_step, autograph=False)
    return lambda: float(step(batch)["g_loss"])


def lines(found: Found) -> list[dict]:
    """A line per model."""
    rows = []
    for model, time_steps in dict.fromkeys((m, t) for m, t, _ in found):
        updates = _updates(found, model, time_steps)
        one, trained = found[model, time_steps, 1], found[model, time_steps, updates]
        alone = (trained.median - one.median) / max(updates - 1, 1)
        rows.append(
            {
                "model": model,
                "T": time_steps,
                "one update of each, s": _seconds(one),
                "as trained, s": _seconds(trained),
                "updates": f"{updates} + 1",
                "a discriminator's update, s": f"{alone:.4f}" if updates > 1 else "-",
            }
        )
    return rows


def _seconds(found):
    return f"{found.median:.4f} ({found.low:.4f} to {found.high:.4f})"


def _updates(found, model, time_steps):
    """Of the discriminator, as the model is trained."""
    return max(d for m, t, d in found if (m, t) == (model, time_steps))


def claims(found: Found) -> list[dict]:
    """The paper's order of times, for one update of each player and for what a step is."""
    all_steps = sorted({t for _, t, _ in found})
    judged = []
    for counted in ("one update of each", "as trained"):
        times = {
            (m, t): found[m, t, 1 if counted.startswith("one") else _updates(found, m, t)]
            for m, t, _ in found
        }
        for slower, faster in itertools.pairwise(METHODS):
            pairs = [(times[slower, t], times[faster, t]) for t in all_steps]
            judged.append(_claim(f"{slower} takes longer than {faster}", counted, pairs))
        for model in METHODS:
            pairs = list(itertools.pairwise(times[model, t] for t in reversed(all_steps)))
            judged.append(_claim(f"{model}: time grows with T", counted, pairs[::-1]))
    return judged


def _claim(text, counted, pairs):
    """Whether the first of each pair takes longer: their quartiles must not overlap."""
    if all(longer.low > shorter.high for longer, shorter in pairs):
        word = "holds"
    elif any(longer.high < shorter.low for longer, shorter in pairs):
        word = "does not hold"
    else:
        word = "cannot be told"
    shown = ", ".join(f"{longer.median / shorter.median:.2f}" for longer, shorter in pairs)
    return {"claim": text, "counted": counted, "verdict": f"{word}: ratios {shown}"}
