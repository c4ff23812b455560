"""Sheets of a saved generator, on a network too small to learn anything; the flags, and the math.

The program around them is in biggan_test.py.
"""

import json
import sys
import types

import keras
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image

from recipes import analysis, comparisons, scores, sheets, studio
from recipes.studio import Options
from tests.conformance import small
from tfgan_zoo import sampling, standing
from tfgan_zoo.data.sources import ImageSet

ALL = ("classes", "latents", "labels", "both", "chunks", "truncation")


def tiny(num_classes=3, shape=(6,), z_parts=3):
    """6 latents in 3 chunks, maybe 3 classes -> 4x4 grey images."""
    keras.utils.set_random_seed(1)
    inputs = {"latents": keras.Input(shape, name="latents")}
    x = keras.layers.Dense(16, name="seed")(keras.layers.Flatten()(inputs["latents"]))
    if num_classes:
        inputs["labels"] = keras.Input((), dtype="int32", name="labels")
        x = x + keras.layers.Embedding(num_classes, 16, "normal")(inputs["labels"])
    images = keras.layers.Activation("tanh")(keras.layers.Reshape((4, 4, 1))(x))
    model = keras.Model(inputs, images)
    model.spec = types.SimpleNamespace(num_classes=num_classes)
    if z_parts > 1:
        model.spec.z_parts = z_parts
    return model


class Backbone:
    """Three means as features; the class is the largest of them."""

    name, sha256, num_classes, resolution = "means", "0", 3, 4

    def __call__(self, images):
        features = images.reshape(len(images), -1)[:, :15].reshape(len(images), 3, 5).mean(axis=2)
        return features.astype(np.float32), features.astype(np.float32) / 50.0


def image_set(split, count=30):
    rng = np.random.default_rng(len(split))
    pixels = rng.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int32) % 3
    return ImageSet("noise", split, pixels, labels, ("ant", "bee", "cow"))


def signs(count, seed):
    """Latents that are not normal."""
    return np.sign(sampling.latents(count, 6, seed))


@pytest.fixture(scope="module")
def data():
    """(images, scorer)"""
    images = image_set("train"), image_set("held_out", 20)
    return images, scores.Scorer(Backbone(), *images)


def draw(folder, generator=None, images=None, scorer=None, prior=None, **options):
    """{file name: size of the picture} after `sample` with few columns and no standing passes."""
    chosen = Options(**{"columns": 3, "standing_passes": 0, **options})
    paths = analysis.sample(generator or tiny(), folder, "tiny", chosen, images, scorer, prior)
    assert sorted(paths) == sorted(folder.iterdir())
    return {path.name: path for path in paths}


def test_all_that_needs_no_data_is_the_default(tmp_path, capsys):
    found = draw(tmp_path)
    films = [f"{kind}-seed0-no-truncation.gif" for kind in ("latents", "labels", "both")]
    sheets_ = [f"{kind}-seed0-no-truncation.png" for kind in ALL[:-1]]
    assert sorted(found) == sorted([*films, *sheets_, "truncation-seed0.png"])
    printed = capsys.readouterr().out
    assert all(str(path) in printed for path in found.values())
    for path in found.values():
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 10


def test_films_go_there_and_back(tmp_path):
    found = draw(tmp_path, kinds=("latents",), columns=4)
    with Image.open(found["latents-seed0-no-truncation.gif"]) as film:
        assert film.n_frames == 2 * (8 * 3 + 1) - 2


def test_without_classes_what_needs_them_is_left_out(tmp_path):
    found = draw(tmp_path, tiny(num_classes=0, shape=(3, 2), z_parts=1), video="none")
    kinds = {name.split("-")[0] for name in found}
    assert kinds == {"classes", "latents", "chunks", "truncation"}


def recorded(monkeypatch):
    """What `sheets.sample_sheet` is called with from now on."""
    calls, real = [], sheets.sample_sheet
    monkeypatch.setattr(sheets, "sample_sheet", lambda *args: calls.append(args) or real(*args))
    return calls


