"""Checkpoints: what is written and kept, and what happens to damaged ones."""

import hashlib
import json
import math
import os
import warnings

import numpy as np
import pytest

from tests.training import toys
from tfgan_zoo import losses
from tfgan_zoo.training.checkpoints import Checkpoints
from tfgan_zoo.training.ema import EMA


@pytest.fixture(name="gan", scope="module")
def fixture_gan():
    return toys.compiled(toys.gan())


@pytest.fixture(name="checkpoints")
def fixture_checkpoints(tmp_path):
    return Checkpoints(tmp_path / "run" / "checkpoints", keep=3)


@pytest.fixture(name="no_warnings")
def fixture_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def put(gan, step):
    """Puts the GAN into a state that tells its step."""
    gan.step.assign(step)
    for variable in gan.generator.variables:
        variable.assign(np.full(variable.shape, step))


def save(checkpoints, gan, *steps):
    for step in steps:
        put(gan, step)
        checkpoints.save(gan)


def state(gan):
    """The step that the GAN's weights are those of."""
    values = np.concatenate([v.numpy().ravel() for v in gan.generator.variables])
    assert np.all(values == int(gan.step))
    return int(gan.step)


def restored(checkpoints, gan):
    """Returns the step of the state that is restored into a GAN of another state."""
    put(gan, 99)
    step = checkpoints.restore(gan)
    assert state(gan) == (99 if step is None else step)
    return step


def files(checkpoints):
    return sorted(path.name for path in checkpoints.folder.iterdir())


def names(*steps):
    return [f"step-{step:08d}.{kind}" for step in steps for kind in ("json", "weights.h5")]


# --- what is written ----------------------------------------------------------------------------


def everything(gan):
    optimizers = [gan.rules[side].optimizer for side in "gd"]
    return [*gan.variables, *(v for optimizer in optimizers for v in optimizer.variables)]


def trained(steps, weights_seed=0, checkpoints=None):
    """A GAN with all kinds of variables after some steps, perhaps from a checkpoint on."""
    model = toys.gan(num_classes=3, norm=True, ema=True, weights_seed=weights_seed)
    rules = {"g": toys.adam(), "d": toys.adam(steps=2)}
    toys.compiled(model, losses.NON_SATURATING, ema=EMA(0.5), **rules)
    if checkpoints is not None:
        assert checkpoints.restore(model) == 1
    while int(model.step) < steps:
        model.train_step(toys.batch(8, num_classes=3, seed=int(model.step)))
    return model


def test_restoring_gives_back_every_bit(checkpoints, no_warnings):
    model, other = trained(1), trained(0, weights_seed=1)
    # The step; networks and average of 10, 6 and 10; two Adams of 2 plus 2 for each trained one.
    assert len(everything(model)) == 2 + 26 + 2 + 14 + 2 + 10
    pairs = list(zip(everything(model), everything(other), strict=True))
    equal = [a.path for a, b in pairs if np.array_equal(a.numpy(), b.numpy())]
    assert [path.split("/")[-1] for path in equal] == ["seed"] + ["learning_rate"] * 2
    checkpoints.save(model)
    assert checkpoints.restore(other) == 1
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def test_training_goes_on_as_if_never_interrupted(checkpoints):
    checkpoints.save(trained(1))
    resumed, straight = trained(2, weights_seed=1, checkpoints=checkpoints), trained(2)
    for a, b in zip(everything(resumed), everything(straight), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7, err_msg=a.path)


def test_the_newest_are_kept(checkpoints, gan, no_warnings):
    save(checkpoints, gan, 0, 5, 10)
    assert files(checkpoints) == names(0, 5, 10)
    save(checkpoints, gan, 100)
    assert files(checkpoints) == names(5, 10, 100)
    assert checkpoints.steps() == [5, 10, 100]
    assert restored(checkpoints, gan) == 100


