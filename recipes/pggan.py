r"""Trains PGGAN: Karras et al., 2018, https://arxiv.org/abs/1710.10196.

    python -m recipes.pggan --flagfile=recipes/flagfiles/pggan/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults, and those of
the schedule of growing, see recipes/growing.py. --ema_decay is per step, as in the released code:
with other batches than 16 images, the average is over other numbers of images, so rows that compare
batch sizes change it with them.
"""

from recipes import common, growing

METHOD = growing.method(
    "pggan",
    loss="wasserstein",
    gradient_penalty=10.0,
    drift=1e-3,
    g_learning_rate=1e-3,
    d_learning_rate=1e-3,
    beta_1=0.0,
    beta_2=0.99,
    ema_decay=0.999,
    batch_size=16,
    steps=10_000_000,
)

if __name__ == "__main__":
    common.main(METHOD)
