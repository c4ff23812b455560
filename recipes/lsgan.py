r"""Trains LSGAN with DCGAN's networks: Mao et al., 2017, https://arxiv.org/abs/1611.04076.

    python -m recipes.lsgan --flagfile=recipes/flagfiles/lsgan/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, dcgan, game

METHOD = game.method("dcgan", **{**dcgan.METHOD.defaults, "loss": "least_squares"})

if __name__ == "__main__":
    common.main(METHOD)
