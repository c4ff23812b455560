r"""Runs the BigGAN recipe with a monitor that sees training fail at the given steps, once each.

python -m tests.recipes.failing_run 9,11 FLAGS...
"""

import sys

from recipes import biggan, common
from tfgan_zoo.training.monitor import Monitor, TrainingFailed

if __name__ == "__main__":
    failures = {int(step) for step in sys.argv.pop(1).split(",")}
    look = Monitor.logs

    def fail(self, step, logs):
        """The monitor's own look, then the failure of this step unless it has been."""
        look(self, step, logs)
        if step in failures:
            failures.remove(step)
            raise TrainingFailed(f"Seen at step {step}.", step, "saturated")

    Monitor.logs = fail
    common.main(biggan.METHOD)
