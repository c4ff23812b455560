"""Aligned faces: where landmarks come to lie, on pictures drawn here, and the program's files."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tfgan_zoo.data import celebahq, sources

# Of the mouth below the eyes, in distances of the eyes, and where that puts eyes and mouth, as
# shares of the picture. By hand, for eyes at (-1/2, 0) and (1/2, 0), the mouth at (0, d): the
# square's half side is s = max(2, 1.8 d), its centre (0, d / 10); eyes are at 1/2 -+ 1 / (4 s) and
# 1/2 - d / (20 s), the mouth at 1/2 + 0.9 d / (2 s).
FACES = {1.0: (0.375, 0.475, 0.725), 1.25: (7 / 18, 17 / 36, 0.75), 0.8: (0.375, 0.48, 0.68)}
COLOURS = ((255, 0, 0), (0, 255, 0), None, (0, 0, 255), (0, 0, 255))
GROUND = 60


def face(down=1.0, distance=24.0, angle=0.0, middle=(100, 100)):
    """Landmarks [5, 2] of a face that is turned clockwise by an angle; mouth corners 0.8 apart."""
    points = np.array([[-0.5, 0], [0.5, 0], [0, down / 2], [-0.4, down], [0.4, down]])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array(middle) + distance * points @ np.array([[cos, sin], [-sin, cos]])


def draw(landmarks, size=(200, 200), radius=2.0):
    """A picture of soft spots around the landmarks, red, green and blue, on gray."""
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.full((*size[::-1], 3), float(GROUND))
    for (at_x, at_y), colour in zip(landmarks, COLOURS, strict=True):
        if colour:
            weight = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * radius**2))[..., None]
            pixels += weight * (np.array(colour) - pixels)
    return Image.fromarray(np.uint8(np.rint(pixels)))


def spots(image, around):
    """Centres (x, y) of what is red, green and blue near given places, as shares of the picture."""
    pixels = np.asarray(image, float)
    y, x = (np.indices(pixels.shape[:2]) + 0.5) / len(pixels)
    found = []
    for channel, (near_x, near_y) in enumerate(around):
        weight = pixels[..., channel] - pixels.mean(axis=-1)
        weight = np.where(np.hypot(x - near_x, y - near_y) < 0.12, weight, 0.0)
        weight = np.where(weight > 0.3 * weight.max(), weight, 0.0)
        assert weight.max() > 50
        found.append([np.average(x, weights=weight), np.average(y, weights=weight)])
    return np.array(found)


def expected(down=1.0):
    side, eyes, mouth = FACES[down]
    return np.array([[side, eyes], [1 - side, eyes], [0.5, mouth]])


@pytest.mark.parametrize("down", FACES)
@pytest.mark.parametrize("angle", [0.0, 0.5, -1.2, 3.0])
def test_faces_come_out_upright_wherever_and_however_they_were(down, angle):
    landmarks = face(down, 24.0, angle, (107, 95))
    aligned = celebahq.align(draw(landmarks), landmarks, 64)
    assert aligned.size == (64, 64) and aligned.mode == "RGB"
    np.testing.assert_allclose(spots(aligned, expected(down)), expected(down), atol=0.2 / 64)


@pytest.mark.parametrize("distance", [6.0, 8.0, 40.0, 120.0])
def test_faces_of_all_sizes(distance):
    """From 2.7 times too small, enlarged by four, to 7.5 times too large, shrunk by three."""
    size = int(6 * distance) + 2, int(5 * distance)
    landmarks = face(1.0, distance, 0.3, (3 * distance, 2.4 * distance))
    aligned = celebahq.align(draw(landmarks, size, max(0.8, 0.1 * distance)), landmarks, 64)
    np.testing.assert_allclose(spots(aligned, expected()), expected(), atol=0.3 / 64)


@pytest.mark.parametrize("middle", [(25, 100), (172, 90), (100, 20), (90, 164), (26, 24)])
def test_faces_near_the_border(middle):
    landmarks = face(1.0, 24.0, -0.2, middle)
    aligned = celebahq.align(draw(landmarks), landmarks, 64)
    np.testing.assert_allclose(spots(aligned, expected()), expected(), atol=0.3 / 64)
    outside = np.asarray(aligned)[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.abs(outside.astype(int) - GROUND).max() <= 3  # neither black nor a second face


def test_the_border_is_blurred_and_the_middle_is_not():
    random = np.random.default_rng(0)
    image = Image.fromarray(random.integers(0, 256, (200, 200, 3), np.uint8))
    inside, outside = (
        np.asarray(celebahq.align(image, face(1.0, 24.0, 0.0, middle), 96), float)
        for middle in ((100, 100), (20, 100))
    )
    # The face is 80 pixels further left, as are 80 of the square's 96: 20 to 76 less 28 to 124.
    assert inside[:, :30].std() > 30 and inside[:, -30:].std() > 30
    assert outside[:, -30:].std() > 30
    assert outside[:, :10].std() < 8
    np.testing.assert_allclose(outside[:, :10].mean(axis=(0, 1)), 127, atol=8)


def test_a_crop_on_the_pixels_is_the_picture_itself():
    """Eyes 16 apart: a square of 64, at (-0.5, -0.5) from its pixels' centres."""
    random = np.random.default_rng(0)
    smooth = scipy.ndimage.gaussian_filter(random.random((160, 160, 3)), (3, 3, 0))
    smooth = np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))
    landmarks = face(1.0, 16.0, 0.0, (80 - 0.5, 80 - 0.5))
    corners = celebahq.crop_corners(landmarks)
    np.testing.assert_allclose(corners, [[48, 49.6], [48, 113.6], [112, 113.6], [112, 49.6]])
    landmarks[:, 1] += 0.4  # to whole pixels
    aligned = np.asarray(celebahq.align(Image.fromarray(smooth), landmarks, 64), int)
    np.testing.assert_allclose(aligned, smooth[50:114, 48:112], atol=2)


