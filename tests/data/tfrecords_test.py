"""Multi-resolution TFRecords: bytes, order, splits, and all that may be wrong with a folder."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.data import old_layout
from tfgan_zoo.data import cache, pipelines, pyramid, sources, tfrecord_writer, tfrecords


def noise(count, side=8, channels=3, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, side, side, channels), np.uint8)


def image_set(count, classes=3, split="train", seed=0, **options):
    labels = np.arange(count, dtype=np.int32) % classes
    names = ("ant", "bee", "cat")[:classes]
    return sources.ImageSet("some", split, noise(count, seed=seed, **options), labels, names)


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    return tmp_path / "some"


@pytest.fixture(name="read")
def fixture_read(folder, tmp_path):
    def read(resolution=8, channels=None, **options):
        cache = str(tmp_path / "cache")
        return sources.load(f"tfrecords:{folder}", resolution, channels, cache, **options)

    return read


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


# --- the old layout ------------------------------------------------------------------------------


def test_hand_made_bytes_are_tensorflow_s(tmp_path):
    planes = np.moveaxis(noise(1)[0], -1, 0)
    feature = tf.train.Example.FromString(old_layout.example(planes)).features.feature
    assert list(feature["shape"].int64_list.value) == [3, 8, 8]
    assert feature["data"].bytes_list.value[0] == planes.tobytes()
    with tf.io.TFRecordWriter(str(tmp_path / "one")) as writer:
        writer.write(old_layout.example(planes))
    assert (tmp_path / "one").read_bytes() == old_layout.record(old_layout.example(planes))


@pytest.mark.parametrize("channels", [1, 3])
def test_old_folders_are_read(folder, read, channels):
    images = noise(40, 16, channels)
    hot = np.eye(4, dtype=np.float32)[np.arange(40) % 4]
    old_layout.write(folder, "faces", images, hot)
    tfrecords.check(tfrecords.find(folder))
    for level in old_layout.levels(images):
        train, held_out = (read(level.shape[1], split=split) for split in sources.SPLITS)
        assert np.bincount(train.labels).tolist() == [9] * 4
        assert np.bincount(held_out.labels).tolist() == [1] * 4
        assert train.class_names == ("0", "1", "2", "3") and train.labels.dtype == np.int32
        assert isinstance(train.images, np.memmap) and not train.images.flags.writeable
        found = np.concatenate([train.images, held_out.images])
        labels = np.concatenate([train.labels, held_out.labels])
        rows = [np.flatnonzero((level == image).all(axis=(1, 2, 3))) for image in found]
        rows = np.array([row[0] for row in rows if len(row) == 1])
        assert sorted(rows) == list(range(40))
        np.testing.assert_array_equal(labels, rows % 4)


def test_the_split_of_old_folders_is_the_same_at_all_levels(folder, read):
    images = noise(30, 16)
    old_layout.write(folder, "faces", images)
    top = read(16, split="held_out")
    assert len(top.images) == 3 and top.class_names == ("images",) and not top.labels.any()
    for side in (8, 4):
        expected = pyramid.at(top, side).images
        np.testing.assert_array_equal(read(side, split="held_out").images, expected)


def test_old_folders_serve_batches(folder, read):
    old_layout.write(folder, "faces", noise(10))
    (element,) = pipelines.batches(read(4), 9, 0).take(1).as_numpy_iterator()
    assert element["images"].shape == (9, 4, 4, 3)


# --- writing -------------------------------------------------------------------------------------


def record_bytes(channels, side):
    """Each length is one byte below 128, two below 16,384, and so on: 7 bits per byte."""

    def delimited(length):
        return 1 + max(1, -(-length.bit_length() // 7)) + length

    pixels = channels * side * side
    shape = 1 + 2 * (2 if side >= 128 else 1)  # three numbers
    data = delimited(len("data")) + delimited(delimited(delimited(pixels)))
    shape = delimited(len("shape")) + delimited(delimited(delimited(shape)))
    return 16 + delimited(delimited(data) + delimited(shape))


def test_sizes_of_cifar_10():
    """The spec's sizes of 50,000 images: of a formula, and of what one image of ours takes."""
    published = {4: 4_900_000, 8: 12_350_000, 16: 41_150_000, 32: 156_350_000}
    for side, size in published.items():
        assert 50_000 * record_bytes(3, side) == size
    for side in (*published, 128, 256, 512):
        for channels in (1, 3):
            encoded = tfrecords.encode(np.zeros((side, side, channels), np.uint8))
            assert tfrecords.FRAME + len(encoded) == record_bytes(channels, side)


