"""What TensorFlow 2.15 makes of SavedModels: it loads them and asks each of their signatures.

    OLD_PYTHON tests/parity/served.py FOLDER

FOLDER/NAME/1 is a SavedModel and FOLDER/NAME/SIGNATURE.npz what it is asked; the answers go to
FOLDER/NAME/SIGNATURE-answers.npz, or what went wrong to FOLDER/NAME/error.txt.
"""

import pathlib
import sys
import traceback

import numpy as np
import tensorflow as tf


def main(folder):
    """Asks all SavedModels of a folder; one that fails does not hinder the others."""
    for model in sorted(pathlib.Path(folder).iterdir()):
        try:
            answer(model)
        except Exception:  # of any kind: the test that is about this model reports it
            (model / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")


def answer(model):
    """Asks one SavedModel."""
    signatures = tf.saved_model.load(str(model / "1")).signatures
    for questions in sorted(model.glob("*.npz")):
        with np.load(questions) as file:
            inputs = {name: tf.constant(value) for name, value in file.items()}
        outputs = signatures[questions.stem](**inputs)
        arrays = {name: value.numpy() for name, value in outputs.items()}
        np.savez(model / f"{questions.stem}-answers.npz", **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
