r"""Trains WGAN-GP: Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.

    python -m recipes.wgan_gp --flagfile=recipes/flagfiles/wgan_gp/digits.flags

The flags are those of all recipes of GANs, see recipes/game.py, with other defaults.
"""

from recipes import common, game

METHOD = game.method(
    "wgan_gp",
    "resnet",
    loss="wasserstein",
    d_steps=5,
    g_learning_rate=1e-4,
    d_learning_rate=1e-4,
    beta_2=0.9,
    gradient_penalty=10.0,
    g_class_error=0.1,
    class_error_of="real",
)

if __name__ == "__main__":
    common.main(METHOD)