def test_files_are_those_of_the_old_program(folder):
    """Its order is that of numpy.random.RandomState(123).shuffle: for five, 1 3 4 0 2."""
    written = image_set(5, side=16)
    stored = tfrecord_writer.write(folder, "bugs", written)
    order = [1, 3, 4, 0, 2]
    old_layout.write(
        folder / "old",
        "bugs",
        written.images[order],
        np.eye(3, dtype=np.float32)[written.labels[order]],
    )
    levels = [f"bugs-r0{power}.tfrecords" for power in (2, 3, 4)]
    assert names_in(folder / "old") == [*levels, "bugs-rxx.labels"]
    assert names_in(folder) == [*levels, "bugs-rxx.labels", "bugs.json", "old"]
    for side, path in stored.levels.items():
        assert path.stat().st_size == 5 * record_bytes(3, side)
        ours, theirs = (
            [tfrecords.decode(x) for x in tf.data.TFRecordDataset(str(p)).as_numpy_iterator()]
            for p in (path, folder / "old" / path.name)
        )
        np.testing.assert_array_equal(ours, theirs)
    labels = np.load(folder / "bugs-rxx.labels")
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels, np.load(folder / "old" / "bugs-rxx.labels"))
    assert (folder / "old" / "bugs-rxx.labels").stat().st_size == 80 + 5 * 3 * 4


def test_what_is_written_is_read_in_the_same_split(folder, read):
    train, held_out = image_set(20), image_set(7, split="held_out", seed=1)
    calls = []
    tfrecord_writer.write(folder, "bugs", train, held_out, lambda *call: calls.append(call))
    assert calls == [(done, 27) for done in range(1, 28)]
    for given in (train, held_out):
        for side in (8, 4):
            found = read(side, split=given.split)
            assert (found.split, found.class_names) == (given.split, ("ant", "bee", "cat"))
            assert found.name == f"tfrecords:{folder}"
            expected = pyramid.at(given, side)
            # Within a split, the order is the files'.
            order = [row for row in tfrecords.shuffled(27) if (row < 20) == (given is train)]
            rows = np.array(order) - (0 if given is train else 20)
            np.testing.assert_array_equal(found.images, expected.images[rows])
            np.testing.assert_array_equal(found.labels, expected.labels[rows])


def test_images_of_one_class_need_no_labels(folder, read):
    tfrecord_writer.write(folder, "bugs", image_set(4, classes=1, channels=1, side=4))
    assert names_in(folder) == ["bugs-r02.tfrecords", "bugs.json"]
    assert read(4).class_names == ("ant",) and len(read(4).images) == 4
    colour = read(4, channels=3).images
    np.testing.assert_array_equal(colour, np.repeat(read(4).images, 3, axis=-1))
    with pytest.raises(ValueError, match="nothing is held out"):
        read(4, split="held_out")


def test_levels_are_decoded_once(folder, read, tmp_path, monkeypatch):
    tfrecord_writer.write(folder, "bugs", image_set(20), image_set(3, split="held_out"))
    calls = []
    read(progress=lambda *call: calls.append(call))
    assert calls == [(done, 23) for done in range(1, 24)]
    monkeypatch.setattr(cache, "build", None)  # a second decoding would raise
    assert (len(read().images), len(read(split="held_out").images)) == (20, 3)
    assert len(names_in(tmp_path / "cache")) == 1


