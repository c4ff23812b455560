r"""Scores any images against any others: data sets, generators, SavedModels.

    python -m recipes.evaluate --real=digits --fake=RUN/generator.keras
    python -m recipes.evaluate --real=folder:PHOTOS --fake=npz:SAMPLES.npz --resolution=64

Prints a table and adds a record for each score to --output, see docs/scores.md. Real images can be
replaced by their statistics, --reference=FILE.npz of python -m recipes.reference_stats.
"""

import dataclasses
import pathlib
import sys
import warnings
from collections.abc import Callable

import numpy as np
from absl import app, flags

from recipes import backbones, image_sources, records, reference, scores
from recipes.image_sources import Draws
from tfgan_zoo.metrics import intra_class, kid, ms_ssim, prdc, swd
from tfgan_zoo.metrics.fid import frechet_distance
from tfgan_zoo.metrics.inception_score import inception_score
from tfgan_zoo.metrics.moments import Moments

OF_FEATURES = ("fid", "kid", "is", "precision_recall", "density_coverage", "intra_fid")
OF_FEATURES += ("class_share",)
OF_PIXELS = ("swd", "ms_ssim")
KNOWN = OF_FEATURES + OF_PIXELS
DEFAULT = OF_FEATURES[:5]
NEED_ROWS = ("kid", "precision_recall", "density_coverage")  # features, not their moments only
PATCHES = 128  # of each image for SWD, as in PGGAN's paper
PAPERS_COUNT = 50_000


@dataclasses.dataclass(frozen=True)
class Question:
    """What is to be scored; as the flags say it."""

    fake: str
    real: str | None = None
    reference: str | None = None
    metrics: tuple[str, ...] = DEFAULT
    backbone: str = "auto"
    resolution: int | None = None
    split: str = "train"
    fake_split: str = "all"
    num: int | None = None
    draws: Draws = Draws()

    def __post_init__(self):
        unknown = set(self.metrics) - set(KNOWN)
        if unknown or not self.metrics:
            raise ValueError(
                f"--metrics must be of {', '.join(KNOWN)}. Received: "
                f"{', '.join(sorted(unknown)) or 'none'}."
            )
        if not (self.real or self.reference):
            raise ValueError("Give --real=SPEC, --reference=FILE.npz or both.")
        pixels = set(self.metrics) & {"swd"}
        if pixels and not self.real:
            raise ValueError("swd compares pixels: give --real=SPEC beside --reference.")
        image_sources.require_finite("truncation", self.draws.truncation)

    @property
    def needs_features(self) -> bool:
        return bool(set(self.metrics) & set(OF_FEATURES))


def evaluate(question: Question) -> list[dict]:
    """The records that a question asks for.

    Raises:
        ValueError: If something cannot be scored: before long work, as far as that can be known.
    """
    stored = reference.read(question.reference) if question.reference else None
    backbone = _backbone(question, stored)
    _check_stored(question, stored, backbone)
    draws = dataclasses.replace(question.draws, count=question.num or question.draws.count)
    fake = image_sources.find(question.fake, question.fake_split, draws, question.num)
    seen = getattr(backbone, "resolution", None)
    if question.real:
        real = image_sources.find(question.real, question.split, question.draws)
        side = image_sources.shared_resolution(real, fake, question.resolution, seen)
    else:
        real, side = None, stored.about["resolution"]
        image_sources.shared_resolution(fake, fake, side, seen)
    if stored:
        path, rule = question.reference, records.resize_rule(backbone, side)
        reference.check(stored, path, resolution=side, **({"resize": rule} if backbone else {}))
    real = real and real.load(side, 0)
    if stored and real:
        sha256 = image_sources.digest(real.images)
        reference.check(stored, question.reference, real_count=len(real.images), real_sha256=sha256)
    names = _class_names(real, stored)
    asked = set(question.metrics) & {"intra_fid", "class_share"}
    if asked and not fake.labelled:
        raise ValueError(f"{fake.name} has no classes, as {' and '.join(asked)} need: leave out.")
    fake = fake.load(side, len(names) if names else 0)
    _check_classes(question.metrics, names, fake, backbone)
    _check_counts(question, backbone, real, stored, fake)
    return _scored(question, backbone, real, stored, fake)


def _backbone(question, stored):
    if not question.needs_features:
        return None
    name = question.backbone
    if name == "auto":
        data = question.real or stored.about["real"].partition(",")[0]
        name = "digits" if data == "digits" else "inception"
    return backbones.load(name)


def _check_stored(question, stored, backbone):
    if stored is None:
        return
    path = question.reference
    if backbone:
        reference.check(stored, path, backbone=backbone.name, backbone_sha256=backbone.sha256)
    rows = [name for name in NEED_ROWS if name in question.metrics]
    if stored.features is None and rows:
        raise ValueError(
            f"{', '.join(rows)} need the features of all real images, and --reference={path} has "
            "their moments only. Compute it with --features, or leave those --metrics out."
        )
    if "intra_fid" in question.metrics and not stored.classes and stored.features is None:
        raise ValueError(f"--reference={path} has no moments of classes: use --class_moments.")