def test_rows_are_the_classes_asked_for(tmp_path, monkeypatch):
    calls, generator = recorded(monkeypatch), tiny()
    draw(tmp_path, generator, kinds=("classes", "both"), classes=(2, 0), video="none", seed=5)
    (grid, title, names, _), (ways, _, turns, _) = calls
    assert names == ("2", "0") and turns == ("2 to 0", "0 to 2")
    assert title == "Samples by class\ntiny, seed 5, no truncation"
    z = sampling.latents(3, 6, 5)
    for row, label in enumerate((2, 0)):
        inputs = {"latents": z, "labels": np.full(3, label)}
        np.testing.assert_array_equal(grid[row], sampling.generate(generator, inputs))
    ends = {"latents": z[:2], "labels": np.array([2, 0])}
    np.testing.assert_array_equal(ways[:, 0], sampling.generate(generator, ends))
    assert (ways[0, -1] != ways[1, 0]).any()  # another z as well


def test_ways_move_what_they_say(tmp_path, monkeypatch):
    calls, generator = recorded(monkeypatch), tiny()
    draw(tmp_path, generator, kinds=("latents", "labels"), video="none")
    (moved_z, *_), (moved_class, *_) = calls
    start = {"latents": sampling.latents(3, 6, 0), "labels": np.arange(3)}
    np.testing.assert_array_equal(moved_z[:, 0], sampling.generate(generator, start))
    np.testing.assert_array_equal(moved_class[:, 0], moved_z[:, 0])
    end = {**start, "labels": np.array([1, 2, 0])}
    np.testing.assert_array_equal(moved_class[:, -1], sampling.generate(generator, end))
    assert (moved_z[:, -1] != moved_z[:, 0]).any(axis=(1, 2, 3)).all()


def test_each_chunk_has_a_row_and_a_number(tmp_path, monkeypatch):
    calls, generator = recorded(monkeypatch), tiny()
    seed = generator.get_layer("seed")
    kernel, bias = seed.get_weights()
    kernel[2:4] = 0.0  # the second chunk now changes nothing
    seed.set_weights([kernel, bias])
    draw(tmp_path, generator, kinds=("chunks",))
    ((images, _, names, _),) = calls
    assert images.shape == (4, 3, 4, 4, 1)
    assert names[1] == "z 2 of 3: 0.000" and (images[1] == images[1, :1]).all()
    numbers = [float(name.split(": ")[1]) for name in names]
    assert numbers[0] > 0.05 and numbers[2] > 0.05 and names[3].startswith("all of z: ")
    assert max(numbers[:3]) < numbers[3] < sum(numbers[:3])


def test_truncation_brings_latents_together(tmp_path, monkeypatch):
    calls = recorded(monkeypatch)
    draw(tmp_path, tiny(0), kinds=("truncation",), truncations=(None, 6.0, 0.5, 1e-3))
    ((images, title, names, _),) = calls
    assert names == ("none", "6", "0.5", "0.001") and title == "Truncation of z\ntiny, seed 0"
    np.testing.assert_array_equal(images[0], images[1])
    spread = images.astype(float).std(axis=1).mean(axis=(1, 2, 3))
    assert spread[1] > spread[2] > spread[3] and spread[3] < 1


def test_moments_are_measured_for_each_truncation(tmp_path, monkeypatch):
    measured = []

    def measure(generator, truncation, passes, seed):
        measured.append((truncation, passes, seed))
        return generator

    monkeypatch.setattr(studio.standing, "measure", measure)
    options = {"truncations": (None, 0.5), "standing_passes": 100, "seed": 3}
    draw(tmp_path, kinds=("classes", "truncation"), **options)
    assert measured == [(None, 10, 4), (0.5, 10, 4)]
    measured.clear()
    draw(tmp_path / "truncated", kinds=("classes",), truncation=0.7, **options)
    assert measured == [(0.7, 10, 4)]


