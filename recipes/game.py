"""What all recipes of GANs share: the flags of their game, and the GAN that the flags describe.

A method is its families of networks and the defaults of these flags; see `method`.
"""

import dataclasses

from absl import flags

from recipes import augmenting, common, rates, variants
from tfgan_zoo import losses
from tfgan_zoo.layers.gates import GatedAdd
from tfgan_zoo.models import registry
from tfgan_zoo.models.sharing import kernel_pairs
from tfgan_zoo.training import sharing
from tfgan_zoo.training.catch_up import CatchUp
from tfgan_zoo.training.ema import EMA
from tfgan_zoo.training.gan import GAN, UpdateRule, trainable_weights
from tfgan_zoo.training.growing import Phase
from tfgan_zoo.training.information import MutualInformation
from tfgan_zoo.training.observers import drive_noise
from tfgan_zoo.training.penalties import (
    L2,
    R1,
    ClassError,
    Drift,
    GradientPenalty,
    LargestSingularValue,
    OffDiagonal,
    dense_kernels,
    kernels,
)
from tfgan_zoo.training.projections import ClampSingularValues, ClipWeights

L2_WEIGHTS = {"all": trainable_weights, "kernels": kernels, "dense": dense_kernels}

LOSS = flags.DEFINE_enum("loss", "non_saturating", sorted(losses.LOSSES), "Adversarial loss.")
D_STEPS = flags.DEFINE_integer("d_steps", 1, "Discriminator updates per step.", lower_bound=1)
D_CATCH_UP = flags.DEFINE_integer(
    "d_catch_up",
    None,
    "Discriminator updates in each of the first 25 steps and in steps whose number is a multiple "
    "of 500: WGAN. Default: --d_steps, as in all others.",
    lower_bound=1,
)
G_LEARNING_RATE = flags.DEFINE_float("g_learning_rate", 2e-4, "Generator's.", lower_bound=0.0)
D_LEARNING_RATE = flags.DEFINE_float("d_learning_rate", 2e-4, "Discriminator's.", lower_bound=0.0)
CLIP = flags.DEFINE_float(
    "clip",
    0.0,
    "Largest absolute value of the discriminator's weights, which are clipped to it after each of "
    "its updates: WGAN. 0: no limit.",
    lower_bound=0.0,
)
GRADIENT_PENALTY = flags.DEFINE_float(
    "gradient_penalty", 0.0, "Weight of WGAN-GP's penalty, eq. 3.", lower_bound=0.0
)
GRADIENT_TARGET = flags.DEFINE_float(
    "gradient_target", 1.0, "Norm (gamma) that it pulls gradients to.", lower_bound=1e-6
)
ONE_SIDED = flags.DEFINE_bool(
    "one_sided", False, "Penalise gradients with norms above the target only."
)
DRIFT = flags.DEFINE_float(
    "drift", 0.0, "Weight of the squared logits of real images.", lower_bound=0.0
)
G_L2 = flags.DEFINE_float(
    "g_l2", 0.0, "Weight of half the squares of the generator's weights.", lower_bound=0.0
)
D_L2 = flags.DEFINE_float("d_l2", 0.0, "The same of the discriminator's.", lower_bound=0.0)
L2_OF = flags.DEFINE_enum(
    "l2_of",
    "kernels",
    sorted(L2_WEIGHTS),
    "Weights that --g_l2 and --d_l2 are about: all, kernels, or kernels of dense layers.",
)
INFORMATION = flags.DEFINE_float(
    "information", 1.0, "Weight of InfoGAN's bound of mutual information.", lower_bound=0.0
)
CLASS_ERROR = flags.DEFINE_float(
    "class_error", 1.0, "Weight of an auxiliary classifier's error, if there is one.", 0.0
)
G_CLASS_ERROR = flags.DEFINE_float(
    "g_class_error", None, "The same in the generator's loss. Default: as --class_error.", 0.0
)
CLASS_ERROR_OF = flags.DEFINE_enum(
    "class_error_of",
    "both",
    ["both", "real"],
    "Images whose classes the discriminator learns to recognise: real and generated, or real ones.",
)
ORTHOGONAL = flags.DEFINE_float(
    "orthogonal", 0.0, "Weight of the generator's off-diagonal penalty, eq. 3.", lower_bound=0.0
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
EMA_DECAY = flags.DEFINE_float(
    "ema_decay",
    0.0,
    "Of the averaged generator; 0: there is none.",
    lower_bound=0.0,
    upper_bound=0.999999,
)
EMA_START = flags.DEFINE_integer(
    "ema_start", 0, "Step before which the average is a copy.", lower_bound=0
)
SHARING = flags.DEFINE_enum(
    "sharing",
    "both",
    sharing.MODES,
    "How kernels learn that both players have, if --spec says they have: both: from both players. "
    "d_only, g_only: from one. average: from the mean of both gradients, once per step. soft: each "
    "player has copies, which are averaged.",
)
SHARED_LEARNING_RATE = flags.DEFINE_float(
    "shared_learning_rate", 2e-4, "Of these kernels; with --sharing=average.", lower_bound=0.0
)
AVERAGE_EVERY = flags.DEFINE_integer(
    "average_every", 1, "Steps between averages; with --sharing=soft.", lower_bound=1
)


def method(*families: str, **defaults) -> common.Method:
    """A recipe: the families of networks it trains, and the defaults of its flags.

    Raises:
        ValueError: If there is no flag of that name.
    """
    return common.Method(families, build_gan, check_flags, defaults, phases)


def phases() -> list[Phase]:
    """The only phase, with the rounds that --d_catch_up asks for."""
    (phase,) = common.one_phase()
    if D_CATCH_UP.value is None:
        return [phase]
    rounds = D_CATCH_UP.value // D_STEPS.value - 1  # those of the step itself come after them
    return [dataclasses.replace(phase, catch_up=CatchUp(rounds))]


def build_gan(images, phase):
    """Returns the compiled GAN the flags describe. Called in the strategy's scope.

    Args:
        images: What it is to be trained on.
        phase: Of the training.
    """
    name, changes = variants.VARIANT.value, variants.spec_changes(images, phase)
    spec = registry.spec(name, **changes)
    averaged = EMA_DECAY.value > 0
    generator, discriminator = _players(spec, name, changes)
    augment = augmenting.build(phase.batch_size)
    model = GAN(
        generator,
        discriminator,
        common.prior(spec),
        judge=discriminator.judge() if _shares(spec) else None,
        ema_generator=registry.build_generator(name, **changes) if averaged else None,
        seed=common.SEED.value,
    )
    model.compile(
        loss=losses.LOSSES[LOSS.value],
        **_rules(spec, phase.rate, generator, discriminator, augment),
        augment=augment,
        watched={**_gates(generator, discriminator), **augmenting.watched(augment)},
        ema=EMA(EMA_DECAY.value, EMA_START.value) if averaged else None,
        score_together=not _compares_images(spec),
        jit_compile=common.JIT_COMPILE.value,
    )
    return model


def _shares(spec):
    """Whether the players have kernels in common."""
    return getattr(spec, "sharing", "none") != "none"


def _players(spec, name, changes):
    """Both networks, over common kernels or beginning with equal ones if they share."""
    generator = registry.build_generator(name, **changes)
    one = _shares(spec) and SHARING.value != "soft"
    discriminator = registry.build_discriminator(name, generator if one else None, **changes)
    if _shares(spec) and not one:
        for first, second in kernel_pairs(generator, discriminator):
            second.assign(first)
    return generator, discriminator


def _rules(spec, rate, generator, discriminator, augment):
    rules = {
        "generator": _generator_rule(spec, rate),
        "discriminator": _discriminator_rule(spec, rate, augment),
    }
    if not _shares(spec):
        return rules
    average = SHARING.value == "average"
    return sharing.rules(
        SHARING.value,
        **rules,
        pairs=kernel_pairs(generator, discriminator),
        optimizer=rates.optimizer(rate * SHARED_LEARNING_RATE.value, updates=1)
        if average
        else None,
        every=AVERAGE_EVERY.value,
    )


def _gates(*networks):
    """What gates there are, by names for logs."""
    return {
        f"{side}_{layer.name}": layer.gate
        for side, network in zip("gd", networks, strict=True)
        for layer in network.layers
        if isinstance(layer, GatedAdd)
    }


def _has_batch_norm(spec):
    """Whether the discriminator has."""
    return getattr(spec, "d_norm", "none") in ("inner", "all")


def _compares_images(spec):
    """Whether the images of a batch influence one another in the discriminator."""
    return _has_batch_norm(spec) or getattr(spec, "variety", "none") != "none"


def _generator_rule(spec, rate):
    target, ratio = SIGMA_TARGET.value, SIGMA_RATIO.value
    penalties = []
    if ORTHOGONAL.value:
        penalties.append(OffDiagonal(ORTHOGONAL.value))
    if SIGMA_PENALTY.value:
        penalties.append(LargestSingularValue(SIGMA_PENALTY.value, target, ratio))
    if G_L2.value:
        penalties.append(L2(G_L2.value, L2_WEIGHTS[L2_OF.value]))
    return UpdateRule(
        rates.optimizer(rate * G_LEARNING_RATE.value, updates=1),
        micro_batches=G_MICRO_BATCHES.value,
        penalties=(*penalties, *_heads(spec, _g_class_error())),
        projections=(ClampSingularValues(target, ratio),) if SIGMA_CLAMP.value else (),
    )


def _discriminator_rule(spec, rate, augment):
    penalties = []
    if R1_WEIGHT.value:
        penalties.append(R1(R1_WEIGHT.value))
    if GRADIENT_PENALTY.value:
        settings = (GRADIENT_PENALTY.value, GRADIENT_TARGET.value, ONE_SIDED.value)
        penalties.append(GradientPenalty(*settings))
    if DRIFT.value:
        penalties.append(Drift(DRIFT.value))
    if D_L2.value:
        penalties.append(L2(D_L2.value, L2_WEIGHTS[L2_OF.value]))
    return UpdateRule(
        rates.optimizer(rate * D_LEARNING_RATE.value, updates=D_STEPS.value),
        steps=D_STEPS.value,
        micro_batches=D_MICRO_BATCHES.value,
        penalties=(*penalties, *_heads(spec, CLASS_ERROR.value)),
        projections=(ClipWeights(CLIP.value),) if CLIP.value else (),
        observers=(
            *((drive_noise,) if getattr(spec, "d_noise", False) else ()),
            *augmenting.observers(augment),
        ),
    )


def _g_class_error():
    return CLASS_ERROR.value if G_CLASS_ERROR.value is None else G_CLASS_ERROR.value


def _heads(spec, class_error):
    """The part of both losses that is about what discriminators say besides logits."""
    if getattr(spec, "infers", False) and INFORMATION.value:
        return (MutualInformation(INFORMATION.value, spec.num_classes, spec.codes),)
    if getattr(spec, "recognises", False):
        return (ClassError(class_error, real_only=CLASS_ERROR_OF.value == "real"),)
    return ()


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
    if GRADIENT_PENALTY.value and _has_batch_norm(variants.flag_spec()):
        raise ValueError(
            "--gradient_penalty is for discriminators without batch norm, in which the images of a "
            "batch do not influence one another's gradients (Gulrajani et al., 2017, section 4). "
            f"Received: --gradient_penalty={GRADIENT_PENALTY.value} for {variants.VARIANT.value}. "
            "Add --spec=d_norm=none, or take the variant without."
        )
    _check_sharing()
    _check_catch_up()
    rates.check_flags()
    augmenting.check_flags(LOSS.value)


def _check_sharing():
    mode = SHARING.value
    if mode != "both" and not _shares(variants.flag_spec()):
        raise ValueError(
            "--sharing is for networks that share kernels. "
            f"Received: --sharing={mode} for {variants.VARIANT.value}. Drop it, or take "
            "--variant=sharing-digits and --spec=sharing=global."
        )
    if AVERAGE_EVERY.value > 1 and mode != "soft":
        raise ValueError(
            "--average_every goes with --sharing=soft. "
            f"Received: {AVERAGE_EVERY.value} with --sharing={mode}. Drop one of them."
        )


def _check_catch_up():
    if D_CATCH_UP.value is None:
        return
    if D_CATCH_UP.value % D_STEPS.value:
        raise ValueError(
            f"--d_catch_up must be a multiple of --d_steps={D_STEPS.value}, whose updates it "
            f"repeats. Received: {D_CATCH_UP.value}."
        )
    if falling := rates.falling():
        raise ValueError(
            "--d_catch_up is for constant learning rates: others would fall with the updates. "
            f"Received: --{falling[0].name}={falling[0].value}. Drop one of them."
        )
