"""What a recipe does while it trains: reports, pictures, scores and checkpoints."""

import dataclasses
import math
import os
import time

import keras
import tensorflow as tf
from absl import logging

from recipes import scores, sheets
from recipes.run_directory import RunDirectory
from tfgan_zoo import sampling, standing
from tfgan_zoo.data import pipelines
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.training import loop
from tfgan_zoo.training.checkpoints import Checkpoints
from tfgan_zoo.training.gan import GAN
from tfgan_zoo.training.growing import FadeIn, Phase
from tfgan_zoo.training.monitor import Monitor, TrainingFailed
from tfgan_zoo.training.singular_values import spectra

ON_COLLAPSE = ("stop", "rollback", "warn")
ANOTHER_SEED = 1_000_003  # a prime: seeds of rollbacks do not meet those that people choose


@dataclasses.dataclass(frozen=True)
class Plan:
    """What batches are made of, and how often to look; intervals are in steps."""

    seed: int
    flip: bool
    balanced: bool
    dequantize: bool
    log_every: int
    save_every: int
    sample_every: int
    evaluate_every: int
    spectra_every: int
    num_scored: int
    columns: int
    on_collapse: str  # one of ON_COLLAPSE
    max_rollbacks: int
    rollback_rate: float  # what learning rates are multiplied by


