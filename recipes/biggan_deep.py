r"""Trains BigGAN-deep: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Appendix B.

    python -m recipes.biggan_deep --flagfile=recipes/flagfiles/biggan_deep/digits.flags

The flags are those of recipes.biggan, whose step this is, on other networks.
"""

from recipes import biggan, common, game

METHOD = game.method("biggan_deep", **biggan.METHOD.defaults)

if __name__ == "__main__":
    common.main(METHOD)