def test_complete_data_sets_are_not_replaced_unasked(folder, read):
    old_layout.write(folder, "bugs", noise(4, 16))
    before = (folder / "bugs-r03.tfrecords").read_bytes()
    with pytest.raises(ValueError, match=f"{folder} holds bugs already"):
        tfrecord_writer.write(folder, "bugs", image_set(5))
    with pytest.raises(ValueError, match="another data set.*bugs-r02"):
        tfrecord_writer.write(folder, "flies", image_set(5), overwrite=True)
    assert (folder / "bugs-r03.tfrecords").read_bytes() == before
    assert names_in(folder) == [f"bugs-r0{power}.tfrecords" for power in (2, 3, 4)]
    tfrecord_writer.write(folder, "bugs", image_set(5), overwrite=True)
    tfrecords.check(tfrecords.find(folder))
    assert (len(read().images), tfrecords.find(folder).levels.keys()) == (5, {4, 8})
    with pytest.raises(ValueError, match="holds bugs already"):
        tfrecord_writer.write(folder, "bugs", image_set(5))


class Killed(BaseException):
    """What nothing catches."""


@pytest.mark.parametrize("renamed", [0, 1, 3])
def test_interrupted_renaming_is_noticed_and_repeated(folder, read, monkeypatch, renamed):
    replace, done = os.replace, []

    def interrupted(source, target):
        if not str(target).endswith(".json"):
            if len(done) == renamed:
                raise Killed
            done.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(Killed):
        tfrecord_writer.write(folder, "bugs", image_set(5, side=16))
    monkeypatch.setattr(os, "replace", replace)
    assert len(names_in(folder)) == renamed + 1
    with pytest.raises(ValueError, match="written to the end|must hold one data set"):
        read()
    tfrecord_writer.write(folder, "bugs", image_set(6))
    tfrecords.check(tfrecords.find(folder))
    assert len(read().images) == 6 and not read().images.shape[1:] == (16, 16, 3)
    assert names_in(folder)[-1] == "bugs.json" and len(names_in(folder)) == 4


def test_interrupted_writing_leaves_no_data_set(folder):
    def interrupt(done, total):
        if done == 3:
            raise Killed

    with pytest.raises(Killed):
        tfrecord_writer.write(folder, "bugs", image_set(5), progress=interrupt)
    assert names_in(folder) == []
    (folder / "bugs-r09.tfrecords.tmp").write_bytes(b"of a process that was killed")
    tfrecord_writer.write(folder, "bugs", image_set(5))
    assert names_in(folder)[-1] == "bugs.json" and len(names_in(folder)) == 4


@pytest.mark.parametrize(
    "change, message",
    [
        ({"images": noise(4, 2)}, "power of two, at least 4.*resolution=2"),
        ({"images": noise(4, 12)}, "resolution=12"),
        ({"images": noise(4, 8, 2)}, "1 or 3 channels.*2"),
    ],
)
def test_what_cannot_be_written(folder, change, message):
    with pytest.raises(ValueError, match=message):
        tfrecord_writer.write(folder, "bugs", dataclasses.replace(image_set(4), **change))
    with pytest.raises(ValueError, match="`name` must be"):
        tfrecord_writer.write(folder, "a/b", image_set(4))
    with pytest.raises(ValueError, match="must agree"):
        tfrecord_writer.write(folder, "bugs", image_set(4), image_set(4, side=4))
    assert not folder.exists()


# --- what may be wrong ---------------------------------------------------------------------------


def test_folders_that_hold_no_data_set(folder, read):
    with pytest.raises(ValueError, match=f"No such folder: {folder}. Expected NAME-r02"):
        read()
    folder.mkdir()
    with pytest.raises(ValueError, match=r"one data set.*Received: \[\]"):
        read()
    for name in ("a", "b"):
        old_layout.write(folder, name, noise(2, 4))
    with pytest.raises(ValueError, match=r"Received: \['a', 'b'\]"):
        read()


