r"""Times WGAN-GP's step beside the same step in PyTorch, in one process, turn by turn.

    python -m recipes.wgan_gp_speed --threads=2 --output=FOLDER/wgan-gp-speed.md

The networks are those of Gulrajani et al., 2017 for 32 pixels, https://arxiv.org/abs/1704.00028; a
step is five updates of the discriminator and one of the generator, on images in memory. PyTorch's
convolutions pad 2 pixels on all sides, ours 1 and 2, as TensorFlow's do: equal work.
"""

import math
import os
import pathlib
import platform

import keras
import tensorflow as tf
from absl import app, flags

from recipes import tables, timing
from tfgan_zoo import losses
from tfgan_zoo.models import registry
from tfgan_zoo.training import gan, penalties, priors
from tfgan_zoo.training.checkpoints import replace_text

try:
    import torch
    from torch import nn
except ImportError:  # optional
    torch = nn = None

VARIANT = "wgan-gp-code32"
D_STEPS = 5
ADAM = {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9}
PENALTY = 10.0
MISSING = "This comparison needs PyTorch: pip install 'tfgan_zoo[torch]'."
DTYPES = ("float32", "bfloat16")


def our_step(dtype: str, batch_size: int, width: int | None = None):
    """A step of the zoo's GAN, as a function of nothing, and its number of weights.

    Args:
        dtype: One of DTYPES.
        batch_size: Images of an update.
        width: Of narrower networks, for tests.
    """
    changes = {} if width is None else {"width": width}
    keras.config.set_dtype_policy("float32" if dtype == "float32" else f"mixed_{dtype}")
    networks = [
        build(VARIANT, **changes)
        for build in (registry.build_generator, registry.build_discriminator)
    ]
    keras.config.set_dtype_policy("float32")
    model = gan.GAN(*networks, priors.Normal((registry.spec(VARIANT).z_dim,)))
    model.compile(
        loss=losses.WASSERSTEIN,
        generator=gan.UpdateRule(keras.optimizers.Adam(**ADAM)),
        discriminator=gan.UpdateRule(
            keras.optimizers.Adam(**ADAM),
            steps=D_STEPS,
            penalties=(penalties.GradientPenalty(PENALTY),),
        ),
        jit_compile=False,
    )
    images = {"images": tf.random.uniform((D_STEPS * batch_size, 32, 32, 3), -1.0, 1.0)}
    train_step = tf.function(model.train_step, autograph=False)
    weights = [weight for network in networks for weight in network.trainable_variables]
    count = sum(math.prod(weight.shape) for weight in weights)
    return lambda: {name: float(value) for name, value in train_step(images).items()}, count


class TheirGame:
    """The same in PyTorch.

    Args:
        dtype: One of DTYPES; bfloat16 by autocast.
        batch_size: Images of an update.
        tuned: Whether to do what makes it faster: channels-last memory, real and fake images in
            one batch, fused Adam. Otherwise it is written as usual.
        width: Of narrower networks, for tests.
    """

    def __init__(self, dtype: str, batch_size: int, tuned: bool, width: int = 128):
        self.size = batch_size
        self.tuned = tuned
        self.layout = torch.channels_last if tuned else torch.contiguous_format
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")
        self.generator = their_generator(width).to(memory_format=self.layout)
        self.discriminator = their_discriminator(width).to(memory_format=self.layout)
        settings = {
            "lr": ADAM["learning_rate"],
            "betas": (ADAM["beta_1"], ADAM["beta_2"]),
            "fused": tuned,
        }
        self.g_adam = torch.optim.Adam(self.generator.parameters(), **settings)
        self.d_adam = torch.optim.Adam(self.discriminator.parameters(), **settings)
        images = 2 * torch.rand(D_STEPS * batch_size, 3, 32, 32) - 1
        self.images = images.to(memory_format=self.layout)

    @property
    def count(self) -> int:
        """The number of trained weights."""
        players = (self.generator, self.discriminator)
        return sum(weight.numel() for player in players for weight in player.parameters())

    def step(self) -> dict[str, float]:
        """Updates the discriminator D_STEPS times, then the generator."""
        for real in self.images.split(self.size):
            d_loss = self._update_discriminator(real)
        self.discriminator.requires_grad_(False)
        self.g_adam.zero_grad()
        with self.autocast:
            g_loss = -self.discriminator(self._fake()).float().mean()
        g_loss.backward()
        self.g_adam.step()
        self.discriminator.requires_grad_(True)
        return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}

    def _fake(self):
        return self.generator(torch.randn(self.size, 128))

    def _update_discriminator(self, real):
        self.d_adam.zero_grad()
        with self.autocast:
            with torch.no_grad():
                fake = self._fake().float()
            if self.tuned:
                of_real, of_fake = self.discriminator(torch.cat([real, fake])).float().chunk(2)
            else:
                of_real, of_fake = self.discriminator(real), self.discriminator(fake)
            loss = of_fake.float().mean() - of_real.float().mean() + self._penalty(real, fake)
        loss.backward()
        self.d_adam.step()
        return loss.detach()

    def _penalty(self, real, fake):
        mix = torch.rand(self.size, 1, 1, 1)
        points = (real + mix * (fake - real)).requires_grad_()
        logits = self.discriminator(points).float()
        (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
        norm = (gradient.float().pow(2).sum((1, 2, 3)) + 1e-12).sqrt()
        return PENALTY * (norm - 1).pow(2).mean()


def their_generator(width: int) -> "nn.Module":
    """Latents [batch, 128] -> images [batch, 3, 32, 32]."""

    def up(inputs, outputs):
        return nn.ConvTranspose2d(inputs, outputs, 5, 2, padding=2, output_padding=1)

    return nn.Sequential(
        nn.Linear(128, 4 * 4 * 4 * width),
        nn.BatchNorm1d(4 * 4 * 4 * width),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.ReLU(),
        up(4 * width, 2 * width),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        up(2 * width, width),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        up(width, 3),
        nn.Tanh(),
    )


def their_discriminator(width: int) -> "nn.Module":
    """Images [batch, 3, 32, 32] -> logits [batch, 1]."""
    layers = []
    for inputs, outputs in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [nn.Conv2d(inputs, outputs, 5, 2, padding=2), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 4 * 4 * width, 1))


