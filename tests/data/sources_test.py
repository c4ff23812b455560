import dataclasses
import os
import re

import numpy as np
import pytest
from PIL import Image

from tfgan_zoo.data import folders, sources


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)


def flat(value, height=8, width=8):
    """A picture of one gray value or one colour."""
    return np.broadcast_to(np.uint8(value), (height, width, *np.shape(value)))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pictures"


@pytest.fixture
def read(root, tmp_path):
    def read(resolution=4, channels=None, **options):
        cache = str(tmp_path / "cache")
        return sources.load(f"folder:{root}", resolution, channels, cache, **options)

    return read


def test_digits_are_the_published_ones():
    """Values by hand from the first line of the UCI file: 0,0,5,13,9,1,0,0,..."""
    train, held_out = (sources.load("digits", 8, split=split) for split in sources.SPLITS)
    assert train.images.shape[0] + held_out.images.shape[0] == 1797
    assert train.images.shape[1:] == (8, 8, 1)
    assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.int32)
    assert (train.resolution, train.channels, train.num_classes) == (8, 1, 10)
    first_row = np.round(np.array([0, 0, 5, 13, 9, 1, 0, 0]) * 255 / 16)
    both = np.concatenate([train.images, held_out.images])
    assert (both[:, 0, :, 0] == first_row).all(axis=1).any()
    assert both.max() == 255 and both.min() == 0


def test_digits_are_split_by_class_and_the_same_at_every_resolution():
    small, large = (sources.load("digits", side, split="held_out") for side in (8, 16))
    np.testing.assert_array_equal(small.labels, large.labels)
    counts = np.bincount(small.labels)
    assert 355 <= counts.sum() <= 363
    assert set(counts) <= {35, 36, 37}  # of 174 to 183 per class
    shrunk = large.images.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4))
    assert np.abs(shrunk - small.images[..., 0]).mean() < 12


def test_digits_in_colour_are_gray_three_times():
    gray, colour = (sources.load("digits", 8, channels) for channels in (1, 3))
    np.testing.assert_array_equal(colour.images, np.repeat(gray.images, 3, axis=-1))


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(sources, "sklearn_datasets", None)
    with pytest.raises(ValueError, match=re.escape("pip install tfgan_zoo[train]")):
        sources.load("digits", 8)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("mnist", 8), "digits, folder:PATH.*Received: dataset='mnist'"),
        (("folder", 8), "'folder:PATH'.*Received: dataset='folder'"),
        (("digits:8", 8), "'digits'.*Received: dataset='digits:8'"),
        (("digits", 0), "resolution=0"),
        (("digits", 8, 2), "channels=2"),
        (("digits", 8, 1, None, "test"), "'train', 'held_out'.*split='test'"),
    ],
)
def test_load_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        sources.load(*arguments)


def test_folder_sorts_classes_and_finds_nested_files_of_all_suffixes(root, read):
    save(root / "b" / "x.PNG", flat(10))
    save(root / "b" / "deep" / "er" / "y.Jpg", flat(20))
    save(root / "a" / "z.bmp", flat(30))
    save(root / "a" / ".hidden.png", flat(99))
    save(root / ".git" / "z.png", flat(99))
    (root / "a" / "notes.txt").write_text("not an image")
    found = {}
    for image_set in (read(split=split) for split in sources.SPLITS):
        assert image_set.class_names == ("a", "b")
        for name, label, image in zip(
            image_set.files, image_set.labels, image_set.images, strict=True
        ):
            found[os.path.relpath(name, root)] = (int(label), int(image.mean()))
    assert found == {"a/z.bmp": (0, 30), "b/x.PNG": (1, 10), "b/deep/er/y.Jpg": (1, 20)}


def test_folder_channels_follow_the_files(root, read):
    save(root / "a" / "gray.png", flat(10))
    save(root / "a" / "gray.gif", flat(20))
    save(root / "b" / "alpha.png", flat((30, 255)))
    assert read().images.shape[1:] == (4, 4, 1)
    assert read(channels=3).images.shape[1:] == (4, 4, 3)
    save(root / "b" / "red.png", flat((200, 0, 0)))
    image_set = read()
    assert image_set.images.shape[1:] == (4, 4, 3)
    assert read(channels=1).images.shape[1:] == (4, 4, 1)


