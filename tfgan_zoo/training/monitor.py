"""Notices when training fails, so that no hours are spent on it."""

import collections
import dataclasses
import math
import statistics


class TrainingFailed(RuntimeError):
    """Training goes wrong; the message says how.

    Attributes:
        step: Steps trained when it was seen.
        reason: "not_finite", "saturated", "loss_jump", "sigma_jump" or "score_jump". It and `step`
            are None if it was not a `Monitor` that saw it.
        warning: Whether it is but a sign that training may fail.
    """

    def __init__(
        self,
        message: str,
        step: int | None = None,
        reason: str | None = None,
        warning: bool = False,
    ):
        super().__init__(message)
        self.step = step
        self.reason = reason
        self.warning = warning


@dataclasses.dataclass
class Monitor:
    """Is told what is seen while training, and raises `TrainingFailed` on a collapse.

    The caller decides what follows. A monitor that has raised can be used further: it forgets the
    reports that led to it, so that only what is not finite is raised at every report.

    What a collapse is, the paper leaves open (Brock et al., 2019, https://arxiv.org/abs/1809.11096,
    section 4: score, singular values of the generator); the thresholds are ours.

    Args:
        perfect: `AdversarialLoss.perfect`; None if no discriminator's loss is the best there is.
        patience: How many reports in a row may have a discriminator's loss at `perfect`.
        tolerance: How near to `perfect` counts as there.
        loss_jump: How many times its moving average a discriminator's loss may reach.
        sigma_jump: How many times its median a generator's singular value may reach.
        window: Reports that the median is taken over.
        warm_up: Reports before anything is compared with them.
        fid_jump: How many times the best FID a later one may reach.
        score_drop: Below which share of the best inception score a later one counts as lost.
        failures: How many evaluations in a row must be that bad.

    Raises:
        ValueError: If a threshold is not positive, or `warm_up` above `window`.
    """

    perfect: float | None
    _: dataclasses.KW_ONLY
    patience: int = 10
    tolerance: float = 1e-3
    loss_jump: float = 10.0
    sigma_jump: float = 5.0
    window: int = 100
    warm_up: int = 5
    fid_jump: float = 2.0
    score_drop: float = 0.5
    failures: int = 2

    def __post_init__(self):
        for field in dataclasses.fields(self)[1:]:
            if not getattr(self, field.name) > 0:
                raise ValueError(
                    f"`{field.name}` must be positive. "
                    f"Received: {field.name}={getattr(self, field.name)}."
                )
        if self.warm_up > self.window:
            raise ValueError(
                "`window` must hold the `warm_up` reports before the first comparison. "
                f"Received: warm_up={self.warm_up}, window={self.window}. Lower `warm_up`."
            )
        self.best_fid = math.inf
        self.best_inception_score = 0.0
        self.reset()

    def reset(self) -> None:
        """Forgets what was seen, as after a return to an earlier state, but for the best scores."""
        self._at_perfect = 0
        self._bad_scores = 0
        self._forget_losses()
        self._forget_sigmas()

    def logs(self, step: int, logs: dict[str, float]) -> None:
        """To be called with the logs of every reporting interval.

        Raises:
            TrainingFailed: "not_finite"; "saturated": the discriminator never errs; "loss_jump", a
                warning: its loss is far from its average.
        """
        _check_finite(step, logs)
        if "d_loss" not in logs:
            return
        self._check_saturation(step, logs["d_loss"])
        self._check_loss(step, logs["d_loss"])

    def spectra(self, step: int, spectra: dict[str, list[float]]) -> None:
        """To be called with {weight's path: its largest singular values, descending}.

        Paths of the generator's weights begin with "g/".

        Raises:
            TrainingFailed: "not_finite"; "sigma_jump", a warning: a largest singular value of the
                generator is far above its median.
        """
        _check_finite(
            step, {f"{path} s{i}": s for path, row in spectra.items() for i, s in enumerate(row)}
        )
        jumps = []
        for path, (largest, *_) in spectra.items():
            if not path.startswith("g/"):
                continue
            seen = self._sigmas[path]
            median = statistics.median(seen) if len(seen) >= self.warm_up else math.inf
            if largest > self.sigma_jump * median > 0:
                jumps.append(f"{path} = {largest:.4g} (median {median:.4g})")
            seen.append(largest)
        if jumps:
            self._forget_sigmas()
            raise TrainingFailed(
                f"Singular values of the generator jumped by step {step}: {', '.join(jumps)}.",
                step,
                "sigma_jump",
                warning=True,
            )

    def scores(self, step: int, scores: dict[str, float]) -> None:
        """To be called with the scores of every evaluation; looks at "fid" and "inception_score".

        Raises:
            TrainingFailed: "not_finite"; "score_jump": several in a row are far worse than the
                best before, in both scores if there are two.
        """
        _check_finite(step, scores)
        if "fid" not in scores:
            return
        fid, inception_score = scores["fid"], scores.get("inception_score", 0.0)
        worse = fid > self.fid_jump * self.best_fid
        if "inception_score" in scores:
            worse &= inception_score < self.score_drop * self.best_inception_score
        best = self.best_fid
        self.best_fid = min(best, fid)
        self.best_inception_score = max(self.best_inception_score, inception_score)
        self._bad_scores = self._bad_scores + 1 if worse else 0
        if self._bad_scores >= self.failures:
            self._bad_scores = 0
            raise TrainingFailed(
                f"Samples have been far worse than before in {self.failures} evaluations up to "
                f"step {step}: FID {fid:.4g}, at best {best:.4g}.",
                step,
                "score_jump",
            )

    def _check_saturation(self, step, loss):
        if self.perfect is None:
            return
        self._at_perfect = self._at_perfect + 1 if loss - self.perfect <= self.tolerance else 0
        if self._at_perfect >= self.patience:
            self._at_perfect = 0
            raise TrainingFailed(
                f"The discriminator has made no error for {self.patience} reports up to step {step}"
                f" (d_loss = {loss:.2g}): the generator has nothing left to learn from.",
                step,
                "saturated",
            )

    def _check_loss(self, step, loss):
        # Signs change and values are near 0 in healthy training.
        size, usual = abs(loss), max(self._loss, self.tolerance)
        if self._losses >= self.warm_up and size > self.loss_jump * usual:
            self._forget_losses()
            raise TrainingFailed(
                f"The discriminator's loss jumped by step {step}: d_loss = {loss:.4g}, "
                f"on average {usual:.4g} in size.",
                step,
                "loss_jump",
                warning=True,
            )
        self._losses += 1
        # Over about ten reports, of as many as there are to begin with.
        self._loss += max(0.1, 1 / self._losses) * (size - self._loss)

    def _forget_losses(self):
        self._losses = 0
        self._loss = 0.0

    def _forget_sigmas(self):
        self._sigmas = collections.defaultdict(lambda: collections.deque(maxlen=self.window))


def _check_finite(step, values):
    bad = {name: value for name, value in values.items() if not math.isfinite(value)}
    if bad:
        found = ", ".join(f"{name} = {value}" for name, value in bad.items())
        raise TrainingFailed(f"Training diverged by step {step}: {found}.", step, "not_finite")
