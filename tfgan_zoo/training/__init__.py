"""The game between the two networks, and what it is played with. Needs TensorFlow."""
