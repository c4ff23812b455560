"""Data sets as shards: written, interrupted, damaged, read."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.data import hostile
from tfgan_zoo.data import prepare, shard_writer, shards, sources

CLASSES = ("ant", "bée")


def image_set(count, split="train", seed=0, channels=3):
    images = hostile.noise(count, 4, 4, channels, seed=seed)
    labels = np.arange(count, dtype=np.int32) % 2
    return sources.ImageSet("some", split, images, labels, CLASSES, resize="by hand")


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    return tmp_path / "my shards"


@pytest.fixture(name="read")
def fixture_read(folder, tmp_path):
    def read(pattern="", split="train", resolution=4, **options):
        name = f"tfrecord:{folder}{pattern}"
        return sources.load(name, resolution, None, str(tmp_path / "cache"), split, **options)

    return read


def write(folder, *sets, **options):
    return shard_writer.write(folder, "bugs", list(sets), **{"shard_size": 4, **options})


def test_what_is_written_is_read(folder, read):
    sets = image_set(10), image_set(3, "held_out", 1)
    calls = []
    target = write(folder, *sets, progress=lambda *call: calls.append(call))
    assert calls == [(4, 13), (8, 13), (10, 13), (13, 13)]
    for each in sets:
        found = read(split=each.split)
        np.testing.assert_array_equal(found.images, each.images)
        np.testing.assert_array_equal(found.labels, each.labels)
        assert found.class_names == CLASSES and found.resize == "by hand"
    manifest = shards.check(target)
    assert [shard["count"] for shard in manifest["shards"]] == [4, 4, 2, 3]
    assert manifest["counts"] == {"train": [5, 5], "held_out": [2, 1]}
    assert manifest["source"] == "some" and manifest["class_names"] == list(CLASSES)
    assert read(resolution=2).resize.startswith("by hand; then shorter side")


def test_records_are_as_tensorflow_datasets_writes_them(folder):
    """By TensorFlow's own parser and decoder."""
    gray = image_set(3, channels=1)
    write(folder, gray)
    spec = {
        "image": tf.io.FixedLenFeature((), tf.string),
        "label": tf.io.FixedLenFeature((), tf.int64),
    }
    records = tf.data.TFRecordDataset(str(folder / "bugs-train-00000-of-00001.tfrecord"))
    for number, record in enumerate(records):
        found = tf.io.parse_single_example(record, spec)
        np.testing.assert_array_equal(tf.io.decode_png(found["image"]), gray.images[number])
        assert found["label"] == gray.labels[number]


class Interrupted(Exception):
    pass


def test_whoever_is_interrupted_continues(folder, read, monkeypatch):
    each, written = image_set(10), []
    whole = shard_writer._write_shard

    def interrupted(path, images, labels):
        if len(written) == 2:
            raise Interrupted
        written.append(path.name)
        whole(path, images, labels)

    monkeypatch.setattr(shard_writer, "_write_shard", interrupted)
    with pytest.raises(Interrupted):
        write(folder, each, image_set(3, "held_out", 1))
    with pytest.raises(ValueError, match="not written to the end"):
        read()
    second = folder / written[1]
    second.write_bytes(hostile.damaged(second.read_bytes(), np.random.default_rng(0)))
    first = (folder / written[0]).stat().st_mtime_ns
    written.append("")
    monkeypatch.setattr(
        shard_writer,
        "_write_shard",
        lambda path, *rest: written.append(path.name) or whole(path, *rest),
    )
    write(folder, each, image_set(3, "held_out", 1))
    # The damaged one and those after it.
    assert [name[5:16] for name in written[3:]] == ["train-00001", "train-00002", "held_out-00"]
    assert (folder / written[0]).stat().st_mtime_ns == first
    np.testing.assert_array_equal(read().images, each.images)
    assert not list(folder.glob("*.tmp"))


def test_other_images_replace_shards_only_when_asked_for(folder, read):
    write(folder, image_set(10))
    with pytest.raises(ValueError, match="holds another data set"):
        write(folder, image_set(6))
    write(folder, image_set(6, seed=1), overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "bugs-train-00000-of-00002.tfrecord",
        "bugs-train-00001-of-00002.tfrecord",
        "bugs.manifest.json",
    ]
    assert len(read().images) + len(read(split="held_out").images) == 6
    with pytest.raises(ValueError, match="holds another data set, bugs.manifest.json"):
        shard_writer.write(folder, "others", [image_set(6)], 4)


def test_patterns_pick_shards(folder, read):
    each = image_set(12)
    write(folder, each, image_set(4, "held_out", 1))
    found = [read("/bugs-train-0000[01]-*", split).images[:] for split in sources.SPLITS]
    both = np.concatenate(found)
    order = [np.lexsort(images.reshape(8, -1).T) for images in (both, each.images[:8])]
    np.testing.assert_array_equal(both[order[0]], each.images[:8][order[1]])
    assert len(found[1]) == 2  # of each class one, as no shard of held-out images is among them
    with pytest.raises(ValueError, match="No such files: .*nothing"):
        read("/nothing*")