def test_corners_of_a_turned_face_by_hand():
    """A face lying on its right side, forehead to the right: eyes one above the other."""
    landmarks = np.array([[50, 40], [50, 60], [0, 0], [30, 45], [30, 55]], float)
    # Eyes (50.5, 50.5), down (-20, 0), across (0, 20): half side 40, centre (48.5, 50.5).
    np.testing.assert_allclose(
        celebahq.crop_corners(landmarks), [[88.5, 10.5], [8.5, 10.5], [8.5, 90.5], [88.5, 90.5]]
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 40), st.integers(3, 40), st.floats(0.4, 30.0), st.integers(0, 99))
def test_blur_is_scipy_s(height, width, sigma, seed):
    pixels = np.random.default_rng(seed).random((height, width, 3), np.float32) * 255
    theirs = scipy.ndimage.gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0))
    np.testing.assert_allclose(celebahq._blur(pixels, sigma), theirs, atol=2e-3)


def test_nearness_by_hand():
    found = celebahq._nearness((5, 7), (2, 1), (1, 2))
    np.testing.assert_allclose(found[2], [1, 0, 0, 0, 0, 0.5, 1])  # rows: 2 of 2, 2 of 1
    np.testing.assert_allclose(found[:, 2], [1, 0.5, 0, 0, 1])
    assert found.min() == 0


# --- the list and the files ----------------------------------------------------------------------

HEADINGS = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y ..."
LINES = ["a.jpg 88 100 112 100 100 112 90 124 110 124", "b.jpg 1 2 3 4 5 6 7 8 9 -10"]


def listed(tmp_path, lines, count=None):
    path = tmp_path / "list.txt"
    path.write_text("\n".join([str(len(lines) if count is None else count), HEADINGS, *lines, ""]))
    return path


