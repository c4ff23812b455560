"""Adam, with every number said: Keras has other defaults than the papers."""

import keras
from absl import flags

BETA_1 = flags.DEFINE_float("beta_1", 0.5, "Adam's.", lower_bound=0.0, upper_bound=0.9999)
BETA_2 = flags.DEFINE_float("beta_2", 0.999, "Adam's.", lower_bound=0.0, upper_bound=0.999999)
ADAM_EPSILON = flags.DEFINE_float("adam_epsilon", 1e-8, "Adam's.", lower_bound=0.0)


def adam(learning_rate, **settings) -> keras.optimizers.Adam:
    """Adam of the flags, with a rate or schedule, and other settings such as limits of norms."""
    return keras.optimizers.Adam(
        learning_rate,
        beta_1=BETA_1.value,
        beta_2=BETA_2.value,
        epsilon=ADAM_EPSILON.value,
        **settings,
    )