def test_levels_and_channels_that_are_not_there(folder, read):
    old_layout.write(folder, "bugs", noise(4))
    with pytest.raises(ValueError, match=r"one of \[4, 8\].*resolution=16"):
        read(16)
    with pytest.raises(ValueError, match="in colour"):
        read(8, channels=1)


def broken(folder, name, change):
    path = folder / name
    content = change(path.read_bytes() if path.exists() else b"")
    path.write_bytes(content) if content is not None else path.unlink()


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


SIZE = record_bytes(3, 8)
DAMAGES = {
    "a cut": ("bugs-r03.tfrecords", lambda x: x[:-1], "full records of 247 bytes"),
    "nothing left": ("bugs-r03.tfrecords", lambda x: b"", "full records"),
    "a missing record": ("bugs-r03.tfrecords", lambda x: x[SIZE:], "must hold 6 images"),
    "a missing level": ("bugs-r03.tfrecords", lambda x: None, "r03.tfrecords is missing"),
    "another pixel": ("bugs-r03.tfrecords", lambda x: flipped(x, 60), "Image 0 .*2x2 means"),
    "at the end": ("bugs-r03.tfrecords", lambda x: flipped(x, -60), "Image 5 .*2x2 means"),
    "no Example": ("bugs-r03.tfrecords", lambda x: x[:12] + b"\xff" + x[13:], "Image 0 .*read"),
    "lost labels": ("bugs-rxx.labels", lambda x: x[:-4], "not a .npy array"),
    "half labels": (
        "bugs-rxx.labels",
        lambda x: x[:-12] + np.float32([0.5] * 3).tobytes(),
        "one 1",
    ),
    "no record": ("bugs.json", lambda x: b"{", "not a record"),
    "a strange record": ("bugs.json", lambda x: b"[1]", "not a record"),
    "another count": ("bugs.json", lambda x: x.replace(b'"count": 6', b'"count": 7'), "says 7"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_check_finds(folder, damage):
    tfrecord_writer.write(folder, "bugs", image_set(6, side=16))
    tfrecords.check(tfrecords.find(folder))
    name, change, message = DAMAGES[damage]
    broken(folder, name, change)
    with pytest.raises(ValueError, match=message):
        tfrecords.check(tfrecords.find(folder))


def test_damage_in_the_middle_is_found_when_a_level_is_read(folder, read, tmp_path):
    tfrecord_writer.write(folder, "bugs", image_set(6))
    broken(folder, "bugs-r03.tfrecords", lambda x: flipped(x, 3 * SIZE + 60))
    with pytest.raises(ValueError, match="bugs-r03.tfrecords cannot be read"):
        read()
    assert names_in(tmp_path / "cache") == []


def test_labels_of_other_images(folder, read):
    old_layout.write(folder, "bugs", noise(4), np.eye(5, dtype=np.float32))
    with pytest.raises(ValueError, match=r"\[4, 5\] numbers.*shape \(5, 5\)"):
        read()


def test_records_of_images_that_are_not_square(folder, read):
    folder.mkdir()
    planes = np.zeros((3, 4, 8), np.uint8)
    content = old_layout.record(old_layout.example(planes))
    (folder / "bugs-r02.tfrecords").write_bytes(content)
    with pytest.raises(ValueError, match="Image 0 .*must be square"):
        read(4)


def test_the_record_tells_what_was_written(folder):
    stored = tfrecord_writer.write(folder, "bugs", image_set(5), image_set(2, split="held_out"))
    assert json.loads((folder / "bugs.json").read_text()) == {
        "complete": True,
        "source": "some",
        "count": 7,
        "train": 5,
        "class_names": ["ant", "bee", "cat"],
    }
    assert tfrecords.describe(stored) == (
        f"{folder}: 7 images of bugs, 4 to 8 pixels, 3 channels, 3 classes"
    )
    shutil.move(folder, folder.with_name("moved"))
    assert tfrecords.find(folder.with_name("moved")).count == 7
