r"""Trains DRAW: Gregor et al., 2015, https://arxiv.org/abs/1502.04623.

    python -m recipes.draw --flagfile=recipes/flagfiles/draw/digits.flags

The flags are those of recipes/autoencoder.py, and of all recipes.
"""

from recipes import autoencoder, common

METHOD = autoencoder.method(
    "draw",
    beta_1=0.9,
    clip_norm=10.0,
)

if __name__ == "__main__":
    common.main(METHOD)
