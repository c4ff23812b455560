"""How a generator's images compare with the real ones: repeated, of the wrong class, how good."""

import json
import pathlib

import numpy as np

from recipes import scores, sheets
from recipes.studio import Studio
from tfgan_zoo import sampling
from tfgan_zoo.metrics.neighbours import nearest
from tfgan_zoo.training.checkpoints import replace_text

NEIGHBOURS = 5
MOST_COMPARED = 1000  # samples, and held-out images, whose nearest neighbours are looked for
WORST_PAIRS = 5


# --- nearest training images ---------------------------------------------------------------------


def neighbours(studio: Studio) -> list[pathlib.Path]:
    """Samples beside the training images nearest to them, in pixels and in features.

    The caption compares the distances of samples with those of held-out images: far smaller ones
    would be a sign of memorised images.
    """
    train, held_out = studio.images
    count = min(len(held_out.images), MOST_COMPARED)
    unseen = np.asarray(held_out.images[:count])
    inputs = studio.inputs(count, studio.options.seed)
    samples = sampling.generate(studio.generator, inputs)
    spaces = {"pixels": (samples, unseen, train.images)}
    if studio.scorer:
        features, _ = studio.scorer.backbone(samples)
        spaces["features"] = (features, studio.scorer.unseen[:count], studio.scorer.real)
    rows = _shown(studio, inputs)
    k = min(NEIGHBOURS, len(train.images))
    found, notes = {}, []
    for space, (ours, others, references) in spaces.items():
        indices, distances = nearest(ours, references, k)
        _, floor = nearest(others, references, 1)
        unit = _unit(space, train.images[0].size)
        found[f"nearest training images in {space}"] = train.images[indices[rows]]
        notes.append(
            f"{space}: {np.median(distances[:, 0]) / unit:.4g} from samples, "
            f"{np.median(floor) / unit:.4g} from held-out images"
        )
    caption = (
        f"median distance to the nearest training image, of {count} each\n"
        + "\n".join(notes)
        + "\n(pixels in [0, 1], root mean square)"
    )
    print(caption)
    title = studio.title("Nearest training images of samples")
    figure = sheets.neighbour_sheet(samples[rows], found, title, caption)
    return studio.write("neighbours", figure)


def _shown(studio, inputs):
    """Indices of the samples in the sheet: one of each class of the rows, or the first ten."""
    if not studio.conditional:
        return np.arange(min(10, len(inputs["latents"])))
    return np.asarray([np.argmax(inputs["labels"] == label) for label in studio.classes])


def _unit(space, pixels):
    """What distances are divided by: of pixels, to be a root mean square in [0, 1]."""
    return 255.0 * np.sqrt(pixels) if space == "pixels" else 1.0


# --- class leakage -------------------------------------------------------------------------------


def leakage(studio: Studio) -> list[pathlib.Path]:
    """Which classes the feature network sees in samples of each class, as a matrix.

    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, Figure 4 (d).
    """
    backbone = studio.scorer.backbone
    per_class = max(1, studio.options.num_scored // studio.num_classes)
    count = per_class * studio.num_classes
    inputs = studio.inputs(count, studio.options.seed)
    _, logits = backbone(sampling.generate(studio.generator, inputs, scores.BATCH_SIZE))
    shares = confusion_shares(inputs["labels"], logits.argmax(axis=1), studio.num_classes)
    wrong = np.mean(studio.scorer.unseen_logits.argmax(axis=1) != studio.scorer.held_out.labels)
    leaked = 1.0 - np.mean(np.diag(shares))
    caption = (
        f"seen as another class: {leaked:.1%} of samples ({per_class} per class), "
        f"{wrong:.1%} of held-out real images"
    )
    print("\n".join([caption, *worst_pairs(shares, studio.names)]))
    title = studio.title("Class leakage")
    return studio.write("leakage", sheets.confusion(shares, studio.names, title, caption))


def confusion_shares(asked: np.ndarray, seen: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns float64 [asked for, seen]: of the samples of a class, the share seen as each.

    Args:
        asked: int [N] in [0, num_classes), every class at least once.
        seen: int [N] in [0, num_classes).
        num_classes: Rows and columns.
    """
    counts = np.bincount(asked * num_classes + seen, minlength=num_classes**2)
    counts = counts.reshape(num_classes, num_classes)
    return counts / counts.sum(axis=1, keepdims=True)


def worst_pairs(shares: np.ndarray, names: tuple[str, ...]) -> list[str]:
    """Lines about the classes most often seen as another, the worst first."""
    others = np.where(np.eye(len(names), dtype=bool), 0.0, shares)
    order = np.argsort(-others, axis=None, kind="stable")[:WORST_PAIRS]
    return [
        f"  asked for {names[row]}, seen {names[column]}: {others[row, column]:.1%}"
        for row, column in zip(*np.unravel_index(order, others.shape), strict=True)
        if others[row, column] > 0
    ]


# --- scores against truncation -------------------------------------------------------------------


def sweep(studio: Studio) -> list[pathlib.Path]:
    """Scores at every truncation threshold: records, their curves, and the trade-off.

    Batch-norm moments are measured anew at each threshold.
    Reference: Brock et al., 2019, https://arxiv.org/abs/1809.11096, section 3.1, Figure 17.
    """
    chosen, records, points = studio.options, [], []
    with scores.progress(len(chosen.truncations), "threshold") as bar:
        for truncation in chosen.truncations:
            found = studio.scorer.score(
                studio.plain,
                chosen.num_scored,
                chosen.seed,
                chosen.step,
                truncation,
                standing_passes=chosen.standing_passes,
            )
            records += found
            points.append(_point(truncation, found))
            bar.update()
    print("\n".join(_lines(points)))
    path = studio.path("sweep", "jsonl", truncated=False)
    replace_text(path, "".join(json.dumps(record) + "\n" for record in records))
    protocol = f"\n{chosen.num_scored} images, features of {studio.scorer.backbone.name}"
    titles = [
        studio.title(heading, truncated=False) + protocol
        for heading in ("Scores against truncation", "FID against Inception Score, by truncation")
    ]
    curves = sheets.truncation_curves(points, titles[0])
    figure = sheets.trade_off(points, titles[1])
    return [
        path,
        *studio.write("sweep", curves, truncated=False),
        *studio.write("trade-off", figure, truncated=False),
    ]


def _point(truncation, records):
    newest = scores.latest(records)
    quality = newest["inception_score"]
    return {
        "truncation": truncation,
        "fid": newest["fid"]["value"],
        "inception_score": quality["value"],
        "inception_score_std": quality["std"],
    }


def _lines(points):
    """A table for people."""
    lines = [f"  {'truncation':>10s} {'fid':>9s} {'inception_score':>16s} {'+-':>6s}"]
    for point in points:
        limit = "none" if point["truncation"] is None else f"{point['truncation']:g}"
        lines.append(
            f"  {limit:>10s} {point['fid']:9.4g} {point['inception_score']:16.4g} "
            f"{point['inception_score_std']:6.2g}"
        )
    return lines
