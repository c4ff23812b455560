"""The flags of augmentation, and what they ask for."""

from absl import flags

from tfgan_zoo.training.augmentation import POLICIES, AdaptiveAugment, DiffAugment

AUGMENT = flags.DEFINE_list(
    "augment",
    [],
    "Random changes of all images that the discriminator sees, for small data sets: "
    f"{','.join(POLICIES)}, or some of them (DiffAugment). Default: none.",
)
ADA_TARGET = flags.DEFINE_float(
    "ada_target",
    None,
    "Mean sign of the real images' logits at which the probability of --augment is held; the paper "
    "of ADA has 0.6. Default: all images are changed.",
    lower_bound=-0.999,
    upper_bound=0.999,
)
ADA_KIMG = flags.DEFINE_float(
    "ada_kimg",
    500.0,
    "Thousands of real images in which that probability can rise from 0 to 1.",
    lower_bound=1e-3,
)
# In their logits 0 is between real and generated images.
SIGNED = ("hinge", "minimax", "non_saturating")


def build(images_per_update: int) -> DiffAugment | AdaptiveAugment | None:
    """What the flags ask for. Called in the strategy's scope.

    Args:
        images_per_update: Real images in an update of the discriminator.
    """
    if not AUGMENT.value:
        return None
    transform = DiffAugment(tuple(AUGMENT.value))
    if ADA_TARGET.value is None:
        return transform
    return AdaptiveAugment(transform, images_per_update, ADA_TARGET.value, ADA_KIMG.value)


def observers(augment) -> tuple:
    """Those of the discriminator's turns that `augment` needs."""
    return (augment.observe,) if isinstance(augment, AdaptiveAugment) else ()


def watched(augment) -> dict:
    """What moves of the augmentation, by names for logs."""
    if not isinstance(augment, AdaptiveAugment):
        return {}
    return {
        "ada_probability": lambda: augment.probability.value,
        "ada_overfitting": lambda: augment.overfitting.value,
    }


def check_flags(loss: str) -> None:
    """Raises ValueError for flags that contradict one another, or the loss."""
    if AUGMENT.value:
        DiffAugment(tuple(AUGMENT.value))
    if ADA_TARGET.value is None and ADA_KIMG.value == ADA_KIMG.default:
        return
    if not AUGMENT.value or ADA_TARGET.value is None:
        raise ValueError(
            "--ada_target needs --augment, and --ada_kimg needs both. Received: "
            f"--augment={','.join(AUGMENT.value)}, --ada_target={ADA_TARGET.value}. "
            f"Add --augment={','.join(POLICIES)} --ada_target=0.6, or drop them."
        )
    if loss not in SIGNED:
        raise ValueError(
            "--ada_target is for losses in whose logits 0 is between real and generated images: "
            f"{', '.join(SIGNED)}. Received: --loss={loss}. Drop --ada_target."
        )
