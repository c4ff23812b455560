"""Figures of the singular values of all weights over a run."""

import math

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

PLAYERS = {"g": "generator", "d": "discriminator"}
NAMED = 5  # lines with a name in the legend: those that end highest


def figure(rows: list[dict], side: str, title: str) -> Figure:
    """Largest singular value of each weight, and its ratio to the second, over the steps.

    Args:
        rows: Of spectra.jsonl: {"step": ..., "values": {"g/...": [largest, second, third], ...}}.
        side: "g" or "d".
        title: Above the axes.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 3 and Appendix F.
    """
    last = rows[-1]["values"]
    names = [name for name in last if name.startswith(f"{side}/")]
    named = set(sorted(names, key=lambda name: _key(last[name][0]), reverse=True)[:NAMED])
    picture = Figure(figsize=(11.2, 3.8), dpi=110, layout="constrained")
    left, right = picture.subplots(1, 2)
    for number, name in enumerate(names):
        color = colormaps["viridis"](number / max(len(names) - 1, 1))
        label = _short(name) if name in named else None
        # Networks that grow have not had all of their weights from the beginning.
        steps, values = zip(
            *((row["step"], row["values"][name]) for row in rows if name in row["values"]),
            strict=True,
        )
        style = {"color": color, "linewidth": 1.2, "marker": "o" if len(rows) < 3 else None}
        left.plot(steps, [value[0] for value in values], label=label, **style)
        if len(values[0]) > 1:
            right.plot(steps, [value[0] / max(value[1], 1e-12) for value in values], **style)
    left.set_title(f"{title}: largest singular values of the raw weights", fontsize=10)
    left.set_ylabel("singular value", fontsize=9)
    right.set_title("ratio of the largest to the second", fontsize=10)
    right.set_ylabel("ratio", fontsize=9)
    for axes in (left, right):
        axes.set_yscale("log")
        axes.set_xlabel("step (colour: dark near the input, light near the output)", fontsize=9)
        axes.tick_params(labelsize=8, which="both")
        axes.grid(alpha=0.3, which="both")
        for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            formatter(StrMethodFormatter("{x:g}"))
    picture.legend(
        loc="outside lower left",
        ncols=NAMED,
        fontsize=7,
        title="highest at the end",
        title_fontsize=7,
    )
    return picture


def largest(row: dict, side: str) -> float:
    """Largest singular value of any weight of a player in a row of spectra.jsonl."""
    return max((v[0] for name, v in row["values"].items() if name.startswith(f"{side}/")), key=_key)


def _short(name):
    return name.split("/", 1)[1].removesuffix("/kernel").removesuffix("/embeddings")


def _key(value):
    return value if math.isfinite(value) else math.inf