def contestants(dtype: str, batch_size: int, width: int | None = None) -> dict:
    """The steps to be timed, by name.

    Raises:
        ValueError: If PyTorch is missing, or the networks differ in size.
    """
    if torch is None:
        raise ValueError(MISSING)
    step, count = our_step(dtype, batch_size, width)
    found = {"tfgan_zoo": step}
    for name, tuned in (("PyTorch (usual)", False), ("PyTorch (tuned)", True)):
        game = TheirGame(dtype, batch_size, tuned, **({} if width is None else {"width": width}))
        if game.count != count:
            raise ValueError(
                "The networks must have as many weights as PyTorch's. "
                f"Received: {count}, PyTorch {game.count}."
            )
        found[name] = game.step
    return found


def report(dtypes: list[str], batch_size: int, rounds: int, threads: int) -> str:
    """Times all and returns a text in Markdown."""
    text = (
        f"Seconds per WGAN-GP step ({VARIANT}: {D_STEPS} updates of the discriminator and one of "
        f"the generator, batch {batch_size}, {threads} threads), medians and quartiles of {rounds} "
        f"interleaved rounds. TensorFlow {tf.__version__}, Keras {keras.__version__}, PyTorch "
        f"{torch.__version__}, Python {platform.python_version()}. Tuned PyTorch has channels-last "
        "memory, real and fake images in one batch, and fused Adam.\n"
    )
    for dtype in dtypes:
        found = timing.interleaved(contestants(dtype, batch_size), rounds)
        references = tuple(name for name in found if name.startswith("PyTorch"))
        text += f"\n{dtype}:\n\n" + tables.markdown(timing.lines(found, references))
    return text


def main(_) -> None:
    """Prints the comparison and writes it."""
    threads = THREADS.value or len(os.sched_getaffinity(0))
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    if torch is None:
        raise app.UsageError(MISSING)
    torch.set_num_threads(threads)
    text = report(DTYPE.value, BATCH_SIZE.value, ROUNDS.value, threads)
    print(text)
    if OUTPUT.value:
        replace_text(pathlib.Path(OUTPUT.value), text)


if __name__ == "__main__":
    # Not at import: tests import several programs, whose flags have the same names.
    BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Images of an update.", lower_bound=1)
    ROUNDS = flags.DEFINE_integer("rounds", 10, "Timed steps of each.", lower_bound=1)
    THREADS = flags.DEFINE_integer("threads", 0, "Of each; 0 for all cores.", lower_bound=0)
    DTYPE = flags.DEFINE_multi_enum("dtype", DTYPES, DTYPES, "What the networks compute in.")
    OUTPUT = flags.DEFINE_string("output", None, "Markdown file for the table.")
    app.run(main)
