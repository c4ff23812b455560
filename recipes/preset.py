r"""Makes a preset of a run: a folder that `tfgan_zoo.from_preset` and people can read.

    python -m recipes.preset --run_dir=runs/biggan-digits --method=biggan --output=presets/mine \
        --data="my 2,000 photographs" --licence="mine"

The folder holds the generator, gan.json (what it was trained on, by which flags, its scores), a
model card and samples. `python -m tfgan_zoo.presets upload` copies it to Hugging Face's Hub.
"""

import pathlib
import shlex
import sys

from absl import app, flags

from export.inference import load_generator
from recipes import scores
from recipes.run_directory import RunDirectory
from tfgan_zoo.data import sources
from tfgan_zoo.presets import Description
from tfgan_zoo.presets.writing import save_to_preset

# {recipe: (method, paper)}
METHODS = {
    "biggan": ("BigGAN", "https://arxiv.org/abs/1809.11096"),
    "biggan_deep": ("BigGAN-deep", "https://arxiv.org/abs/1809.11096"),
    "sagan": ("SAGAN", "https://arxiv.org/abs/1805.08318"),
    "sngan": ("SNGAN with projection", "https://arxiv.org/abs/1802.05637"),
    "dcgan": ("DCGAN", "https://arxiv.org/abs/1511.06434"),
    "lsgan": ("LSGAN", "https://arxiv.org/abs/1611.04076"),
    "cgan": ("conditional GAN, convolutional", "https://arxiv.org/abs/1411.1784"),
    "infogan": ("InfoGAN", "https://arxiv.org/abs/1606.03657"),
    "wgan": ("WGAN", "https://arxiv.org/abs/1701.07875"),
    "wgan_gp": ("WGAN-GP", "https://arxiv.org/abs/1704.00028"),
    "pggan": ("PGGAN", "https://arxiv.org/abs/1710.10196"),
    "sharing": ("weight-sharing conditional GAN", ""),
    "gran": ("GRAN", "https://arxiv.org/abs/1602.05110"),
    "wirgan": ("WIRGAN", ""),
    "gp_wirgan": ("GP-WIRGAN", ""),
    "draw": ("DRAW", "https://arxiv.org/abs/1502.04623"),
    "dave": ("denoising variational autoencoder (DAVE)", "https://arxiv.org/abs/1511.06406"),
}
# Flags that say how a run was watched, not what was trained.
LEFT_OUT = ("run_dir", "mode", "columns", "sheets", "classes", "truncations", "video", "data_dir")


def make(
    folder: pathlib.Path,
    output: str,
    name: str,
    recipe: str,
    data: str | None,
    licence: str,
    limits: str,
) -> Description:
    """Writes the preset of a finished run.

    Args:
        folder: Of the run.
        output: Of the preset, which must not exist.
        name: Of the preset.
        recipe: Key of METHODS.
        data: What it was trained on; None for what its scores were compared with.
        licence: Of the data.
        limits: What it cannot do.

    Raises:
        ValueError: If there is no such run, or the preset exists.
    """
    run = RunDirectory(str(folder))
    stored = run.stored_flags()
    if stored is None:
        raise ValueError(f"--run_dir must be a run. Received: {folder}, which has no flags.txt.")
    generator = load_generator(str(folder / "generator.keras"))
    values = dict(_split(line) for line in stored.values())
    records = scores.latest(run.rows("scores.jsonl"))
    kept = [record for name, record in records.items() if not name.endswith("_floor")]
    method, paper = METHODS[recipe]
    about = Description(
        name=name,
        method=method,
        variant=values["variant"],
        paper=paper,
        prior=_prior(values["latents"] if "latents" in values else "normal"),
        truncation=None,
        class_names=_class_names(generator, values),
        data=data or (kept[0]["real"] if kept else values["dataset"]),
        licence=licence,
        weights="ema" if float(values.get("ema_decay", 0)) else "live",
        step=max((record["step"] for record in kept), default=0),
        commit=run.commit(),
        recipe=_command(recipe, stored),
        scores=tuple(kept),
        limits=limits,
    )
    return save_to_preset(generator, output, about)


def _split(line):
    name, _, value = line.removeprefix("--").partition("=")
    return name, value


def _prior(name):
    if name not in ("normal", "uniform"):
        raise ValueError(
            f"Presets have normal or uniform latents. Received: a run with --latents={name}."
        )
    return name


def _class_names(generator, values):
    """Those of the data, or numbers for categories that nobody named."""
    if "labels" not in {tensor.name for tensor in generator.inputs}:
        return ()
    count = generator.spec.num_classes
    if not generator.spec.supervised:
        return tuple(f"category {number}" for number in range(count))
    names = sources.load(values["dataset"], 8).class_names
    return names if len(names) == count else tuple(map(str, range(count)))


def _command(recipe, stored):
    """The flags that make a difference, as one command."""
    kept = [
        shlex.quote(line)
        for name, line in stored.items()
        if name not in LEFT_OUT and not line.endswith("=")
    ]
    return f"python -m recipes.{recipe} " + " ".join(kept)


def main(argv: list[str]) -> None:
    """Makes what the flags say, or ends with one line of what is wrong."""
    try:
        if argv[1:]:
            raise ValueError(f"Flags begin with --. Received: {' '.join(argv[1:])}.")
        output = pathlib.Path(OUTPUT.value)
        about = make(
            pathlib.Path(RUN_DIR.value),
            OUTPUT.value,
            output.name,
            METHOD.value,
            DATA.value,
            LICENCE.value,
            LIMITS.value,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    print(f"Wrote {output}: {about.parameters:,} parameters, step {about.step}.")


if __name__ == "__main__":
    # Not at import: other programs have flags of such names.
    RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run.", required=True)
    OUTPUT = flags.DEFINE_string("output", None, "The preset's new folder.", required=True)
    METHOD = flags.DEFINE_enum("method", None, list(METHODS), "Its recipe.", required=True)
    DATA = flags.DEFINE_string("data", None, "What it was trained on, in words.")
    LICENCE = flags.DEFINE_string("licence", "not known", "Of these data.")
    LIMITS = flags.DEFINE_string("limits", "", "What it cannot do, in words.")
    app.run(main)