def test_a_record_says_what_its_file_holds(checkpoints, gan):
    save(checkpoints, gan, 7)
    record = json.loads((checkpoints.folder / "step-00000007.json").read_text())
    content = (checkpoints.folder / "step-00000007.weights.h5").read_bytes()
    assert record == {
        "step": 7,
        "file": "step-00000007.weights.h5",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_a_state_that_is_there_is_not_written_again(checkpoints, gan):
    save(checkpoints, gan, 7)
    path = checkpoints.folder / "step-00000007.weights.h5"
    before = path.stat().st_ino
    checkpoints.save(gan)
    assert path.stat().st_ino == before


def test_an_empty_folder_restores_nothing(checkpoints, gan, no_warnings):
    assert restored(checkpoints, gan) is None
    assert checkpoints.restore_best(gan) is None


def test_another_object_finds_the_states(checkpoints, gan):
    save(checkpoints, gan, 1, 2)
    again = Checkpoints(os.fspath(checkpoints.folder), keep=1)
    assert restored(again, gan) == 2
    save(again, gan, 3)
    assert again.steps() == [3]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(checkpoints, gan, value):
    save(checkpoints, gan, 1)
    bias = gan.generator.trainable_variables[1]
    put(gan, 2)
    bias.assign(np.full(bias.shape, value))
    message = f"Not saved: 1 weights are not finite, as {bias.path}"
    with pytest.raises(FloatingPointError, match=message):
        checkpoints.save(gan)
    with pytest.raises(FloatingPointError, match=message):
        checkpoints.save_best(gan, 1.0)
    assert files(checkpoints) == names(1)


# --- what is damaged ----------------------------------------------------------------------------


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


WEIGHTS, RECORD = "step-00000002.weights.h5", "step-00000002.json"


@pytest.mark.parametrize(
    "damage, name",
    [
        (flip, WEIGHTS),
        (cut, WEIGHTS),
        (empty, WEIGHTS),
        (os.remove, WEIGHTS),
        (empty, RECORD),
        (cut, RECORD),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), RECORD),
    ],
)
def test_a_damaged_state_is_named_and_left_out(checkpoints, gan, damage, name):
    save(checkpoints, gan, 1, 2)
    damage(checkpoints.folder / name)
    with pytest.warns(UserWarning, match=f"{name} is damaged or incomplete and was left out"):
        assert restored(checkpoints, gan) == 1


def test_a_state_without_record_is_none(checkpoints, gan, no_warnings):
    save(checkpoints, gan, 1, 2)
    (checkpoints.folder / RECORD).unlink()
    assert restored(checkpoints, gan) == 1
    save(checkpoints, gan, 2)
    assert restored(checkpoints, gan) == 2


def test_nothing_is_restored_if_all_is_damaged(checkpoints, gan):
    save(checkpoints, gan, 1, 2)
    for step in (1, 2):
        flip(checkpoints.folder / f"step-{step:08d}.weights.h5")
    with pytest.warns(UserWarning) as caught:
        assert restored(checkpoints, gan) is None
    assert ["00000002" in str(w.message) for w in caught] == [True, False]


