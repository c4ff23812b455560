"""Time and pictures of PGGAN's tables, on a run that was made up."""

import pytest

from recipes import pggan_tables
from recipes.tables import Lab, Row
from tfgan_zoo.models import registry

ROW = Row("g", "growing", (), "", "pggan")


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path, (), [0, 1], jobs=1, threads=1)
    for seed, values in ((0, (9.0, 5.0, 3.0)), (1, (7.0, 5.0, 1.0))):
        run = lab.run(ROW, seed)
        levels = [(10, 160, 4), (20, 320, 8), (30, 480, 8)]
        names = ("step", "images", "resolution")
        run.append("log.jsonl", [dict(zip(names, row, strict=True)) for row in levels])
        rows = [
            {"step": step, "metric": "swd", "value": value}
            for step, value in zip((10, 20, 30), values, strict=True)
        ]
        run.append("scores.jsonl", rows)
    return lab


def test_seconds_are_those_of_each_level(lab):
    curve = pggan_tables._curve(lab, ROW, "swd", {4: 0.01, 8: 0.1})
    assert list(curve) == pytest.approx([1.6, 1.6 + 16.0, 1.6 + 32.0])
    assert list(curve.values()) == [[9.0, 7.0], [5.0, 5.0], [3.0, 1.0]]
    means = pggan_tables._means(curve)
    assert pggan_tables.reached(means, 5.5) == pytest.approx(17.6)
    assert pggan_tables.reached(means, 1.9) is None


def test_images_shown(lab):
    assert pggan_tables._images(lab, ROW) == 480


def test_a_finished_generator_at_all_its_levels(lab):
    generator = registry.build_generator("pggan-digits", fmap_max=2, z_dim=2)
    generator.save(lab.run(pggan_tables.GROWN, 0) / "generator.keras")
    figure = pggan_tables._phases(lab)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "4 px",
        "8 px",
        "16 px",
        "32 px",
    ]


def test_every_claim_is_of_two_rows():
    names = [row.name for row in pggan_tables.ROWS]
    assert len(set(names)) == len(names) == 9
    for claim in pggan_tables.CLAIMS:
        assert claim.better in names and claim.worse in names
