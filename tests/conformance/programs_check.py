"""Starts every program with --help, each in a process of its own, and prints those that fail.

The processes are forked after the slow imports. Programs define flags when they start, and so clash
with those of what they import in no other test.
"""

import os
import pathlib
import runpy
import sys
import traceback

import keras  # noqa: F401  Imported once for all: it takes seconds.
import matplotlib.figure  # noqa: F401
import tensorflow as tf  # noqa: F401

ROOT = pathlib.Path(__file__).parents[2]


def programs():
    """Dotted names of all files that run as programs."""
    for folder in ("tfgan_zoo", "recipes", "export"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if '__name__ == "__main__"' in text or path.name == "__main__.py":
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__main__")


def starts(name):
    """Whether --help is answered."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    sys.argv = [name, "--help"]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        os._exit(0 if end.code in (None, 0, 1) and not isinstance(end.code, str) else 1)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


if __name__ == "__main__":
    found = {name: starts(name) for name in programs()}
    print(len(found), *(name for name, good in found.items() if not good))
