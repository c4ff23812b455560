"""DRAW: Gregor et al., 2015, https://arxiv.org/abs/1502.04623.

Both networks are drawn over T steps that share their layers. The LSTMs have no peepholes; what
their forget gates see is one larger than a bias of 0 would make it.
"""

import dataclasses
import math

import keras
from keras import ops

from tfgan_zoo.layers import glimpse
from tfgan_zoo.models import dave
from tfgan_zoo.models.network import Network, Spec


@dataclasses.dataclass(frozen=True)
class DRAWSpec(Spec):
    """Both networks of one DRAW.

    Raises:
        ValueError: If the fields contradict one another.
    """

    resolution: int  # of square images, in pixels
    channels: int = 1  # of the images
    time_steps: int = 64
    z_dim: int = 100  # in each step
    e_units: int = 256  # of the posterior's LSTM
    d_units: int = 256  # of the generator's
    read_size: int = 2  # N of an N x N window; 0 for the whole image instead
    write_size: int = 5
    init_std: float = 0.0  # of all kernels; 0 for Glorot's
    num_classes: int = 0

    def __post_init__(self):
        dave.check_unconditional(self)
        if self.time_steps < 1:
            raise ValueError(
                f"`time_steps` must be at least 1. Received: time_steps={self.time_steps}."
            )
        sizes = {"read_size": self.read_size, "write_size": self.write_size}
        glimpse.check_size(**{name: size for name, size in sizes.items() if size})

    @property
    def latents_shape(self) -> tuple[int, int]:
        """Of the latents of one image: those of each step."""
        return (self.time_steps, self.z_dim)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image."""
        return (self.resolution, self.resolution, self.channels)


VARIANTS = {
    # The paper's sizes for MNIST, which has no others; the initial weights of J. Bornschein's code.
    "draw-mnist": DRAWSpec(resolution=28, init_std=0.01),
    # E. Jang's code.
    "draw-mnist-fast": DRAWSpec(resolution=28, time_steps=10, z_dim=10, read_size=5),
    "draw-mnist-plain": DRAWSpec(resolution=28, init_std=0.01, read_size=0, write_size=0),
    # Ours, for the embedded digits: what one CPU core trains in a minute or two.
    "draw-digits": DRAWSpec(
        resolution=28, time_steps=8, z_dim=8, e_units=96, d_units=96, read_size=5
    ),
    # Ours: larger windows, as there is more to see at once.
    "draw-cifar10": DRAWSpec(
        resolution=32,
        channels=3,
        time_steps=32,
        z_dim=100,
        e_units=400,
        d_units=400,
        read_size=5,
        write_size=5,
    ),
    "draw-64": DRAWSpec(
        resolution=64,
        channels=3,
        time_steps=32,
        z_dim=100,
        e_units=800,
        d_units=800,
        read_size=12,
        write_size=12,
    ),
}


class _Step(keras.layers.Layer):
    """What happens in each of the steps. States and images are float32, whatever the policy."""

    def __init__(self, spec, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.spec = spec

    def _dense(self, inputs, units, name):
        std = self.spec.init_std
        initializer = keras.initializers.RandomNormal(stddev=std) if std else "glorot_uniform"
        layer = keras.layers.Dense(
            units, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )
        layer.build((None, inputs))
        return layer

    def get_config(self):
        return {**super().get_config(), "spec": dataclasses.asdict(self.spec)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "spec": DRAWSpec.from_config(config["spec"])})


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DRAWDecoderStep(_Step):
    """[latents, hidden, memory, canvas] -> the next [hidden, memory, canvas]: section 2.1.

    Canvases are [batch, H, W, C], logits of the pixels; the rest is [batch, units].
    """

    def build(self, input_shapes):
        spec = self.spec
        self.lstm = self._dense(spec.z_dim + spec.d_units, 4 * spec.d_units, "lstm")
        side = spec.write_size or spec.resolution
        self.patch = self._dense(spec.d_units, side**2 * spec.channels, "patch")
        if spec.write_size:
            self.window = self._dense(spec.d_units, glimpse.NUMBERS, "window")

    def call(self, inputs):
        latents, hidden, memory, canvas = inputs
        hidden, memory = _lstm(self.lstm, [latents, hidden], memory)
        return [hidden, memory, canvas + self._write(hidden)]

    def _write(self, hidden):
        spec = self.spec
        side = spec.write_size or spec.resolution
        patch = ops.reshape(self.patch(hidden), (-1, side, side, spec.channels))
        patch = ops.cast(patch, "float32")
        if not spec.write_size:
            return patch
        at = glimpse.window(self.window(hidden), side, spec.resolution)
        return glimpse.write(patch, at)

    def compute_output_spec(self, inputs):
        return [_like(tensor) for tensor in inputs[1:]]


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DRAWEncoderStep(_Step):
    """[images, canvas, decoder's hidden, hidden, memory] -> the next [hidden, memory], and moments.

    Those are the mean and log sigma of the latents, [batch, z_dim]. Images are in [0, 1],
    canvases logits of the pixels. Section 2.1.
    """

    def build(self, input_shapes):
        spec = self.spec
        side = spec.read_size or spec.resolution
        seen = 2 * side**2 * spec.channels + spec.d_units
        self.lstm = self._dense(seen + spec.e_units, 4 * spec.e_units, "lstm")
        self.mean = self._dense(spec.e_units, spec.z_dim, "mean")
        self.log_sigma = self._dense(spec.e_units, spec.z_dim, "log_sigma")
        if spec.read_size:
            self.window = self._dense(spec.d_units, glimpse.NUMBERS, "window")

    def call(self, inputs):
        images, canvas, decoder_hidden, hidden, memory = inputs
        seen = self._read(
            ops.concatenate([images, images - ops.sigmoid(canvas)], -1), decoder_hidden
        )
        hidden, memory = _lstm(self.lstm, [seen, decoder_hidden, hidden], memory)
        mean = ops.cast(self.mean(hidden), "float32")
        log_sigma = ops.cast(self.log_sigma(hidden), "float32")
        return [hidden, memory, mean, log_sigma]

    def _read(self, images, decoder_hidden):
        size, side = self.spec.read_size, self.spec.resolution
        if size:
            at = glimpse.window(self.window(decoder_hidden), size, side)
            images = glimpse.read(images, at)
        return ops.reshape(images, (-1, math.prod(images.shape[1:])))

    def compute_output_spec(self, inputs):
        *_, hidden, memory = inputs
        moment = keras.KerasTensor((hidden.shape[0], self.spec.z_dim), "float32")
        return [_like(hidden), _like(memory), moment, _like(moment)]


def _like(tensor):
    return keras.KerasTensor(tensor.shape, "float32")


def _lstm(dense, inputs, memory):
    """The next hidden state and memory; the last one of the inputs is the hidden state."""
    gates = ops.cast(dense(ops.concatenate(inputs, -1)), "float32")
    input_gate, forget_gate, candidate, output_gate = ops.split(gates, 4, -1)
    memory = ops.sigmoid(forget_gate + 1.0) * memory + ops.sigmoid(input_gate) * ops.tanh(candidate)
    return ops.sigmoid(output_gate) * ops.tanh(memory), memory


def _zeros(like, *shape):
    """[batch, *shape], with the batch of `like` [batch, T, z_dim]."""
    zeros = ops.tile(ops.zeros_like(like[:, 0, :1]), (1, math.prod(shape)))
    return ops.reshape(zeros, (-1, *shape))


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DRAWGenerator(Network):
    """{"latents": [batch, T, z_dim]} -> images [batch, H, W, C] in [-1, 1], float32.

    Images are means of Bernoulli variables, scaled; `canvases` has those after each step.
    """

    spec_class = DRAWSpec

    def __init__(self, spec, **kwargs):
        latents = keras.Input(spec.latents_shape, name="latents")
        decoder = DRAWDecoderStep(spec, name="decoder")
        hidden = memory = _zeros(latents, spec.d_units)
        canvas = _zeros(latents, *spec.shape)
        canvases = []
        for step_latents in ops.unstack(latents, axis=1):
            hidden, memory, canvas = decoder([step_latents, hidden, memory, canvas])
            canvases.append(dave.to_images(canvas))
        super().__init__({"latents": latents}, canvases[-1], spec, canvases=canvases, **kwargs)


class _Steps(keras.layers.Layer):
    """All steps: [images in [0, 1], noise [batch, T, z_dim]] -> [last canvas, KL in nats [batch]].

    A loop of the graph's own. Unrolled, 64 steps take as long, but 40 seconds to trace instead of
    3, and XLA minutes to compile instead of 7 seconds.
    """

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.decoder = decoder

    def build(self, input_shapes):
        for step in (self.encoder, self.decoder):
            if not step.built:
                step.build(None)

    def call(self, inputs):
        pixels, noise = inputs
        spec = self.encoder.spec

        def step(number, e_hidden, e_memory, d_hidden, d_memory, canvas, kl):
            e_hidden, e_memory, mean, log_sigma = self.encoder(
                [pixels, canvas, d_hidden, e_hidden, e_memory]
            )
            latents = mean + ops.exp(log_sigma) * ops.take(noise, number, axis=1)
            d_hidden, d_memory, canvas = self.decoder([latents, d_hidden, d_memory, canvas])
            kl = kl + dave.kl_divergence(mean, log_sigma)
            return number + 1, e_hidden, e_memory, d_hidden, d_memory, canvas, kl

        e_zeros, d_zeros = (_zeros(noise, units) for units in (spec.e_units, spec.d_units))
        start = (0, e_zeros, e_zeros, d_zeros, d_zeros, _zeros(noise, *spec.shape), _zeros(noise))
        *_, canvas, kl = ops.while_loop(
            lambda number, *_: number < spec.time_steps,
            step,
            start,
            maximum_iterations=spec.time_steps,  # XLA takes gradients of bounded loops only
        )
        return [canvas, kl]

    def compute_output_spec(self, inputs):
        pixels, _ = inputs
        return [_like(pixels), keras.KerasTensor(pixels.shape[:1], "float32")]


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class DRAWPosterior(Network):
    """What an image may have been generated from, and what would be generated then.

    {"images": [batch, H, W, C] in [-1, 1], "noise": [batch, T, z_dim], standard normal} ->
    {"logits": [batch, H, W, C] of the Bernoulli means, "kl": [batch], nats, of all steps}, float32.

    Args:
        spec: What is drawn.
        generator: Whose weights the reconstruction shares. Default: a new one of the spec.
    """

    spec_class = DRAWSpec

    def __init__(self, spec, generator=None, **kwargs):
        generator = generator or DRAWGenerator(spec)
        images = keras.Input(spec.shape, name="images")
        noise = keras.Input(spec.latents_shape, name="noise")
        encoder, decoder = DRAWEncoderStep(spec, name="encoder"), generator.get_layer("decoder")
        canvas, kl = _Steps(encoder, decoder, name="steps")([0.5 * (images + 1.0), noise])
        super().__init__(
            {"images": images, "noise": noise}, {"logits": canvas, "kl": kl}, spec, **kwargs
        )
        self.generator = generator
