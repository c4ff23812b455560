r"""Trained generators: which there are, what they are, whether their files are whole.

    python -m tfgan_zoo.presets list
    python -m tfgan_zoo.presets show biggan-digits
    python -m tfgan_zoo.presets verify biggan-digits PATH hf://user/name
    python -m tfgan_zoo.presets upload PATH --to=user/name --dry_run

The upload goes to Hugging Face's Hub, with the account that `hf auth login` stored there.
"""

import importlib
import sys

from absl import app, flags

from tfgan_zoo.presets import reading

COMMANDS = "list, show PRESET, verify PRESET ..., upload PRESET --to=USER/NAME"


def listed() -> str:
    """A line for each generator that comes with the package."""
    rows = [f"{'name':22s} {'images':14s} {'parameters':>10s}  trained on"]
    for name in reading.names():
        about = reading.describe(name)
        size = "x".join(map(str, about.image))
        rows.append(f"{name:22s} {size:14s} {about.parameters:10,}  {about.data}")
    return "\n".join(rows)


def shown(preset: str) -> str:
    """The card of a preset."""
    return (reading.find(preset) / reading.CARD).read_text(encoding="utf-8")


def verified(preset: str) -> str:
    """A line that says that files are whole and load; raises ValueError if not."""
    generator = reading.from_preset(preset)
    about = generator.preset
    return f"{preset}: whole; {about.variables} variables, {about.parameters:,} parameters"


def upload(preset: str, to: str, dry_run: bool, private: bool) -> str:
    """Copies a preset to the Hub, or says what would be copied.

    Raises:
        ValueError: If the preset is not whole, or the Hub refuses.
    """
    if not to or to.count("/") != 1:
        raise ValueError(f"--to must be USER/NAME. Received: {to!r}.")
    folder = reading.find(preset)
    reading.check(preset)
    files = [folder / name for name in reading.FILES if (folder / name).is_file()]
    lines = [f"  {path.stat().st_size:10,} bytes  {path.name}" for path in files]
    if dry_run:
        return "\n".join([f"Would copy to hf://{to}:", *lines])
    try:
        api = importlib.import_module("huggingface_hub").HfApi()
        api.create_repo(to, private=private, exist_ok=True)
        api.upload_folder(repo_id=to, folder_path=folder, allow_patterns=[*reading.FILES])
    except ImportError as error:
        raise ValueError("Uploads need: pip install huggingface_hub.") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"The Hub did not take it: {error}") from error
    return "\n".join([f"Copied to hf://{to}:", *lines])


def run(command: str, presets: list[str]) -> str:
    """What a command has to say.

    Raises:
        ValueError: If there is no such command, or it fails.
    """
    single = len(presets) == 1
    if command == "list" and not presets:
        return listed()
    if command == "show" and single:
        return shown(presets[0])
    if command == "verify" and presets:
        return "\n".join(map(verified, presets))
    if command == "upload" and single:
        return upload(presets[0], TO.value, DRY_RUN.value, PRIVATE.value)
    received = " ".join([command, *presets]) or "nothing"
    raise ValueError(f"The command must be one of: {COMMANDS}. Received: {received}.")


def main(argv: list[str]) -> None:
    """Prints what the command says, or one line of what is wrong."""
    try:
        sys.stdout.write(run(*(argv[1:2] or [""]), argv[2:]) + "\n")
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    # Not at import: programs that use this module have flags of their own with such names.
    TO = flags.DEFINE_string("to", None, "Where to upload: USER/NAME.")
    DRY_RUN = flags.DEFINE_bool("dry_run", False, "Only say what would be uploaded.")
    PRIVATE = flags.DEFINE_bool("private", False, "Whether a new repository is private.")
    app.run(main)
