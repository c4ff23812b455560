import sys

import numpy as np
import pytest
from PIL import Image

from tfgan_zoo import pictures


def test_to_uint8_by_hand():
    images = np.array([-1.0, -0.5, 0.0, 1 / 127.5, 0.5, 1.0, -7.0, 7.0])
    got = pictures.to_uint8(images)
    assert got.dtype == np.uint8
    # 63.75 and 191.25 are rounded; 127.5 goes to the even neighbour
    np.testing.assert_array_equal(got, [0, 64, 128, 128, 191, 255, 0, 255])


def test_to_uint8_undoes_the_pipeline():
    values = np.arange(256, dtype=np.uint8)
    images = values.astype(np.float32) / np.float32(127.5) - 1
    np.testing.assert_array_equal(pictures.to_uint8(images), values)
    np.testing.assert_array_equal(pictures.to_uint8(images.astype(np.float16)[::255]), [0, 255])


def test_to_uint8_refuses_nan():
    with pytest.raises(ValueError, match="diverged.*25%"):
        pictures.to_uint8([0.0, np.nan, 0.0, 1.0])


def test_grid_by_hand():
    images = np.arange(1, 4, dtype=np.uint8).reshape(3, 1, 1, 1) * np.ones((1, 1, 2, 1), np.uint8)
    picture = pictures.grid(images, columns=2, padding=1, background=9)
    want = [
        [9, 9, 9, 9, 9, 9, 9],
        [9, 1, 1, 9, 2, 2, 9],
        [9, 9, 9, 9, 9, 9, 9],
        [9, 3, 3, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9],
    ]
    np.testing.assert_array_equal(picture[..., 0], want)
    assert picture.dtype == np.uint8 and picture.shape == (5, 7, 1)


@pytest.mark.parametrize("count, columns", [(1, 1), (6, 3), (7, 3), (2, 5)])
@pytest.mark.parametrize("padding", [0, 2])
def test_grid_shows_every_image_where_it_belongs(count, columns, padding):
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 5, 3), np.uint8)
    picture = pictures.grid(images, columns, padding)
    rows = -(-count // columns)
    assert picture.shape == (rows * (4 + padding) + padding, columns * (5 + padding) + padding, 3)
    for number, image in enumerate(images):
        top = padding + number // columns * (4 + padding)
        left = padding + number % columns * (5 + padding)
        np.testing.assert_array_equal(picture[top : top + 4, left : left + 5], image)


def test_grid_refuses():
    images = np.zeros((2, 2, 2, 1), np.uint8)
    with pytest.raises(ValueError, match="columns=0"):
        pictures.grid(images, 0)
    with pytest.raises(ValueError, match="to_uint8.*float32"):
        pictures.grid(images.astype(np.float32), 1)


@pytest.mark.parametrize("shape, mode", [((4, 6), "L"), ((4, 6, 1), "L"), ((4, 6, 3), "RGB")])
@pytest.mark.parametrize("scale", [1, 3])
def test_png_holds_the_pixels(tmp_path, shape, mode, scale):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    pictures.write_png(tmp_path / "x.png", image, scale)
    with Image.open(tmp_path / "x.png") as read:
        assert (read.format, read.mode, read.size) == ("PNG", mode, (6 * scale, 4 * scale))
        pixels = np.asarray(read).reshape(4 * scale, 6 * scale, -1)
    for row in range(scale):
        got = pixels[row::scale, scale - 1 :: scale]
        np.testing.assert_array_equal(got, image.reshape(4, 6, -1))


def test_png_keeps_transparency(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (2, 2, 4), np.uint8)
    pictures.write_png(tmp_path / "x.png", image)
    with Image.open(tmp_path / "x.png") as read:
        np.testing.assert_array_equal(np.asarray(read), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_holds_the_frames(tmp_path, channels):
    frames = np.zeros((3, 4, 5, channels), np.uint8)
    frames[1, 0] = 255
    frames[2, 1] = 255
    pictures.write_gif(tmp_path / "x.gif", frames, seconds_per_frame=0.05, scale=2)
    with Image.open(tmp_path / "x.gif") as read:
        assert (read.format, read.n_frames, read.size) == ("GIF", 3, (10, 8))
        assert (read.info["duration"], read.info["loop"]) == (50, 0)
        for number in range(3):
            read.seek(number)
            pixels = np.asarray(read.convert("RGB"))[::2, ::2]
            np.testing.assert_array_equal(pixels, np.broadcast_to(frames[number], (4, 5, 3)))


@pytest.mark.parametrize("channels", [1, 3])
def test_mp4_holds_the_frames(tmp_path, channels):
    av = pytest.importorskip("av")
    frames = np.zeros((3, 8, 9, channels), np.uint8)
    frames[1], frames[2, :, 5:] = 255, 128
    pictures.write_mp4(tmp_path / "x.mp4", frames, seconds_per_frame=0.08, scale=3)
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]
    with av.open(tmp_path / "x.mp4") as film:
        (stream,) = film.streams
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 12.5
        got = np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(stream)])
    assert got.shape == (3, 24, 28, 3)  # 27 columns are odd: the last is shown twice
    want = frames.repeat(3, axis=1).repeat(3, axis=2)
    assert np.abs(got[:, :, :27] - want.astype(np.float64)).max() < 12  # lossy
    assert np.abs(got[:, :, 27] - want[:, :, 26].astype(np.float64)).max() < 12


def test_mp4_names_the_package_it_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match="pip install av"):
        pictures.write_mp4(tmp_path / "x.mp4", np.zeros((1, 2, 2, 1), np.uint8))
    assert not list(tmp_path.iterdir())


def test_files_replace_older_ones_and_leave_nothing_else(tmp_path):
    image = np.zeros((2, 2), np.uint8)
    pictures.write_png(tmp_path / "x.png", image)
    pictures.write_png(tmp_path / "x.png", image + 7)
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]
    with Image.open(tmp_path / "x.png") as read:
        assert (np.asarray(read) == 7).all()


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    pictures.write_png(tmp_path / "x.png", np.zeros((2, 2), np.uint8))
    before = (tmp_path / "x.png").read_bytes()

    def fail(image, path, **options):
        path.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        pictures.write_png(tmp_path / "x.png", np.ones((2, 2), np.uint8))
    assert (tmp_path / "x.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_writers_refuse(tmp_path):
    image = np.zeros((2, 2, 2), np.uint8)
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        pictures.write_png(tmp_path / "x.png", image)
    with pytest.raises(ValueError, match="scale=0"):
        pictures.write_png(tmp_path / "x.png", image[..., 0], scale=0)
    with pytest.raises(ValueError, match="to_uint8.*float64"):
        pictures.write_png(tmp_path / "x.png", image / 2.0)
    with pytest.raises(ValueError, match="at least 1 image"):
        pictures.write_gif(tmp_path / "x.gif", np.zeros((0, 2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="at least 1 image"):
        pictures.write_mp4(tmp_path / "x.mp4", np.zeros((0, 2, 2, 1), np.uint8))
    assert not list(tmp_path.iterdir())
