"""Statistics of real images: kept, used again, and refused where they do not fit."""

import json

import numpy as np
import pytest

from recipes import evaluate, reference, reference_stats
from recipes.evaluate import Question
from tfgan_zoo.data import sources

pytestmark = pytest.mark.filterwarnings("ignore:.*singular:UserWarning")
METRICS = ("fid", "kid", "precision_recall", "density_coverage", "intra_fid")


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    digits = sources.load("digits", 32)
    path = tmp_path_factory.mktemp("arrays") / "digits.npz"
    names = np.array(digits.class_names)
    np.savez(path, images=digits.images[:150], labels=digits.labels[:150], class_names=names)
    return f"npz:{path}"


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """All that can be kept of the digits."""
    path = tmp_path_factory.mktemp("reference") / "full.npz"
    reference_stats.run(str(path), "digits", "digits", 32, "train", True, True)
    return str(path)


@pytest.fixture(scope="module")
def moments_only(full, tmp_path_factory):
    """The same without features."""
    found = reference.read(full)
    found.features = found.labels = None
    path = tmp_path_factory.mktemp("reference") / "moments.npz"
    reference.write(path, found)
    return str(path)


def values(**question):
    found = evaluate.evaluate(Question(**question))
    return {record["metric"]: record["value"] for record in found}


def test_scores_are_those_of_the_images(npz, full):
    of_images = values(fake=npz, real="digits", metrics=METRICS)
    assert len(of_images) == 7
    of_file = values(fake=npz, reference=full, metrics=METRICS)
    assert of_file == pytest.approx(of_images, rel=1e-9, abs=1e-12)
    assert values(fake=npz, reference=full, real="digits", metrics=METRICS) == of_file


def test_records_are_comparable(npz, full):
    question = {"fake": npz, "metrics": ("fid",)}
    (first,) = evaluate.evaluate(Question(**question, real="digits"))
    (second,) = evaluate.evaluate(Question(**question, reference=full))
    assert first == {**second, "value": pytest.approx(second["value"])}


def test_moments_are_enough_for_distances(npz, full, moments_only):
    metrics = ("fid", "intra_fid")
    expected = values(fake=npz, reference=full, metrics=metrics)
    found = values(fake=npz, reference=moments_only, metrics=metrics)
    assert found == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="kid need the features.*--features"):
        values(fake=npz, reference=moments_only, metrics=("kid",))


def test_file_tells_where_it_is_from(full):
    with np.load(full, allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        assert file["features"].shape == (1438, 64)
    assert about["real"] == "digits, train split" and about["real_count"] == 1438
    assert about["resolution"] == 32 and about["resize"] == "none: 32 px"
    assert len(about["real_sha256"]) == len(about["backbone_sha256"]) == 64
    assert sorted(reference.read(full).classes) == list(range(10))


def test_other_data_are_refused_with_both_hashes(npz, full):
    about = reference.read(full).about
    with pytest.raises(ValueError, match="real_count 1438 there, 359 here"):
        values(fake=npz, reference=full, real="digits", split="held_out", metrics=("fid",))
    changed = reference.read(full)
    changed.about["real_sha256"] = "0" * 64
    with pytest.raises(ValueError, match=f"{'0' * 64} there, {about['real_sha256']} here"):
        reference.check(changed, "x.npz", real_sha256=about["real_sha256"])


def test_other_networks_and_sizes_are_refused(npz, full, tmp_path):
    changed = reference.read(full)
    changed.about["backbone"] = "another@1234"
    reference.write(tmp_path / "other.npz", changed)
    with pytest.raises(ValueError, match="backbone another@1234 there, digits-classifier@"):
        values(fake=npz, reference=str(tmp_path / "other.npz"), metrics=("fid",))
    with pytest.raises(ValueError, match="resolution 32 there, 16 here"):
        values(fake=npz, reference=full, real="digits", resolution=16, metrics=("fid",))


@pytest.mark.parametrize("kind", ["missing", "text", "cut", "pickle", "no about", "count"])
def test_broken_files_are_refused(kind, full, tmp_path):
    path = tmp_path / "broken.npz"
    data = open(full, "rb").read()
    found = reference.read(full)
    if kind == "text":
        path.write_text("hello")
    elif kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "pickle":
        np.savez(path, about=np.array([{}], object))
    elif kind == "no about":
        np.savez(path, features=np.zeros((3, 2)))
    elif kind == "count":
        found.about["real_count"] = 7
        reference.write(path, found)
    with pytest.raises(ValueError, match="broken.npz must be a file of"):
        reference.read(path)


def test_output_is_checked_first():
    with pytest.raises(ValueError, match="ends in .npz"):
        reference_stats.run("stats.txt", "digits", "digits")
