"""What recipes of growing GANs share besides the game: the flags of their schedule, in images.

Lengths are in kimg: thousands of real images that the discriminator has seen.
"""

import dataclasses

from absl import flags

from recipes import common, game, rates, variants
from tfgan_zoo.training.growing import Phase, Schedule

FIRST_RESOLUTION = flags.DEFINE_integer(
    "first_resolution", 4, "Of the first phase; that of --variant for no growing.", lower_bound=4
)
STABLE_KIMG = flags.DEFINE_float(
    "stable_kimg", 600.0, "Of each resolution but the last, after it has faded in.", 0.001
)
FADING_KIMG = flags.DEFINE_float(
    "fading_kimg", 600.0, "While a resolution fades in; 0: it is there at once.", lower_bound=0.0
)
TOTAL_KIMG = flags.DEFINE_float(
    "total_kimg", 12_000.0, "In all, unless --steps ends training before.", lower_bound=0.001
)
BATCH_SIZES = flags.DEFINE_list(
    "batch_sizes", [], "Other batch sizes, as RESOLUTION:SIZE, ...: 4:128,8:128,16:64."
)
RATES = flags.DEFINE_list(
    "rates", [], "Factors of both learning rates, as RESOLUTION:FACTOR, ...: 512:1.5,1024:2."
)


def method(*families: str, **defaults) -> common.Method:
    """A recipe: the families of networks it trains, and the defaults of its flags.

    Raises:
        ValueError: If there is no flag of that name.
    """
    return common.Method(families, game.build_gan, check_flags, defaults, phases)


def phases() -> list[Phase]:
    """The phases that the flags describe, up to --steps."""
    schedule = Schedule(
        resolution=variants.flag_spec().resolution,
        first=FIRST_RESOLUTION.value,
        stable_images=round(1000 * STABLE_KIMG.value),
        fading_images=round(1000 * FADING_KIMG.value),
        total_images=round(1000 * TOTAL_KIMG.value),
        batch_size=common.BATCH_SIZE.value,
        batch_sizes=_pairs(BATCH_SIZES, int),
        rates=_pairs(RATES, float),
        updates=game.D_STEPS.value,
    )
    steps = common.STEPS.value
    return [
        dataclasses.replace(phase, last_step=min(phase.last_step, steps))
        for phase in schedule.phases()
        if phase.first_step < steps
    ]


def _pairs(flag, kind):
    try:
        return tuple((int(a), kind(b)) for a, b in (text.split(":") for text in flag.value))
    except ValueError:
        raise ValueError(
            f"--{flag.name} must be pairs of numbers, such as 4:16,8:16. "
            f"Received: {','.join(flag.value)}."
        ) from None


def check_flags(replicas: int) -> None:
    """Raises ValueError for flags that contradict one another."""
    game.check_flags(replicas)
    falling = rates.falling()
    if falling:
        raise ValueError(
            f"--{falling[0].name} counts steps from the beginning, but optimizers begin anew in "
            f"each phase. Received: {falling[0].value}. Use --rates."
        )
    if game.D_CATCH_UP.value:
        raise ValueError(
            "--d_catch_up is for networks that do not grow. "
            f"Received: {game.D_CATCH_UP.value}. Drop it."
        )
    spec, parts = variants.flag_spec(), replicas * game.D_MICRO_BATCHES.value
    for phase in phases():
        share, rest = divmod(phase.batch_size, parts)
        if rest:
            raise ValueError(
                "--batch_size and --batch_sizes must be multiples of --d_micro_batches times the "
                f"number of replicas, {parts}. Received: {phase.batch_size} for {phase.title}."
            )
        group = spec.group if spec.variety == "stddev" else 0
        if group and share > group and share % group:
            raise ValueError(
                f"The images that are seen at once must be a multiple of the spec's group={group}, "
                f"or fewer. Received: {share} for {phase.title}. Change --batch_sizes, or add "
                "--spec=group=0."
            )
