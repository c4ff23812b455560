"""Timings on a clock that only the timed functions move, and what WGAN-GP's are of."""

import math

import pytest

from recipes import timing, wgan_gp_speed


class Clock:
    """Seconds that pass when it is told so."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def __call__(self):
        return self.now

    def work(self, name, *durations):
        """A function that takes the given times, one per call, the last one ever after."""
        left = list(durations)

        def run():
            self.log.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_medians_quartiles_and_order():
    clock = Clock()
    functions = {
        # The first two calls warm up.
        "slow": clock.work("slow", 99, 99, 1, 2, 3, 4, 100),
        "fast": clock.work("fast", 99, 0.5),
    }
    timings = timing.interleaved(functions, rounds=5, warm_up=2, clock=clock)
    assert timings["slow"] == timing.Timing(median=3, low=2, high=4, calls=5)
    assert timings["fast"] == timing.Timing(median=0.5, low=0.5, high=0.5, calls=5)
    assert clock.log == ["slow", "fast", "fast", "slow"] * 3 + ["slow", "fast"]


def test_ratios_are_of_medians():
    timings = {"a": timing.summary([1, 2, 90]), "b": timing.summary([0.5])}
    assert timing.ratios(timings, "a") == {"a": 1.0, "b": 4.0}
    assert timing.ratios(timings, "b") == {"a": 0.25, "b": 1.0}


def test_lines():
    timings = {"ours": timing.summary([0.1]), "theirs": timing.summary([0.1, 0.2, 0.3])}
    assert timing.lines(timings) == [
        {"what": "ours", "seconds": "0.1", "quartiles": "0.1 to 0.1"},
        {"what": "theirs", "seconds": "0.2", "quartiles": "0.15 to 0.25"},
    ]
    ours, theirs = timing.lines(timings, ("theirs",))
    assert ours["times as fast as theirs"] == "2.00"
    assert theirs["times as fast as theirs"] == "1.00"


def test_errors():
    with pytest.raises(ValueError, match="at least one of `functions`.*functions=\\[\\]"):
        timing.interleaved({})
    with pytest.raises(ValueError, match="one of `rounds`.*functions=\\['a'\\], rounds=0"):
        timing.interleaved({"a": int}, rounds=0)
    with pytest.raises(ValueError, match="`reference` must be one of a. Received: 'b'"):
        timing.ratios({"a": timing.summary([1.0])}, "b")


# --- what recipes.wgan_gp_speed times -------------------------------------------------------------

# At width 2: dense, norm of every unit, three convolutions, two norms; three convolutions, dense.
WEIGHTS = 129 * 128 + 2 * 128 + (25 * 32 + 4) + (25 * 8 + 2) + (25 * 6 + 3) + 8 + 4
WEIGHTS += (25 * 6 + 2) + (25 * 8 + 4) + (25 * 32 + 8) + 129


@pytest.fixture
def one_update(monkeypatch):
    """Steps have one update of each player."""
    monkeypatch.setattr(wgan_gp_speed, "D_STEPS", 1)


def test_our_step_trains(one_update):
    step, count = wgan_gp_speed.our_step("bfloat16", batch_size=2, width=2)
    assert count == WEIGHTS
    first, second = step(), step()
    assert first["d_penalty"] > 0 and first["g_gradient_norm"] > 0
    assert first["d_loss"] != second["d_loss"]


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("dtype", wgan_gp_speed.DTYPES)
def test_their_step_trains(one_update, dtype, tuned):
    pytest.importorskip("torch")
    game = wgan_gp_speed.TheirGame(dtype, 2, tuned, width=2)
    assert game.count == WEIGHTS
    first, second = game.step(), game.step()
    # About the penalty's weight, as long as the discriminator is flat.
    assert 5 < first["d_loss"] < 15 and first["d_loss"] != second["d_loss"]


def test_pytorch_is_optional(monkeypatch):
    monkeypatch.setattr(wgan_gp_speed, "torch", None)
    with pytest.raises(ValueError, match=r"needs PyTorch: pip install 'tfgan_zoo\[torch\]'"):
        wgan_gp_speed.contestants("float32", 2)


def test_memory_is_what_the_kernel_says(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "STATUS", tmp_path / "status")
    assert math.isnan(timing.peak_memory())
    timing.STATUS.write_text("VmPeak:\t  9 kB\nVmHWM:\t  20480 kB\nVmRSS:\t  10240 kB\n")
    assert timing.peak_memory() == 20 * 2**20
