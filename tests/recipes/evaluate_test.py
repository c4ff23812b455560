"""Any images against any others, in this process and as a command."""

import keras
import numpy as np
import pytest
from PIL import Image

from export import saved_model
from recipes import evaluate, records, scores
from recipes.evaluate import Question
from recipes.image_sources import Draws
from tests import programs
from tfgan_zoo import presets
from tfgan_zoo.data import sources
from tfgan_zoo.metrics import fid, intra_class, prdc
from tfgan_zoo.metrics.classifier import Classifier
from tfgan_zoo.models import registry

pytestmark = pytest.mark.filterwarnings("ignore:.*singular:UserWarning")
ALL = evaluate.KNOWN


def by_name(found):
    return {record["metric"]: record for record in found}


@pytest.fixture(scope="module")
def digits():
    """(train, held out), 32 px"""
    return [sources.load("digits", 32, split=split) for split in sources.SPLITS]


@pytest.fixture(scope="module")
def npz(digits, tmp_path_factory):
    """120 digits and their classes as arrays."""
    path = tmp_path_factory.mktemp("arrays") / "digits.npz"
    names = np.array(digits[0].class_names)
    np.savez(path, images=digits[0].images[:120], labels=digits[0].labels[:120], class_names=names)
    return f"npz:{path}"


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    """The same 120 as pictures."""
    root = tmp_path_factory.mktemp("pictures")
    for row, label in enumerate(digits[0].labels[:120]):
        (root / str(label)).mkdir(exist_ok=True)
        Image.fromarray(digits[0].images[row, :, :, 0]).save(root / str(label) / f"{row:03}.png")
    return f"folder:{root}"


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(1)
    return registry.build_generator("cgan-digits", width=4, hidden=8)


