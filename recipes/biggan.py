r"""Trains BigGAN: Brock et al., 2019, https://arxiv.org/abs/1809.11096.

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
from tfgan_zoo.training.penalties import OffDiagonal
from tfgan_zoo.training.priors import Normal

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
EMA_DECAY = flags.DEFINE_float(
    "ema_decay", 0.9999, "Of the averaged generator.", lower_bound=0.0, upper_bound=0.999999
)
EMA_START = flags.DEFINE_integer(
    "ema_start", 20_000, "Step before which the average is a copy.", lower_bound=0
)


def build_gan(images):
    """Returns the compiled GAN the flags describe. Called in the strategy's scope."""
    name, changes = common.VARIANT.value, common.spec_changes(images)
    spec = registry.spec(name, **changes)
    model = GAN(
        registry.build_generator(name, **changes),
        registry.build_discriminator(name, **changes),
        Normal((spec.z_dim,), spec.num_classes),
        ema_generator=registry.build_generator(name, **changes),
        seed=common.SEED.value,
    )
    penalties = (OffDiagonal(ORTHOGONAL.value),) if ORTHOGONAL.value else ()
    model.compile(
        loss=losses.LOSSES[LOSS.value],
        generator=UpdateRule(_adam(G_LEARNING_RATE.value), penalties=penalties),
        discriminator=UpdateRule(_adam(D_LEARNING_RATE.value), steps=D_STEPS.value),
        ema=EMA(EMA_DECAY.value, EMA_START.value),
        jit_compile=common.JIT_COMPILE.value,
    )
    return model


def _adam(learning_rate):
    return common.adam(learning_rate, BETA_1.value, BETA_2.value, ADAM_EPSILON.value)


if __name__ == "__main__":
    common.main(build_gan, "biggan")
