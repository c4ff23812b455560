"""What is known about a trained generator: the contents of a preset's gan.json."""

import dataclasses
import json
import pathlib
from typing import Any

PRIORS = ("normal", "uniform")


@dataclasses.dataclass(frozen=True)
class Description:
    """Says what a generator is, what it was trained on, how good it is, and which files it is.

    Args:
        name: Short: "biggan-digits".
        method: "BigGAN".
        variant: Its name in the registry of networks.
        paper: Address of the method's paper, "" if there is none.
        prior: How latents are drawn: "normal", or "uniform" in (-1, 1).
        truncation: The recommended largest latent; None for none.
        class_names: One name per class; empty without classes.
        data: Which images it was trained on, and how many.
        licence: Of these images, or where it is said.
        weights: "ema", averaged over the training, or "live".
        step: Of the training.
        commit: Of this repository when it was trained; None if that was not recorded.
        recipe: The command that trains it.
        scores: Records, each with its protocol.
        limits: What it cannot do, in a sentence or two.
        inputs: {name: shape of one image's}; this and all below are filled in when it is saved.
        image: [H, W, C] of its images, which are in [-1, 1].
        parameters: Numbers in its trainable weights.
        variables: Variables of the network, all of them.
        files: {name: SHA-256 in hexadecimal} of what Keras reads.
        versions: {package: version} that saved it.
    """

    name: str
    method: str
    variant: str
    paper: str
    prior: str
    truncation: float | None
    class_names: tuple[str, ...]
    data: str
    licence: str
    weights: str
    step: int
    commit: str | None
    recipe: str
    scores: tuple[dict[str, Any], ...]
    limits: str = ""
    inputs: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    image: tuple[int, ...] = ()
    parameters: int = 0
    variables: int = 0
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.prior not in PRIORS:
            raise ValueError(
                f"`prior` must be one of {', '.join(PRIORS)}. Received: prior={self.prior!r}."
            )
        if self.truncation is not None and (self.prior != "normal" or self.truncation <= 0):
            raise ValueError(
                "`truncation` must be positive and of normal latents, or None. "
                f"Received: truncation={self.truncation} and prior={self.prior!r}."
            )
        if self.weights not in ("ema", "live"):
            raise ValueError(
                f"`weights` must be 'ema' or 'live'. Received: weights={self.weights!r}."
            )

    def to_json(self) -> str:
        """As the text of gan.json."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Description":
        """Of the text of gan.json.

        Raises:
            ValueError: If it is something else.
        """
        try:
            values = json.loads(text)
            for name in ("class_names", "scores", "image"):
                values[name] = tuple(values[name])
            for name, digest in values["files"].items():
                if pathlib.PurePath(name).name != name or not isinstance(digest, str):
                    raise ValueError(f"files must be {{name: SHA-256}}, without folders: {name!r}")
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"gan.json must be what save_to_preset writes. Received another text: {error}"
            ) from error
