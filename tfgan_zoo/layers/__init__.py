"""Layers that Keras does not have, or not in the form that GANs need; `keras.ops` only."""
