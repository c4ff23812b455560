"""PGGAN's networks and training in PyTorch, to measure ours against.

Reference: Karras et al., 2018, https://arxiv.org/abs/1710.10196, Table 2 and Appendix A.1.
"""

import math

import keras

from tfgan_zoo.models.pggan import FIRST, PGGANSpec

try:
    import torch
    from torch.nn import functional
except ImportError:  # optional
    torch = functional = None

ADAM = {"learning_rate": 1e-3, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8}
PENALTY, DRIFT, DECAY = 10.0, 1e-3, 0.999
SLOPE, EPSILON = 0.2, 1e-8  # of leaky ReLUs; of pixel norm and minibatch deviation
DTYPES = ("float32", "bfloat16")
MISSING = "This comparison needs PyTorch: pip install 'tfgan_zoo[torch]'."


class TheirLayers:
    """Layers with He's constant at every call, named as ours: their kernels, biases, constants."""

    def __init__(self, layout):
        self.layout = layout
        self.kernels, self.biases, self.constants = {}, {}, {}

    def add(self, name: str, shape: tuple[int, ...], gain: float = 2**0.5, biases: int = 0):
        """A layer with a kernel [outputs, inputs, ...] and as many biases as outputs or as said."""
        kernel = torch.randn(shape)
        kernel = kernel.to(memory_format=self.layout) if kernel.ndim == 4 else kernel
        self.kernels[name] = kernel.requires_grad_()
        self.biases[name] = torch.zeros(biases or shape[0], requires_grad=True)
        self.constants[name] = gain / math.sqrt(math.prod(shape[1:]))

    @property
    def weights(self) -> list:
        """All that is trained."""
        return [*self.kernels.values(), *self.biases.values()]

    def train(self, trained: bool) -> None:
        """Whether gradients of the weights are wanted."""
        for weight in self.weights:
            weight.requires_grad_(trained)

    def kernel(self, name):
        return self.kernels[name] * self.constants[name]

    def conv(self, name, x):
        kernel = self.kernel(name)
        return functional.conv2d(x, kernel, self.biases[name], padding=kernel.shape[2] // 2)

    def load(self, network: keras.Model) -> None:
        """Copies the weights of our network with the same layers."""
        for name, kernel in self.kernels.items():
            layer = network.get_layer(name)
            ours = torch.tensor(layer.kernel.numpy())
            if ours.ndim == 4:
                ours = ours.permute(3, 2, 0, 1)
            elif name == "seed":  # [z, 4, 4, C]
                ours = ours.unflatten(1, (FIRST, FIRST, -1)).permute(3, 1, 2, 0).flatten(0, 2)
            elif name == "dense":  # [4, 4, C, units]
                ours = ours.unflatten(0, (FIRST, FIRST, -1)).permute(3, 2, 0, 1).flatten(1)
            else:
                ours = ours.T
            kernel.data.copy_(ours)
            self.biases[name].data.copy_(torch.tensor(layer.bias.numpy()))


class TheirGenerator(TheirLayers):
    """Latents [batch, z] -> images [batch, C, H, W]."""

    def __init__(self, spec, layout):
        super().__init__(layout)
        self.resolutions = spec.resolutions
        width = spec.width_at(FIRST)
        self.add("seed", (FIRST * FIRST * width, spec.z_dim), gain=2**0.5 / FIRST, biases=width)
        self.add(f"{FIRST}_conv_2", (width, width, 3, 3))
        for resolution in self.resolutions[1:]:
            narrow = spec.width_at(resolution)
            self.add(f"{resolution}_conv_1", (narrow, width, 3, 3))
            self.add(f"{resolution}_conv_2", (narrow, narrow, 3, 3))
            width = narrow
        self.add(f"{spec.resolution}_to_rgb", (spec.channels, width, 1, 1), gain=1.0)

    def __call__(self, latents):
        x = functional.linear(_pixel_norm(latents), self.kernel("seed"))
        x = x.unflatten(1, (-1, FIRST, FIRST)) + self.biases["seed"][:, None, None]
        x = _activated(x.contiguous(memory_format=self.layout))
        x = _activated(self.conv(f"{FIRST}_conv_2", x))
        for resolution in self.resolutions[1:]:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = _activated(self.conv(f"{resolution}_conv_1", x))
            x = _activated(self.conv(f"{resolution}_conv_2", x))
        return self.conv(f"{self.resolutions[-1]}_to_rgb", x).float()


class TheirDiscriminator(TheirLayers):
    """Images [batch, C, H, W] -> logits [batch, 1]."""

    def __init__(self, spec, layout):
        super().__init__(layout)
        self.group = spec.group
        self.resolutions = spec.resolutions
        width = spec.width_at(spec.resolution)
        self.add(f"{spec.resolution}_from_rgb", (width, spec.channels, 1, 1))
        for resolution in self.resolutions[:0:-1]:
            wide = spec.width_at(resolution // 2)
            self.add(f"{resolution}_conv_1", (width, width, 3, 3))
            self.add(f"{resolution}_conv_2", (wide, width, 3, 3))
            width = wide
        self.add(f"{FIRST}_conv_1", (width, width + 1, 3, 3))
        self.add("dense", (width, FIRST * FIRST * width))
        self.add("logits", (1, width), gain=1.0)

    def __call__(self, images):
        x = _leaky(self.conv(f"{self.resolutions[-1]}_from_rgb", images))
        for resolution in self.resolutions[:0:-1]:
            x = _leaky(self.conv(f"{resolution}_conv_1", x))
            x = _leaky(self.conv(f"{resolution}_conv_2", x))
            x = functional.avg_pool2d(x, 2)
        x = _leaky(self.conv(f"{FIRST}_conv_1", self._with_deviation(x)))
        x = functional.linear(x.flatten(1), self.kernel("dense"), self.biases["dense"])
        return functional.linear(_leaky(x), self.kernel("logits"), self.biases["logits"]).float()

    def _with_deviation(self, x):
        """Adds a map of how much the images of a group differ."""
        size = min(self.group, len(x))
        groups = x.float().unflatten(0, (size, -1))
        deviation = (groups.var(0, correction=0) + EPSILON).sqrt().mean((1, 2, 3))
        maps = deviation.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        return torch.cat([x, maps.to(x.dtype)], dim=1)


def _leaky(x):
    return functional.leaky_relu(x, SLOPE)


def _pixel_norm(x):
    return x * torch.rsqrt(x.float().square().mean(1, keepdim=True) + EPSILON).to(x.dtype)


def _activated(x):
    return _pixel_norm(_leaky(x))


class TheirGame:
    """Both networks, the average of one, and how they learn.

    Args:
        spec: Of our networks.
        dtype: One of DTYPES; bfloat16 by autocast.
        batch_size: Images of an update.
        tuned: Whether to do what may make it faster: channels-last memory, fused Adam, an average
            of all weights at once. Otherwise it is written as usual.
    """

    def __init__(self, spec: PGGANSpec, dtype: str, batch_size: int, tuned: bool):
        self.spec, self.size, self.tuned = spec, batch_size, tuned
        layout = torch.channels_last if tuned else torch.contiguous_format
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")
        self.generator = TheirGenerator(spec, layout)
        self.discriminator = TheirDiscriminator(spec, layout)
        self.average = [weight.detach().clone() for weight in self.generator.weights]
        self.g_adam, self.d_adam = (
            torch.optim.Adam(
                player.weights,
                lr=ADAM["learning_rate"],
                betas=(ADAM["beta_1"], ADAM["beta_2"]),
                eps=ADAM["epsilon"],
                fused=tuned,
            )
            for player in (self.generator, self.discriminator)
        )
        images = 2 * torch.rand(batch_size, spec.channels, spec.resolution, spec.resolution) - 1
        self.images = images.to(memory_format=layout)

    @property
    def counts(self) -> tuple[int, int]:
        """Trained weights of generator and discriminator."""
        players = (self.generator, self.discriminator)
        return tuple(sum(weight.numel() for weight in player.weights) for player in players)

    def step(self) -> dict[str, float]:
        """One iteration."""
        d_loss = self._update_discriminator()
        self.discriminator.train(False)
        self.g_adam.zero_grad()
        with self.autocast:
            g_loss = -self.discriminator(self._fake()).mean()
        g_loss.backward()
        self.g_adam.step()
        self.discriminator.train(True)
        self._move_average()
        return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}

    def _fake(self):
        return self.generator(torch.randn(self.size, self.spec.z_dim))

    def _update_discriminator(self):
        self.d_adam.zero_grad()
        with self.autocast:
            with torch.no_grad():
                fake = self._fake()
            of_real, of_fake = self.discriminator(self.images), self.discriminator(fake)
            loss = of_fake.mean() - of_real.mean() + DRIFT * of_real.square().mean()
            loss = loss + self._penalty(fake)
        loss.backward()
        self.d_adam.step()
        return loss.detach()

    def _penalty(self, fake):
        mix = torch.rand(self.size, 1, 1, 1)
        points = (self.images + mix * (fake - self.images)).requires_grad_()
        logits = self.discriminator(points)
        (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
        norm = (gradient.float().square().sum((1, 2, 3)) + 1e-12).sqrt()
        return PENALTY * (norm - 1).square().mean()

    def _move_average(self):
        with torch.no_grad():
            if self.tuned:
                torch._foreach_lerp_(self.average, self.generator.weights, 1 - DECAY)
                return
            for mean, weight in zip(self.average, self.generator.weights, strict=True):
                mean.lerp_(weight, 1 - DECAY)
