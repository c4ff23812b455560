import numpy as np
import pytest

from recipes import sheets


@pytest.mark.parametrize("points", [(2.0, 1.0, None), (None,), (0.5,)])
def test_figures_of_a_sweep_name_every_threshold(points):
    rows = [
        {"truncation": t, "fid": 3.0 + n, "inception_score": 5.0 - n, "inception_score_std": 0.1}
        for n, t in enumerate(points)
    ]
    names = {"none" if t is None else f"{t:g}" for t in points}
    curves, figure = sheets.truncation_curves(rows, "a"), sheets.trade_off(rows, "b")
    for drawn in (curves, figure):
        assert len(sheets.png(drawn)) > 1000
    assert {label.get_text() for label in curves.axes[1].get_xticklabels()} >= names
    assert {text.get_text() for text in figure.axes[0].texts} == names
    (line,) = figure.axes[0].lines
    by_threshold = sorted(rows, key=lambda row: row["truncation"] or 99)
    np.testing.assert_array_equal(line.get_xdata(), [r["inception_score"] for r in by_threshold])
    np.testing.assert_array_equal(line.get_ydata(), [r["fid"] for r in by_threshold])


@pytest.mark.parametrize("columns", [1, 12])
@pytest.mark.parametrize("side", [8, 128])
def test_no_text_of_a_sheet_is_cut_off(columns, side):
    images = np.zeros((2, columns, side, side, 3), np.uint8)
    names = ("a short one", "a name that is much longer: 0.123")
    title = "Heading\n" + "words " * 30
    figure = sheets.sample_sheet(images, title, names, "what changes along a row " * 4)
    sheets.png(figure)
    (axes,) = figure.axes
    texts = [figure._suptitle, figure._supxlabel, *axes.get_yticklabels()]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height
    boxes = [text.get_window_extent() for text in texts[:2]]
    inside = axes.get_window_extent()
    assert boxes[0].y0 >= inside.y1 - 1 and boxes[1].y1 <= inside.y0 + 1


def test_confusion_says_every_share():
    shares = np.array([[0.9, 0.1, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    figure = sheets.confusion(shares, ("ant", "bee", "cow"), "a", "b")
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == ["90", "10", "0", "25", "75", "0", "0", "0", "100"]
    many = sheets.confusion(np.eye(60), tuple(map(str, range(60))), "a", "b")
    assert not many.axes[0].texts and len(many.axes[0].get_xticks()) <= 25


def test_rows_of_neighbours_are_level():
    images = np.zeros((3, 5, 8, 8, 1), np.uint8)
    figure = sheets.neighbour_sheet(images[:, 0], {"pixels": images, "features": images}, "a", "b")
    sheets.png(figure)
    boxes = [axes.get_window_extent() for axes in figure.axes]
    for box in boxes[1:]:
        assert abs(box.y0 - boxes[0].y0) < 1 and abs(box.y1 - boxes[0].y1) < 1
    assert boxes[0].x1 < boxes[1].x0 and boxes[1].x1 < boxes[2].x0
