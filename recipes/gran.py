r"""Trains GRAN: Im et al., 2016, https://arxiv.org/abs/1602.05110.

    python -m recipes.gran --flagfile=recipes/flagfiles/gran/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, game

METHOD = game.method(
    "gran",
    g_learning_rate=1e-4,
    d_learning_rate=4e-5,
)

if __name__ == "__main__":
    common.main(METHOD)
