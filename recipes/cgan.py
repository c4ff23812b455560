r"""Trains a conditional GAN: Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784.

    python -m recipes.cgan --flagfile=recipes/flagfiles/cgan/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, game

METHOD = game.method(
    "cgan",
    "cgan_mlp",
    latents="uniform",
)

if __name__ == "__main__":
    common.main(METHOD)
