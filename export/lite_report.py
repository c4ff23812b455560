"""How TFLite files compare with their generator: tables, and a picture."""

import io
import json
from typing import Any

import numpy as np

from tfgan_zoo import pictures

try:
    from matplotlib.figure import Figure
except ImportError:
    Figure = None

COLUMNS = {
    "file": "{file}",
    "bytes": "{bytes:,}",
    "ms, 1 thread": "{milliseconds:.2f}",
    "ms, 2 threads": "{milliseconds_2_threads:.2f}",
    "max difference": "{max_difference:.2g}",
    "PSNR in dB": "{psnr:.1f}",
    "at least": "{min_psnr:.1f}",
}
COLOURS = ("tab:blue", "tab:orange")

Report = dict[str, dict[str, Any]]
FILES = ("report.json", "report.md", "report.png")


def files(report: Report, samples: dict[str, np.ndarray]) -> dict[str, bytes]:
    """Returns {name: content} of the report's files; without matplotlib there is no picture.

    Args:
        report: {kind: what `tflite.compare` returns, "file" and "min_psnr"}.
        samples: {"Keras" or a kind: images [N, H, W, C] in [-1, 1]}, all of the same inputs.
    """
    contents = [json.dumps(report, indent=2).encode(), markdown(report).encode()]
    contents += [picture(report, samples)] if Figure else []
    return dict(zip(FILES, contents))


def table(report: Report) -> str:
    """Returns the report in columns of equal width."""
    rows = _rows(report)
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]
    return "\n".join(lines)


def markdown(report: Report) -> str:
    """Returns the report as a table of Markdown, with what it means."""
    head, *rows = _rows(report)
    rule = ["---", *["---:"] * (len(head) - 1)]
    lines = ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]
    about = (
        "Against Keras on the same latents, one image per call. Images are in [-1, 1]; the peak of "
        "PSNR is 2. Times are medians on the computer that converted."
    )
    return "\n".join(lines) + f"\n\n{about}\n"


def _rows(report):
    cells = [[text.format(**row) for text in COLUMNS.values()] for row in report.values()]
    return [list(COLUMNS), *cells]


def picture(report: Report, samples: dict[str, np.ndarray]) -> bytes:
    """Returns a PNG file: samples of each kind below Keras's; sizes and times beside them."""
    figure = Figure(figsize=(11.0, 0.9 * len(samples) + 1.8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
    left.suptitle("The same latents and labels")
    right.suptitle("Size and time")
    for axes, (kind, images) in zip(
        left.subplots(len(samples), 1, squeeze=False).flat, samples.items()
    ):
        grid = pictures.grid(pictures.to_uint8(images), columns=len(images), padding=1)
        axes.imshow(grid if grid.shape[-1] == 3 else grid[..., 0], cmap="gray")
        psnr = f"\n{report[kind]['psnr']:.1f} dB" if kind in report else ""
        axes.set_ylabel(f"{kind}{psnr}", rotation=0, ha="right", va="center")
        axes.set(xticks=[], yticks=[])
    sizes, times = right.subplots(2, 1)
    kinds, rows = list(report), list(report.values())
    bars = sizes.barh(kinds, [row["bytes"] / 1024 for row in rows], color="tab:green")
    sizes.bar_label(bars, fmt="{:,.0f}", padding=3)
    sizes.set(xlabel="File in KiB", ylabel="Kind")
    for number, key in enumerate(("milliseconds", "milliseconds_2_threads")):
        places = np.arange(len(kinds)) + 0.4 * number - 0.2
        label = f"{number + 1} thread" + "s" * number
        bars = times.barh(
            places, [row[key] for row in rows], 0.4, label=label, color=COLOURS[number]
        )
        times.bar_label(bars, fmt="{:.2f}", padding=3)
    times.set(xlabel="Milliseconds per image, median", ylabel="Kind")
    times.set_yticks(range(len(kinds)), kinds)
    times.legend()
    for axes in (sizes, times):
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.locator_params(axis="x", nbins=5)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
