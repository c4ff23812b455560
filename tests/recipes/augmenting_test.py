"""Flags of augmentation and of sampling: what they contradict, and runs' own flags given again."""

import functools
import types

import numpy as np
import pytest
from absl import flags

from recipes import augmenting, common, trainer
from recipes.run_directory import RunDirectory
from tests.recipes.runs import parser, refusals
from tfgan_zoo.data.image_set import ImageSet
from tfgan_zoo.training.augmentation import AdaptiveAugment, DiffAugment
from tfgan_zoo.training.catch_up import CatchUp

ADA = ["--augment=color,cutout", "--ada_target=0.5"]


@pytest.fixture(name="parse")
def fixture_parse():
    with parser() as parse:
        yield parse


@pytest.mark.parametrize(
    "given, loss",
    [
        ([], "wasserstein"),
        (["--augment=translation"], "wasserstein"),
        (["--ada_kimg=500"], "hinge"),  # its default
        (ADA, "hinge"),
        ([*ADA, "--ada_kimg=50"], "non_saturating"),
        ([*ADA, "--ada_kimg=50"], "minimax"),
    ],
    ids=str,
)
def test_flags_that_agree(parse, given, loss):
    parse(*given)
    augmenting.check_flags(loss)


@pytest.mark.parametrize(
    "given, loss, words",
    [
        (["--augment=colour"], "hinge", "colour"),
        (["--ada_target=0.6"], "hinge", "Received: --augment=, --ada_target=0.6"),
        (["--ada_kimg=50"], "hinge", "--ada_kimg needs both"),
        (["--augment=color", "--ada_kimg=50"], "hinge", "--augment=color, --ada_target=None"),
        (ADA, "wasserstein", "hinge, minimax, non_saturating. Received: --loss=wasserstein"),
    ],
    ids=str,
)
def test_flags_that_contradict(parse, given, loss, words):
    parse(*given)
    with pytest.raises(ValueError, match=words):
        augmenting.check_flags(loss)


def test_what_flags_ask_for(parse):
    parse()
    assert augmenting.build(8) is None and augmenting.observers(None) == ()
    parse("--augment=cutout")
    plain = augmenting.build(8)
    assert isinstance(plain, DiffAugment) and augmenting.observers(plain) == ()
    assert augmenting.watched(plain) == {}
    parse(*ADA)
    adaptive = augmenting.build(8)
    assert isinstance(adaptive, AdaptiveAugment)
    assert augmenting.observers(adaptive) == (adaptive.observe,)
    assert float(augmenting.watched(adaptive)["ada_probability"]()) == 0.0


@pytest.mark.parametrize("given", [[], ["--augment=color"], [*ADA, "--ada_kimg=50"]], ids=str)
def test_flags_of_a_run_can_be_given_again(parse, tmp_path, given):
    parse(*given, "--balanced")
    run = RunDirectory(str(tmp_path / "run"))
    run.begin(flags.FLAGS)
    before = (augmenting.AUGMENT.value, augmenting.ADA_TARGET.value, augmenting.ADA_KIMG.value)
    parse()
    assert not common.BALANCED.value
    parse(f"--flagfile={run.path / 'flags.txt'}")
    augmenting.check_flags("hinge")
    assert before == tuple(
        flag.value for flag in (augmenting.AUGMENT, augmenting.ADA_TARGET, augmenting.ADA_KIMG)
    )
    assert common.BALANCED.value
    run.check(flags.FLAGS)


def test_another_order_is_another_run(parse, tmp_path):
    parse()
    run = RunDirectory(str(tmp_path / "run"))
    run.begin(flags.FLAGS)
    parse("--balanced")
    with pytest.raises(ValueError, match="--balanced, but the run has --nobalanced"):
        run.check(flags.FLAGS)


@pytest.fixture(name="batches")
def fixture_batches(parse, monkeypatch):
    """What is trained on with these flags: five batches of 20 of 100 black images."""

    def batches(given, step=0, catch_up=None):
        parse(*given)
        seen = []
        monkeypatch.setattr(trainer.loop, "train", lambda _, dataset, *__: seen.append(dataset))
        labels = np.int32([0] * 90 + [1] * 10)
        images = ImageSet("toy", "train", np.zeros((100, 2, 2, 1), np.uint8), labels, ("a", "b"))
        settings = types.SimpleNamespace(
            step=step,
            bar=types.SimpleNamespace(update=lambda _: None, n=0),
            phase=types.SimpleNamespace(
                fading=False, batch_size=20, last_step=1, catch_up=catch_up
            ),
            images=images,
            plan=common._plan(),
            gan=types.SimpleNamespace(micro_batches=1, batches=1, takes_labels=True),
            strategy=types.SimpleNamespace(num_replicas_in_sync=1),
            _callbacks=list,
        )
        settings._batches = functools.partial(trainer.Trainer._batches, settings)
        trainer.Trainer._go_on(settings)
        return list(seen[0].take(5).as_numpy_iterator())

    return batches


@pytest.mark.parametrize("given", [[], ["--balanced"]])
def test_balanced_batches_are_trained_on(batches, given):
    counts = [np.bincount(batch["labels"], minlength=2).tolist() for batch in batches(given)]
    if given:
        assert counts == [[10, 10]] * 5
    else:
        assert np.sum(counts, axis=0).tolist() == [90, 10]


def test_position_in_the_data_is_that_of_all_rounds_before(batches):
    """Three rounds before steps 0 and 1: step 1 is resumed with the fifth batch."""
    labels = [batch["labels"] for batch in batches([])]
    resumed = batches([], step=1, catch_up=CatchUp(3, first=2))
    np.testing.assert_array_equal(resumed[0]["labels"], labels[4])
    assert any(np.any(resumed[0]["labels"] != labels[number]) for number in range(4))


@pytest.mark.parametrize("given", [[], ["--dequantize"]])
def test_noise_of_grey_levels_is_trained_on(batches, given):
    images = np.concatenate([batch["images"] for batch in batches(given)])
    if given:
        assert len(np.unique(images)) > 390 and np.all((images > -1) & (images < 1 / 128 - 1))
    else:
        assert images.dtype == np.uint8 and not images.any()


def test_one_class_cannot_be_balanced(tmp_path):
    path = tmp_path / "plain.npz"
    np.savez(path, images=np.zeros((20, 32, 32, 1), np.uint8))
    common_flags = ["--variant=dcgan-digits", f"--dataset=npz:{path}", "--balanced"]
    ((code, said),) = refusals("dcgan", tmp_path / "runs", common_flags, [[]])
    assert code == 1
    (line,) = said.splitlines()
    assert line.startswith("Error: ") and "balanced batches need images of at least 2" in line
    assert not (tmp_path / "runs").exists()
