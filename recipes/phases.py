"""The phases of a run, one after the other: most runs have one, those of growing networks more."""

import shutil
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from recipes import scores
from recipes.run_directory import RunDirectory
from recipes.trainer import Plan, Trainer
from tfgan_zoo.data import pyramid
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.models.network import Spec
from tfgan_zoo.training.growing import Phase, grow


class Setting(NamedTuple):
    """What is common to all phases of a run.

    Attributes:
        run: Where everything is written.
        build: Returns the compiled GAN of a phase, for images of its resolution.
        images: The training split, at the last resolution.
        strategy: In whose scope GANs are built.
        precision: Dtype policy of the networks.
        phases: In order.
        plan: What is done in each of them.
        scorer: None for no scores.
        draw: Returns what samples latents for a generator of this spec, if they are not normal.
    """

    run: RunDirectory
    build: Callable[[ImageSet, Phase], keras.Model]
    images: ImageSet
    strategy: tf.distribute.Strategy
    precision: str
    phases: list[Phase]
    plan: Plan
    scorer: scores.Scorer | None
    draw: Callable[[Spec], scores.Draw | None]


def train(setting: Setting) -> Trainer:
    """Goes on from the newest state to the end of the last phase, and returns its trainer.

    Raises:
        TrainingFailed: If it makes no sense to go on; says where the last good state is.
    """
    training = _resumed(setting)
    start = training.step
    training.train()
    for phase in setting.phases[training.phase.number + 1 :]:
        older, training = training, _trainer(setting, phase)
        grow(older.gan, training.gan)
        # The phase before is kept for as long as this one may have no state of its own.
        for earlier in setting.phases[: max(0, phase.number - 1)]:
            shutil.rmtree(setting.run.path / "checkpoints" / earlier.name, ignore_errors=True)
        training.train()
    if training.step == start:
        print(f"Nothing to train: the run is at step {start}, where it ends.")
    return training


def newest_step(run: RunDirectory) -> int:
    """Of all states of a run; 0 if it has none."""
    return max((int(path.stem[5:]) for path in _states(run.path / "checkpoints", "**/")), default=0)


def _states(folder, below=""):
    return folder.glob(f"{below}step-*.json")


def _resumed(setting):
    """The trainer of the newest phase that has a state, in that state; or of the first."""
    for phase in reversed(setting.phases):
        first = phase.number == 0
        if first or any(_states(setting.run.path / "checkpoints" / phase.name)):
            training = _trainer(setting, phase)
            if training.restore() or first:
                return training
    raise AssertionError("the first phase is always returned")


def _trainer(setting, phase):
    """Of networks that are drawn afresh; their seed makes that of each phase the same always."""
    images = pyramid.at(setting.images, phase.resolution)
    keras.utils.set_random_seed(setting.plan.seed + phase.number)
    keras.config.set_dtype_policy(setting.precision)
    try:
        with setting.strategy.scope():
            gan = setting.build(images, phase)
    finally:
        keras.config.set_dtype_policy("float32")
    return Trainer(
        setting.run,
        gan,
        images,
        phase,
        setting.plan,
        setting.scorer,
        draw=setting.draw(gan.generator.spec),
        last=phase is setting.phases[-1],
    )
