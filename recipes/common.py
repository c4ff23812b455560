"""The flags that all recipes share, and the program they are the front of."""

import sys
from collections.abc import Callable

import keras
import tensorflow as tf
from absl import app, flags, logging

from recipes import report, scores, sheets
from recipes.run_directory import RunDirectory
from recipes.trainer import Plan, Trainer
from tfgan_zoo import sampling
from tfgan_zoo.data import sources
from tfgan_zoo.data.sources import ImageSet
from tfgan_zoo.metrics.classifier import Classifier
from tfgan_zoo.models import registry
from tfgan_zoo.training.checkpoints import Checkpoints
from tfgan_zoo.training.gan import GAN
from tfgan_zoo.training.guard import TrainingFailed

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
VARIANT = flags.DEFINE_string("variant", None, "Networks: a name from the registry.")
DATASET = flags.DEFINE_string(
    "dataset", None, "Images: digits, or folder:PATH with one folder per class."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of prepared data sets. Default: ~/.cache/tfgan_zoo."
)
CHANNELS = flags.DEFINE_enum(
    "channels", "auto", ["auto", "1", "3"], "Of the images. auto: as the files have them."
)
FLIP = flags.DEFINE_bool("flip", False, "Mirror half of the real images left to right.")
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "Images per update, over all replicas.", lower_bound=1
)
STEPS = flags.DEFINE_integer("steps", 100_000, "Generator steps to reach in all.", lower_bound=1)
SEED = flags.DEFINE_integer(
    "seed", 0, "Of weights, noise and data order.", lower_bound=0, upper_bound=2**31 - 1
)
STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored", "tpu"],
    "auto: mirrored where there are several GPUs, else one device.",
)
TPU = flags.DEFINE_string("tpu", None, "Name or address of the TPU; with --strategy=tpu.")
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
BACKBONE = flags.DEFINE_string(
    "backbone",
    "auto",
    "Feature network of the scores: digits, none, the path of a .keras classifier as "
    "recipes/digits_classifier.py writes it, or auto: digits for the digits, else none.",
)
NUM_SCORED = flags.DEFINE_integer(
    "num_scored", 5000, "Generated images that are scored.", lower_bound=2
)
TRUNCATION = flags.DEFINE_float(
    "truncation", None, "Largest latent of --mode=sample and evaluate. Default: no limit."
)
EXPORT = flags.DEFINE_bool(
    "export", True, "Write a SavedModel and TFLite files when training is through."
)
COLUMNS = flags.DEFINE_integer("columns", 10, "Of sample sheets.", lower_bound=1)


def adam(learning_rate: float, beta_1: float, beta_2: float, epsilon: float = 1e-8):
    """Adam with every number said: Keras has other defaults than the papers."""
    return keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


def spec_changes(images: ImageSet) -> dict[str, int]:
    """What the data decide about the networks of --variant: channels, and classes if it has any."""
    conditional = registry.spec(VARIANT.value).num_classes > 0
    return {"channels": images.channels, "num_classes": images.num_classes if conditional else 0}


def main(build_gan: Callable[[ImageSet], GAN], family: str) -> None:
    """Runs a recipe as a program.

    Args:
        build_gan: Returns the compiled GAN that the flags describe, for the given images. Called
            in the strategy's scope.
        family: Of the registry, whose variants the recipe can train.
    """
    app.run(lambda argv: _run(build_gan, family, argv))


def _run(build_gan, family, argv):
    logging.set_verbosity(logging.WARNING)  # TensorFlow's exporters tell every file they write
    run = RunDirectory(RUN_DIR.value)
    try:
        if argv[1:]:
            raise ValueError(f"Flags begin with --. Received: {' '.join(argv[1:])}.")
        if MODE.value != "train":
            run.adopt_flags(flags.FLAGS)
        _check_flags(family)
        if MODE.value == "train":
            run.check(flags.FLAGS)
            strategy = make_strategy(STRATEGY.value, TPU.value)
            _check_batch_size(strategy.num_replicas_in_sync)
            images, held_out = _load_data()
            backbone = _backbone()
        else:
            generator = _load_generator(run)
            images, held_out = _load_data() if MODE.value == "evaluate" else (None, None)
            backbone = _backbone() if MODE.value == "evaluate" else None
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    scorer = scores.Scorer(backbone, images, held_out) if backbone else None
    if MODE.value == "train":
        _train(build_gan, run, images, strategy, scorer)
    elif MODE.value == "evaluate":
        _evaluate(run, generator, scorer)
    else:
        _sample(run, generator)


def _train(build_gan, run, images, strategy, scorer):
    run.begin(flags.FLAGS)
    print(sources.describe(images))
    keras.utils.set_random_seed(SEED.value)
    keras.config.set_dtype_policy(PRECISION.value)
    with strategy.scope():
        gan = build_gan(images)
    keras.config.set_dtype_policy("float32")
    plan = Plan(
        steps=STEPS.value,
        batch_size=BATCH_SIZE.value,
        seed=SEED.value,
        flip=FLIP.value,
        log_every=LOG_EVERY.value,
        save_every=SAVE_EVERY.value,
        sample_every=SAMPLE_EVERY.value,
        evaluate_every=EVALUATE_EVERY.value,
        num_scored=NUM_SCORED.value,
        columns=COLUMNS.value,
    )
    trainer = Trainer(run, gan, images, strategy, plan, scorer)
    try:
        trainer.train()
    except TrainingFailed as error:
        sys.exit(f"Stopped: {error}")
    except KeyboardInterrupt:
        sys.exit(f"Interrupted at step {trainer.step}. The same command goes on with the run.")
    trainer.film()
    exported = report.export(run, trainer.generator, trainer.step) if EXPORT.value else []
    report.write(run, sources.describe(images), trainer.generator, exported)
    if scorer:
        print(scores.table(run.rows("scores.jsonl")))
    print(report.whereabouts(run))


