"""The BigGAN recipe as its users run it: in processes of its own, killed, misused, on folders."""

import json
import math
import re
import signal

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from tests.recipes import runs
from tests.recipes.runs import FLAGS, SMALL, run
from tfgan_zoo import standing


def weights(path):
    """{name: array} of all that a checkpoint holds."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]}) if hasattr(item, "shape") else None
        )
    return found


def test_killed_and_continued_equals_never_killed(tmp_path):
    """Bit for bit: networks, average, optimizers, singular vectors, moments, step, data order."""
    whole, broken = tmp_path / "whole run", tmp_path / "broken run"
    done = run(*FLAGS, SMALL, f"--run_dir={whole}")
    assert done.returncode == 0, done.stderr[-3000:]

    killer = "tests.recipes.killed_run"
    done = run("step", 10, *FLAGS, SMALL, f"--run_dir={broken}", module=killer)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    checkpoints = broken / "checkpoints"
    assert sorted(path.name for path in checkpoints.glob("*.h5")) == [
        "step-00000004.weights.h5",
        "step-00000008.weights.h5",
    ]
    # The newest is damaged: the run has to go on from the one before, and say so.
    newest = checkpoints / "step-00000008.weights.h5"
    newest.write_bytes(newest.read_bytes()[:-1000] + bytes(1000))
    done = run("checkpoint", 8, *FLAGS, SMALL, f"--run_dir={broken}", module=killer)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    assert "step-00000008.weights.h5 is damaged" in done.stderr
    assert "Continues from step 4" in done.stdout
    assert (checkpoints / "tmp-step-00000008.weights.h5").exists()

    done = run(*FLAGS, SMALL, f"--run_dir={broken}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Continues from step 4" in done.stdout
    assert not list(checkpoints.glob("tmp-*"))
    expected = weights(whole / "checkpoints/step-00000014.weights.h5")
    found = weights(checkpoints / "step-00000014.weights.h5")
    assert len(expected) > 100 and found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, name)
    steps = [json.loads(line)["step"] for line in open(broken / "log.jsonl")]
    assert steps == list(range(1, 15))


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    """A complete run of two steps, with scores and exports."""
    folder = tmp_path_factory.mktemp("runs") / "short"
    flags = [SMALL, "--steps=2", "--backbone=auto", "--num_scored=60", "--export", "--batch_size=4"]
    flags += ["--standing=none,0.5", "--standing_passes=2"]
    done = run(*FLAGS, *flags, f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done


def test_run_directory(short_run):
    folder, done = short_run
    for name in (
        "flags.txt",
        "log.jsonl",
        "scores.jsonl",
        "report.html",
        "training.gif",
        "generator.keras",
        "discriminator.keras",
        "samples/step-00000002.png",
        "checkpoints/best.json",
        "checkpoints/step-00000002.json",
        "export/saved_model/2/saved_model.pb",
        "export/generator-2-int8.tflite",
    ):
        assert (folder / name).exists(), name
    assert list((folder / "tensorboard").glob("events*"))
    assert "1438 images" in done.stdout and "10 classes" in done.stdout
    assert f"{folder}/report.html" in done.stdout


def test_scores_have_their_protocol(short_run):
    folder, _ = short_run
    records = [json.loads(line) for line in open(folder / "scores.jsonl")]
    metrics = [record["metric"] for record in records]
    assert metrics[:3] == ["fid_floor", "kid_floor", "class_share_floor"]
    assert {"fid", "kid", "inception_score", "class_share"} <= set(metrics)
    for record in records:
        assert record["backbone"].startswith("digits-classifier@")
        assert record["real"] == "digits, train split" and record["real_count"] == 1438
        assert {"value", "fake_count", "resize", "weights", "step", "versions"} <= record.keys()


def test_report_is_self_contained(short_run):
    page = (short_run[0] / "report.html").read_text()
    assert "data:image/png;base64," in page and "data:image/gif;base64," in page
    assert "http" not in page and "keras.models.load_model" in page
    assert "--variant=biggan-digits" in page and "class_share" in page


def test_complete_run_again_does_nothing(short_run):
    folder, _ = short_run
    before = (folder / "checkpoints/step-00000002.weights.h5").stat().st_mtime_ns
    done = run(f"--flagfile={folder}/flags.txt")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Nothing to train: the run is at step 2" in done.stdout
    assert (folder / "checkpoints/step-00000002.weights.h5").stat().st_mtime_ns == before


def test_other_flags_are_refused(short_run):
    done = run(f"--flagfile={short_run[0]}/flags.txt", "--batch_size=16", "--seed=7")
    assert done.returncode == 1
    assert "--batch_size=16, but the run has --batch_size=4" in done.stderr
    assert "--seed=7, but the run has --seed=0" in done.stderr


def test_sample_mode_needs_the_run_alone(short_run):
    folder, _ = short_run
    done = run("--mode=sample", f"--run_dir={folder}", "--truncation=0.5")
    assert done.returncode == 0, done.stderr[-3000:]
    sheets = {path.name for path in (folder / "sheets").glob("*.png")}
    kinds = ("classes", "latents", "labels", "both", "chunks")
    assert {f"{kind}-seed0-truncation-0.5.png" for kind in kinds} < sheets


def test_sample_mode_needs_no_run(short_run, tmp_path):
    folder, _ = short_run
    flags = [f"--generator={folder / 'generator.keras'}", f"--run_dir={tmp_path}", "--classes=2,0"]
    done = run("--mode=sample", *flags, "--sheets=classes")
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path.name for path in (tmp_path / "sheets").iterdir()] == [
        "classes-seed0-no-truncation.png"
    ]
    done = run("--mode=sample", *flags, "--sheets=neighbours")
    assert done.returncode == 1 and "--dataset is required to compare with" in done.stderr


def test_moments_of_truncations_are_kept(short_run):
    generator = keras.models.load_model(short_run[0] / "generator.keras")
    assert generator.spec.standing == (0.5, math.inf)
    standing.select(generator, 0.5)


def test_spectra_of_all_weights(short_run):
    folder, _ = short_run
    rows = [json.loads(line) for line in open(folder / "spectra.jsonl")]
    networks = [
        keras.models.load_model(folder / f"{name}.keras") for name in ("generator", "discriminator")
    ]
    wide = [
        sum(len(weight.shape) > 1 for weight in network.trainable_weights) for network in networks
    ]
    assert len(rows[-1]["values"]) == sum(wide)
    for side, count in zip("gd", wide, strict=True):
        assert sum(name.startswith(f"{side}/") for name in rows[-1]["values"]) == count


def test_evaluate_mode_adds_scores(short_run):
    folder, _ = short_run
    before = len((folder / "scores.jsonl").read_text().splitlines())
    done = run("--mode=evaluate", f"--run_dir={folder}", "--truncation=1.0", "--num_scored=40")
    assert done.returncode == 0, done.stderr[-3000:]
    added = [json.loads(line) for line in open(folder / "scores.jsonl")][before:]
    assert {record["truncation"] for record in added} == {1.0}
    assert {record["fake_count"] for record in added} == {40}


def make_folder(path, classes=("cat", "dog"), size=(40, 30), count=5):
    """A folder of small colour images, one class per sub-folder."""
    rng = np.random.default_rng(0)
    for name in classes:
        (path / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")
    return path


def test_folder_of_colour_images(tmp_path):
    data = make_folder(tmp_path / "my pictures")
    folder = tmp_path / "run"
    flags = [
        SMALL,
        f"--dataset=folder:{data}",
        "--steps=1",
        "--backbone=auto",
        "--batch_size=4",
        "--flip",
    ]
    done = run(*FLAGS, *flags, f"--run_dir={folder}", f"--data_dir={tmp_path / 'cache'}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "none here suits these images" in done.stdout
    assert "shape (8, 8, 3)" in done.stdout and "2 classes" in done.stdout
    with Image.open(folder / "samples/step-00000001.png") as picture:
        assert picture.size[0] > 100


REFUSED = [
    (["--variant=bigan"], "--variant must be one of biggan-32, .*Received: 'bigan'"),
    (["--dataset=folder:nowhere"], "nowhere"),
    (["--tpu=local"], "--tpu goes with --strategy=tpu"),
    (["--strategy=tpu"], "--strategy=tpu found no TPU"),
    (["--batch_sise=3"], "Unknown command line flag 'batch_sise'"),
    (["--batch_size=0"], "batch_size"),
    (["--truncation=-1"], "--truncation must be positive"),
    (["--standing=1,two"], "--standing must be numbers, or none. Received: 1,two"),
    (["--generator=some.keras"], "--generator is for --mode=sample and evaluate"),
    (["--standing=0"], "--standing must be positive"),
    (["--spec=widht=3"], "--spec must be FIELD=VALUE.*'widht=3'"),
    (["--spec=width=wide"], "--spec=width= must be int. Received: 'wide'"),
    (["--spec=z_dim=33"], "`z_dim` must split into 4 equal parts.*z_dim=33"),
    (["--spec=skip_z=maybe"], "true or false"),
    (["--spec=g_widths=4-2"], "numbers with colons"),
    (["--d_micro_batches=3"], "--batch_size must be a multiple of --d_micro_batches=3"),
    (["--sigma_clamp"], "go with one of --sigma_target and --sigma_ratio"),
    (["--decay_from=14"], "--decay_from must be below --steps=14"),
    (["--latents=uniform", "--truncation=1"], "--truncation and --standing are for"),
    (["extra"], "Flags begin with --. Received: extra"),
    (["--mode=sample"], "needs the --run_dir of a run that has begun"),
    (["--z_dim=33"], "Unknown command line flag 'z_dim'"),
]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """(folder of the runs that must not be, [exit code, standard error] of each)."""
    folder = tmp_path_factory.mktemp("refused")
    return folder, runs.refusals("biggan", folder, FLAGS, [flags for flags, _ in REFUSED])


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda n: REFUSED[n][0][0])
def test_bad_flags_fail_before_anything_is_written(refusals, number):
    folder, ends = refusals
    code, said = ends[number]
    assert code != 0
    assert re.search(REFUSED[number][1], said), said[-2000:]
    assert "Traceback" not in said
    assert not (folder / str(number)).exists()


def test_a_refusal_ends_the_process_with_1(tmp_path):
    done = run(*FLAGS, "--variant=bigan", f"--run_dir={tmp_path / 'run'}")
    assert done.returncode == 1
    assert "Error: --variant must be one of" in done.stderr and "Traceback" not in done.stderr


def test_one_class_is_refused(tmp_path):
    data = make_folder(tmp_path / "one", classes=("cat",))
    done = run(*FLAGS, f"--dataset=folder:{data}", f"--run_dir={tmp_path / 'run'}")
    assert done.returncode == 1 and "at least 2 classes" in done.stderr
    assert not (tmp_path / "run").exists()


def test_unreadable_image_is_named(tmp_path):
    data = make_folder(tmp_path / "broken")
    (data / "cat" / "3.png").write_bytes(b"not a picture")
    done = run(*FLAGS, f"--dataset=folder:{data}", f"--run_dir={tmp_path / 'run'}")
    assert done.returncode == 1
    assert "3.png" in done.stderr and "Traceback" not in done.stderr


def test_divergence_stops_the_run(tmp_path):
    folder = tmp_path / "run"
    flags = [SMALL, "--g_learning_rate=1e30", "--d_learning_rate=1e30", "--save_every=1"]
    done = run(*FLAGS, *flags, f"--run_dir={folder}")
    assert done.returncode == 1
    assert "Stopped: Training diverged by step" in done.stderr
    assert "is kept in" in done.stderr or "before the first checkpoint" in done.stderr
    for path in (folder / "checkpoints").glob("*.weights.h5"):
        assert all(np.all(np.isfinite(value)) for value in weights(path).values())


def test_help_reads_well():
    done = run("--help")
    assert "Trains BigGAN" in done.stdout and "--orthogonal" in done.stdout
    assert "--batch_size" in run("--helpfull").stdout
