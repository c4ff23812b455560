"""The model card of a preset: a README.md made from its description alone."""

from tfgan_zoo.presets.description import Description

FORM = """---
library_name: keras
license: apache-2.0
pipeline_tag: unconditional-image-generation
tags: [gan, tfgan_zoo]
---

# {name}

{what}

![{samples}](samples.png)

```python
from tfgan_zoo import from_preset, pictures, sampling

generator = from_preset("{name}")  # or the address or folder of these files
images = sampling.generate(generator, sampling.inputs(generator, count=80, seed=0{truncation}))
pictures.write_png("samples.png", pictures.grid(images, columns=10), scale=2)
```

| | |
|---|---|
{facts}

## Scores

{scores}

## Trained by

```
{recipe}
```

{training}
{limits}"""


def text(about: Description) -> str:
    """The card, in Markdown."""
    method = f"[{about.method}]({about.paper})" if about.paper else about.method
    truncation = "" if about.truncation is None else f", truncation={about.truncation:g}"
    weights = {"ema": "Averaged weights", "live": "Weights"}[about.weights]
    commit = f"commit {about.commit}" if about.commit else "the commit was not recorded"
    return FORM.format(
        name=about.name,
        what=f"A generator of the method {method}, network `{about.variant}`, trained on "
        f"{about.data}.",
        samples="Samples, not chosen" + (", a column per class" if about.class_names else ""),
        truncation=truncation,
        facts=_facts(about),
        scores=_scores(about),
        recipe=about.recipe,
        training=f"{weights} of step {about.step:,}; {commit}.",
        limits=f"\n## What it cannot do\n\n{about.limits}\n" if about.limits else "",
    )


def _facts(about):
    inputs = "; ".join(
        f"`{name}` {shape}" if shape else f"`{name}`, a class number each"
        for name, shape in about.inputs.items()
    )
    limit = "not truncated" if about.truncation is None else f"truncated at {about.truncation:g}"
    rows = {
        "takes": inputs,
        "latents": f"{about.prior}, {limit}",
        "gives": f"images {list(about.image)} in [-1, 1]",
        "classes": ", ".join(about.class_names) or "none",
        "parameters": f"{about.parameters:,}",
        "data": f"{about.data}; licence: {about.licence}",
    }
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _scores(about):
    if not about.scores:
        return "None were measured."
    lines = ["| score | value | images | features | compared with |", "|---|---|---|---|---|"]
    for record in about.scores:
        spread = "" if record.get("std") is None else f" +- {record['std']:.2g}"
        lines.append(
            f"| {record['metric']} | {record['value']:.4g}{spread} | {record['fake_count']:,} | "
            f"{record['backbone']} | {record['real']}, {record['real_count']:,} images |"
        )
    return "\n".join(lines) + (
        "\n\nDistances compare with others of the same features, reference and number of images "
        "only. The whole protocol of each is in gan.json."
    )
