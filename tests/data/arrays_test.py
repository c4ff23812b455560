"""Images in .npz files."""

import io
import zipfile

import numpy as np
import pytest

from tests.data import hostile
from tfgan_zoo.data import arrays, decoding, sources
from tfgan_zoo.data.image_set import LazyImages

IMAGES = hostile.noise(30, 6, 6, 3)
IMAGES[:, 0, 0] = np.arange(30)[:, None]
LABELS = np.arange(30) % 3
NAMES = ["ant", "bée", "cat"]


@pytest.fixture(name="path")
def fixture_path(tmp_path):
    return tmp_path / "some images.npz"


@pytest.fixture(name="read")
def fixture_read(path, tmp_path):
    def read(resolution=6, channels=None, split="train"):
        return sources.load(f"npz:{path}", resolution, channels, str(tmp_path / "cache"), split)

    return read


def test_arrays_of_a_file(path):
    np.savez(path, images=IMAGES, labels=LABELS, class_names=NAMES)
    images, labels, names = arrays.read(path)
    assert isinstance(images, np.memmap) and labels.dtype == np.int32 and names == tuple(NAMES)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    np.savez_compressed(path, images=IMAGES)
    images, labels, names = arrays.read(path)
    np.testing.assert_array_equal(images, IMAGES)
    assert not labels.any() and len(labels) == 30 and names == ("images",)
    with pytest.raises(ValueError, match="No such file: .*gone.npz"):
        arrays.read(path.with_name("gone.npz"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("names", [NAMES, None])
def test_images_of_the_right_size_are_as_stored(path, read, tmp_path, save, names):
    save(path, images=IMAGES, labels=LABELS, **({"class_names": names} if names else {}))
    sets = [read(split=split) for split in sources.SPLITS]
    numbers = [each.images[:][:, 0, 0, 0] for each in sets]
    assert sorted(np.concatenate(numbers)) == list(range(30)) and len(numbers[1]) == 3
    for each, shown in zip(sets, numbers, strict=True):
        np.testing.assert_array_equal(each.images[:], IMAGES[shown])
        np.testing.assert_array_equal(each.labels, LABELS[shown])
        assert each.class_names == tuple(names or "012") and each.resize == "as stored"
        assert isinstance(each.images, LazyImages) == (save is np.savez)  # a memory map
    assert not (tmp_path / "cache").exists()


def test_without_labels_all_are_of_one_class(path, read):
    np.savez(path, images=IMAGES)
    assert read().class_names == ("images",) and not read().labels.any()


def test_others_are_resized_and_kept(path, read, tmp_path):
    np.savez(path, images=IMAGES[:, :, :4], labels=LABELS)
    train, held_out = (read(3, 1, split) for split in sources.SPLITS)
    assert train.images.shape == (27, 3, 3, 1) and isinstance(train.images, np.memmap)
    assert train.resize == decoding.rule()
    wanted = np.stack([decoding.fit_array(image, 3, 1) for image in IMAGES[:, :, :4]])
    for each in (train, held_out):
        rows = [np.flatnonzero((wanted == image).all(axis=(1, 2, 3)))[0] for image in each.images]
        np.testing.assert_array_equal(each.labels, LABELS[rows])
    assert len(list((tmp_path / "cache").iterdir())) == 1


WRONG = {
    "objects": ({"images": np.array([IMAGES, None], object)}, "Python objects.*not loaded"),
    "labels of objects": ({"images": IMAGES, "labels": np.array([{}] * 30)}, "Python objects"),
    "floats": ({"images": IMAGES / 255.0}, r"float64 \[30, 6, 6, 3\]"),
    "no channels": ({"images": IMAGES[..., 0]}, r"uint8 \[30, 6, 6\]"),
    "alpha": ({"images": hostile.noise(3, 6, 6, 4)}, r"\[3, 6, 6, 4\]"),
    "nothing": ({"images": IMAGES[:0]}, "empty"),
    "no images": ({"x": IMAGES}, "no `images`, but x.npy"),
    "few labels": ({"images": IMAGES, "labels": LABELS[:9]}, r"`labels` are int64 \[9\], for 30"),
    "float labels": ({"images": IMAGES, "labels": LABELS / 2}, "`labels` are float64"),
    "negative": ({"images": IMAGES, "labels": LABELS - 1}, r"lie in \[-1, 1\]"),
    "huge labels": ({"images": IMAGES, "labels": LABELS * 99}, "go up to 198.*name them"),
    "few names": ({"images": IMAGES, "labels": LABELS, "class_names": ["a"]}, "each of 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(path, read, case):
    arrays, message = WRONG[case]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=f"some images.npz cannot be read: .*{message}.*Expected"):
        read()


def test_no_file_and_a_file_that_is_none(path, read):
    with pytest.raises(ValueError, match="No such file: .*some images.npz. Expected a .npz"):
        read()
    np.save(path.with_suffix(".npy"), IMAGES)
    path.with_suffix(".npy").rename(path)
    with pytest.raises(ValueError, match="some images.npz cannot be read: File is not a zip file"):
        read()


def test_headers_that_claim_more_than_there_is(path, read):
    stream = io.BytesIO()
    np.save(stream, IMAGES)
    content = stream.getvalue().replace(b"(30, 6, 6, 3)", b"(90000,6,6,3)")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("images.npy", content)
    with pytest.raises(ValueError, match="cut off, or longer than its header says"):
        read()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_files_hold_images_or_are_named(path, read, save):
    save(path, images=IMAGES[:4, :2, :2], labels=LABELS[:4], class_names=NAMES)
    whole, random, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(150):
        path.write_bytes(hostile.damaged(whole, random))
        try:
            found = read(2)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert found.images[:].dtype == np.uint8 and found.images.shape[1:3] == (2, 2)
    assert refused > 50
