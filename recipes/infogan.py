r"""Trains InfoGAN: Chen et al., 2016, https://arxiv.org/abs/1606.03657.

    python -m recipes.infogan --flagfile=recipes/flagfiles/infogan/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, game

METHOD = game.method(
    "infogan",
    latents="uniform",
    g_learning_rate=1e-3,
)

if __name__ == "__main__":
    common.main(METHOD)