def test_folder_16_bit_gray_keeps_its_range(root, read):
    root.joinpath("a").mkdir(parents=True)
    Image.fromarray(np.full((8, 8), 51400, np.uint16)).save(root / "a" / "deep.png")
    image_set = read()
    assert image_set.images.shape == (1, 4, 4, 1)
    assert (image_set.images == 200).all()  # 51400 / 257


def test_folder_lays_transparent_pictures_on_white(root, read):
    save(root / "a" / "clear.png", flat((255, 0, 0, 0)))
    save(root / "b" / "half.png", flat((255, 0, 0, 51)))  # a fifth of red, the rest white
    clear, half = read().images
    assert (clear == 255).all()
    assert (half == (255, 204, 204)).all()


@pytest.mark.parametrize("height, width", [(8, 24), (24, 8)])
def test_folder_crops_the_centre(root, read, height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    save(root / "a" / "x.png", pixels)
    half = Image.fromarray(pixels).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    middle = np.asarray(half)[height // 4 - 2 :, width // 4 - 2 :][:4, :4].astype(int)
    assert np.abs(middle - read().images[0]).max() <= 1


def test_folder_resizes_with_antialiasing(root, read):
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    save(root / "a" / "x.png", checks)
    assert np.abs(read().images.astype(int) - 127.5).max() <= 3


def test_folder_of_the_right_size_is_left_alone(root, read):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3))
    save(root / "a" / "x.png", pixels)
    np.testing.assert_array_equal(read().images[0], pixels)


def test_folder_turns_as_exif_says(root, read):
    pixels = np.arange(16).reshape(4, 4)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    save(root / "a" / "x.png", pixels, exif=exif)
    np.testing.assert_array_equal(read().images[0, ..., 0], np.rot90(pixels, -1))


def test_folder_is_decoded_once_into_a_memory_map(root, read, tmp_path, monkeypatch):
    for number in range(20):
        save(root / "a" / f"{number:02}.png", flat(number))
    calls = []
    train = read(progress=lambda *call: calls.append(call))
    assert calls == [(done, 20) for done in range(1, 21)]
    assert isinstance(train.images, np.memmap) and not train.images.flags.writeable
    monkeypatch.setattr(folders, "prepare", None)  # a second decoding would raise
    held_out = read(split="held_out")
    assert (len(train.images), len(held_out.images)) == (18, 2)
    values = np.concatenate([s.images[:, 0, 0, 0] for s in (train, held_out)])
    assert sorted(values) == list(range(20))
    for image, file in zip(held_out.images, held_out.files, strict=True):
        assert image.max() == int(os.path.basename(file)[:2])
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_folder_is_decoded_again_when_a_file_or_an_option_changes(root, read, tmp_path):
    save(root / "a" / "x.png", flat(10))
    assert read().images.max() == 10
    save(root / "a" / "x.png", flat(20))
    os.utime(root / "a" / "x.png", ns=(1, 1))
    assert read().images.max() == 20
    assert read(resolution=5).resolution == 5
    assert read(channels=3).channels == 3
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_folder_split_is_stratified_and_keeps_single_images(root, read):
    for name, count in {"a": 1, "b": 2, "c": 30}.items():
        for number in range(count):
            save(root / name / f"{number}.png", flat(number))
    assert np.bincount(read().labels).tolist() == [1, 1, 27]
    assert np.bincount(read(split="held_out").labels).tolist() == [0, 1, 3]


def test_folder_of_single_images_holds_nothing_out(root, read):
    save(root / "a" / "x.png", flat(10))
    with pytest.raises(ValueError, match="nothing is held out"):
        read(split="held_out")


def test_folder_counts_unreadable_files_and_names_three(root, read, tmp_path):
    for number in range(5):
        save(root / "a" / f"{number}.png", flat(number, 64, 64))
    truncated = (root / "a" / "0.png").read_bytes()[:60]
    for number in range(4):
        (root / "a" / f"{number}.png").write_bytes(truncated if number else b"")
    with pytest.raises(ValueError, match="4 of 5 images cannot be read") as raised:
        read()
    assert sum(f"{number}.png" in str(raised.value) for number in range(5)) == 3
    assert list((tmp_path / "cache").iterdir()) == []


