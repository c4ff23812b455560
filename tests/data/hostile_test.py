"""What people's folders and files hold: read as it should be, or refused with the file named."""

import functools
import os
import warnings

import numpy as np
import pytest

from tests.data import hostile
from tfgan_zoo.data import decoding, sources

ROUNDS = 60  # of damage to each kind of file


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    root = tmp_path / "my pictures"
    for name in ("ant", "bée"):
        (root / name).mkdir(parents=True)
        for number in range(3):
            (root / name / f"ä {number}.png").write_bytes(hostile.GOOD["plain.png"])
    return root


@pytest.fixture(name="read")
def fixture_read(root, tmp_path):
    return functools.partial(
        sources.load, f"folder:{root}", 4, None, str(tmp_path / "cache"), split="train"
    )


@pytest.fixture(autouse=True)
def fixture_quiet():
    """Pillow warns of large pictures before we refuse them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", hostile.GOOD)
def test_pictures_of_all_kinds(name):
    for channels in (1, 3):
        assert decoding.decode(hostile.GOOD[name], 4, channels).shape == (4, 4, channels)


def test_values_of_some():
    """CMYK 0 is white, 255 black; a turned picture's first row was its first column from below."""
    white = hostile.encoded(hostile.Image.new("CMYK", (9, 9)), "jpeg")
    assert (decoding.decode(white, 4, 3) == 255).all()
    first = hostile.animated("gif")
    assert np.abs(decoding.decode(first, 9, 3) - hostile.noise(9, 9, 3).astype(float)).mean() < 20
    one = decoding.decode(hostile.GOOD["one pixel.png"], 4, 3)
    np.testing.assert_array_equal(one, np.broadcast_to(hostile.noise(1, 1, 3), (4, 4, 3)))
    assert decoding.is_gray(hostile.GOOD["deep.png"])


@pytest.mark.parametrize("name", hostile.BAD)
def test_bad_pictures_are_named_or_skipped_and_listed(root, read, name):
    content, reason = hostile.BAD[name]
    (root / "ant" / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"1 of 7 images cannot be read.*skip.*{name} .*{reason}"):
        read()
    train, held_out = (read(split=split, on_bad_image="skip") for split in sources.SPLITS)
    assert len(train.images) + len(held_out.images) == 6
    assert (
        len(train.skipped) == 1 and name in train.skipped[0] and train.images[:].any(axis=3).all()
    )
    assert f"left out, as unreadable: 1: {root / 'ant' / name}" in sources.describe(train)
    with pytest.raises(ValueError, match="1 of 7 images cannot be read"):
        read()  # although the others are prepared by now


def test_links_pipes_and_folders_that_are_called_pictures(root, read):
    os.symlink("loop.png", root / "ant" / "loop.png")
    os.symlink("nowhere.png", root / "ant" / "nowhere.png")
    os.mkfifo(root / "ant" / "pipe.png")
    (root / "ant" / "folder.png").mkdir()
    with pytest.raises(ValueError, match="3 of 9 images.*loop.png .*nowhere.png .*pipe.png "):
        read()
    assert len(read(on_bad_image="skip").skipped) == 3


def test_linked_folders_are_read_and_loops_refused(root, read, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.png").write_bytes(hostile.GOOD["plain.png"])
    os.symlink(tmp_path / "elsewhere", root / "ant" / "more")
    assert len(read().images) == 5
    os.symlink(root, root / "ant" / "again")
    with pytest.raises(ValueError, match="is a link to a folder that it lies in"):
        read()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_files_without_permission(root, read):
    (root / "ant" / "ä 0.png").chmod(0)
    with pytest.raises(ValueError, match="ä 0.png .*Permission denied"):
        read()


def test_skipping_never_leaves_nothing(root, read):
    for path in sorted((root / "ant").iterdir()):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="No image of .* in the class 'ant' can be read"):
        read(on_bad_image="skip")
    for path in sorted((root / "bée").iterdir()):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="6 of 6 images cannot be read: remove or replace them. "):
        read(on_bad_image="skip")
    with pytest.raises(ValueError, match="`on_bad_image` must be one of.*Received: 'ignore'"):
        read(on_bad_image="ignore")


def test_jpegs_four_times_too_large_are_scaled_while_they_are_decoded():
    """To an eighth of 256 pixels, twice the size: as good as decoding all, to 2 levels of 255."""
    y, x = np.mgrid[:256, :256]
    smooth = 127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 13)
    image = hostile.Image.fromarray(np.uint8(smooth))
    scaled = decoding.decode(hostile.encoded(image, "jpeg", quality=95), 16, 1)
    plain = decoding.fit(image, 16, 1)
    assert 0 < np.abs(scaled.astype(int) - plain).max() <= 6
    assert np.abs(scaled.astype(int) - plain).mean() < 2


# --- damage at random ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.GOOD)
def test_damaged_pictures_are_pictures_or_named(name, tmp_path):
    """All damages of a file in one folder: whatever is not skipped is an image."""
    folder, random = tmp_path / "root" / "class", np.random.default_rng(sum(map(ord, name)))
    folder.mkdir(parents=True)
    (folder / "whole.png").write_bytes(hostile.GOOD["plain.png"])
    stem, suffix = name.rsplit(".")
    for number in range(ROUNDS):
        content = hostile.damaged(hostile.GOOD[name], random)
        (folder / f"{stem}{number}.{suffix}").write_bytes(content)
    found = sources.load(
        f"folder:{tmp_path / 'root'}", 4, 3, str(tmp_path / "cache"), on_bad_image="skip"
    )
    assert found.images[:].dtype == np.uint8 and found.images.shape[1:] == (4, 4, 3)
    assert all(str(folder / stem) in problem for problem in found.skipped)
    if found.skipped:
        with pytest.raises(ValueError, match=f"{len(found.skipped)} of {ROUNDS + 1} images"):
            sources.load(f"folder:{tmp_path / 'root'}", 4, 3, str(tmp_path / "cache"))
