r"""Trains BigGAN: Brock et al., 2019, https://arxiv.org/abs/1809.11096.

    python -m recipes.biggan --flagfile=recipes/flagfiles/biggan/digits.flags

Interrupted, the same command goes on where it was, bit for bit. On images of your own:

    python -m recipes.biggan --variant=biggan-32 --dataset=folder:PATH --run_dir=runs/mine

The flags are those of all recipes of GANs, see recipes/game.py.
"""

from recipes import common, game

METHOD = game.method(
    "biggan",
    loss="hinge",
    d_steps=2,
    g_learning_rate=5e-5,
    d_learning_rate=2e-4,
    beta_1=0.0,
    orthogonal=1e-4,
    ema_decay=0.9999,
    ema_start=20_000,
)

if __name__ == "__main__":
    common.main(METHOD)
