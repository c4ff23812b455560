"""Presets: what is written is read, and nothing else is."""

import dataclasses
import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgan_zoo
from tfgan_zoo import sampling
from tfgan_zoo.models import registry
from tfgan_zoo.presets import __main__ as program
from tfgan_zoo.presets import reading
from tfgan_zoo.presets.description import Description
from tfgan_zoo.presets.writing import save_to_preset

RECORD = {
    "metric": "fid",
    "value": 0.5,
    "std": None,
    "fake_count": 10,
    "backbone": "some@1234",
    "real": "digits, train split",
    "real_count": 20,
}
ABOUT = Description(
    name="small",
    method="BigGAN",
    variant="biggan-digits",
    paper="https://arxiv.org/abs/1809.11096",
    prior="normal",
    truncation=1.5,
    class_names=tuple("0123456789"),
    data="digits",
    licence="free",
    weights="ema",
    step=7,
    commit=None,
    recipe="python -m recipes.biggan",
    scores=(RECORD,),
)


@pytest.fixture(name="generator", scope="module")
def fixture_generator():
    keras.utils.set_random_seed(0)
    generator = registry.build_generator("biggan-digits", width=4, z_dim=8, shared_dim=4)
    for variable in generator.non_trainable_variables:  # a loss of these must show
        if "float" in variable.dtype:
            variable.assign(variable + 0.25)
    return generator


@pytest.fixture(name="saved", scope="module")
def fixture_saved(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "my own"
    return folder, save_to_preset(generator, str(folder), ABOUT)


@pytest.fixture(name="copy")
def fixture_copy(saved, tmp_path):
    return shutil.copytree(saved[0], tmp_path / "copy")


def outputs(generator):
    return generator.predict_on_batch(sampling.inputs(generator, 10, seed=3))


def test_what_is_saved_is_loaded(generator, saved):
    loaded = tfgan_zoo.from_preset(str(saved[0]))
    np.testing.assert_array_equal(outputs(loaded), outputs(generator))
    assert loaded.preset == saved[1]
    plain = keras.models.load_model(saved[0])
    np.testing.assert_array_equal(outputs(plain), outputs(generator))


def test_description_is_completed(generator, saved):
    about = saved[1]
    assert about.inputs == {"latents": [8], "labels": []}
    assert about.image == (32, 32, 1)
    assert about.variables == len(generator.variables)
    assert about.parameters == sum(int(np.prod(w.shape)) for w in generator.trainable_weights)
    assert about.files.keys() == {"config.json", "model.weights.h5"}
    assert Description.from_json(about.to_json()) == about


def test_folder_holds_what_readers_expect(saved):
    names = {path.name for path in saved[0].iterdir()}
    assert names == set(reading.FILES)
    card = (saved[0] / "README.md").read_text(encoding="utf-8")
    for words in ("fid | 0.5", "some@1234", "from_preset", "truncation=1.5", "recipes.biggan"):
        assert words in card


def test_without_weights_it_is_another_generator(generator, saved):
    fresh = tfgan_zoo.from_preset(str(saved[0]), load_weights=False)
    assert fresh.count_params() == generator.count_params()
    assert np.abs(outputs(fresh) - outputs(generator)).max() > 0.01


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_changed_files_are_refused(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is not the file that was saved"):
        tfgan_zoo.from_preset(str(copy))


def test_cut_off_and_missing_files_are_refused(copy):
    os.truncate(copy / "model.weights.h5", 1000)
    with pytest.raises(ValueError, match="model.weights.h5 is not the file"):
        reading.check(str(copy))
    (copy / "model.weights.h5").unlink()
    with pytest.raises(ValueError, match="Received: no file"):
        reading.check(str(copy))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:100], "save_to_preset writes"),
        (lambda text: "[]", "save_to_preset writes"),
        (lambda text: text.replace('"normal"', '"gamma"'), "`prior` must be one of"),
        (lambda text: json.dumps({**json.loads(text), "files": {}}), "no hash of config.json"),
        (lambda text: json.dumps({**json.loads(text), "files": ["x"]}), "save_to_preset writes"),
        (lambda text: text.replace("config.json", "../config.json"), "without folders"),
        (lambda text: "[" * 100_000, "save_to_preset writes"),
    ],
)
def test_broken_descriptions_are_refused(copy, change, message):
    path = copy / "gan.json"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        tfgan_zoo.from_preset(str(copy))


def test_another_number_of_variables_is_refused(copy):
    path = copy / "gan.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**values, "variables": 3}), encoding="utf-8")
    with pytest.raises(ValueError, match="must hold 3 variables"):
        tfgan_zoo.from_preset(str(copy))


