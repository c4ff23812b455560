r"""Trains DAVE, the denoising VAE: Im et al., 2017, https://arxiv.org/abs/1511.06406.

    python -m recipes.dave --flagfile=recipes/flagfiles/dave/digits.flags

The flags are those of recipes/autoencoder.py, and of all recipes.
"""

from recipes import autoencoder, common

METHOD = autoencoder.method(
    "dave",
    beta_1=0.9,
    clip_norm=5.0,
    noise=0.05,
)

if __name__ == "__main__":
    common.main(METHOD)