def test_without_a_manifest_classes_are_numbers(folder, read):
    write(folder, image_set(20)).unlink()
    assert read().class_names == ("0", "1") and len(read().images) == 18


def example(**features):
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def of_bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def of_int(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def test_jpegs_of_others_and_broken_ones(folder, read):
    folder.mkdir()
    images = [hostile.GOOD["plain.jpg"], hostile.BAD["cut.jpg"][0], hostile.GOOD["plain.png"]]
    with tf.io.TFRecordWriter(str(folder / "x.tfrecord-00000-of-00001")) as writer:
        for image in images:
            writer.write(example(image=of_bytes(image), label=of_int(0), other=of_int(1)))
    with pytest.raises(ValueError, match="1 of 3 images.*record 1 of .*x.tfrecord-00000-of-00001"):
        read()
    found = read(on_bad_image="skip")
    assert len(found.skipped) == 1
    assert len(found.images) + len(read(split="held_out", on_bad_image="skip").images) == 2


@pytest.mark.parametrize(
    "text, message",
    [
        (b"\xff\xff", "Error parsing"),
        (b"", 'no "image", but nothing'),
        (example(data=of_int(1)), 'no "image", but data'),
        (example(image=of_int(1)), "values to unpack"),
        (example(image=of_bytes(b""), label=of_int(-1)), "its label is -1"),
    ],
    # The order of an Example's features, so its bytes, differs from process to process.
    ids=["not_a_record", "empty", "no_image", "a_number", "label"],
)
def test_records_of_another_kind(folder, read, text, message):
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "x.tfrecord")) as writer:
        writer.write(text)
    with pytest.raises(ValueError, match=f"Record 0 of .*x.tfrecord cannot be read: .*{message}"):
        read()


def test_a_file_that_is_cut_in_the_middle(folder, read, tmp_path):
    target = write(folder, image_set(10))
    path = folder / "bugs-train-00001-of-00003.tfrecord"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="Record 3 of .*bugs-train-00001.* cannot be read"):
        read()
    with pytest.raises(ValueError, match="bugs-train-00001.* its SHA-256 is another"):
        shards.check(target)
    path.unlink()
    with pytest.raises(ValueError, match="bugs-train-00001.* is missing"):
        shards.check(target)


def test_damaged_files_hold_images_or_are_named(folder, read, tmp_path):
    target = write(folder, image_set(6))
    files = [target, folder / "bugs-train-00000-of-00002.tfrecord"]
    random = np.random.default_rng(0)
    for path in files:
        whole = path.read_bytes()
        for _ in range(20):
            path.write_bytes(hostile.damaged(whole, random))
            try:
                found = read()
            except ValueError as error:
                assert str(folder) in str(error)
            else:
                assert found.images[:].dtype == np.uint8 and found.labels.max() <= 1
        path.write_bytes(whole)


def test_manifests_that_lie(folder, read):
    target = write(folder, image_set(6))
    manifest = json.loads(target.read_text())
    (folder / "stranger.tfrecord").touch()
    with pytest.raises(ValueError, match="does not list stranger.tfrecord"):
        read()
    (folder / "stranger.tfrecord").unlink()
    for change, message in (
        ({"class_names": ["ant"]}, "does not suit its records"),
        ({"shards": [{**manifest["shards"][0], "file": "../x"}]}, "not a manifest of ours"),
        ({"complete": 1}, "not a manifest of ours.*complete must be a bool"),
    ):
        target.write_text(json.dumps({**manifest, **change}))
        with pytest.raises(ValueError, match=message):
            read()


def test_the_program_writes_any_data_set(folder, tmp_path, capsys):
    words = ["dataset", "--dataset=digits", "--resolution=8", f"--out={folder}", "--name=digits"]
    prepare.main([*words, "--shard_size=500"])
    line = f"{folder}: 1,797 images of digits, 10 classes, in 4 shards\n"
    assert capsys.readouterr().out == f"Wrote {line}"
    prepare.main(["check", str(folder)])
    assert capsys.readouterr().out == f"Checked {line}"
    for split in sources.SPLITS:
        plain = sources.load("digits", 8, split=split)
        found = sources.load(f"tfrecord:{folder}", 8, None, str(tmp_path / "cache"), split)
        np.testing.assert_array_equal(found.images, plain.images)
        np.testing.assert_array_equal(found.labels, plain.labels)
    for wrong in (["--shard_size=0"], ["--on_bad_image=ask"], ["--name=../x"]):
        with pytest.raises(SystemExit, match="^Error: .*"):
            prepare.main([*words, *wrong])
