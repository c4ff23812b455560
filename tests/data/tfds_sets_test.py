"""TensorFlow Datasets without a network: their mock, and a builder over files made here."""

import importlib.util

import numpy as np
import pytest

from tfgan_zoo.data import catalogue, decoding, sources, tfds_sets

tfds = pytest.importorskip("tensorflow_datasets")

COUNTS = {"train": 30, "test": 7}
writes = pytest.mark.skipif(
    importlib.util.find_spec("importlib_resources") is None,
    reason="TensorFlow Datasets 4.9.10 writes nothing without importlib_resources",
)


def pixels(number, height=10, width=14):
    """The red is the number; rows and columns can be told apart."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = number, 10 * np.arange(height)[:, None]
    image[..., 2] = 10 * np.arange(width)
    return image


class ZooPictures(tfds.core.GeneratorBasedBuilder):
    """Real in all but where the images come from."""

    VERSION = tfds.core.Version("1.0.0")
    LABELLED = True

    def _info(self):
        features = {"image": tfds.features.Image(shape=(None, None, 3))}
        if self.LABELLED:
            features["label"] = tfds.features.ClassLabel(names=["ant", "bee", "cat"])
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(count) for split, count in COUNTS.items()}

    def _generate_examples(self, count):
        for number in range(count):
            label = {"label": number % 3} if self.LABELLED else {}
            yield number, {"image": pixels(number), **label}


class ZooUnlabelled(ZooPictures):
    LABELLED = False

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(20)}


class ZooByHand(ZooPictures):
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask\n   the zoo keeper for zoo.tar."

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(dl_manager.manual_dir / "zoo.tar")}


class ZooTexts(ZooPictures):
    def _info(self):
        features = tfds.features.FeaturesDict({"text": tfds.features.Text()})
        return self.dataset_info_from_configs(features=features)


@pytest.fixture(name="read")
def fixture_read(tmp_path):
    def read(name, resolution=10, split="train", **options):
        return sources.load(f"tfds:{name}", resolution, None, str(tmp_path), split, **options)

    return read


@writes
def test_a_builder_s_images_labels_and_splits(read, monkeypatch):
    sets = {split: read("zoo_pictures", split=split) for split in sources.SPLITS}
    assert [len(each.images) for each in sets.values()] == [30, 7]
    train = sets["train"]
    assert isinstance(train.images, np.memmap) and train.class_names == ("ant", "bee", "cat")
    numbers = train.images[:, 0, 0, 0]
    assert sorted(numbers) == list(range(30))
    np.testing.assert_array_equal(train.labels, numbers % 3)
    for number, image in zip(numbers, train.images, strict=True):
        np.testing.assert_array_equal(image, pixels(number)[:, 2:12])  # the centre square
    assert train.resize == decoding.rule()
    monkeypatch.setattr(tfds_sets, "_prepare", None)  # a second decoding would raise
    np.testing.assert_array_equal(read("zoo_pictures").labels, train.labels)


@writes
def test_without_labels_and_without_a_second_split(read):
    train, held_out = (read("zoo_unlabelled", split=split) for split in sources.SPLITS)
    assert train.class_names == ("images",) and not train.labels.any()
    numbers = [each.images[:, 0, 0, 0].tolist() for each in (train, held_out)]
    assert (len(numbers[0]), len(numbers[1])) == (18, 2)
    assert sorted(sum(numbers, [])) == list(range(20))


@writes
def test_crops_filters_and_splits_of_the_table(read, monkeypatch):
    entry = catalogue.Entry("zoo_pictures", "train+test", "test", (1, 2, 5, 6), kind="box")
    monkeypatch.setitem(catalogue.TABLE, "zoo", entry)
    found = read("zoo", 2)
    assert len(found.images) == 37
    assert found.images[..., 1].tolist() == 37 * [[[25, 25], [45, 45]]]  # rows 2 and 3, 4 and 5
    assert found.images[..., 2].tolist() == 37 * [[[15, 35], [15, 35]]]  # columns 1 and 2, 3 and 4
    assert found.resize.startswith("crop (left, top, right, bottom) (1, 2, 5, 6); ")
    assert "box" in found.resize


def test_the_table_is_one_of_known_builders():
    for name, entry in catalogue.TABLE.items():
        assert entry.kind in decoding.FILTERS, name
        tfds.builder_cls(entry.builder.partition("/")[0])
    left, top, right, bottom = catalogue.CELEBA_FACE
    assert (right - left, bottom - top) == (128, 128)
    assert ((left + right) // 2, (top + bottom) // 2) == (89, 121)


@pytest.mark.parametrize(
    "name, resolution, shape",
    [("mnist", 28, (28, 28, 1)), ("mnist", 32, (32, 32, 1)), ("cifar10", 32, (32, 32, 3))],
)
def test_mocked_sets(read, monkeypatch, name, resolution, shape):
    """The mock knows no counts of splits: it has five images, like us here."""
    monkeypatch.setattr(tfds_sets, "_count", lambda *_: 5)
    with tfds.testing.mock_data(num_examples=5):
        found = read(name, resolution)
    assert found.images.shape == (5, *shape) and found.num_classes == 10
    if resolution == 32 and name == "mnist":
        assert not found.images[:, [0, 1, 30, 31]].any() and found.images[:, 2:30, 2:30].any()
        assert found.resize == "2 pixels of zeros around"
    else:
        assert found.resize == "as stored"


def test_mocked_celeb_a_and_stl10(read, monkeypatch):
    monkeypatch.setattr(tfds_sets, "_count", lambda *_: 2)
    with tfds.testing.mock_data(num_examples=2):
        faces, birds = read("celeb_a", 64), read("stl10_unlabelled", 48)
    assert faces.images.shape == (2, 64, 64, 3) and faces.class_names == ("images",)
    assert birds.images.shape == (2, 48, 48, 3) and birds.class_names == ("images",)


@writes
def test_another_count_than_the_record_says(read, monkeypatch, tmp_path):
    monkeypatch.setattr(tfds_sets, "_count", lambda *_: 31)
    with pytest.raises(ValueError, match="must hold 31 images.*holds 30"):
        read("zoo_pictures")
    monkeypatch.setattr(tfds_sets, "_count", lambda *_: 29)
    with pytest.raises(ValueError, match="must hold 29 images.*holds more"):
        read("zoo_pictures")
    assert not list(tmp_path.glob("tfds-*"))


def test_what_is_refused(read, monkeypatch):
    with pytest.raises(ValueError, match="no images called 'zoo_parrots'.*catalog"):
        read("zoo_parrots")
    with pytest.raises(ValueError, match="one image per example. Received: text"):
        read("zoo_texts")
    monkeypatch.setattr(tfds_sets, "tfds", None)
    with pytest.raises(ValueError, match="pip install"):
        read("cifar10")


@writes
def test_what_has_to_be_downloaded_by_hand(read):
    with pytest.raises(ValueError, match="by hand, to .*manual: Ask the zoo keeper for zoo.tar"):
        read("zoo_by_hand")


def test_no_network_is_one_line(read, monkeypatch):
    def fail(self, **_):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ValueError, match="tfds:zoo_pictures cannot be fetched: no route to host"):
        read("zoo_pictures")


def test_missing_packages_are_named(read, monkeypatch):
    def fail(self, **_):
        raise ModuleNotFoundError("No module named 'lmdb'", name="lmdb")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ValueError, match="needs a package that is not here.*pip install lmdb"):
        read("zoo_pictures")


@writes
def test_broken_files_are_named(read, tmp_path):
    read("zoo_pictures")
    for path in tmp_path.glob("tfds-*"):
        path.unlink()
    (shard,) = tmp_path.glob("zoo_pictures/1.0.0/*train*tfrecord*")
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.raises(ValueError, match="tfds:zoo_pictures cannot be read"):
        read("zoo_pictures")
