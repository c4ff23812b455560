"""What recipes.data_speed times, and what it writes."""

import numpy as np
import pytest

from recipes import data_speed, timing


def test_batches_are_taken_and_counted(tmp_path):
    functions, counts = data_speed.small_batches(tmp_path, 250)
    assert set(counts.values()) == {400}  # two steps of 4 x 50
    for take in functions.values():
        take()


def test_jpegs_become_the_same_images(tmp_path):
    if data_speed.torch is None:
        pytest.skip("needs PyTorch")
    files = data_speed.write_jpegs(tmp_path / "jpegs", 3)
    data_speed.our_preparation(files, tmp_path / "x.npy")()
    for row, ours in enumerate(np.load(tmp_path / "x.npy")):
        theirs = (data_speed.Pictures(files)[row].permute(1, 2, 0).numpy() + 1.0) * 127.5
        assert ours.shape == (128, 128, 3)
        np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_the_report_by_hand():
    """Of 630 images in 2 seconds: 315 per second, and 10 times the need of 50 x 4 in 6.3."""
    small = {"fast": timing.Timing(2.0, 1.0, 3.0, 5)}, {"fast": 635}
    large = (
        {"theirs": timing.Timing(2.0, 1.0, 4.0, 5), "ours": timing.Timing(0.5, 0.5, 0.5, 5)},
        {"theirs": 100, "ours": 100},
    )
    text = data_speed.report(small, large, "how")
    assert "| fast | 318 | 212 to 635 | 10 | 6 |" in text
    assert "| theirs | 50 | 25 to 100 | 1.00 |" in text
    assert "| ours | 200 | 200 to 200 | 4.00 |" in text
