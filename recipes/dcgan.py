r"""Trains DCGAN: Radford et al., 2016, https://arxiv.org/abs/1511.06434.

    python -m recipes.dcgan --flagfile=recipes/flagfiles/dcgan/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, game

METHOD = game.method(
    "dcgan",
    latents="uniform",
)

if __name__ == "__main__":
    common.main(METHOD)
