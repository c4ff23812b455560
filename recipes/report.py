"""The last pages of a run: its exports, and one HTML file that tells everything about it."""

import base64
import html
import os
import pathlib

import keras

from export import saved_model, tflite
from recipes import scores, sheets, spectra
from recipes.run_directory import RunDirectory
from tfgan_zoo.presets.description import PRIORS
from tfgan_zoo.training.checkpoints import replace_text

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto }}
pre {{ background: #f4f4f4; padding: .7rem; overflow-x: auto; font-size: 13px }}
img {{ max-width: 100% }}
img.curve {{ width: 49% }}
table {{ border-collapse: collapse }}
td, th {{ padding: .2rem .8rem; border-bottom: 1px solid #ddd }}
td:nth-child(n+2) {{ text-align: right; font-variant-numeric: tabular-nums }}
</style>
<h1>{title}</h1>
{body}
</html>
"""
USE = """import keras, numpy as np, tfgan_zoo

generator = keras.models.load_model("{path}/generator.keras")
images = generator({inputs})  # in [-1, 1]
"""

# (title, name of the axis, {quantity in the log: name of its line})
CURVES = [
    ("Losses", "loss", {"d_loss": "discriminator", "g_loss": "generator"}),
    ("Bound", "nats", {"g_reconstruction": "reconstruction", "g_kl": "divergence of latents"}),
    ("Penalties", "loss", {"d_penalty": "discriminator", "g_penalty": "generator"}),
    ("Logits", "mean logit", {"real_logits": "real images", "fake_logits": "generated"}),
    ("Gradients", "norm", {"d_gradient_norm": "discriminator", "g_gradient_norm": "generator"}),
]


def whereabouts(run: RunDirectory) -> str:
    """Lines that say where everything of a finished run is."""
    places = [
        ("report", "report.html"),
        ("pictures", "samples"),
        ("film", "training.gif"),
        ("scores", "scores.jsonl"),
        ("networks", "generator.keras"),
        ("", "discriminator.keras"),
        ("", "posterior.keras"),
        ("exports", "export"),
        ("curves", "tensorboard"),
    ]
    lines = [
        f"  {label:10s}{run.path / name}" for label, name in places if (run.path / name).exists()
    ]
    return "\n".join(["The run is complete:", *lines])


def write(
    run: RunDirectory, data: str, generator: keras.Model, exported: list[pathlib.Path]
) -> None:
    """Writes report.html: pictures, scores, curves, data, flags, and how to use the generator."""
    newest = sorted(run.path.glob("samples/step-*.png"))[-1:]
    inputs = ", ".join(
        f'"{name}": ' + ("np.arange(10)" if name == "labels" else f"np.random.randn(10, {shape})")
        for name, shape in _shapes(generator).items()
    )
    use = USE.format(path=run.path, inputs=f"{{{inputs}}}")
    files = "\n".join(f"{path.relative_to(run.path)}" for path in exported)
    sections = [
        ("Samples", "".join(map(_picture, [*newest, *_if_there(run.path / "training.gif")]))),
        ("Scores", _score_table(run.rows("scores.jsonl"))),
        ("Curves", "".join(_figure(figure) for figure in _curves(run))),
        ("Use", f"<pre>{html.escape(use)}</pre><p>Exports:</p><pre>{html.escape(files)}</pre>"),
        ("Events", _events(run.rows("events.jsonl"))),
        ("Data", f"<pre>{html.escape(data)}</pre>"),
        ("Flags", f"<pre>{html.escape((run.path / 'flags.txt').read_text())}</pre>"),
    ]
    body = "\n".join(f"<h2>{title}</h2>\n{content}" for title, content in sections)
    title = html.escape(run.path.name)
    replace_text(run / "report.html", PAGE.format(title=title, body=body))


def _shapes(generator):
    return {name: ", ".join(map(str, t.shape[1:])) for name, t in generator.input.items()}


def _if_there(path):
    return [path] if path.exists() else []


def _picture(path):
    kind = path.suffix[1:]
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img alt="{path.stem}" src="data:image/{kind};base64,{data}"></p>'


def _figure(figure):
    kind = "curve" if figure.get_figwidth() < 8 else "wide"
    data = base64.b64encode(sheets.png(figure)).decode()
    return f'<img class="{kind}" alt="curve" src="data:image/png;base64,{data}">'


def _score_table(records):
    if not records:
        return "<p>None: no feature network suited these images.</p>"
    rows = [
        f"<tr><td>{name}<td>{record['value']:.4g}"
        f"<td>{'' if record['std'] is None else format(record['std'], '.3g')}"
        f"<td>{record['fake_count']}<td>{record['step']}"
        for name, record in scores.latest(records).items()
    ]
    last = records[-1]
    protocol = html.escape(
        f"Features: {last['backbone']}, sha256 {last['backbone_sha256']}. "
        f"Real images: {last['real']}, {last['real_count']}. Resize: {last['resize']}. "
        f"Weights: {last['weights']}."
    )
    head = "<tr><th>score<th>value<th>&plusmn;<th>images<th>step"
    return (
        f"<table>{head}{''.join(rows)}</table>"
        "<p>fid, kid: distance from the real images, less is better; the floors are those of "
        "held-out real images. fid_at_floor_count: fid of as few images as the floor has. "
        "class_share: samples that the feature network sees as the class asked for.</p>"
        f"<p>{protocol} All records: scores.jsonl.</p>"
    )


def _events(rows):
    """What the monitor saw, and what was done about it."""
    if not rows:
        return "<p>None: training was watched for collapse, and there was no sign of it.</p>"
    lines = [
        f"<tr><td>{row['seen_at']}<td>{row['action']}<td>{html.escape(row['message'])}"
        for row in rows
    ]
    return f"<table><tr><th>step<th>action<th>what was seen{''.join(lines)}</table>"


def _curves(run):
    log = run.rows("log.jsonl")
    by_step = {}
    for record in run.rows("scores.jsonl"):
        if not record["metric"].endswith("floor"):
            row = by_step.setdefault(record["step"], {"step": record["step"]})
            row[record["metric"]] = record["value"]
    figures = [
        sheets.curves(log, names, title, y, log=title == "Gradients")
        for title, y, names in CURVES
        if log and names.keys() & log[0].keys()
    ]
    if by_step:
        rows = list(by_step.values())
        figures.append(sheets.curves(rows, {"fid": "FID"}, "Distance (lower is better)", "FID"))
        if any("class_share" in row for row in rows):
            figures.append(
                sheets.curves(
                    rows, {"class_share": "share"}, "Samples of the class asked for", "share"
                )
            )
    rows = run.rows("spectra.jsonl")
    sides = {name[0] for row in rows[:1] for name in row["values"]}
    figures += [
        spectra.figure(rows, *player) for player in spectra.PLAYERS.items() if player[0] in sides
    ]
    return figures


def export(
    run: RunDirectory, generator: keras.Model, step: int, latents: str
) -> list[pathlib.Path]:
    """Writes the SavedModel, its version being the step, and the TFLite files, unless they exist.

    Args:
        run: Of the generator.
        generator: To export.
        step: Of the training.
        latents: Their distribution. What exports draw themselves is normal or uniform: normal, if
            it is neither.

    Returns:
        The SavedModel's folder and the TFLite files.
    """
    folder = run / "export"
    prior = latents if latents in PRIORS else "normal"
    served = folder / "saved_model" / str(step)
    if not served.exists():
        saved_model.save(generator, served.parent, version=step, prior=prior)
    files = [folder / f"generator-{step}-{kind}.tflite" for kind in tflite.KINDS]
    for kind, file in zip(tflite.KINDS, files, strict=True):
        if not file.exists():
            temporary = file.with_name(f"tmp-{file.name}")
            temporary.write_bytes(tflite.convert(generator, kind, prior))
            os.replace(temporary, file)
    return [served, *files]