def test_lists_are_read(tmp_path):
    found = celebahq.read_landmarks(listed(tmp_path, LINES))
    assert list(found) == ["a.jpg", "b.jpg"]
    np.testing.assert_array_equal(found["b.jpg"], [[1, 2], [3, 4], [5, 6], [7, 8], [9, -10]])


@pytest.mark.parametrize(
    "lines, count, message",
    [
        (LINES, 3, "cut off.*'3', and 2"),
        (["a.jpg 1 2 3"], 1, "read like '000001.jpg 165 .*Received: 'a.jpg 1 2 3'"),
        (["a.jpg 1 2 3 4 5 6 7 8 9 x"], 1, "Received: 'a.jpg 1 .*x'"),
        (["../a.jpg 1 2 3 4 5 6 7 8 9 10"], 1, "Received: '../a.jpg"),
    ],
)
def test_lists_that_are_refused(tmp_path, lines, count, message):
    with pytest.raises(ValueError, match=message):
        celebahq.read_landmarks(listed(tmp_path, lines, count))


def test_no_list_or_an_empty_one(tmp_path):
    with pytest.raises(ValueError, match="No such file of landmarks"):
        celebahq.read_landmarks(tmp_path / "list.txt")
    (tmp_path / "list.txt").write_text("")
    with pytest.raises(ValueError, match="cut off.*'', and 0"):
        celebahq.read_landmarks(tmp_path / "list.txt")


@pytest.fixture(name="wild")
def fixture_wild(tmp_path):
    """Three pictures of faces, and their list."""
    lines = []
    (tmp_path / "wild").mkdir()
    for number, angle in enumerate((0.0, 0.4, -0.4)):
        landmarks = np.rint(face(1.0, 24.0, angle))
        draw(landmarks).save(tmp_path / "wild" / f"{number}.jpg", quality=95)
        lines.append(" ".join([f"{number}.jpg", *(str(int(x)) for x in landmarks.ravel())]))
    return tmp_path / "wild", listed(tmp_path, lines)


def test_files_are_written_once_and_loaded_as_a_folder(wild, tmp_path):
    out, calls = tmp_path / "out", []
    assert celebahq.write(*wild, out, 32, lambda *call: calls.append(call)) == 3
    assert calls == [(1, 3), (2, 3), (3, 3)]
    files = sorted((out / "celeba-aligned").iterdir())
    assert [path.name for path in files] == ["0.png", "1.png", "2.png"]
    for path in files:
        with Image.open(path) as image:
            np.testing.assert_allclose(spots(image, expected()), expected(), atol=1 / 32)
    data = sources.load(f"folder:{out}", 32, data_dir=str(tmp_path / "cache"))
    assert data.class_names == ("celeba-aligned",) and len(data.images) == 2
    files[1].unlink()
    times = [path.stat().st_mtime_ns for path in (files[0], files[2])]
    celebahq.write(*wild, out, 32)
    assert files[1].exists()
    assert times == [path.stat().st_mtime_ns for path in (files[0], files[2])]
    with pytest.raises(ValueError, match="0.png is of another size, 32.*size=16"):
        celebahq.write(*wild, out, 16)


def test_missing_pictures_are_named_before_anything_is_written(wild, tmp_path):
    (wild[0] / "1.jpg").unlink()
    with pytest.raises(ValueError, match="1 of 3 pictures are not in .*: 1.jpg"):
        celebahq.write(*wild, tmp_path / "out", 32)
    with pytest.raises(ValueError, match="size=2"):
        celebahq.write(*wild, tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()


def test_broken_pictures_are_named_in_the_end(wild, tmp_path):
    (wild[0] / "1.jpg").write_bytes((wild[0] / "1.jpg").read_bytes()[:500])
    with pytest.raises(ValueError, match="1 of 3 pictures cannot be aligned.*1.jpg"):
        celebahq.write(*wild, tmp_path / "out", 32)
    found = sorted(path.name for path in (tmp_path / "out" / "celeba-aligned").iterdir())
    assert found == ["0.png", "2.png"]
