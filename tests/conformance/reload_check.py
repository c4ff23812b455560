"""Loads saved networks in a fresh process, with the backend of KERAS_BACKEND.

Prints, for each FOLDER/NAME.keras of the given names, the largest difference from the outputs in
FOLDER/NAME.npz and the number of its variables.
"""

import json
import pathlib
import sys

import keras
import numpy as np

import tfgan_zoo  # noqa: F401  What a user writes: it registers the networks.


def main():
    """Prints one JSON object, {name: [difference, variables, TensorFlow was imported]}."""
    found = {}
    folder, *stems = sys.argv[1:]
    for path in (pathlib.Path(folder) / f"{stem}.keras" for stem in stems):
        stored = dict(np.load(path.with_suffix(".npz")))
        expected = [stored.pop(key) for key in sorted(stored) if key.startswith("output_")]
        network = keras.models.load_model(path)
        # Other backends compile every operation that is not in one program.
        eager = keras.backend.backend() == "tensorflow"
        outputs = keras.tree.flatten((network if eager else network.predict_on_batch)(stored))
        outputs = [keras.ops.convert_to_numpy(x) for x in outputs]
        difference = max(float(np.abs(a - b).max()) for a, b in zip(outputs, expected, strict=True))
        found[path.stem] = [difference, len(network.variables), "tensorflow" in sys.modules]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
