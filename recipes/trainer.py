"""What a recipe does while it trains: reports, pictures, scores and checkpoints."""

import dataclasses
import os
import time

import keras
import tensorflow as tf

from recipes import scores, sheets
from recipes.run_directory import RunDirectory
from tfgan_zoo import sampling
from tfgan_zoo.data import pipelines
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.layers.spectral import SpectralNormalized
from tfgan_zoo.training import loop
from tfgan_zoo.training.checkpoints import Checkpoints
from tfgan_zoo.training.gan import GAN
from tfgan_zoo.training.guard import Guard, TrainingFailed


@dataclasses.dataclass(frozen=True)
class Plan:
    """How far to train, on which batches, and how often to look; intervals are in steps."""

    steps: int
    batch_size: int
    seed: int
    flip: bool
    log_every: int
    save_every: int
    sample_every: int
    evaluate_every: int
    num_scored: int
    columns: int


class Trainer:
    """One run of one GAN on one data set.

    Args:
        run: Where everything is written.
        gan: Compiled, in the scope of `strategy`.
        images: The training split.
        strategy: Of the GAN.
        plan: How far and how often.
        scorer: None for no scores.
    """

    def __init__(
        self,
        run: RunDirectory,
        gan: GAN,
        images: ImageSet,
        strategy: tf.distribute.Strategy,
        plan: Plan,
        scorer: scores.Scorer | None,
    ):
        self.run = run
        self.gan = gan
        self.images = images
        self.strategy = strategy
        self.plan = plan
        self.scorer = scorer
        self.checkpoints = Checkpoints(run / "checkpoints")
        self.guard = Guard(gan.adversarial_loss.perfect)
        self.trained = gan.ema_generator or gan.generator
        # Copies outside the strategy: what is sampled and saved knows of no replicas.
        self.generator = _copy(self.trained)
        self.discriminator = _copy(gan.discriminator)
        self.writer = tf.summary.create_file_writer(str(run / "tensorboard"))
        self.sigmas = _singular_values(gan)
        self.fixed = scores.sheet_inputs(self.generator, plan.columns, plan.seed)

    def train(self) -> None:
        """Goes on from the newest checkpoint to the end of the plan.

        Raises:
            TrainingFailed: If it makes no sense to go on; says where the last good state is.
        """
        restored = self.checkpoints.restore(self.gan)
        self.run.rewind(-1 if restored is None else restored)
        start = restored or 0
        self._snapshot()
        if restored is None:
            self._begin()
        elif start < self.plan.steps:
            print(f"Continues from step {start}.")
        else:
            print(f"Nothing to train: the run is at step {start}, --steps={self.plan.steps}.")
            return
        dataset = pipelines.batches(
            self.images,
            self.plan.batch_size,
            self.plan.seed,
            start_step=start,
            parts=self.gan.rules["d"].batches,
            replicas=self.strategy.num_replicas_in_sync,
            flip=self.plan.flip,
            labels="labels" in self.gan.discriminator.input,
        )
        self.bar = scores.progress(self.plan.steps, "step")
        self.bar.update(start)
        self.began = time.monotonic()
        self.start = start
        try:
            with self.bar:
                loop.train(self.gan, dataset, self.plan.steps, self._callbacks(), self.strategy)
        except (TrainingFailed, FloatingPointError) as error:
            raise TrainingFailed(f"{error} {self._way_out()}") from error

    @property
    def step(self) -> int:
        """Steps done, over all runs."""
        return int(self.gan.step.numpy())

    def _begin(self):
        if self.scorer:
            self.run.append("scores.jsonl", self.scorer.floor())
        self._draw(0, {})

    def _callbacks(self):
        plan = self.plan
        return [
            loop.Every(plan.log_every, self._report),
            loop.Every(plan.sample_every, self._draw),
            loop.Every(plan.evaluate_every, self._score),
            loop.Every(plan.save_every, self._save),
        ]

    def _report(self, step, logs):
        logs = {name: float(value) for name, value in logs.items()}
        self.gan.reset_metrics()
        self.bar.update(step - self.bar.n)
        done = (step - self.start) / (time.monotonic() - self.began)
        images = done * self.plan.batch_size * self.gan.rules["d"].batches
        self.bar.set_postfix_str(
            f"{images:.0f} images/s, d_loss {logs['d_loss']:.3f}, g_loss {logs['g_loss']:.3f}"
        )
        sigmas = {name: float(value) for name, value in self.sigmas().items()}
        row = {**logs, "sigma_g": _largest(sigmas, "g/"), "sigma_d": _largest(sigmas, "d/")}
        self.run.append("log.jsonl", [{"step": step, **row, "steps_per_second": done}])
        with self.writer.as_default(step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            for name, value in sigmas.items():
                tf.summary.scalar(f"singular_values/{name}", value)
        self.guard(step, logs)

    def _draw(self, step, logs):
        self._snapshot()
        images = sampling.generate(self.generator, self.fixed)
        images = images.reshape(-1, self.plan.columns, *images.shape[1:])
        names = self.images.class_names if "labels" in self.fixed else None
        title = f"{self.run.path.name}, step {step}"
        figure = sheets.sample_sheet(images, title, names, "fixed latents, one per column")
        sheets.write(self.run / f"samples/step-{step:08d}.png", figure)
        with self.writer.as_default(step):
            tf.summary.image(
                "samples", images[:, : self.plan.columns].reshape(-1, *images.shape[2:])
            )

    def _score(self, step, logs):
        if self.scorer is None:
            return
        self._snapshot()
        # Another seed than that of the final scores: the best state is not chosen by them.
        records = self.scorer.score(
            self.generator, self.plan.num_scored, self.plan.seed + 1 + step, step
        )
        self.run.append("scores.jsonl", records)
        self.checkpoints.save_best(self.gan, scores.latest(records)["fid"]["value"])
        with self.writer.as_default(step):
            for record in records:
                tf.summary.scalar(f"scores/{record['metric']}", record["value"])

    def _save(self, step, logs):
        self.checkpoints.save(self.gan)
        self.save_networks()
        self.writer.flush()

    def save_networks(self) -> None:
        """Writes generator.keras, of averaged weights, and discriminator.keras."""
        self._snapshot()
        self.discriminator.set_weights(self.gan.discriminator.get_weights())
        for name, network in (("generator", self.generator), ("discriminator", self.discriminator)):
            temporary = self.run / f"tmp-{name}.keras"
            network.save(temporary)
            os.replace(temporary, self.run / f"{name}.keras")

    def film(self) -> None:
        """Writes training.gif of all sample sheets."""
        sheets.film(self.run / "training.gif", sorted(self.run.path.glob("samples/step-*.png")))

    def _snapshot(self):
        self.generator.set_weights(self.trained.get_weights())

    def _way_out(self):
        steps = self.checkpoints.steps()
        kept = (
            f"The last good state, of step {steps[-1]}, is kept in {self.run / 'checkpoints'}."
            if steps
            else "It happened before the first checkpoint."
        )
        return (
            f"{kept} The same command would fail again: try lower learning rates, more "
            "regularisation or another --seed, in a new --run_dir."
        )


def _copy(network: keras.Model) -> keras.Model:
    copy = type(network).from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy


def _singular_values(gan):
    """A compiled function without arguments: {"g/LAYER": its estimated singular value, ...}."""
    layers = {
        f"{side}/{layer.path}": layer
        for side, network in (("g", gan.generator), ("d", gan.discriminator))
        for layer in network._flatten_layers()
        if isinstance(layer, SpectralNormalized)
    }
    return tf.function(lambda: {name: layer.singular_value() for name, layer in layers.items()})


def _largest(sigmas, prefix):
    return max((v for name, v in sigmas.items() if name.startswith(prefix)), default=None)