def test_a_generator_of_the_zoo(tmp_path, monkeypatch):
    calls, generator = recorded(monkeypatch), small.generator("biggan-digits")
    before = generator.get_weights()
    options = {"truncation": 1.0, "truncations": (0.5,), "standing_passes": 2, "columns": 2}
    draw(tmp_path, generator, kinds=("chunks", "truncation"), **options)
    (chunks, _, names, _), (row, *_) = calls
    parts, z_dim = generator.spec.z_parts, generator.spec.z_dim
    assert parts > 2 and chunks.shape == (parts + 1, 2, *generator.output_shape[1:])
    assert names[1].startswith(f"z 2 of {parts}: ") and names[-1].startswith("all of z: ")
    for weight, old in zip(generator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    measured = standing.measure(generator, 0.5, passes=2, seed=1)
    inputs = {"latents": sampling.latents(2, z_dim, 0, 0.5, "exact"), "labels": np.arange(2)}
    np.testing.assert_array_equal(row[0], sampling.generate(measured, inputs))
    assert (row[0] != sampling.generate(generator, inputs)).any()


def test_latents_of_another_distribution(tmp_path, monkeypatch):
    calls, generator = recorded(monkeypatch), tiny()
    found = draw(tmp_path, generator, prior=signs, video="none")
    assert {name.split("-")[0] for name in found} == set(ALL) - {"truncation"}
    inputs = {"latents": signs(3, 0), "labels": np.full(3, 1)}
    np.testing.assert_array_equal(calls[0][0][1], sampling.generate(generator, inputs))
    with pytest.raises(ValueError, match="--sheets=truncation truncates normal latents"):
        draw(tmp_path, kinds=("truncation",), prior=signs)
    with pytest.raises(ValueError, match="--truncation is for normal latents. Received: 0.5"):
        draw(tmp_path, truncation=0.5, prior=signs)


def test_neighbours_of_copies(tmp_path, data, monkeypatch, capsys):
    """A generator that repeats training images is 0 away from them; held-out ones are not."""
    shown, real = [], sheets.neighbour_sheet
    monkeypatch.setattr(sheets, "neighbour_sheet", lambda *args: shown.append(args) or real(*args))
    images, scorer = data

    def repeat(generator, inputs, *_):
        return images[0].images[: len(inputs["labels"])]

    monkeypatch.setattr(comparisons.sampling, "generate", repeat)
    found = draw(tmp_path, kinds=("neighbours",), images=images, scorer=scorer)
    assert list(found) == ["neighbours-seed0-no-truncation.png"]
    printed = capsys.readouterr().out
    assert "of 20 each" in printed
    for space in ("pixels", "features"):
        (line,) = (line for line in printed.splitlines() if line.startswith(space))
        ours, floor = (float(part.split()[0]) for part in line.split(": ")[1].split(", "))
        assert ours == 0 and floor > 0
    ((samples, panels, _, _),) = shown
    np.testing.assert_array_equal(samples, images[0].images[:3])
    for panel in panels.values():
        assert panel.shape == (3, 5, 4, 4, 1)
        np.testing.assert_array_equal(panel[:, 0], samples)


def test_neighbours_in_pixels_need_no_network(tmp_path, data, capsys):
    draw(tmp_path, kinds=("neighbours",), images=data[0])
    printed = capsys.readouterr().out
    assert "pixels: " in printed and "features: " not in printed


def test_confusion_by_hand():
    shares = comparisons.confusion_shares(
        np.array([0, 0, 1, 2, 2, 2, 2]), np.array([0, 2, 1] + [2, 0, 0, 1]), 3
    )
    np.testing.assert_array_equal(shares, [[0.5, 0, 0.5], [0, 1, 0], [0.5, 0.25, 0.25]])
    assert comparisons.worst_pairs(shares, ("a", "b", "c")) == [
        "  asked for a, seen c: 50.0%",
        "  asked for c, seen a: 50.0%",
        "  asked for c, seen b: 25.0%",
    ]
    assert comparisons.worst_pairs(np.eye(2), ("a", "b")) == []


def test_leakage_compares_with_real_images(tmp_path, data, monkeypatch, capsys):
    images, scorer = data

    def all_seen_as_1(generator, inputs, *_):
        pixels = np.zeros((len(inputs["labels"]), 16), np.uint8)
        pixels[:, 5:10] = 255
        return pixels.reshape(-1, 4, 4, 1)

    monkeypatch.setattr(comparisons.sampling, "generate", all_seen_as_1)
    draw(tmp_path, kinds=("leakage",), images=images, scorer=scorer, num_scored=31)
    printed = capsys.readouterr().out
    wrong = np.mean(scorer.unseen_logits.argmax(axis=1) != images[1].labels)
    assert f"66.7% of samples (10 per class), {wrong:.1%} of held-out real images" in printed
    assert "asked for ant, seen bee: 100.0%" in printed and "asked for bee" not in printed


def test_sweep_scores_each_threshold(tmp_path, data, monkeypatch):
    measured = []

    def measure(generator, passes, seed, draw):
        measured.append((passes, np.abs(draw(64, 0)["latents"]).max() <= 2.0))
        return generator

    monkeypatch.setattr(scores.standing, "measure", measure)
    options = {"truncations": (2.0, None), "num_scored": 24, "standing_passes": 7, "step": 9}
    images, scorer = data
    found = draw(tmp_path, kinds=("sweep",), images=images, scorer=scorer, **options)
    assert sorted(found) == ["sweep-seed0.jsonl", "sweep-seed0.png", "trade-off-seed0.png"]
    assert measured == [(7, True), (7, False)]
    records = [json.loads(line) for line in found["sweep-seed0.jsonl"].read_text().splitlines()]
    fids = [(r["truncation"], r["value"]) for r in records if r["metric"] == "fid"]
    expected = [
        (t, scores.latest(scorer.score(tiny(), 24, 0, 9, t))["fid"]["value"]) for t in (2.0, None)
    ]
    assert fids == [(t, pytest.approx(value, rel=1e-5)) for t, value in expected]
    assert {r["batch_norm"] for r in records} == {"standing, 7 passes"}
    assert {(r["step"], r["fake_count"], r["seed"]) for r in records if r["metric"] == "fid"} == {
        (9, 24, 0)
    }


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kinds": ("neighbours",)}, "--sheets=neighbours needs real images.*--dataset"),
        ({"kinds": ("classes", "sweep")}, "--sheets=sweep needs real images"),
        ({"classes": (0, 3)}, r"--classes must be in \[0, 3\).*3 classes. Received: 3"),
        ({"classes": (-1,)}, "Received: -1"),
        ({"truncation": 0.0}, "must be positive.*Received: 0"),
        ({"truncations": (1.0, -2.0)}, "Received: -2"),
        ({"truncations": (float("nan"),)}, "Received: nan"),
        ({"truncations": ()}, "one threshold or more"),
        ({"kinds": ("labels",), "classes": (1,)}, "--sheets=labels needs 2 classes.*Received: 1"),
    ],
)
def test_refused_before_anything_is_drawn(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        draw(tmp_path / "sheets", **options)
    assert not (tmp_path / "sheets").exists()


def test_refused_for_what_the_data_lack(tmp_path, data):
    images, scorer = data
    with pytest.raises(ValueError, match="--sheets=sweep needs a feature network.*--backbone"):
        draw(tmp_path, kinds=("sweep",), images=images)
    with pytest.raises(ValueError, match="generator's 5 classes. Received: one of 3"):
        draw(tmp_path, tiny(5), kinds=("leakage",), images=images, scorer=scorer)
    with pytest.raises(ValueError, match="--sheets=both needs 2 classes or more. Received: 0"):
        draw(tmp_path, tiny(0), kinds=("both",))
    assert not list(tmp_path.iterdir())


def options_of(**texts):
    """The options that flags say, given as on a command line."""
    flags.FLAGS.mark_as_parsed()
    with flagsaver.as_parsed(**texts):
        return analysis.options(columns=7)


def test_options_are_those_of_the_flags():
    found = options_of(
        sheets="classes,sweep",
        classes="4,0",
        truncations="none,0.5",
        standing_passes="3",
        video="mp4",
    )
    assert found == Options(
        columns=7,
        kinds=("classes", "sweep"),
        classes=(4, 0),
        truncations=(None, 0.5),
        standing_passes=3,
        video="mp4",
    )
    assert analysis.needs_data(found)
    assert options_of() == Options(columns=7) and not analysis.needs_data(Options())


@pytest.mark.parametrize(
    "texts, message",
    [
        ({"sheets": "classes,chunk"}, "--sheets must be of classes, .*sweep. Received: 'chunk'"),
        ({"classes": "1,two"}, "--classes must be numbers. Received: 'two'"),
        ({"truncations": "1,tiny"}, "--truncations must be numbers. Received: 'tiny'"),
    ],
)
def test_flags_are_checked(texts, message):
    with pytest.raises(ValueError, match=message):
        options_of(**texts)


def test_mp4_without_its_package_is_refused_before_anything_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match="pip install av"):
        draw(tmp_path / "sheets", video="mp4")
    assert not (tmp_path / "sheets").exists()
