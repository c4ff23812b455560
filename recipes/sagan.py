r"""Trains SAGAN: Zhang et al., 2019, https://arxiv.org/abs/1805.08318.

    python -m recipes.sagan --flagfile=recipes/flagfiles/sagan/digits.flags

The flags are those of recipes.biggan, whose step this is, on other networks.
"""

from recipes import biggan, common, game

METHOD = game.method("sagan", **biggan.METHOD.defaults)

if __name__ == "__main__":
    common.main(METHOD)
