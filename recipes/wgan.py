r"""Trains WGAN: Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875.

    python -m recipes.wgan --flagfile=recipes/flagfiles/wgan/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, game

METHOD = game.method(
    "wgan",
    loss="wasserstein",
    d_steps=5,
    optimizer="rmsprop",
    g_learning_rate=5e-5,
    d_learning_rate=5e-5,
    clip=0.01,
)

if __name__ == "__main__":
    common.main(METHOD)
