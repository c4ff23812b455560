"""The optimizers of both players of a game, and how their rates fall."""

import keras
from absl import flags

from recipes import common, optimizers
from tfgan_zoo.training.schedules import DividedDecay, LinearDecay

OPTIMIZER = flags.DEFINE_enum("optimizer", "adam", ["adam", "rmsprop", "sgd"], "Of both players.")
MOMENTUM = flags.DEFINE_float("momentum", 0.5, "SGD's.", lower_bound=0.0, upper_bound=0.9999)
HALVE_AFTER = flags.DEFINE_integer(
    "halve_after", None, "Steps after which both rates are half: rate / (1 + step / this).", 1
)
DECAY_FROM = flags.DEFINE_integer(
    "decay_from", None, "Step from which both rates fall linearly, to 0 at --steps.", lower_bound=0
)
DIVIDE_RATES = flags.DEFINE_float(
    "divide_rates", None, "What both rates are divided by after each step.", lower_bound=1.0
)
LOWEST_RATE = flags.DEFINE_float(
    "lowest_rate", 0.0, "Below which --divide_rates does not get them.", lower_bound=0.0
)


def optimizer(rate: float, updates: int) -> keras.optimizers.Optimizer:
    """The optimizer of a player with so many updates per step."""
    if DECAY_FROM.value is not None:
        rate = LinearDecay(rate, DECAY_FROM.value * updates, common.STEPS.value * updates)
    elif HALVE_AFTER.value is not None:
        schedules = keras.optimizers.schedules
        rate = schedules.InverseTimeDecay(rate, HALVE_AFTER.value * updates, decay_rate=1.0)
    elif DIVIDE_RATES.value is not None:
        divisor = DIVIDE_RATES.value ** (1 / updates)
        rate = DividedDecay(rate, divisor, min(rate, LOWEST_RATE.value))
    if OPTIMIZER.value == "sgd":
        return keras.optimizers.SGD(rate, MOMENTUM.value)
    if OPTIMIZER.value == "rmsprop":
        # The epsilon of TensorFlow 1, with which WGAN was published; Keras has 1e-7.
        return keras.optimizers.RMSprop(rate, rho=0.9, epsilon=1e-10)
    return optimizers.adam(rate)


def falling() -> list[flags.FlagHolder]:
    """The flags that are given of those that make rates fall."""
    return [flag for flag in (DECAY_FROM, HALVE_AFTER, DIVIDE_RATES) if flag.value is not None]


def check_flags() -> None:
    """Raises ValueError for flags that contradict one another."""
    if DECAY_FROM.value is not None and DECAY_FROM.value >= common.STEPS.value:
        raise ValueError(
            f"--decay_from must be below --steps={common.STEPS.value}. "
            f"Received: {DECAY_FROM.value}."
        )
    given = falling()
    if len(given) > 1:
        raise ValueError(
            "--decay_from, --halve_after and --divide_rates are schedules for the same rates. "
            f"Received: {', '.join(f'--{flag.name}={flag.value}' for flag in given)}. Keep one."
        )
    if LOWEST_RATE.value and DIVIDE_RATES.value is None:
        raise ValueError(
            "--lowest_rate goes with --divide_rates. "
            f"Received: --lowest_rate={LOWEST_RATE.value} without. Drop it."
        )
    if given and common.ROLLBACK_RATE.value != 1.0:
        raise ValueError(
            "--rollback_rate is for constant learning rates. "
            f"Received: --{given[0].name}={given[0].value}. Drop one of them."
        )
