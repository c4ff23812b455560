"""Notices when training has failed, so that no hours are spent on it."""

import math


class TrainingFailed(RuntimeError):
    """Training cannot usefully go on; the message says what happened at which step."""


class Guard:
    """Raises `TrainingFailed` on a loss that is not finite or a discriminator that never errs.

    To be called with the logs of every reporting interval.

    Args:
        perfect: `AdversarialLoss.perfect`; None to look for non-finite values only.
        patience: How many reports in a row may have a discriminator's loss at `perfect`.
        tolerance: How near to `perfect` counts as there.
    """

    def __init__(self, perfect: float | None, patience: int = 10, tolerance: float = 1e-3):
        self.perfect = perfect
        self.patience = patience
        self.tolerance = tolerance
        self.reports = 0

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        bad = {name: value for name, value in logs.items() if not math.isfinite(value)}
        if bad:
            found = ", ".join(f"{name} = {value}" for name, value in bad.items())
            raise TrainingFailed(f"Training diverged by step {step}: {found}.")
        if self.perfect is None:
            return
        at_perfect = logs["d_loss"] - self.perfect <= self.tolerance
        self.reports = self.reports + 1 if at_perfect else 0
        if self.reports >= self.patience:
            raise TrainingFailed(
                f"The discriminator has made no error for {self.reports} reports up to step {step} "
                f"(d_loss = {logs['d_loss']:.2g}): the generator has nothing left to learn from."
            )
