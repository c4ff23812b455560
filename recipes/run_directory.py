"""The folder of a run: its flags, its rows of numbers and its files."""

import json
import os
import pathlib
import re
import subprocess
import sys

from absl import flags

from tfgan_zoo.training.checkpoints import replace_text

# Flags that may differ when a run goes on: they say how far, where and what is reported, and have
# no influence on what a step computes.
FREE = frozenset(
    "run_dir mode data_dir steps save_every sample_every evaluate_every spectra_every log_every "
    "backbone num_scored truncation columns export on_collapse max_rollbacks rollback_rate "
    "generator sheets classes truncations standing_passes standing video total_kimg "
    "swd_patches".split()
)


COMMIT = "commit.txt"


class RunDirectory:
    """Everything that one run writes; nothing of it is ever overwritten by another run.

    Args:
        path: Created by `begin`, not before.
    """

    def __init__(self, path: str):
        self.path = pathlib.Path(path)

    def __truediv__(self, name: str) -> pathlib.Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def begin(self, values: flags.FlagValues) -> None:
        """Writes the operative flags; to be called after `check`."""
        lines = _operative(values).values()
        replace_text(self / "flags.txt", "".join(f"{line}\n" for line in lines))
        if not (self.path / COMMIT).exists():
            replace_text(self / COMMIT, _checkout_commit() + "\n")

    def check(self, values: flags.FlagValues) -> None:
        """Compares the operative flags with those that the run, if any, was begun with.

        Raises:
            ValueError: If the folder holds something else, or a run with other flags.
        """
        lines = _operative(values)
        stored = self.stored_flags()
        if stored is None:
            if self.path.exists() and any(self.path.iterdir()):
                raise ValueError(
                    "--run_dir must be new, empty or a run of this program. "
                    f"Received: {self.path}, which holds other files. Name another folder."
                )
            return
        differing = [
            f"{lines.get(name, '(not set)')}, but the run has {stored.get(name, '(not set)')}"
            for name in sorted(lines.keys() | stored)
            if name not in FREE
            and lines.get(name) != stored.get(name)
            # A flag that is newer than the run and left alone: what it does not change is the same.
            and not (name not in stored and values[name].using_default_value)
        ]
        if differing:
            raise ValueError(
                f"--run_dir={self.path} holds a run with other flags:\n  "
                + "\n  ".join(differing)
                + "\nGo on with the run's own flags, or name a new --run_dir."
            )

    def adopt_flags(self, values: flags.FlagValues) -> None:
        """Sets all flags that the command line leaves alone to those of the run.

        Raises:
            ValueError: If there is no run in the folder.
        """
        stored = self.stored_flags()
        if stored is None:
            raise ValueError(
                f"--mode={values.mode} needs the --run_dir of a run that has begun. "
                f"Received: {self.path}, which has no flags.txt. Train first: --mode=train."
            )
        for name, line in stored.items():
            if name in values and not values[name].present:
                values([values["mode"].name, line], known_only=True)

    def stored_flags(self) -> dict[str, str] | None:
        """{name: its line in flags.txt}, or None if the folder holds no run."""
        try:
            lines = (self.path / "flags.txt").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        return {_name(line): line for line in lines if line}

    def commit(self) -> str | None:
        """The commit of the checkout that began the run, if it was one."""
        try:
            return (self.path / COMMIT).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def append(self, name: str, rows: list[dict]) -> None:
        """Adds rows to a file of JSON lines."""
        path = self / name
        cut_off = path.exists() and not path.read_bytes().endswith(b"\n")
        text = "".join(json.dumps(row) + "\n" for row in rows)
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n" + text if cut_off else text)
            file.flush()
            os.fsync(file.fileno())

    def rows(self, name: str) -> list[dict]:
        """The rows of a file of JSON lines; one that a crash cut off is left out."""
        try:
            lines = (self.path / name).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def rewind(self, step: int) -> None:
        """Drops rows and pictures of steps after `step`: they will be made again."""
        for path in self.path.glob("*.jsonl"):
            rows = [row for row in self.rows(path.name) if row["step"] <= step]
            replace_text(path, "".join(json.dumps(row) + "\n" for row in rows))
        for path in self.path.glob("samples/step-*.png"):
            if int(path.stem[5:]) > step:
                path.unlink()


def _checkout_commit():
    """The commit of the checkout that this file lies in, with a word if it was changed, or ""."""
    command = ["git", "-C", str(pathlib.Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _operative(values):
    """{name: line} of all flags that are ours, as in a flagfile."""
    ours = (
        flag
        for module, module_flags in values.flags_by_module_dict().items()
        if module.startswith("recipes.") or module == sys.argv[0]
        for flag in module_flags
    )
    return {
        flag.name: flag.serialize() or f"--{flag.name}="
        for flag in sorted(ours, key=lambda flag: flag.name)
        if flag.value is not None
    }


def _name(line):
    """The flag's name in a line such as --name=value, --name or --noname."""
    name = re.match(r"--([\w.]+)", line)[1]
    known = flags.FLAGS
    return name[2:] if name not in known and name.startswith("no") else name