@pytest.fixture(scope="module")
def generator_file(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "generator.keras"
    generator.save(path)
    return str(path)


def test_digits_against_those_held_out(digits):
    question = Question(
        "digits", "digits", fake_split="held_out", metrics=("fid", *ALL[3:7], "swd"), resolution=32
    )
    found = by_name(evaluate.evaluate(question))
    real, fake = (Classifier.digits()(part.images)[0] for part in digits)
    assert found["fid"]["value"] == pytest.approx(fid.fid(real, fake), rel=1e-6)
    both = prdc.precision_recall_density_coverage(real, fake)
    for name in ("precision", "recall", "density", "coverage"):
        assert found[name]["value"] == pytest.approx(getattr(both, name), abs=0.01)
    inner = intra_class.intra_class_fid(real, digits[0].labels, fake, digits[1].labels)
    assert found["intra_fid"]["value"] == pytest.approx(inner.mean, rel=1e-5)
    assert found["class_share"]["value"] > 0.98
    expected = scores.Scorer(None, *digits, 128).floor()
    assert found["swd"]["value"] == by_name(expected)["swd_floor"]["value"]
    assert found["fid"]["real_count"] == 1438 and found["fid"]["fake_count"] == 359
    assert found["fid"]["resize"] == "none: 32 px" and found["fid"]["resolution"] == 32


def test_arrays_and_folders_of_the_same_pictures(npz, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    question = Question(folder, npz, split="all", backbone="digits", metrics=("fid", "class_share"))
    found = by_name(evaluate.evaluate(question))
    assert abs(found["fid"]["value"]) < 1e-6
    assert found["fid"]["real_count"] == found["fid"]["fake_count"] == 120
    assert found["class_share"]["value"] > 0.98


def test_a_generator_is_scored_as_by_the_trainer(generator, generator_file):
    digits = [sources.load("digits", generator.output_shape[1], split=x) for x in sources.SPLITS]
    metrics = ("fid", "kid", "class_share")
    question = Question(generator_file, "digits", metrics=metrics, num=100, draws=Draws(seed=5))
    found = by_name(evaluate.evaluate(question))
    scorer = scores.Scorer(Classifier.digits(), *digits)
    expected = by_name(scorer.score(generator, 100, seed=5, step=0))
    for name in metrics:
        assert found[name]["value"] == pytest.approx(expected[name]["value"], rel=1e-4, abs=1e-5)
    assert found["fid"]["seed"] == 5 and found["fid"]["fake_sha256"]
    assert found["fid"]["fake_count"] == 100 and found["fid"]["step"] is None


def test_a_preset_tells_its_step_and_weights():
    about = presets.describe("sharing-digits")
    question = Question("sharing-digits", "digits", metrics=("fid", "swd"), num=70)
    for found in evaluate.evaluate(question):
        assert found["step"] == about.step == 500
        assert found["weights"] == about.weights == "ema"


def test_saved_models_are_generators(generator, generator_file, digits, tmp_path):
    saved_model.save(generator, tmp_path / "served")
    side = generator.output_shape[1]
    images = sources.load("digits", side)
    path = tmp_path / "digits.npz"
    np.savez(path, images=images.images[:200], labels=images.labels[:200])
    metrics = ("fid", "class_share", "ms_ssim") if side % 16 == 0 else ("fid", "class_share")
    values = [
        [
            record["value"]
            for record in evaluate.evaluate(
                Question(str(fake), f"npz:{path}", metrics=metrics, backbone="digits", num=40)
            )
        ]
        for fake in (tmp_path / "served", generator_file)
    ]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-2, atol=1e-3)


def test_seeds_and_truncation_change_the_images(generator, generator_file):
    def value(**draws):
        question = Question(
            generator_file, "digits", metrics=("fid",), num=50, draws=Draws(**draws)
        )
        record = evaluate.evaluate(question)[0]
        assert record["truncation"] == draws.get("truncation")
        return record["value"]

    assert value() == value()
    assert len({value(), value(seed=1), value(truncation=0.5)}) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fake": "nothing"}, "Images come from"),
        ({"fake": "gone.keras"}, "There is no such file"),
        ({"fake": "folder:/nowhere"}, "No such folder"),
        ({"fake": "npz:/nowhere.npz"}, "No such file"),
        ({"metrics": ("fid", "fad")}, "Received: fad"),
        ({"real": None}, "--real=SPEC, --reference"),
        ({"backbone": "other.keras"}, "which is no file"),
        ({"backbone": "inception:/nowhere.npz"}, "nowhere"),
        ({"metrics": ("intra_fid",), "real": "photographs"}, "real 2 classes .china"),
        ({"draws": Draws(truncation=-1.0)}, "--truncation must be positive"),
        ({"num": 3}, "classes|two images|six"),
        ({"resolution": 99}, "not resized"),
    ],
    ids=str,
)
def test_what_cannot_be_scored_is_refused(changes, words, generator_file):
    values = {"fake": generator_file, "real": "digits", "backbone": "digits", **changes}
    with pytest.raises(ValueError, match=words):
        evaluate.evaluate(Question(**values))


def test_too_few_images_are_warned_of(npz):
    with pytest.warns(UserWarning, match="50 samples of 64 dimensions"):
        evaluate.evaluate(Question(npz, "digits", num=50, metrics=("fid",)))


def test_sizes_must_be_said(npz, tmp_path):
    path = tmp_path / "small.npz"
    np.savez(path, images=np.zeros((9, 16, 16, 1), np.uint8))
    with pytest.raises(ValueError, match="32 px.*16 px|16 px.*32 px"):
        evaluate.evaluate(Question(f"npz:{path}", npz, backbone="digits"))


def test_command(npz, tmp_path):
    options = ["--real=digits", "--backbone=digits", "--metrics=fid"]
    output = f"--output={tmp_path / 'scores.jsonl'}"
    done = programs.run("recipes.evaluate", f"--fake={npz}", *options, output)
    assert done.returncode == 0, done.stderr
    assert "FD (digits-classifier@" in done.stdout and "not the FID" in done.stdout
    assert [row["metric"] for row in records.read(tmp_path / "scores.jsonl")] == ["fid"]
