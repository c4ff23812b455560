r"""Trains the weight-sharing cGAN: tfgan_zoo/models/sharing.py.

    python -m recipes.sharing --flagfile=recipes/flagfiles/sharing/digits.flags

Which kernels both players have is in --spec, how they learn in --sharing; the other flags are those
of recipes.biggan. Tables: recipes/weight_sharing_table.py.
"""

from recipes import biggan, common, game

METHOD = game.method("sharing", **{**biggan.METHOD.defaults, "orthogonal": 0.0})

if __name__ == "__main__":
    common.main(METHOD)
