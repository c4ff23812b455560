"""Which variants the longer tests of conformance are about, and what these tests share."""

import os
import subprocess
import sys

import numpy as np

from tests import programs
from tests.conformance import small
from tfgan_zoo.models import registry

FIRSTS = [min(registry.names(family), key=small.size) for family in registry.FAMILIES]
# What is saved, exported and loaded. Of BigGAN's families all that differ up to 128 pixels, the
# others being longer stacks of the same blocks; of the rest the smallest, and those with layer
# norm, with an auxiliary classifier, without windows, with feature maps that are cut to size.
NAMES = [
    name
    for name in small.distinct(registry.names())
    if small.family(name) in small.WIDTHS and registry.spec(name).resolution <= 128
]
NAMES += [name for name in FIRSTS if name not in NAMES]
NAMES += ["resnet-64", "resnet-cifar10-labels", "draw-mnist-plain", "wgan-gp-code28"]
# The first family with each set of classes: for what takes a minute of compilation each.
CLASSES = {family[1:]: name for name, family in reversed(registry.FAMILIES.items())}
COMPILED = [FIRSTS[list(registry.FAMILIES).index(family)] for family in CLASSES.values()]


def trained(network):
    """The network after a training call: nothing is at its initial value that need not be."""
    network(small.inputs(network, 4, seed=1), training=True)
    for weight in network.trainable_variables:
        weight.assign(
            weight + 0.05 * np.cos(np.arange(np.prod(weight.shape))).reshape(weight.shape)
        )
    return network


def run(script, *arguments, **environment):
    """What a script of this folder prints, run in a process of its own."""
    module = f"tests.conformance.{script}"
    if not environment:
        done = programs.run(module, *arguments, timeout=600)
    else:  # which the imports may read
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, **environment},
        )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-3000:]
    return done.stdout