class Trainer:
    """One phase, most often the only one, of one run of one GAN on one data set.

    Args:
        run: Where everything is written.
        gan: Compiled; its strategy is the scope it was built in.
        images: The training split.
        phase: From where to where, and with which batches.
        plan: How often.
        scorer: None for no scores.
        draw: (count, seed) -> latents to sample with, if they are not normal.
        last: Whether it is the last phase of the run.
    """

    def __init__(
        self,
        run: RunDirectory,
        gan: GAN,
        images: ImageSet,
        phase: Phase,
        plan: Plan,
        scorer: scores.Scorer | None,
        draw: scores.Draw | None = None,
        last: bool = True,
    ):
        self.run = run
        self.gan = gan
        self.images = images
        self.strategy = gan.distribute_strategy
        self.phase = phase
        self.plan = plan
        self.scorer = scorer
        self.checkpoints = Checkpoints(run / "checkpoints" / phase.name)
        self.draw = draw
        self.last = last
        # Singular values are compared with their median over about 5,000 steps.
        window = max(10, 5000 // (plan.spectra_every or phase.last_step))
        self.monitor = Monitor(gan.perfect_loss, window=window)
        # Before anything is restored: what the flags say.
        self.rates = {side: float(rule.optimizer.learning_rate) for side, rule in gan.rules.items()}
        # Copies outside the strategy: what is sampled and saved knows of no replicas.
        self.copies = {name: _copy(network) for name, network in gan.results.items()}
        self.generator = self.copies["generator"]
        self.writer = tf.summary.create_file_writer(str(run / "tensorboard"))
        self.spectra = {side: spectra(network) for side, network in gan.players.items()}
        self.fixed = scores.sheet_inputs(self.generator, plan.columns, plan.seed, draw=draw)

    def restore(self) -> bool:
        """Loads the newest checkpoint of this phase; False if there is none."""
        restored = self.checkpoints.restore(self.gan)
        if restored is None:
            return False
        if restored < self.phase.last_step:
            print(f"Continues from step {restored}.")
        return True

    def train(self) -> None:
        """Trains from where the GAN is to the end of the phase.

        Raises:
            TrainingFailed: If it makes no sense to go on; says where the last good state is.
        """
        self.run.rewind(self.step or -1)
        self._remember_scores()
        self._snapshot()
        if self.step >= self.phase.last_step:
            return
        if self.step == 0:
            self._begin()
        self.bar = scores.progress(self.phase.last_step, "step")
        self.bar.set_description(self.phase.title)
        with self.bar:
            while True:
                try:
                    return self._go_on()
                except (TrainingFailed, FloatingPointError) as failure:
                    self._recover(failure)

    def _go_on(self):
        """Trains from where the GAN is to the end of the phase."""
        self.began, self.start = time.monotonic(), self.step
        self.bar.update(self.start - self.bar.n)
        fading = self.phase.fading
        dataset = pipelines.batches(
            self.images,
            self.phase.batch_size // self.gan.micro_batches,
            self.plan.seed,
            start_step=self._batches(self.start),
            parts=self.gan.batches,
            replicas=self.strategy.num_replicas_in_sync,
            flip=self.plan.flip,
            balanced=self.plan.balanced,
            dequantize=self.plan.dequantize,
            labels=self.gan.takes_labels,
            fade=(lambda step: self.phase.alpha(tf.cast(step, tf.float32))) if fading else None,
        )
        loop.train(
            self.gan,
            dataset,
            self.phase.last_step,
            self._callbacks(),
            self.strategy,
            self.phase.catch_up,
        )

    def _watch(self, look, step, seen):
        """Lets the monitor look; stops training unless all that was asked for is a warning."""
        try:
            look(step, seen)
        except TrainingFailed as failure:
            if not failure.warning and self.plan.on_collapse != "warn":
                raise
            self._tell(step, failure, "warn", step)

    def _tell(self, step, failure, action, seen_at):
        reason = getattr(failure, "reason", "not_finite")  # of a checkpoint's FloatingPointError
        event = {"step": step, "seen_at": seen_at, "reason": reason, "action": action}
        self.run.append("events.jsonl", [{**event, "message": str(failure)}])
        logging.warning("%s", failure)

    def _recover(self, failure):
        """Goes back to the best state, with other noise and perhaps lower rates, if it may."""
        before = [row for row in self.run.rows("events.jsonl") if row["action"] == "rollback"]
        seen_at = self.step
        if self.plan.on_collapse != "rollback":
            raise TrainingFailed(f"{failure} {self._way_out()}") from failure
        if len(before) >= self.plan.max_rollbacks:
            message = f"{failure} It was rolled back {len(before)} times before. {self._way_out()}"
            raise TrainingFailed(message) from failure
        target = self.checkpoints.restore_best(self.gan)
        target = self.checkpoints.restore(self.gan) if target is None else target
        if target is None:
            raise TrainingFailed(f"{failure} {self._way_out()}") from failure
        count = len(before) + 1
        self.gan.seed.assign((self.plan.seed + count * ANOTHER_SEED) % 2**31)
        if self.plan.rollback_rate != 1.0:
            for side, rule in self.gan.rules.items():
                rule.optimizer.learning_rate = self.rates[side] * self.plan.rollback_rate**count
        self.run.rewind(target)
        self._tell(target, failure, "rollback", seen_at)
        self.checkpoints.replace_from(target, self.gan)
        self.monitor.reset()
        logging.warning("Back to step %d, rollback %d.", target, count)

    @property
    def step(self) -> int:
        """Steps done, over all runs."""
        return int(self.gan.step.numpy())

    def _batches(self, step):
        """Elements of the data set before those of a step: one for each step and each round."""
        return step + (self.phase.catch_up.before(step) if self.phase.catch_up else 0)

    def _images(self, step):
        """Real images seen before a step, over all runs."""
        size = self.phase.batch_size * self.gan.batches // self.gan.micro_batches
        count = self._batches(step) - self._batches(self.phase.first_step)
        return self.phase.first_image + count * size

    def _begin(self):
        if self.scorer:
            self.run.append("scores.jsonl", self.scorer.floor())
        self._draw(0, {})

    def _remember_scores(self):
        """Tells the monitor how good the phase has been before it was interrupted."""
        for record in self.run.rows("scores.jsonl"):
            if record["step"] <= self.phase.first_step:
                continue  # of images of another resolution, or of none
            if record["metric"] == "fid":
                self.monitor.best_fid = min(self.monitor.best_fid, record["value"])
            if record["metric"] == "inception_score":
                best = self.monitor.best_inception_score
                self.monitor.best_inception_score = max(best, record["value"])

    def _callbacks(self):
        plan = self.plan
        looks = [
            (plan.log_every, self._report),
            (plan.spectra_every, self._look_at_spectra),
            (plan.sample_every, self._draw),
            (plan.evaluate_every, self._score),
            (plan.save_every, self._save),
        ]
        # Those without an interval are for the end of the run, not of each of its phases.
        every = [loop.Every(*look) for look in looks if look[0] or self.last]
        return [FadeIn(self.phase), *every] if self.phase.fading else every

    def _report(self, step, logs):
        logs = {name: float(value) for name, value in logs.items()}
        self.gan.reset_metrics()
        self.bar.update(step - self.bar.n)
        seconds = time.monotonic() - self.began
        images, done = self._images(step), (step - self.start) / seconds
        losses = [f"{name} {value:.3f}" for name, value in logs.items() if name.endswith("_loss")]
        speed = f"{(images - self._images(self.start)) / seconds:.0f} images/s"
        self.bar.set_postfix_str(", ".join([speed, *losses]))
        about = {"images": images, "resolution": self.phase.resolution}
        row = {"step": step, **logs, "steps_per_second": done, **about}
        self.run.append("log.jsonl", [row])
        with self.writer.as_default(step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
        self._watch(self.monitor.logs, step, logs)

    def _look_at_spectra(self, step, logs):
        values = {
            f"{side}/{path}": value.numpy().tolist()
            for side, look in self.spectra.items()
            for path, value in look().items()
        }
        self.run.append("spectra.jsonl", [{"step": step, "values": values}])
        with self.writer.as_default(step):
            for name, (largest, *_) in values.items():
                tf.summary.scalar(f"singular_values/{name}", largest)
        self._watch(self.monitor.spectra, step, values)

    def _draw(self, step, logs):
        self._snapshot()
        images = sampling.generate(self.generator, self.fixed)
        images = images.reshape(-1, self.plan.columns, *images.shape[1:])
        names = self.images.class_names if "labels" in self.fixed else None
        title = ", ".join(filter(None, [self.run.path.name, self.phase.title, f"step {step}"]))
        what = f"fixed latents, one per {'column' if names else 'image'}"
        figure = sheets.sample_sheet(images, title, names, what)
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
            self.generator, self.plan.num_scored, self.plan.seed + 1 + step, step, draw=self.draw
        )
        self.run.append("scores.jsonl", [{**r, "images": self._images(step)} for r in records])
        values = {name: record["value"] for name, record in scores.latest(records).items()}
        self._watch(self.monitor.scores, step, values)
        best = values.get("fid", values.get("swd", math.nan))
        self._write_state(step, lambda: self.checkpoints.save_best(self.gan, best))
        with self.writer.as_default(step):
            for record in records:
                tf.summary.scalar(f"scores/{record['metric']}", record["value"])

    def _write_state(self, step, write):
        """Whether the state could be written; if not, an error unless failures are only told."""
        try:
            write()
        except FloatingPointError as failure:
            if self.plan.on_collapse != "warn":
                raise
            self._tell(step, failure, "warn", step)
            return False
        return True

    def _save(self, step, logs):
        if not self._write_state(step, lambda: self.checkpoints.save(self.gan)):
            return
        self.save_networks()
        self.writer.flush()

    def save_networks(self) -> None:
        """Writes generator.keras, of averaged weights if there are, and discriminator.keras."""
        for name, network in self.gan.results.items():
            self.copies[name].set_weights(network.get_weights())
            self._write(name, self.copies[name])

    def _write(self, name, network):
        temporary = self.run / f"tmp-{name}.keras"
        network.save(temporary)
        os.replace(temporary, self.run / f"{name}.keras")

    def tabulate(self, truncations: list[float], passes: int) -> None:
        """Writes generator.keras with the batch-norm moments of these truncations."""
        kept = standing.tabulate(self.generator, truncations, passes, seed=self.plan.seed)
        self._write("generator", kept)

    def film(self) -> None:
        """Writes training.gif of all sample sheets."""
        sheets.film(self.run / "training.gif", sorted(self.run.path.glob("samples/step-*.png")))

    def _snapshot(self):
        self.generator.set_weights(self.gan.results["generator"].get_weights())

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
