r"""Trains GP-WIRGAN: Feng et al., Chinese Journal of Computers 43(2), 2020, Algorithm 3.

    python -m recipes.gp_wirgan --flagfile=recipes/flagfiles/gp_wirgan/digits.flags

With --spec=time_steps=1 it is WGAN-GP. The flags are those of recipes.wgan_gp.
"""

from recipes import common, game, wgan_gp

METHOD = game.method("gp_wirgan", **wgan_gp.METHOD.defaults)

if __name__ == "__main__":
    common.main(METHOD)
