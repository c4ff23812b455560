"""The toy experiments: that the fast step is the paper's, resuming, and the page."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from recipes import toy_runs, toys
from recipes.toy_runs import Game, Run
from tfgan_zoo import losses
from tfgan_zoo.models import mlp
from tfgan_zoo.training import penalties, projections
from tfgan_zoo.training.gan import Turn

REAL, FAKE, MIX = (
    tf.constant(np.random.default_rng(number).random((64, size)), tf.float32)
    for number, size in enumerate((2, 2, 1))
)


def biased(critic):
    """Biases begin at 0, where every value is positive homogeneous: too special to test with."""
    for weight in critic.trainable_variables:
        if weight.name == "bias":
            weight.assign(np.random.default_rng(0).normal(0, 0.1, weight.shape))
    return critic


def objective(critic, penalised):
    """The critic's loss as the paper has it, by the library's own parts."""
    logits = [critic({"images": images}) for images in (REAL, FAKE)]
    loss = losses.WASSERSTEIN.discriminator(*logits)
    if penalised:
        with tf.GradientTape() as tape:
            points = MIX * FAKE + (1 - MIX) * REAL
            tape.watch(points)
            scores = critic({"images": points})
        norms = tf.norm(tape.gradient(scores, points), axis=1)
        loss += 0.1 * tf.reduce_mean((norms - 1) ** 2)
    return loss


@pytest.mark.parametrize("method", toy_runs.METHODS)
def test_critic_update(method):
    game = Game(method, "noise")
    other = mlp.MLPDiscriminator(game.spec)
    start = biased(game.critic).get_weights()
    other.set_weights(start)
    optimizer = toy_runs.OPTIMIZERS[method]()
    for _ in range(3):
        game._update_critic(REAL, FAKE, MIX)
        with tf.GradientTape() as tape:
            loss = objective(other, method == "penalty")
        gradients = tape.gradient(loss, [w.value for w in other.trainable_variables])
        # The last bias has no gradient; optimizers of Keras leave it out then, with a warning.
        gradients = [
            tf.zeros_like(w.value) if g is None else g
            for g, w in zip(gradients, other.trainable_variables, strict=True)
        ]
        optimizer.apply_gradients(zip(gradients, other.trainable_variables, strict=True))
        if method == "clip":
            projections.ClipWeights(0.01)(other)
    weights = game.critic.get_weights(), other.get_weights(), start
    for mine, expected, before in zip(*weights, strict=True):
        # Not elementwise: Adam makes steps of gradients that are nothing but rounding.
        assert np.mean(np.abs(mine - expected)) <= 0.05 * np.mean(np.abs(expected - before))
    largest = max(np.abs(w).max() for w in game.critic.get_weights())
    assert (largest <= 0.01) == (method == "clip")


def test_gradient_norms_are_those_of_the_penalty():
    critic = biased(mlp.MLPDiscriminator(mlp.MLPSpec(1)))
    seed = tf.constant([1, 2])
    turn = Turn(critic, lambda x: critic({"images": x}), {}, REAL, REAL, None, None, seed)
    weights = [w.value for w in critic.trainable_variables]
    with tf.GradientTape() as tape:
        expected = penalties.GradientPenalty(1.0)(turn)
    gradients = tape.gradient(expected, weights, unconnected_gradients="zero")
    with tf.GradientTape() as tape:
        mine = tf.reduce_mean((toy_runs.gradient_norms(critic, REAL) - 1.0) ** 2)
    np.testing.assert_allclose(mine, expected, rtol=1e-5)
    assert expected > 0.01
    for found, gradient in zip(
        tape.gradient(mine, weights, unconnected_gradients="zero"), gradients, strict=True
    ):
        np.testing.assert_allclose(found, gradient, atol=1e-5)


def test_generator_update_goes_up_the_critic():
    game = Game("penalty", "t3")
    game.reset(0)
    before = game.generator.get_weights()
    latents = game._latents(500, tf.constant([5, 5]))

    def score():
        return float(tf.reduce_mean(game.critic({"images": game.generator(latents)})))

    start, critic = score(), game.critic.get_weights()
    for number in range(5):
        game._update_generator(tf.constant([0, number]))
    assert score() > start
    moved = [np.abs(a - b).max() for a, b in zip(game.generator.get_weights(), before, strict=True)]
    assert all(moved), "encoder and decoder both learn"
    np.testing.assert_array_equal(critic[0], game.critic.get_weights()[0])


def test_a_single_step_has_no_encoder_to_optimize():
    # Adam: iteration, rate and two moments for each of the decoder's 4 kernels and 4 biases.
    assert len(Game("penalty", "t1").g_optimizer.variables) == 2 + 2 * 8
    assert Game("penalty", "noise").generator is None


SHORT = Run("8-gaussians", "clip", "t1", seed=1, steps=3)


def test_runs_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(toy_runs, "SAMPLES", 20)
    monkeypatch.setattr(toy_runs, "SNAPSHOTS", 3)
    first = toy_runs.train(SHORT)
    other = toy_runs.train(dataclasses.replace(SHORT, seed=2))
    again = toy_runs.train(SHORT)  # in the same process, after another: all is reset
    for name in ("points", "grid", "estimates", "snapshots"):
        np.testing.assert_allclose(again[name], first[name], rtol=1e-4, atol=1e-6)
        assert np.abs(other[name] - first[name]).max() > 1e-5
    assert first["points"].shape == (20, 2) and first["snapshots"].shape == (3, 2000, 2)
    assert first["snapshot_steps"].tolist() == [1, 2, 3]
    assert first["estimates"].shape == (3,) and first["grid"].shape == (128, 128)


def test_without_generator_the_points_have_unit_noise():
    run = dataclasses.replace(SHORT, generator="noise", steps=0)
    game = Game("clip", "noise")
    found = toy_runs.generate(game, run, 4000)
    # Unit noise on 8 centres whose mean square is 1 along each axis.
    np.testing.assert_allclose(found.std(axis=0), np.sqrt(2), atol=0.05)


def test_whole_files_only(tmp_path, monkeypatch):
    def stop(run):
        raise KeyboardInterrupt

    monkeypatch.setattr(toy_runs, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        toy_runs.train_and_save(SHORT, tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(toy_runs, "train", lambda run: {"points": np.ones(3)})
    toy_runs.train_and_save(SHORT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["8-gaussians-clip-t1-steps3-seed1.npz"]


def test_what_is_there_is_not_trained_again(tmp_path, monkeypatch):
    started = []

    class Pool:
        def __init__(self, jobs, mp_context):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def submit(self, do, run, folder):
            started.append(run)
            future = toy_runs.concurrent.futures.Future()
            future.set_result(None)
            return future

    monkeypatch.setattr(toy_runs.concurrent.futures, "ProcessPoolExecutor", Pool)
    runs = toy_runs.all_runs([0, 1], 30)
    assert len(runs) == 36 and [run.seed for run in runs] == [0] * 18 + [1] * 18
    assert {run.steps for run in runs if run.generator == "noise"} == {15}
    (tmp_path / runs[4].file).touch()
    toy_runs.train_missing(runs, tmp_path, 2)
    assert started == runs[:4] + runs[5:]


def values(function):
    """[128, 128] of a function of the coordinates."""
    x, y = toy_runs.grid().astype(np.float64).T
    return function(x, y).reshape(128, 128)


REALS = np.random.default_rng(0).uniform(-1, 1, (2000, 2))


def test_shapes_of_critics():
    found = toys.shape(values(lambda x, y: 3 * x - y + 1), REALS)
    assert found["bend"] == pytest.approx(0, abs=1e-5)
    assert found["quadratic"] == pytest.approx(1)
    assert found["above"] == pytest.approx(0.5, abs=0.02)
    # Circles: half of the square is within sqrt(2 / pi) of its centre, the radius of the median.
    found = toys.shape(values(lambda x, y: x * x + y * y), REALS)
    assert found["bend"] == pytest.approx(np.sqrt(np.pi / 2), rel=0.03)
    assert found["quadratic"] == pytest.approx(1)
    # Of x^3 over [-1, 1] a quadratic function explains (3 / 5)^2 / 3 of 1 / 7.
    found = toys.shape(values(lambda x, y: x**3), REALS)
    assert found["quadratic"] == pytest.approx(21 / 25, abs=0.01)
    assert found["bend"] == pytest.approx(0, abs=1e-5)
    assert toys.shape(values(lambda x, y: np.maximum(x, 0)), REALS)["bend"] == 0  # half is flat


def test_critics_that_are_high_at_the_data():
    # Real points on the right half, which is half of the rectangle around them and two others.
    real = np.concatenate([np.abs(REALS), [[-1, -1], [1, 1]]])
    found = toys.shape(values(lambda x, y: np.minimum(x, y)), real)
    # Chance that a point of the best quarter is above any: 3 / 4 + half of 1 / 4.
    assert found["above"] == pytest.approx(7 / 8, abs=0.02)
    assert toys.shape(values(lambda x, y: -np.minimum(x, y)), real)["above"] < 0.15


@pytest.fixture(name="results")
def fixture_results(tmp_path, monkeypatch):
    """Two seeds of which clipping has random points and the penalty has real ones; half a third."""
    monkeypatch.setattr(toys, "SAMPLES", 300)
    runs = toy_runs.all_runs([0, 1, 2], 30)
    for run in runs[:40]:
        random = np.random.default_rng(run.seed)
        clip = run.method == "clip"
        points = random.normal(size=(300, 2))
        found = points if clip else toys.points.sample(run.data, 300, run.seed)
        np.savez(
            tmp_path / run.file,
            points=found,
            grid=values(lambda x, y, clip=clip: x + y if clip else np.sin(4 * x) + y),
            estimates=np.ones(run.steps),
            snapshots=[points[:50], found[:50]],
            snapshot_steps=[15, 30],
        )
    return toys.Results(runs, tmp_path)


def test_only_whole_seeds_count(results):
    assert results.seeds == [0, 1] and len(results.runs) == 36
    assert results.values("8-gaussians", "penalty", "t1", "good") == [1.0, 1.0]
    assert results.values("8-gaussians", "penalty", "noise", "good") == []
    assert results.values("swiss-roll", "penalty", "t1", "modes") == []


def test_no_whole_seed(tmp_path):
    with pytest.raises(ValueError, match="No seed is complete"):
        toys.Results(toy_runs.all_runs([0], 30), tmp_path)


def test_page(results, tmp_path):
    folder = tmp_path / "results"
    toys.write(results, folder, 30)
    text = (folder / "toys.md").read_text()
    names = {"toys.md", "toys.csv"} | {
        f"toys-{n}.png" for n in ("fig4", "fig5", "fig6", "progress")
    }
    assert {path.name for path in folder.iterdir()} == names
    assert "**30 steps for both, 75\ncritic updates" in text and "seeds 0, 1;" in text
    assert len((folder / "toys.csv").read_text().splitlines()) == 1 + 18
    lines = {line["claim"]: line for line in toys.claims(results)}
    assert len(lines) == 12
    better = lines["8 Gaussians, T = 1: the penalty is better than clipping"]
    assert better["energy distance"].startswith("holds")
    assert better["within 10 sigma"].startswith("holds")
    equal = lines["8 Gaussians, penalty: T = 3 is better than T = 1"]
    assert equal["energy distance"].startswith("cannot be told: better by 0")
    assert lines["Swiss roll, T = 1: the penalty is better than clipping"]["modes, 3 sigma"] == ""
    critics = toys.level_lines(results)
    assert len(critics) == 9
    assert all(
        line["clipped has lower moments: quadratic R2"].startswith("holds") for line in critics
    )


def test_pictures(results):
    figure = toys.picture(results, "t3")
    assert len(figure.axes) == 6 and "Fig. 6 of GP-WIRGAN, T = 3" in figure.get_suptitle()
    assert [axes.get_title() for axes in figure.axes[::5]] == [
        "Swiss roll, clipping",
        "25 Gaussians, penalty",
    ]
    assert all(len(axes.lines) == 2 for axes in figure.axes)  # real and generated
    assert all(len(axes.lines) == 1 for axes in toys.picture(results, "noise").axes)
    assert all(len(axes.lines) == 4 for axes in toys.progress(results).axes)


def test_optimizers_are_the_papers():
    clip, penalty = (toy_runs.OPTIMIZERS[method]() for method in ("clip", "penalty"))
    assert isinstance(clip, keras.optimizers.RMSprop) and isinstance(penalty, keras.optimizers.Adam)
    assert (float(clip.learning_rate), clip.rho, clip.momentum) == pytest.approx((5e-5, 0.9, 0))
    assert (float(penalty.learning_rate), penalty.beta_1, penalty.beta_2) == pytest.approx(
        (1e-4, 0.5, 0.9)
    )
