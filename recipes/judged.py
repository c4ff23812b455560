"""How often a classifier errs on samples that nobody labelled: three readings of one table.

Paper: Feng et al., GP-WIRGAN, 2020, Table 8, which does not say how the true class was obtained.
"""

import itertools
import pathlib
import subprocess
import sys

import numpy as np

from recipes import scores, tables
from recipes.tables import Lab, Row
from tfgan_zoo import sampling
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.classifier import Classifier

SAMPLES = 1000
ANOTHER_SEED = 1  # of the second classifier; the shipped one has 0
PROTOCOL = """\
1,000 samples of each run, DRAW's and DAVE's as the means of their pixels.
Classifiers: {accuracies}.
E1: 100 times (1 - the mean of the first classifier's largest probability). E2: how often the two
classifiers, trained independently, disagree. The paper states no definition: compare orders, not
values.
"""
PER_CLASS_PROTOCOL = """\
E3: how often the classifier errs on 100 samples of each of ten models, every one trained on one
class alone for 400 steps, whose class is thus known. Classifier: {accuracies}.
± is the standard deviation over classes and seeds ({seeds}); a verdict needs a difference of two
standard errors. scikit-learn's digits at 28 px, the networks of Table 8.
"""
PER_CLASS_FLAGS = (  # a tenth of the images, so fewer steps; nobody looks at these runs
    "--steps=400",
    "--evaluate_every=0",
    "--sample_every=0",
    "--backbone=none",
    "--noexport",
)


def classifier(dataset: str) -> Classifier:
    """The shipped classifier of digits.

    Raises:
        ValueError: For other data: there is no classifier of them.
    """
    if dataset != "digits":
        raise ValueError(
            f"Table 8 needs two classifiers of the data. Received: {dataset}, for which there is "
            "none. Train them with python -m recipes.digits_classifier, or use --scale=digits."
        )
    return Classifier.digits()


def another_classifier(folder: pathlib.Path) -> Classifier:
    """One with another seed, trained where it is missing.

    Raises:
        RuntimeError: If training fails.
    """
    path = folder / f"classifier-{ANOTHER_SEED}.keras"
    if not path.exists():
        command = ["-m", "recipes.digits_classifier", f"--seed={ANOTHER_SEED}", f"--output={path}"]
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(done.args)} failed:\n{done.stderr[-3000:]}")
    return Classifier(str(path))


def accuracies(judges: list[Classifier], held_out: ImageSet) -> str:
    """Of each classifier on real images that it was not trained on."""
    found = (np.mean(_seen(judge, held_out.images) == held_out.labels) for judge in judges)
    return ", ".join(
        f"{share:.2%} right on {len(held_out.images)} held-out images" for share in found
    )


def errors(lab: Lab, row: Row, judges: list[Classifier]) -> dict[str, list[float]]:
    """{"E1, %": of every seed, "E2, %": of every seed}."""
    found = {"E1, %": [], "E2, %": []}
    for seed in lab.seeds:
        images = _samples(lab.generator(row, seed), SAMPLES)
        (_, first), (_, second) = (judge(images) for judge in judges)
        found["E1, %"].append(100.0 * (1.0 - float(_probabilities(first).max(axis=1).mean())))
        found["E2, %"].append(100.0 * float(np.mean(first.argmax(axis=1) != second.argmax(axis=1))))
    return found


def per_class(
    lab: Lab, rows: dict[str, Row], judge: Classifier, num_classes: int
) -> dict[str, list[float]]:
    """{name of a row: "E3, %" of every seed's every class}, of models of one class each."""
    of_class = {
        (name, label): Row(
            f"{row.name}-class{label}",
            f"{row.what}, class {label}",
            (*row.flags, f"--only_class={label}", *PER_CLASS_FLAGS),
            recipe=row.recipe,
        )
        for name, row in rows.items()
        for label in range(num_classes)
    }
    lab.train(list(of_class.values()))
    found = {name: [] for name in rows}
    for (name, label), row in of_class.items():
        for seed in lab.seeds:
            images = _samples(lab.generator(row, seed), SAMPLES // num_classes)
            found[name].append(100.0 * float(np.mean(_seen(judge, images) != label)))
    return found


def table(found: dict[str, dict[str, list[float]]], paper: dict[str, str]):
    """The lines of the table and of the claims about it.

    Args:
        found: {model: {measure: values}}, from the paper's worst model to its best.
        paper: {model: its number}.
    """
    lines = [
        {
            "model": name,
            **{measure: tables.spread(values) for measure, values in errors.items()},
            "paper, %": paper[name],
        }
        for name, errors in found.items()
    ]
    claims = [
        {
            "claim": f"{better} has a lower error than {worse}",
            "measure": measure,
            "verdict": tables.verdict(found[better][measure], found[worse][measure]),
        }
        for better, worse in itertools.pairwise(reversed(found))
        for measure in found[better]
    ]
    return lines, claims


def _samples(generator, count):
    return sampling.generate(
        generator, scores.generator_inputs(generator, count, seed=2**20), scores.BATCH_SIZE
    )


def _seen(judge, images):
    return judge(images)[1].argmax(axis=1)


def _probabilities(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
