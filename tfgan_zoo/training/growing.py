"""When a growing GAN grows: a schedule in images, as the phases of a run in steps.

Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, section 2 and Appendix A.1.
"""

import bisect
import dataclasses

import keras

from tfgan_zoo.training.catch_up import CatchUp
from tfgan_zoo.training.gan import GAN


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some steps in a row for which the networks and the batch size stay as they are.

    Attributes:
        number: From 0.
        resolution: Of the images, in pixels.
        fading: Whether the last block of the networks is being mixed in.
        first_step: Number of its first step, over the whole run.
        last_step: Number of the first step that is not its own.
        first_image: Real images that all phases before have shown.
        batch_size: Images in one update.
        images_per_step: Real images that one step shows.
        rate: What the learning rates are multiplied by.
        length: Images after which it is complete; the last step may show a few more.
        name: For files: "03-16px-fading"; none if it is the only phase.
        catch_up: Rounds of the discriminator before some steps; only where nothing grows.
    """

    number: int
    resolution: int
    fading: bool
    first_step: int
    last_step: int
    first_image: int
    batch_size: int
    images_per_step: int
    rate: float
    length: int
    name: str = ""
    catch_up: CatchUp | None = None

    @classmethod
    def whole(cls, resolution: int, steps: int, batch_size: int) -> "Phase":
        """The only phase of a run in which nothing grows."""
        images = steps * batch_size
        return cls(0, resolution, False, 0, steps, 0, batch_size, batch_size, 1.0, images)

    @property
    def title(self) -> str:
        """For people: "16 px, fading in"; nothing if it is the only phase."""
        if not self.name:
            return ""
        return f"{self.resolution} px" + (", fading in" if self.fading else "")

    def images(self, step):
        """Real images shown before a step of this phase."""
        return self.first_image + (step - self.first_step) * self.images_per_step

    def alpha(self, step):
        """The share in [0, 1) of the new block in a step of this phase; 1 if none is fading.

        Grows linearly with the images. `step` is a number or a float tensor.
        """
        if not self.fading:
            return 1.0
        return (step - self.first_step) * (self.images_per_step / self.length)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long each resolution is trained, fading in first and then as it is.

    Raises:
        ValueError: If a number makes no sense.
    """

    resolution: int  # of the last phase
    first: int = 4  # resolution of the first phase; `resolution` if nothing grows
    stable_images: int = 600_000  # shown to networks as they are, for each resolution but the last
    fading_images: int = 600_000  # shown while a block fades in; 0: it is there at once
    total_images: int = 12_000_000  # shown in all; the last resolution gets what is left
    batch_size: int = 16
    batch_sizes: tuple[tuple[int, int], ...] = ()  # (resolution, another batch size)
    rates: tuple[tuple[int, float], ...] = ()  # (resolution, factor of the learning rates)
    updates: int = 1  # of the discriminator in a step, each on other images

    def __post_init__(self):
        doublings = [self.first << number for number in range(16)]
        if self.first < 1 or self.resolution not in doublings:
            raise ValueError(
                "`resolution` must be `first` doubled several times. "
                f"Received: resolution={self.resolution}, first={self.first}."
            )
        for name in ("stable_images", "total_images", "batch_size", "updates"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {getattr(self, name)}.")
        if self.fading_images < 0:
            raise ValueError(
                f"`fading_images` must be at least 0. Received: {self.fading_images}. "
                "0 is for no fading."
            )
        for name in ("batch_sizes", "rates"):
            for resolution, value in getattr(self, name):
                if resolution not in doublings or not value > 0:
                    raise ValueError(
                        f"`{name}` must be pairs of one of the resolutions {self.resolutions} and "
                        f"a positive number. Received: {resolution}, {value}."
                    )

    @property
    def resolutions(self) -> list[int]:
        """From the first to the last, in pixels."""
        doublings = (self.resolution // self.first).bit_length()
        return [self.first << number for number in range(doublings)]

    def phases(self) -> list[Phase]:
        """All phases in order; those that `total_images` does not reach are left out.

        A phase has as many steps as show its images; if they do not come out even, the last step
        shows a few more.
        """
        found, step, image = [], 0, 0
        for resolution, fading, length in self._lengths():
            left = self.total_images - image
            if left <= 0:
                break
            batch_size = dict(self.batch_sizes).get(resolution, self.batch_size)
            per_step = batch_size * self.updates
            steps = -(-min(length, left) // per_step)
            found.append(
                Phase(
                    number=len(found),
                    resolution=resolution,
                    fading=fading,
                    first_step=step,
                    last_step=step + steps,
                    first_image=image,
                    batch_size=batch_size,
                    images_per_step=per_step,
                    rate=dict(self.rates).get(resolution, 1.0),
                    length=length,
                    name=f"{len(found):02d}-{resolution}px" + ("-fading" if fading else ""),
                )
            )
            step, image = step + steps, image + steps * per_step
        return found

    def _lengths(self):
        """(resolution, whether it is fading in, images) of all phases, the last without an end."""
        for resolution in self.resolutions:
            if resolution > self.first and self.fading_images:
                yield resolution, True, self.fading_images
            last = resolution == self.resolution
            yield resolution, False, self.total_images if last else self.stable_images


def phase_at(phases: list[Phase], images: int) -> Phase:
    """The phase that shows the image of this number; the last one for all that come later."""
    return phases[bisect.bisect_right([phase.first_image for phase in phases], images) - 1]


def grow(older: GAN, newer: GAN) -> None:
    """Hands everything but the optimizers' states, which begin anew, on to the GAN of a new phase.

    Both are of networks with a method `inherit`, such as PGGAN's; the newer one is compiled.
    """
    pairs = [
        (newer.generator, older.generator),
        (newer.discriminator, older.discriminator),
        (newer.ema_generator, older.ema_generator),
    ]
    for network, source in pairs:
        if network is not None:
            network.inherit(source)
    newer.step.assign(older.step)
    newer.seed.assign(older.seed)


class FadeIn(keras.callbacks.Callback):
    """Sets how far the new blocks of a GAN's networks are mixed in before every step."""

    def __init__(self, phase: Phase):
        super().__init__()
        self.phase = phase

    def on_train_begin(self, logs=None):
        networks = (self.model.generator, self.model.discriminator, self.model.ema_generator)
        self.alphas = [n.alpha for n in networks if n is not None and n.alpha is not None]
        self.step = int(self.model.step.numpy())

    def on_train_batch_begin(self, batch, logs=None):
        for alpha in self.alphas:
            alpha.assign(self.phase.alpha(self.step))
        self.step += 1