def _evaluate(run, generator, scorer):
    if scorer is None:
        sys.exit("Error: --mode=evaluate needs a --backbone for these images: see --help.")
    step = max(Checkpoints(run / "checkpoints").steps(), default=0)
    records = scorer.score(generator, NUM_SCORED.value, SEED.value, step, TRUNCATION.value)
    run.append("scores.jsonl", records)
    print(scores.table(records))


def _sample(run, generator):
    """Draws a sheet of classes and one of ways between them."""
    inputs = scores.sheet_inputs(generator, COLUMNS.value, SEED.value, TRUNCATION.value)
    images = sampling.generate(generator, inputs)
    rows = len(images) // COLUMNS.value
    truncation = "no truncation" if TRUNCATION.value is None else f"truncation {TRUNCATION.value}"
    title = f"{VARIANT.value}, seed {SEED.value}, {truncation}"
    names = tuple(map(str, range(rows))) if "labels" in inputs else None
    figure = sheets.sample_sheet(
        images.reshape(rows, -1, *images.shape[1:]), title, names, "one latent per column"
    )
    path = run / f"sheets/samples-seed{SEED.value}-{truncation.replace(' ', '-')}.png"
    sheets.write(path, figure)
    start = {name: value[:: COLUMNS.value] for name, value in inputs.items()}
    end = {name: value[COLUMNS.value - 1 :: COLUMNS.value] for name, value in inputs.items()}
    if "labels" in end:
        end["labels"] = (end["labels"] + 1) % generator.spec.num_classes
    ways = sampling.interpolate(generator, start, end, COLUMNS.value)
    names = names and tuple(f"{name} to {(int(name) + 1) % rows}" for name in names)
    between = path.with_name(path.name.replace("samples", "interpolation"))
    sheets.write(between, sheets.sample_sheet(ways, title, names, "from one input to another"))
    print(f"Sheets: {path}\n        {between}")


# --- checks: all before TensorFlow has anything to do --------------------------------------------


def _check_flags(family):
    for flag in (VARIANT, DATASET):
        if flag.value is None:
            raise ValueError(
                f"--{flag.name} is required. Received: none. Name it, or a --flagfile= of recipes/"
                "flagfiles that does."
            )
    if VARIANT.value not in registry.names(family):
        raise ValueError(
            f"--variant must be one of {', '.join(registry.names(family))}. "
            f"Received: {VARIANT.value!r}."
        )
    if TPU.value and STRATEGY.value != "tpu":
        raise ValueError(
            f"--tpu goes with --strategy=tpu. Received: --strategy={STRATEGY.value}. "
            "Drop one of them."
        )
    if TRUNCATION.value is not None and TRUNCATION.value <= 0:
        raise ValueError(f"--truncation must be positive. Received: {TRUNCATION.value}.")


def _check_batch_size(replicas):
    if BATCH_SIZE.value % replicas:
        raise ValueError(
            f"--batch_size is divided among {replicas} replicas, so it must be a multiple of that. "
            f"Received: {BATCH_SIZE.value}. "
            f"Take {max(replicas, BATCH_SIZE.value - BATCH_SIZE.value % replicas)}."
        )


def make_strategy(name: str, tpu: str | None = None) -> tf.distribute.Strategy:
    """The strategy of --strategy.

    Raises:
        ValueError: If there is no TPU where one is asked for.
    """
    if name == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu or "")
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
        except (ValueError, RuntimeError, tf.errors.OpError) as error:
            raise ValueError(
                f"--strategy=tpu found no TPU (--tpu={tpu!r}): {str(error).splitlines()[0]} "
                "Name it with --tpu, or use another --strategy."
            ) from error
        return tf.distribute.TPUStrategy(resolver)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def _load_data():
    """(train, held_out), both checked against the variant."""
    spec = registry.spec(VARIANT.value)
    channels = None if CHANNELS.value == "auto" else int(CHANNELS.value)
    with scores.progress(0, "image") as bar:

        def show(done, total):
            bar.total = total
            bar.update(done - bar.n)

        splits = [
            sources.load(DATASET.value, spec.resolution, channels, DATA_DIR.value, split, show)
            for split in ("train", "held_out")
        ]
    for images in splits:
        sources.require_labels_below(images, splits[0].num_classes)
    if spec.num_classes:
        sources.require_conditional(splits[0])
    return splits


def _backbone():
    """The feature network of --backbone, or None."""
    name = BACKBONE.value
    if name == "auto":
        name = "digits" if DATASET.value == "digits" else "none"
    if name == "none":
        print(
            "No scores: no feature network here suits these images. Train one with "
            "python -m recipes.digits_classifier, and name it with --backbone."
        )
        return None
    return Classifier.digits() if name == "digits" else Classifier(name)


def _load_generator(run):
    path = run.path / "generator.keras"
    if not path.exists():
        raise ValueError(
            f"--mode={MODE.value} needs {path}, which training writes with its first checkpoint. "
            "Train first: --mode=train."
        )
    return keras.models.load_model(path, compile=False)
