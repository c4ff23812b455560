"""The two base classes of all networks: what describes one, and what is drawn from it."""

import dataclasses

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class Spec:
    """Describes a network completely; subclasses add fields and check them in `__post_init__`."""

    # Truncations, ascending, whose batch-norm moments the generator keeps: `tfgan_zoo.standing`.
    standing: tuple[float, ...] = dataclasses.field(default=(), kw_only=True)

    @property
    def latents_shape(self) -> tuple[int, ...]:
        """Of the latents of one image."""
        return (self.z_dim,)

    @property
    def supervised(self) -> bool:
        """Whether the networks are told classes, which the data must then have."""
        return self.num_classes > 0

    @classmethod
    def from_config(cls, config):
        """The spec whose `dataclasses.asdict` went through JSON, which turns tuples into lists."""
        return cls(**{name: _tuples(value) for name, value in config.items()})


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


class Network(keras.Model):
    """A functional model drawn from a spec.

    It is built when it exists, so `keras.models.load_model` cannot lose weights, and its inputs
    have names, so exports have them too. Subclasses set `spec_class`, draw in `__init__` and end
    with `super().__init__(inputs, outputs, spec, **kwargs)`.

    Args:
        inputs: By name.
        outputs: One tensor, or several by name.
        spec: What was drawn.
        canvases: Of generators that draw in several steps: the images after each of them.
    """

    spec_class = Spec

    def __init__(self, inputs, outputs, spec, canvases=(), **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.spec = spec
        self._canvases = tuple(canvases)

    @property
    def draws_in_steps(self) -> bool:
        """Whether there are canvases to look at."""
        return bool(self._canvases)

    def canvases(self) -> keras.Model:
        """A generator of what is on the canvas after each step: images [batch, T, H, W, C].

        It shares all weights; its last canvas is the image.

        Raises:
            ValueError: If the network draws at once.
        """
        if not self._canvases:
            raise ValueError(
                "`canvases` are of generators that draw in several steps, as those of the families "
                f"gran and draw. Received: {type(self).__name__}, which draws at once."
            )
        stacked = ops.stack(self._canvases, axis=1)
        return keras.Model(self.input, stacked, name="canvases")

    def get_config(self):
        return {**super().get_config(), "spec": dataclasses.asdict(self.spec)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "spec": cls.spec_class.from_config(config["spec"])})