def test_a_damaged_state_is_replaced_when_training_gets_there_again(checkpoints, gan):
    save(checkpoints, gan, 1, 2)
    flip(checkpoints.folder / WEIGHTS)
    with pytest.warns(UserWarning):
        assert restored(checkpoints, gan) == 1
    save(checkpoints, gan, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert restored(checkpoints, gan) == 2


def test_leftovers_are_removed(checkpoints, gan):
    save(checkpoints, gan, 1)
    (checkpoints.folder / "tmp-step-00000002.weights.h5").write_bytes(b"half")
    (checkpoints.folder / "tmp-step-00000002.json").write_bytes(b"")
    assert checkpoints.steps() == [1]
    assert restored(checkpoints, gan) == 1
    assert files(checkpoints) == names(1)


@pytest.mark.parametrize("interrupted", ["save_weights", "replace", "replace_text"])
def test_an_interrupted_save_leaves_the_state_before(
    checkpoints, gan, interrupted, monkeypatch, no_warnings
):
    save(checkpoints, gan, 1)

    def stop(*arguments):
        if interrupted == "save_weights":
            arguments[0].write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patches:
        if interrupted == "save_weights":
            patches.setattr(gan, interrupted, stop)
        elif interrupted == "replace":
            patches.setattr("tfgan_zoo.training.checkpoints.os.replace", stop)
        else:
            patches.setattr("tfgan_zoo.training.checkpoints.replace_text", stop)
        with pytest.raises(KeyboardInterrupt):
            save(checkpoints, gan, 2)
    assert checkpoints.steps() == [1]
    # Its own name is given to a complete file only.
    assert (WEIGHTS in files(checkpoints)) == (interrupted == "replace_text")
    assert restored(checkpoints, gan) == 1
    save(checkpoints, gan, 2)
    assert files(checkpoints) == names(1, 2)
    assert restored(checkpoints, gan) == 2


# --- the best -----------------------------------------------------------------------------------


def test_the_best_is_replaced_only_by_a_better_one(checkpoints, gan, no_warnings):
    replaced = []
    for step, score in enumerate([9.0, 7.0, 8.0, 7.0, 6.5]):
        put(gan, step)
        replaced.append(checkpoints.save_best(gan, score))
        assert checkpoints.restore_best(gan) == state(gan) == [0, 1, 1, 1, 4][step]
    assert replaced == [True, True, False, False, True]
    assert files(checkpoints) == ["best-00000004.weights.h5", "best.json"]
    record = json.loads((checkpoints.folder / "best.json").read_text())
    assert (record["step"], record["score"]) == (4, 6.5)


def test_the_best_and_the_newest_do_not_touch_each_other(checkpoints, gan):
    put(gan, 1)
    checkpoints.save_best(gan, 5.0)
    assert restored(checkpoints, gan) is None
    save(checkpoints, gan, 1, 2, 3, 4, 5)
    assert checkpoints.steps() == [3, 4, 5]
    assert checkpoints.restore_best(gan) == state(gan) == 1
    assert restored(checkpoints, gan) == 5


@pytest.mark.parametrize("damage", [flip, os.remove])
def test_a_damaged_best_is_named_and_left_out(checkpoints, gan, damage):
    put(gan, 1)
    checkpoints.save_best(gan, 5.0)
    damage(checkpoints.folder / "best-00000001.weights.h5")
    put(gan, 99)
    with pytest.warns(UserWarning, match="best-00000001.weights.h5 is damaged"):
        assert checkpoints.restore_best(gan) is None
    assert state(gan) == 99


def test_the_best_may_be_improved_at_its_own_step(checkpoints, gan):
    put(gan, 3)
    checkpoints.save_best(gan, 5.0)
    assert checkpoints.save_best(gan, 4.0)
    assert checkpoints.restore_best(gan) == 3


def test_a_score_that_is_no_number_is_never_the_best(checkpoints, gan):
    put(gan, 1)
    assert not checkpoints.save_best(gan, math.nan)
    assert checkpoints.save_best(gan, 5.0)
    put(gan, 2)
    assert not checkpoints.save_best(gan, math.nan)
    assert checkpoints.restore_best(gan) == 1


def test_replacing_from_a_step_on(checkpoints, gan):
    """After a rollback, states of the part that failed must not be what a run goes on from."""
    save(checkpoints, gan, 3, 5, 7)
    put(gan, 5)
    gan.seed.assign(99)
    checkpoints.replace_from(5, gan)
    assert checkpoints.steps() == [3, 5]
    assert files(checkpoints) == names(3, 5)
    gan.seed.assign(0)
    assert restored(checkpoints, gan) == 5
    assert int(gan.seed.numpy()) == 99
