"""Sheets of canvases and of codes."""

import numpy as np
import pytest

from recipes import analysis, processes
from recipes.studio import Options
from tests.conformance import small
from tfgan_zoo.models import registry


def draw(folder, generator, *kinds):
    chosen = Options(columns=3, standing_passes=0, kinds=kinds)
    return [path.name for path in analysis.sample(generator, folder, "small", chosen)]


@pytest.fixture
def sheet(monkeypatch):
    """What is drawn: the arguments of all sheets."""
    calls = []
    draw_sheet = processes.sheets.sample_sheet

    def remember(*arguments):
        calls.append(arguments)
        return draw_sheet(*arguments)

    monkeypatch.setattr(processes.sheets, "sample_sheet", remember)
    return calls


def test_canvases(tmp_path, sheet):
    assert draw(tmp_path, small.generator("gp-wirgan-digits"), "canvases") == [
        "canvases-seed0-no-truncation.png",
        "canvases-seed0-no-truncation.gif",
    ]
    (images, title, _, what), *_ = sheet
    assert images.shape == (10, 3, 28, 28, 1) and images.dtype == np.uint8
    assert "Canvases" in title and "1 (left) to 3 (right)" in what


def test_codes_move_alone(tmp_path, sheet):
    generator = registry.build_generator(
        "infogan-digits", width=4, hidden=8, z_dim=5, codes=2, num_classes=3
    )
    names = draw(tmp_path, generator, "codes")
    assert names == ["code-1-seed0-no-truncation.png", "code-2-seed0-no-truncation.png"]
    for images, _, rows, _ in sheet:
        assert images.shape == (3, 3, 28, 28, 1)
        assert rows == ("category 0", "category 1", "category 2")
    # In the middle all codes are 0 or as drawn; the ends differ from it.
    assert np.abs(sheet[0][0][:, 0].astype(int) - sheet[0][0][:, 2]).max() > 0


@pytest.mark.parametrize("kind, message", [("canvases", "draws in steps"), ("codes", "InfoGAN's")])
def test_generators_without_are_refused(tmp_path, kind, message):
    with pytest.raises(ValueError, match=message):
        draw(tmp_path, small.generator("dcgan-digits"), kind)
    assert not any(tmp_path.iterdir())
