"""The flags that all recipes share, and the program they are the front of."""

import math
import pathlib
import sys
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf
from absl import app, flags, logging

from export.inference import load_generator
from recipes import (
    analysis,
    augmenting,
    devices,
    optimizers,
    phases,
    report,
    scores,
    scoring,
    trainer,
    variants,
)
from recipes.run_directory import RunDirectory
from tfgan_zoo.data import sources
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.models.network import Spec
from tfgan_zoo.training import priors
from tfgan_zoo.training.growing import Phase
from tfgan_zoo.training.monitor import TrainingFailed

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder of the run: begun if new, continued if it holds one.", required=True
)
MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "evaluate", "sample"],
    "train: from where the run is to --steps. evaluate: score its generator again. sample: draw "
    "sheets with it. The last two need --run_dir alone; the run's own flags are the default.",
)
GENERATOR = flags.DEFINE_string(
    "generator",
    None,
    "A .keras file for --mode=sample and evaluate, instead of the run's generator; the results go "
    "to --run_dir.",
)
DATASET = flags.DEFINE_string(
    "dataset",
    None,
    f"Images: {', '.join(x.grammar for x in sources.LOADERS.values())}; see docs/data.md.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of prepared sets, ours and TFDS's. Default: each in its own, at home."
)
TRY_GCS = flags.DEFINE_bool(
    "try_gcs", False, "Let TensorFlow Datasets fetch prepared sets from Google's storage."
)
ON_BAD_IMAGE = flags.DEFINE_enum(
    "on_bad_image", "error", ["error", "skip"], "skip: leave out and list unreadable pictures."
)
SUBSET = flags.DEFINE_integer(
    "subset", None, "Images to train on, classes as they are; scores compare with all.", 1
)
CHANNELS = flags.DEFINE_enum(
    "channels", "auto", ["auto", "1", "3"], "Of the images. auto: as the files have them."
)
ONLY_CLASS = flags.DEFINE_integer(
    "only_class", None, "Number of the one class of the data to train on. Default: all.", 0
)
BALANCED = flags.DEFINE_bool("balanced", False, "Train on images of all classes equally often.")
DEQUANTIZE = flags.DEFINE_bool(
    "dequantize",
    False,
    "Add noise as wide as a grey level to real images: x / 128 - 1 + U(0, 1 / 128).",
)
FLIP = flags.DEFINE_bool("flip", False, "Mirror half of the real images left to right.")
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "Images per update, over all replicas.", lower_bound=1
)
LATENTS = flags.DEFINE_enum(
    "latents", "normal", sorted(priors.PRIORS), "Their distribution, in training and in samples."
)
STEPS = flags.DEFINE_integer("steps", 100_000, "Generator steps to reach in all.", lower_bound=1)
SEED = flags.DEFINE_integer(
    "seed", 0, "Of weights, noise and data order.", lower_bound=0, upper_bound=2**31 - 1
)
PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16"],
    "Of activations. Weights, statistics, losses and penalties are always float32.",
)
JIT_COMPILE = flags.DEFINE_bool(
    "jit_compile", False, "Compile the step with XLA: faster on GPUs, slower on CPUs."
)
LOG_EVERY = flags.DEFINE_integer("log_every", 50, "Steps between reports.", lower_bound=1)
SAVE_EVERY = flags.DEFINE_integer("save_every", 1000, "Steps between checkpoints.", lower_bound=1)
SAMPLE_EVERY = flags.DEFINE_integer(
    "sample_every", 1000, "Steps between sample sheets; 0: the last only.", lower_bound=0
)
EVALUATE_EVERY = flags.DEFINE_integer(
    "evaluate_every", 5000, "Steps between scores; 0: the last only.", lower_bound=0
)
SPECTRA_EVERY = flags.DEFINE_integer(
    "spectra_every",
    1000,
    "Steps between looks at all weights' largest singular values; 0: the last only.",
    lower_bound=0,
)
ON_COLLAPSE = flags.DEFINE_enum(
    "on_collapse",
    "stop",
    trainer.ON_COLLAPSE,
    "When training fails. rollback: go back to the best state, or if nothing is scored to the "
    "newest, and on with other noise. warn: go on.",
)
MAX_ROLLBACKS = flags.DEFINE_integer("max_rollbacks", 3, "Then it stops.", lower_bound=0)
ROLLBACK_RATE = flags.DEFINE_float(
    "rollback_rate",
    1.0,
    "What a rollback multiplies the learning rates by.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
TRUNCATION = flags.DEFINE_float(
    "truncation", None, "Largest latent of --mode=sample and evaluate. Default: no limit."
)
STANDING = flags.DEFINE_list(
    "standing",
    [],
    "Truncations, none among them, whose batch-norm moments are measured when training is through, "
    "in --standing_passes batches each, and kept in generator.keras.",
)
EXPORT = flags.DEFINE_bool(
    "export", True, "Write a SavedModel and TFLite files when training is through."
)
COLUMNS = flags.DEFINE_integer("columns", 10, "Of sample sheets.", lower_bound=1)


class Method(NamedTuple):
    """What makes a recipe of this file.

    Attributes:
        families: Of the registry, whose variants it can train.
        build: Returns the compiled model that the flags describe, for the given images and phase of
            training. Called in the strategy's scope.
        check_flags: Called with the number of replicas; raises ValueError if the recipe's own
            flags contradict one another.
        defaults: Of flags, by name.
        phases: Of the training that the flags describe, at least one.
    """

    families: tuple[str, ...]
    build: Callable[[ImageSet, Phase], keras.Model]
    check_flags: Callable[[int], None]
    defaults: dict[str, object]
    phases: Callable[[], list[Phase]]

    def set_defaults(self) -> None:
        """Makes them those of the program."""
        for name, value in self.defaults.items():
            flags.FLAGS.set_default(name, value)


def one_phase() -> list[Phase]:
    """The phases of networks that do not grow."""
    return [Phase.whole(variants.flag_spec().resolution, STEPS.value, BATCH_SIZE.value)]


def prior(spec: Spec) -> Callable:
    """The prior of --latents."""
    settings = {"steps": STEPS.value} if LATENTS.value == "annealed" else {}
    return priors.PRIORS[LATENTS.value](spec.latents_shape, spec.num_classes, **settings)


def _draw_latents(spec: Spec) -> scores.Draw | None:
    """Latents to sample with, or None for normal ones: those at the end of training."""
    if LATENTS.value == "normal":
        return None
    drawn = prior(spec)
    return lambda count, seed: drawn(count, (seed, 0), STEPS.value)["latents"].numpy()


def _truncations() -> list[float]:
    """Those of --standing."""
    try:
        return [math.inf if text == "none" else float(text) for text in STANDING.value]
    except ValueError:
        raise ValueError(
            f"--standing must be numbers, or none. Received: {','.join(STANDING.value)}."
        ) from None


def main(method: Method) -> None:
    """Runs a recipe as a program."""
    method.set_defaults()
    # What --help lists: the flags of the method, which are defined elsewhere.
    own = (method.build.__module__, method.check_flags.__module__)
    # By name: not all recipes have rates that fall.
    for module in {*own, optimizers.__name__, augmenting.__name__, "recipes.rates"}:
        for flag in flags.FLAGS.get_flags_for_module(module):
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    app.run(lambda argv: _run(method, argv))


def _run(method, argv):
    logging.set_verbosity(logging.WARNING)  # TensorFlow's exporters tell every file they write
    tf.get_logger().setLevel("ERROR")  # and calls it a mistake that each phase has functions
    run = RunDirectory(RUN_DIR.value)
    try:
        if argv[1:]:
            raise ValueError(f"Flags begin with --. Received: {' '.join(argv[1:])}.")
        if MODE.value != "train":
            return _use(run, method.families)
        require_flags(method.families)
        run.check(flags.FLAGS)
        strategy = devices.make_strategy()
        _check_batch_size(strategy.num_replicas_in_sync)
        method.check_flags(strategy.num_replicas_in_sync)
        schedule = method.phases()
        splits = _load_data(variants.flag_spec())
        images = _chosen(splits[0])
        backbone = scoring.backbone(DATASET.value)
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    scorer = scoring.scorer(backbone, splits)
    _train(method.build, schedule, run, images, strategy, scorer)


def _use(run, families):
    """--mode=evaluate and sample: with the generator of the run, or of --generator."""
    if GENERATOR.value:
        generator, step = load_generator(GENERATOR.value), 0
        about = pathlib.Path(GENERATOR.value).name
    else:
        run.adopt_flags(flags.FLAGS)
        require_flags(families)
        generator = _run_generator(run)
        step = phases.newest_step(run)
        about = f"{variants.VARIANT.value}, step {step}"
    chosen = analysis.options(
        columns=COLUMNS.value,
        seed=SEED.value,
        truncation=TRUNCATION.value,
        num_scored=scoring.NUM_SCORED.value,
        step=step,
    )
    evaluate = MODE.value == "evaluate"
    splits = scorer = None
    if evaluate or analysis.needs_data(chosen):
        if DATASET.value is None:
            raise ValueError("--dataset is required to compare with. Received: none. Name it.")
        splits = _load_data(generator.spec)
        backbone = scoring.backbone(DATASET.value)
        scorer = scoring.scorer(backbone, splits) if evaluate or backbone else None
        splits[0] = _chosen(splits[0])
    draw = _draw_latents(generator.spec)
    if evaluate:
        _evaluate(run, generator, scorer, step, draw)
    else:
        analysis.sample(generator, run.path / "sheets", about, chosen, splits, scorer, draw)


def _train(build, schedule, run, images, strategy, scorer):
    run.begin(flags.FLAGS)
    print(sources.describe(images))
    setting = phases.Setting(
        run=run,
        build=build,
        images=images,
        strategy=strategy,
        precision=PRECISION.value,
        phases=schedule,
        plan=_plan(),
        scorer=scorer,
        draw=_draw_latents,
    )
    try:
        training = phases.train(setting)
    except TrainingFailed as error:
        sys.exit(f"Stopped: {error}")
    except KeyboardInterrupt:
        step = phases.newest_step(run)
        sys.exit(f"Interrupted. Step {step} is kept: the same command goes on from there.")
    if STANDING.value:
        training.tabulate(_truncations(), analysis.STANDING_PASSES.value)
    training.film()
    exported = []
    if EXPORT.value:
        exported = report.export(run, training.generator, training.step, LATENTS.value)
    report.write(run, sources.describe(images), training.generator, exported)
    if scorer:
        print(scores.table(run.rows("scores.jsonl")))
    print(report.whereabouts(run))


def _plan():
    return trainer.Plan(
        seed=SEED.value,
        flip=FLIP.value,
        balanced=BALANCED.value,
        dequantize=DEQUANTIZE.value,
        log_every=LOG_EVERY.value,
        save_every=SAVE_EVERY.value,
        sample_every=SAMPLE_EVERY.value,
        evaluate_every=EVALUATE_EVERY.value,
        spectra_every=SPECTRA_EVERY.value,
        num_scored=scoring.NUM_SCORED.value,
        columns=COLUMNS.value,
        on_collapse=ON_COLLAPSE.value,
        max_rollbacks=MAX_ROLLBACKS.value,
        rollback_rate=ROLLBACK_RATE.value,
    )


def _evaluate(run, generator, scorer, step, draw):
    if scorer is None:
        raise ValueError("--mode=evaluate needs --backbone or --swd_patches here: see --help.")
    records = scorer.score(
        generator,
        scoring.NUM_SCORED.value,
        SEED.value,
        step,
        TRUNCATION.value,
        draw,
        analysis.STANDING_PASSES.value,
    )
    run.append("scores.jsonl", records)
    print(scores.table(records))


# --- checks: all before TensorFlow has anything to do --------------------------------------------


def require_flags(families: tuple[str, ...]) -> None:
    """Raises ValueError for shared flags that are missing, unknown or contradict one another."""
    for flag in (variants.VARIANT, DATASET):
        if flag.value is None:
            raise ValueError(
                f"--{flag.name} is required. Received: none. Name it, or a --flagfile= of recipes/"
                "flagfiles that does."
            )
    variants.require(families)
    if GENERATOR.value and MODE.value == "train":
        raise ValueError(
            f"--generator is for --mode=sample and evaluate. Received: {GENERATOR.value}. Drop it."
        )
    devices.check_flags()
    variants.flag_spec()
    if any(not truncation > 0 for truncation in _truncations()):
        raise ValueError(f"--standing must be positive. Received: {','.join(STANDING.value)}.")
    if TRUNCATION.value is not None and TRUNCATION.value <= 0:
        raise ValueError(f"--truncation must be positive. Received: {TRUNCATION.value}.")
    if LATENTS.value != "normal" and (TRUNCATION.value is not None or STANDING.value):
        raise ValueError(
            "--truncation and --standing are for --latents=normal. "
            f"Received: --latents={LATENTS.value}. Drop one of them."
        )


def _check_batch_size(replicas):
    if BATCH_SIZE.value % replicas:
        raise ValueError(
            f"--batch_size is divided among {replicas} replicas, so it must be a multiple of that. "
            f"Received: {BATCH_SIZE.value}. "
            f"Take {max(replicas, BATCH_SIZE.value - BATCH_SIZE.value % replicas)}."
        )


def _load_data(spec):
    """(train, held_out), both checked against a spec of networks."""
    channels = None if CHANNELS.value == "auto" else int(CHANNELS.value)
    with scores.progress(0, "image") as bar:

        def show(done, total):
            bar.total = total
            bar.update(done - bar.n)

        where = (DATASET.value, spec.resolution, channels, DATA_DIR.value)
        how = (show, ON_BAD_IMAGE.value, TRY_GCS.value)
        splits = [sources.load(*where, split, *how) for split in sources.SPLITS]
    if ONLY_CLASS.value is not None:
        splits = [sources.of_class(images, ONLY_CLASS.value) for images in splits]
    for images in splits:
        sources.require_labels_below(images, splits[0].num_classes)
    if spec.supervised or BALANCED.value:
        sources.require_classes(splits[0])
    return splits


def _chosen(images):
    """Those of --subset, which are trained on."""
    return images if SUBSET.value is None else sources.subset(images, SUBSET.value)


def _run_generator(run):
    path = run.path / "generator.keras"
    if not path.exists():
        raise ValueError(
            f"--mode={MODE.value} needs {path}, which training writes with its first checkpoint. "
            "Train first: --mode=train."
        )
    return load_generator(str(path))