def test_folders_are_never_overwritten(generator, saved):
    with pytest.raises(ValueError, match="must not exist"):
        save_to_preset(generator, str(saved[0]), ABOUT)


def test_classes_must_fit_and_nothing_is_left(generator, tmp_path):
    about = dataclasses.replace(ABOUT, class_names=("a",))
    with pytest.raises(ValueError, match="must name the generator's 10 classes"):
        save_to_preset(generator, str(tmp_path / "new"), about)
    assert not list(tmp_path.iterdir())


def test_unknown_presets_are_refused(tmp_path):
    for preset in ("biggan-unknown", str(tmp_path)):
        with pytest.raises(ValueError, match="`preset` must be one of"):
            tfgan_zoo.from_preset(preset)


@pytest.mark.parametrize("changes", [{"prior": "uniform"}, {"truncation": -1.0}, {"weights": "x"}])
def test_descriptions_are_checked(changes):
    with pytest.raises(ValueError, match="Received"):
        dataclasses.replace(ABOUT, **changes)


def test_hub_snapshots_are_read(saved, tmp_path, monkeypatch):
    """From Hugging Face's own cache, without a connection."""
    constants = pytest.importorskip("huggingface_hub.constants")
    revision = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--someone--small"
    shutil.copytree(saved[0], repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert tfgan_zoo.from_preset("hf://someone/small").preset == saved[1]
    with pytest.raises(ValueError, match="hf://someone/else cannot be fetched"):
        tfgan_zoo.from_preset("hf://someone/else")


def test_other_addresses_are_copied_once_and_again_when_they_change(saved, tmp_path, monkeypatch):
    """ram:// is TensorFlow's own, and like gs:// no folder of the machine."""
    monkeypatch.setattr(reading, "CACHE", str(tmp_path))
    address = "ram://presets/small"
    for path in saved[0].iterdir():
        tf.io.gfile.copy(str(path), f"{address}/{path.name}", overwrite=True)
    assert tfgan_zoo.from_preset(address).preset == saved[1]
    (cached,) = tmp_path.iterdir()
    before = cached.stat().st_ino
    reading.check(address)
    assert cached.stat().st_ino == before
    tf.io.gfile.remove(f"{address}/gan.json")  # ram:// keeps the rest of longer files
    with tf.io.gfile.GFile(f"{address}/gan.json", "w") as file:
        file.write(dataclasses.replace(saved[1], step=8).to_json())
    assert reading.describe(address).step == 8
    with pytest.raises(ValueError, match="cannot be read"):
        reading.find("ram://presets/none")


def test_program_lists_shows_and_verifies(saved, copy):
    assert program.run("list", []).startswith("name")
    assert program.run("show", [str(saved[0])]).count("# small") == 1
    assert "whole" in program.run("verify", [str(saved[0])])
    os.truncate(copy / "model.weights.h5", 10)
    with pytest.raises(ValueError, match="not the file that was saved"):
        program.run("verify", [str(saved[0]), str(copy)])
    for command, presets in (("", []), ("show", []), ("list", ["x"]), ("fetch", ["x"])):
        with pytest.raises(ValueError, match="The command must be one of"):
            program.run(command, presets)


def test_dry_upload_names_the_files(saved):
    text = program.upload(str(saved[0]), "someone/small", dry_run=True, private=False)
    assert text.startswith("Would copy to hf://someone/small")
    assert all(name in text for name in reading.FILES)
    with pytest.raises(ValueError, match="USER/NAME"):
        program.upload(str(saved[0]), "someone", dry_run=True, private=False)


# --- what comes with the package -----------------------------------------------------------------


def test_something_is_shipped_for_every_family():
    families = {
        family
        for name in reading.names()
        for family, rows in registry.FAMILIES.items()
        if reading.describe(name).variant in rows.variants
    }
    assert families >= set(registry.FAMILIES) - {"resnet", "cgan_mlp"}


@pytest.mark.parametrize("name", reading.names())
def test_shipped_generators_are_whole_and_draw(name):
    generator = tfgan_zoo.from_preset(name)
    about = generator.preset
    images = sampling.generate(generator, sampling.inputs(generator, 20, seed=1))
    assert about.name == name
    assert images.shape[1:] == about.image
    assert images.std() > 40  # digits are black and white, and differ
    size = sum(path.stat().st_size for path in reading.find(name).iterdir())
    assert size < 5_000_000
    assert about.scores, "no score"
