"""Programs that train the zoo's networks: `python -m recipes.NAME`."""

import os

# Before anything imports TensorFlow: of its own messages only errors, so that ours can be seen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
