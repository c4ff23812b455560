r"""Runs the BigGAN recipe and kills its process, with SIGKILL, at a moment that matters.

python -m tests.recipes.killed_run step 10 FLAGS...        in the middle of step 11
python -m tests.recipes.killed_run checkpoint 8 FLAGS...   with half of checkpoint 8 written
"""

import os
import signal
import sys
import threading
import time

from recipes import biggan, common, trainer
from tfgan_zoo.training.gan import GAN


def kill():
    """Ends this process at once: nothing is cleaned up, no handler runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in_step(number):
    """A little after step `number` has been reported, in the step that follows it."""
    report = trainer.Trainer._report

    def reported(self, step, logs):
        report(self, step, logs)
        if step == number:
            threading.Thread(target=lambda: (time.sleep(0.01), kill())).start()

    trainer.Trainer._report = reported


def kill_in_checkpoint(number):
    """When the file of step `number` has half of its bytes."""
    save_weights = GAN.save_weights

    def half(self, path):
        save_weights(self, path)
        if f"step-{number:08d}" in str(path):
            os.truncate(path, os.path.getsize(path) // 2)
            kill()

    GAN.save_weights = half


if __name__ == "__main__":
    moment, number = sys.argv[1], int(sys.argv[2])
    {"step": kill_in_step, "checkpoint": kill_in_checkpoint}[moment](number)
    del sys.argv[1:3]
    common.main(biggan.METHOD)