def test_folder_without_the_expected_layout(root, read):
    with pytest.raises(ValueError, match=f"No such folder: {root}.*one sub-folder per class"):
        read()
    root.mkdir()
    with pytest.raises(ValueError, match=f"No sub-folders in {root}.*one sub-folder per class"):
        read()
    root.joinpath("hollow").mkdir()
    with pytest.raises(ValueError, match=f"{root}: hollow.*one sub-folder per class"):
        read()
    save(root / "stray.png", flat(1))
    with pytest.raises(ValueError, match=f"directly in {root}.*stray.png.*one sub-folder"):
        read()


def toy(labels, classes, files=None):
    images = np.zeros((len(labels), 2, 2, 1), np.uint8)
    images[-1] = 9
    return sources.ImageSet("toy", "train", images, np.int32(labels), classes, files)


def test_require_classes():
    sources.require_classes(toy([0, 1], ("a", "b")))
    with pytest.raises(ValueError, match="one folder per class, or do without both"):
        sources.require_classes(toy([0, 0], ("a",)))


def test_require_labels_below():
    image_set = toy([0, 2, 3], ("a", "b", "c", "d"))
    sources.require_labels_below(image_set, 4)
    with pytest.raises(ValueError, match="label 3 for image 2"):
        sources.require_labels_below(image_set, 3)
    named = dataclasses.replace(image_set, files=("x.png", "y.png", "z.png"))
    with pytest.raises(ValueError, match="label 2 for y.png"):
        sources.require_labels_below(named, 2)
    with pytest.raises(ValueError, match="label -1 for image 0"):
        sources.require_labels_below(toy([-1, 0], ("a", "b")), 2)


def test_describe_by_hand():
    lines = sources.describe(toy([0, 1, 1, 1], ("cat", "goldfish"))).splitlines()
    assert lines == [
        "toy, split train: 4 images",
        "shape (2, 2, 1), uint8, values 0 to 9",
        "2 classes",
        "  cat       1  ##########",
        "  goldfish  3  ##############################",
    ]


def test_describe_many():
    labels = np.repeat(np.arange(25), np.arange(50, 75))
    text = sources.describe(toy(labels, tuple(map(str, range(25)))))
    assert "(range of the first 1000)" in text
    assert text.endswith("\n  ... and 5 more classes, smallest 70, largest 74")
    assert len(text.splitlines()) == 3 + 20 + 1


def test_images_of_one_class():
    digits = sources.load("digits", 8)
    threes = sources.of_class(digits, 3)
    np.testing.assert_array_equal(threes.images, digits.images[digits.labels == 3])
    assert threes.class_names == ("3",) and not threes.labels.any()
    with pytest.raises(ValueError, match="`label` must be in .0, 10.*label=10"):
        sources.of_class(digits, 10)


def test_subsets_keep_proportions_and_are_nested():
    image_set = toy(
        np.repeat([0, 1, 2], [60, 30, 10]), ("a", "b", "c"), tuple(map(str, range(100)))
    )
    small, large = (sources.subset(image_set, count, 3) for count in (20, 50))
    assert np.bincount(small.labels).tolist() == [12, 6, 2]
    assert np.bincount(large.labels).tolist() == [30, 15, 5]
    assert set(small.files) < set(large.files)
    np.testing.assert_array_equal(small.labels, image_set.labels[[int(row) for row in small.files]])
    assert set(sources.subset(image_set, 20, 4).files) != set(small.files)
    assert len(sources.subset(image_set, 100).images) == 100
    for count in (0, 101):
        with pytest.raises(ValueError, match=f"in .1, 100.*count={count}"):
            sources.subset(image_set, count)


def test_subsets_of_memory_maps_stay_on_the_disk(root, read):
    for number in range(20):
        save(root / "a" / f"{number:02}.png", flat(number))
    few = sources.subset(read(), 5)
    assert not isinstance(few.images, np.ndarray)
    for image, file in zip(few.images[:], few.files, strict=True):
        assert image.max() == int(os.path.basename(file)[:2])


def test_how_images_were_resized_is_told():
    assert sources.load("digits", 8).resize == "as published"
    assert "bicubic" in sources.load("digits", 9).resize


def test_skipped_files_are_described():
    lines = sources.describe(dataclasses.replace(toy([0], ("a",)), skipped=("x (why)", "y (so)")))
    assert lines.splitlines()[1] == "left out, as unreadable: 2: x (why); y (so)"
