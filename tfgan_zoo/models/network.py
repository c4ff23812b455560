"""The two base classes of all networks: what describes one, and what is drawn from it."""

import dataclasses

import keras


@dataclasses.dataclass(frozen=True)
class Spec:
    """Describes a network completely; subclasses add fields and check them in `__post_init__`."""

    # Truncations, ascending, whose batch-norm moments the generator keeps: `tfgan_zoo.standing`.
    standing: tuple[float, ...] = dataclasses.field(default=(), kw_only=True)

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
    """

    spec_class = Spec

    def __init__(self, inputs, outputs, spec, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.spec = spec

    def get_config(self):
        return {**super().get_config(), "spec": dataclasses.asdict(self.spec)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "spec": cls.spec_class.from_config(config["spec"])})
