"""What the recipes of DRAW and DAVE share: their flags, and the VAE that the flags describe."""

from absl import flags

from recipes import common, optimizers, variants
from tfgan_zoo.models import registry
from tfgan_zoo.training.gan import UpdateRule
from tfgan_zoo.training.schedules import TriplingEpochs
from tfgan_zoo.training.vae import VAE, SaltAndPepper

LEARNING_RATE = flags.DEFINE_float("learning_rate", 1e-3, "Adam's.", lower_bound=0.0)
FALLING_EPOCHS = flags.DEFINE_integer(
    "falling_epochs",
    None,
    "Epochs in which the rate falls to about a tenth: after 2, 8, 26, ... Default: it stays.",
    lower_bound=3,
)
CLIP_NORM = flags.DEFINE_float(
    "clip_norm", 0.0, "Largest norm of all gradients together; 0: no limit.", lower_bound=0.0
)
CLIP_EACH = flags.DEFINE_float(
    "clip_each", 0.0, "Largest norm of each weight's gradient; 0: no limit.", lower_bound=0.0
)
NOISE = flags.DEFINE_float(
    "noise",
    0.0,
    "Share of the pixels that the posterior sees as black or white instead.",
    lower_bound=0.0,
    upper_bound=1.0,
)
BINARIZE = flags.DEFINE_bool(
    "binarize", True, "Draw pixels anew in each step, with the grey value as probability."
)


def method(*families: str, **defaults) -> common.Method:
    """A recipe: the families of networks it trains, and the defaults of its flags."""
    return common.Method(families, build_vae, check_flags, defaults, common.one_phase)


def build_vae(images, phase):
    """Returns the compiled VAE the flags describe. Called in the strategy's scope."""
    name, changes = variants.VARIANT.value, variants.spec_changes(images, phase)
    generator = registry.build_generator(name, **changes)
    model = VAE(
        generator,
        registry.build_posterior(name, generator),
        corrupt=SaltAndPepper(NOISE.value) if NOISE.value else None,
        binarize=BINARIZE.value,
        seed=common.SEED.value,
    )
    rate = LEARNING_RATE.value
    if FALLING_EPOCHS.value is not None:
        updates = len(images.images) / phase.batch_size
        rate = TriplingEpochs(rate, FALLING_EPOCHS.value, updates)
    optimizer = optimizers.adam(
        rate,
        global_clipnorm=CLIP_NORM.value or None,
        clipnorm=CLIP_EACH.value or None,
    )
    model.compile(UpdateRule(optimizer), jit_compile=common.JIT_COMPILE.value)
    return model


def check_flags(replicas):
    """Raises ValueError for flags that contradict one another."""
    del replicas
    if CLIP_NORM.value and CLIP_EACH.value:
        raise ValueError(
            "--clip_norm and --clip_each are two limits for the same gradients. "
            f"Received: {CLIP_NORM.value} and {CLIP_EACH.value}. Drop one of them."
        )
    if FALLING_EPOCHS.value is not None and common.ROLLBACK_RATE.value != 1.0:
        raise ValueError(
            "--rollback_rate is for constant learning rates. "
            f"Received: --falling_epochs={FALLING_EPOCHS.value}. Drop one of them."
        )
