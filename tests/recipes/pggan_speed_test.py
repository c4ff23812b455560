"""What recipes.pggan_speed times: the same networks and games in both frameworks."""

import keras
import numpy as np
import pytest

from recipes import pggan_speed, pggan_torch
from tfgan_zoo.models import registry

SMALL = {"fmap_base": 32, "fmap_max": 6, "z_dim": 5}  # widths 6, 6, 4 at 4, 8, 16 pixels


@pytest.fixture
def torch():
    found = pytest.importorskip("torch")
    threads = found.get_num_threads()
    found.set_num_threads(1)  # more wait for one another on a busy machine
    yield found
    found.set_num_threads(threads)


@pytest.mark.parametrize(
    "level, counts",
    [
        (32, (20_715_011, 20_720_641)),
        (64, (22_484_227, 22_489_857)),
        (128, (22_926_467, 22_932_097)),
    ],
)
def test_sizes_of_the_paper(torch, level, counts):
    """Computed from the table of layers, with the last image layers alone."""
    spec = registry.spec(pggan_speed.VARIANT, resolution=level)
    with torch.device("meta"):
        game = pggan_torch.TheirGame(spec, "float32", 4, tuned=False)
    assert game.counts == counts


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("level", [4, 16])
def test_networks_are_equal(torch, level, tuned):
    ours = pggan_speed.OurGame(level, "float32", 8, **SMALL)
    theirs = pggan_torch.TheirGame(ours.spec, "float32", 8, tuned)
    assert ours.counts == theirs.counts
    random = np.random.default_rng(0)
    for weight in (*ours.gan.generator.weights, *ours.gan.discriminator.weights):
        weight.assign(random.normal(size=weight.shape))  # biases too
    theirs.generator.load(ours.gan.generator)
    theirs.discriminator.load(ours.gan.discriminator)

    latents = random.normal(size=(8, 5)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(ours.gan.generator({"latents": latents}))
    images = theirs.generator(torch.tensor(latents))
    assert expected.shape == (8, level, level, 3)
    scale = np.abs(expected).max()
    found = images.detach().permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * scale)

    expected = keras.ops.convert_to_numpy(ours.gan.discriminator({"images": expected}))
    scale = np.abs(expected).max()
    found = theirs.discriminator(images).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * scale)


def test_our_step_trains():
    game = pggan_speed.OurGame(4, "bfloat16", 4, **SMALL)
    average = game.gan.ema_generator.trainable_variables[0]
    before = average.numpy()
    first, second = game.step(), game.step()
    assert first["d_penalty"] > 0 and first["d_loss"] != second["d_loss"]
    assert 0 < np.abs(average.numpy() - before).max() < 1e-5


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("dtype", pggan_torch.DTYPES)
def test_their_step_trains(torch, dtype, tuned):
    spec = registry.spec(pggan_speed.VARIANT, resolution=8, **SMALL)
    game = pggan_torch.TheirGame(spec, dtype, 4, tuned)
    players = (game.generator, game.discriminator)
    before = [[weight.detach().clone() for weight in player.weights] for player in players]
    game.step()
    for player, old in zip(players, before, strict=True):
        moved = [
            float((a.detach() - b).abs().max()) for a, b in zip(player.weights, old, strict=True)
        ]
        assert max(moved) == pytest.approx(1e-3, rel=1e-2)  # Adam's first step
        assert sum(change > 0 for change in moved) >= len(moved) - 1  # no penalty on a last bias
    shift = [
        float((a.detach() - b).abs().max()) for a, b in zip(game.average, before[0], strict=True)
    ]
    assert max(shift) == pytest.approx(1e-6, rel=0.2)
    losses = [game.step()["d_loss"] for _ in range(2)]
    assert np.isfinite(losses).all() and losses[0] != losses[1]


def test_page(torch, monkeypatch):
    monkeypatch.setattr(
        pggan_speed, "in_fresh_process", lambda *_, **changes: 2.0 * changes["z_dim"]
    )
    lines = pggan_speed.measure(4, "float32", 2, 1, 1, **SMALL)
    assert [line["what"] for line in lines] == list(pggan_speed.NAMES)
    seconds, ratio = (
        float(lines[0][key]) for key in ("seconds", "times as fast as PyTorch (usual)")
    )
    assert seconds * ratio == pytest.approx(float(lines[1]["seconds"]), rel=0.02)
    text = pggan_speed.page({"float32": lines}, 2, 1, 1)
    assert "Seconds per 1,000 images" in text and "| 4 | tfgan_zoo | " in text and "| 10 |" in text


def test_pytorch_is_optional(monkeypatch):
    monkeypatch.setattr(pggan_torch, "torch", None)
    with pytest.raises(ValueError, match=r"needs PyTorch: pip install 'tfgan_zoo\[torch\]'"):
        pggan_speed.contestants(4, "float32", 2)