def _class_names(real, stored):
    """Names of the real images' classes, or None if there is one class at most."""
    if real is None:
        names = stored.about["class_names"]
    elif real.class_names is None and real.labels is not None:
        names = tuple(map(str, range(real.num_classes)))
    else:
        names = real.class_names
    return tuple(names) if names and len(names) > 1 else None


def _check_classes(metrics, names, fake, backbone):
    if "intra_fid" in metrics:
        if not names or fake.labels is None:
            lacking = "the real images" if not names else fake.name
            raise ValueError(f"intra_fid compares classes, and {lacking} have none: leave it out.")
        others = fake.class_names or tuple(map(str, range(fake.num_classes)))
        same = len(names) == len(others) if fake.class_names is None else names == others
        if not same:
            raise ValueError(
                f"intra_fid needs the same classes. Received: real {_few(names)}, fake "
                f"{_few(others)}."
            )
    if "class_share" in metrics:
        if fake.labels is None or fake.num_classes != backbone.num_classes:
            count = "none" if fake.labels is None else fake.num_classes
            raise ValueError(
                "class_share asks whether the backbone sees the class that was meant, so both must "
                f"have the same classes. Received: {backbone.num_classes} classes of "
                f"{backbone.name}, {count} of {fake.name}. Leave it out of --metrics."
            )


def _few(names):
    return f"{len(names)} classes ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def _check_counts(question, backbone, real, stored, fake):
    real_count = len(real.images) if real else stored.about["real_count"]
    fewest = min(real_count, len(fake.images))
    if fewest < 2 or (set(question.metrics) & set(NEED_ROWS[1:]) and fewest < 6):
        raise ValueError(
            f"These scores need two images of each kind, precision and such six. Received: "
            f"{real_count} real, {len(fake.images)} fake."
        )
    if backbone and backbone.name == records.PUBLISHED and len(fake.images) < PAPERS_COUNT:
        warnings.warn(
            f"{len(fake.images)} generated images: papers have {PAPERS_COUNT}, and FID is larger "
            "with fewer.",
            stacklevel=2,
        )


def _scored(question, backbone, real, stored, fake):
    """Records of images that fit."""
    maker = _Maker(backbone, real, stored, fake)
    found = []
    if question.needs_features:
        if stored is None:
            rows = bool(set(question.metrics) & {*NEED_ROWS, "intra_fid"})
            stored = reference.measure(backbone, real, features=rows)
        parts = [(x, y) for _, x, y in reference.outputs(backbone, fake.images)]
        features, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
        found += _of_features(question, maker, stored, fake, features, logits)
    return found + _of_pixels(question, maker, real, fake)


class _Maker:
    """Makes records of one pair of image sets."""

    def __init__(self, backbone, real, stored, fake):
        self.backbone = backbone
        side = fake.images.shape[1]
        if stored:
            of_real = {key: stored.about[key] for key in ("real", "real_count", "real_sha256")}
            of_real["real_resize"] = stored.about.get("real_resize")
        else:
            sha256 = image_sources.digest(real.images)
            of_real = {"real": real.about["source"], "real_count": len(real.images)}
            of_real |= {"real_sha256": sha256, "real_resize": real.about["source_resize"]}
        of_fake = {key.replace("source", "fake"): value for key, value in fake.about.items()}
        self.about = {"resolution": side, **of_real, **of_fake, "fake_count": len(fake.images)}
        for name in ("truncation", "seed", "weights", "batch_norm", "step"):
            self.about.setdefault(name, None)

    def __call__(self, metric, value, std=None, backbone=True, **about):
        network = self.backbone if backbone else None
        rule = records.resize_rule(network, self.about["resolution"])
        return records.make(metric, value, std, network, resize=rule, **{**self.about, **about})


def _of_features(question, make, real, fake, features, logits):
    found, asked = [], set(question.metrics)
    if "fid" in asked:
        moments = Moments()
        moments.update(features)
        found.append(make("fid", frechet_distance(real.moments, moments)))
    if "kid" in asked:
        size = min(1000, len(real.features), len(features))
        found.append(make("kid", *_bar(kid.kid, real.features, features, subset_size=size)))
        found[-1]["subset_size"] = size
    if "is" in asked:
        # Data sets are sorted by class, and a split must have all classes.
        order = np.random.default_rng(0).permutation(len(logits))
        splits = min(10, len(logits))
        found.append(make("inception_score", *inception_score(logits[order], splits)))
        found[-1]["splits"] = splits
    found += _of_neighbours(asked, make, real.features, features)
    if "intra_fid" in asked:
        mean, classes = _of_classes(real, fake, features)
        found.append(make("intra_fid", mean, classes=classes))
    if "class_share" in asked:
        share = np.mean(np.argmax(logits, axis=1) == fake.labels)
        found.append(make("class_share", share))
    return found


