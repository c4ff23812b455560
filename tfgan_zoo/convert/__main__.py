r"""Writes a released BigGAN or BigGAN-deep as a .keras file of ours.

    python -m tfgan_zoo.convert --source=biggan-deep-256-pytorch_model.bin --output=generator.keras

The source is one of
  - pytorch_model.bin of pytorch-pretrained-BigGAN with its config.json beside it, or a folder with
    both (BigGAN-deep); names such as biggan-deep-256-pytorch_model.bin are known, too;
  - G_ema.pth, G.pth or D.pth of BigGAN-PyTorch;
  - the folder of a module of TF-Hub: saved_model.pb and variables/.
The first two are read with PyTorch: pip install 'tfgan_zoo[torch]'.
"""

import sys

from absl import app, flags

from tfgan_zoo.convert import checks, released


def run(source: str, output: str, overwrite: bool = False, **epsilons: float) -> None:
    """Converts, and tells what was written and what is odd about it.

    Args:
        source: File or folder, see `released.load`.
        output: The .keras file to write.
        overwrite: Whether it may exist, and is replaced.
        **epsilons: See `released.load`.
    """
    try:
        released.check_output(output, overwrite)
        network = released.load(source, **epsilons)
        released.save(network, output, overwrite)
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    odd = checks.findings(network)
    for sentence in odd:
        sys.stderr.write(f"Warning: {sentence}\n")
    sys.stdout.write(
        f"Wrote {output}: {type(network).__name__}, {network.spec.resolution} pixels, "
        f"{checks.parameters(network):,} parameters. Spectral norms and attention: "
        f"{f'{len(odd)} warnings' if odd else 'as they should be'}.\n"
    )


def main(argv: list[str]) -> None:
    """Runs what the flags say."""
    if argv[1:]:
        sys.exit(f"Error: Flags begin with --. Received: {' '.join(argv[1:])}.")
    given = {"bn_epsilon": BN_EPSILON.value, "sn_epsilon": SN_EPSILON.value}
    epsilons = {name: value for name, value in given.items() if value is not None}
    run(SOURCE.value, OUTPUT.value, OVERWRITE.value, **epsilons)


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    SOURCE = flags.DEFINE_string("source", None, "File or folder to read.", required=True)
    OUTPUT = flags.DEFINE_string("output", None, "The .keras file to write.", required=True)
    OVERWRITE = flags.DEFINE_bool("overwrite", False, "Whether --output may exist: is replaced.")
    BN_EPSILON = flags.DEFINE_float(
        "bn_epsilon",
        None,
        "Of the batch norms of a .pth file, which does not tell it: --BN_eps of its training. "
        "Default: 1e-5, that of BigGAN-PyTorch's scripts.",
        lower_bound=0.0,
    )
    SN_EPSILON = flags.DEFINE_float(
        "sn_epsilon",
        None,
        "Of the spectral norms of a .pth file: --SN_eps of its training. Default: 1e-6, likewise.",
        lower_bound=0.0,
    )
    app.run(main)
