r"""Trains SNGAN: Miyato et al., 2018, https://arxiv.org/abs/1802.05957.

    python -m recipes.sngan --flagfile=recipes/flagfiles/sngan/digits.flags

The flags are those of recipes.biggan, whose step this is, on other networks.
"""

from recipes import biggan, common, game

METHOD = game.method("sngan", **biggan.METHOD.defaults)

if __name__ == "__main__":
    common.main(METHOD)
