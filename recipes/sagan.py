r"""Trains SAGAN: Zhang et al., 2019, https://arxiv.org/abs/1805.08318.

    python -m recipes.sagan --flagfile=recipes/flagfiles/sagan/digits.flags

The flags are those of recipes.biggan, whose step this is, on other networks.
"""

from recipes import common
from recipes.biggan import build_gan, check_flags

if __name__ == "__main__":
    common.main(build_gan, "sagan", check_flags)