def _of_neighbours(asked, make, real, fake):
    """Precision and recall with k = 3, density and coverage with k = 5."""
    both = asked & {"precision_recall", "density_coverage"}
    if not both:
        return []
    function = prdc.precision_recall_density_coverage
    if both == {"precision_recall"}:
        function = prdc.precision_recall
    elif both == {"density_coverage"}:
        function = prdc.prdc
    values = _bar(function, real, fake)
    names = ["precision", "recall"] if "precision_recall" in both else []
    names += ["density", "coverage"] if "density_coverage" in both else []
    ks = {"precision": 3, "recall": 3, "density": 5, "coverage": 5}
    return [make(name, getattr(values, name), k=ks[name]) for name in names]


def _of_classes(real, fake, features):
    if real.features is not None:
        return _bar(intra_class.intra_class_fid, real.features, real.labels, features, fake.labels)
    distances = {}
    for label, moments in sorted(real.classes.items()):
        others = Moments()
        others.update(features[fake.labels == label])
        with warnings.catch_warnings():  # one for each class would be too many
            warnings.simplefilter("ignore", UserWarning)
            distances[label] = frechet_distance(moments, others)
    return float(np.mean(list(distances.values()))), distances


def _of_pixels(question, make, real, fake):
    found = []
    if "swd" in question.metrics:
        first, second = image_sources.in_equal_channels(real, fake)
        count = min(len(first.images), len(second.images))
        levels, mean = swd.swd(first.images[:count], second.images[:count], PATCHES)
        about = {"fake_count": count, "patches": PATCHES, "backbone": False}
        found.append(make("swd", mean, **about))
        found += [make(f"swd_{side}", value, **about) for side, value in levels.items()]
    if "ms_ssim" in question.metrics:
        even = len(fake.images) - len(fake.images) % 2
        order = np.random.default_rng(0).permutation(len(fake.images))[:even]
        value = _bar(ms_ssim.of_consecutive_pairs, fake.images[order])
        found.append(make("ms_ssim", value, fake_count=even, backbone=False))
    return found


def _bar(function: Callable, *arguments, **options):
    """Calls a metric with a bar."""
    with scores.progress(0, "part") as bar:

        def show(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return function(*arguments, progress=show, **options)


def run(question: Question, output: str) -> None:
    """Scores, prints a table, and adds the records to a file."""
    path = pathlib.Path(output)
    if path.exists():
        records.read(path)  # says at once if something else is in it
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        found = evaluate(question)
    records.append(path, found)
    for message in dict.fromkeys(str(x.message) for x in said if x.category is UserWarning):
        print(f"Warning: {message}", file=sys.stderr)
    print(f"{question.fake}:\n\n{records.column(found)}\n")
    if question.needs_features and found[0]["backbone"] != records.PUBLISHED:
        print(f"Features of {found[0]['backbone']}: these are not the FID, KID and IS of papers.")
    print(f"Added {len(found)} records to {path}.")


def main(_):
    """Asks what the flags ask."""
    draws = Draws(
        seed=SEED.value,
        truncation=TRUNCATION.value,
        prior=LATENTS.value,
        standing_passes=STANDING_PASSES.value,
    )
    try:
        question = Question(
            *(FAKE.value, REAL.value, REFERENCE.value, tuple(METRICS.value), BACKBONE.value),
            *(RESOLUTION.value, SPLIT.value, FAKE_SPLIT.value, NUM.value, draws),
        )
        run(question, OUTPUT.value)
    except (ValueError, OSError) as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    # Not at import: tests use this module beside others that have flags of such names.
    REAL = flags.DEFINE_string("real", None, f"Real images: {image_sources.GRAMMAR}.")
    FAKE = flags.DEFINE_string("fake", None, "Images to score, likewise.", required=True)
    REFERENCE = flags.DEFINE_string("reference", None, "Statistics of the real images, an .npz.")
    METRICS = flags.DEFINE_list("metrics", ",".join(DEFAULT), f"Of {', '.join(KNOWN)}.")
    BACKBONE = flags.DEFINE_string(
        "backbone",
        "auto",
        f"Feature network: {backbones.NAMES}the path of a .keras classifier, or auto: digits for "
        "--real=digits, else inception.",
    )
    RESOLUTION = flags.DEFINE_integer(
        "resolution", None, "Pixels to which both kinds of images are brought.", lower_bound=1
    )
    SPLIT = flags.DEFINE_enum("split", "train", image_sources.SPLITS, "Of --real.")
    FAKE_SPLIT = flags.DEFINE_enum(
        "fake_split", "all", image_sources.SPLITS, "Of --fake, if it is a data set."
    )
    NUM = flags.DEFINE_integer(
        "num",
        None,
        "Fake images: by default 5000 of a generator, all of a data set.",
        lower_bound=2,
    )
    TRUNCATION = flags.DEFINE_float("truncation", None, "Largest latent; by default no limit.")
    LATENTS = flags.DEFINE_enum(
        "latents", None, ("normal", "uniform"), "What the generator takes; by default normal."
    )
    STANDING_PASSES = flags.DEFINE_integer(
        "standing_passes", 0, "Batches for batch norms' moments; 0: those saved.", lower_bound=0
    )
    SEED = flags.DEFINE_integer("seed", 0, "Of the latents.")
    OUTPUT = flags.DEFINE_string("output", "scores.jsonl", "Records are added to this file.")
    app.run(main)
