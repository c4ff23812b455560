r"""Trains WIRGAN: Feng et al., Chinese Journal of Computers 43(2), 2020, Algorithm 2.

    python -m recipes.wirgan --flagfile=recipes/flagfiles/wirgan/digits.flags

With --spec=time_steps=1 it is WGAN. The flags are those of recipes.wgan.
"""

from recipes import common, game, wgan

METHOD = game.method("wirgan", **wgan.METHOD.defaults)

if __name__ == "__main__":
    common.main(METHOD)
