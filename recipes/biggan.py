r"""Trains BigGAN: Brock et al., 2019, https://arxiv.org/abs/1809.11096.

The recipes biggan_deep, sagan and sngan are this one for other networks.

    python -m recipes.biggan --flagfile=recipes/flagfiles/biggan/digits.flags

Interrupted, the same command goes on where it was, bit for bit. On images of your own:

    python -m recipes.biggan --variant=biggan-32 --dataset=folder:PATH --run_dir=runs/mine
"""

from absl import flags

from recipes import common
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training.ema import EMA
from tfgan_zoo.training.gan import GAN, UpdateRule
from tfgan_zoo.training.penalties import R1, LargestSingularValue, OffDiagonal
from tfgan_zoo.training.projections import ClampSingularValues
from tfgan_zoo.training.schedules import LinearDecay

LOSS = flags.DEFINE_enum("loss", "hinge", sorted(losses.LOSSES), "Adversarial loss.")
D_STEPS = flags.DEFINE_integer("d_steps", 2, "Discriminator updates per step.", lower_bound=1)
G_LEARNING_RATE = flags.DEFINE_float("g_learning_rate", 5e-5, "Adam's.", lower_bound=0.0)
D_LEARNING_RATE = flags.DEFINE_float("d_learning_rate", 2e-4, "Adam's.", lower_bound=0.0)
BETA_1 = flags.DEFINE_float("beta_1", 0.0, "Adam's.", lower_bound=0.0, upper_bound=0.9999)
BETA_2 = flags.DEFINE_float("beta_2", 0.999, "Adam's.", lower_bound=0.0, upper_bound=0.999999)
ADAM_EPSILON = flags.DEFINE_float("adam_epsilon", 1e-8, "Adam's.", lower_bound=0.0)
ORTHOGONAL = flags.DEFINE_float(
    "orthogonal", 1e-4, "Weight of the generator's off-diagonal penalty, eq. 3.", lower_bound=0.0
)
R1_WEIGHT = flags.DEFINE_float(
    "r1_weight", 0.0, "Weight (gamma) of the discriminator's R1 penalty, eq. 4.", lower_bound=0.0
)
SIGMA_PENALTY = flags.DEFINE_float(
    "sigma_penalty",
    0.0,
    "Weight of the penalty that pulls the largest singular values of the generator's kernels to "
    "their target.",
    lower_bound=0.0,
)
SIGMA_CLAMP = flags.DEFINE_bool(
    "sigma_clamp", False, "Lower the generator's largest singular values to their target instead."
)
SIGMA_TARGET = flags.DEFINE_float(
    "sigma_target", None, "Target of --sigma_penalty and --sigma_clamp.", lower_bound=0.0
)
SIGMA_RATIO = flags.DEFINE_float(
    "sigma_ratio", None, "Or: target as a multiple of the second value.", lower_bound=0.0
)
D_MICRO_BATCHES = flags.DEFINE_integer(
    "d_micro_batches",
    1,
    "Parts that --batch_size is processed in, one after the other, where it does not fit. Their "
    "gradients are averaged: the large batch's, but for batch norm, which sees the parts.",
    lower_bound=1,
)
G_MICRO_BATCHES = flags.DEFINE_integer(
    "g_micro_batches",
    1,
    "Parts, each of the size of the discriminator's, that the generator's batch is made of.",
    lower_bound=1,
)
DECAY_FROM = flags.DEFINE_integer(
    "decay_from", None, "Step from which both rates fall linearly, to 0 at --steps.", lower_bound=0
)
EMA_DECAY = flags.DEFINE_float(
    "ema_decay", 0.9999, "Of the averaged generator.", lower_bound=0.0, upper_bound=0.999999
)
EMA_START = flags.DEFINE_integer(
    "ema_start", 20_000, "Step before which the average is a copy.", lower_bound=0
)


def build_gan(images):
    """Returns the compiled GAN the flags describe. Called in the strategy's scope."""
    name, changes = common.VARIANT.value, common.spec_changes(images)
    model = GAN(
        registry.build_generator(name, **changes),
        registry.build_discriminator(name, **changes),
        common.prior(registry.spec(name, **changes)),
        ema_generator=registry.build_generator(name, **changes),
        seed=common.SEED.value,
    )
    target, ratio = SIGMA_TARGET.value, SIGMA_RATIO.value
    g_penalties = [OffDiagonal(ORTHOGONAL.value)] if ORTHOGONAL.value else []
    if SIGMA_PENALTY.value:
        g_penalties.append(LargestSingularValue(SIGMA_PENALTY.value, target, ratio))
    model.compile(
        loss=losses.LOSSES[LOSS.value],
        generator=UpdateRule(
            _adam(G_LEARNING_RATE.value, updates=1),
            micro_batches=G_MICRO_BATCHES.value,
            penalties=tuple(g_penalties),
            projections=(ClampSingularValues(target, ratio),) if SIGMA_CLAMP.value else (),
        ),
        discriminator=UpdateRule(
            _adam(D_LEARNING_RATE.value, updates=D_STEPS.value),
            steps=D_STEPS.value,
            micro_batches=D_MICRO_BATCHES.value,
            penalties=(R1(R1_WEIGHT.value),) if R1_WEIGHT.value else (),
        ),
        ema=EMA(EMA_DECAY.value, EMA_START.value),
        jit_compile=common.JIT_COMPILE.value,
    )
    return model


def _adam(rate, updates):
    """Adam for a player with so many updates per step."""
    if DECAY_FROM.value is not None:
        rate = LinearDecay(rate, DECAY_FROM.value * updates, common.STEPS.value * updates)
    return common.adam(rate, BETA_1.value, BETA_2.value, ADAM_EPSILON.value)


def check_flags(replicas):
    """Raises ValueError for flags that contradict one another."""
    parts = D_MICRO_BATCHES.value
    if common.BATCH_SIZE.value % (parts * replicas):
        raise ValueError(
            f"--batch_size must be a multiple of --d_micro_batches={parts} times the number of "
            f"replicas, {replicas}. Received: {common.BATCH_SIZE.value}."
        )
    wanted = SIGMA_PENALTY.value > 0 or SIGMA_CLAMP.value
    given = [flag for flag in (SIGMA_TARGET, SIGMA_RATIO) if flag.value is not None]
    if len(given) != wanted:
        raise ValueError(
            "--sigma_penalty and --sigma_clamp go with one of --sigma_target and --sigma_ratio. "
            f"Received: {len(given)} of these, and "
            f"{'one' if wanted else 'none'} of those."
        )
    if DECAY_FROM.value is not None and DECAY_FROM.value >= common.STEPS.value:
        raise ValueError(
            f"--decay_from must be below --steps={common.STEPS.value}. "
            f"Received: {DECAY_FROM.value}."
        )
    if DECAY_FROM.value is not None and common.ROLLBACK_RATE.value != 1.0:
        raise ValueError(
            "--rollback_rate is for constant learning rates. "
            f"Received: --decay_from={DECAY_FROM.value}. Drop one of them."
        )


if __name__ == "__main__":
    common.main(build_gan, "biggan", check_flags)
