"""What the metrics are timed with, and a page of a small measurement."""

import numpy as np
import pytest

from recipes import metrics_speed
from tests import programs


def test_features_are_those_of_the_seed():
    first, again, other = (metrics_speed.features(20, 5, seed) for seed in (0, 0, 1))
    assert first.shape == (20, 5) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.isin(other[other > 0], first).any()


def test_features_are_correlated_and_not_negative():
    found = metrics_speed.features(3000, 12, 0)
    assert found.min() == 0.0 and 0.3 < np.mean(found == 0.0) < 0.7  # a ReLU of what has mean 0
    correlations = np.corrcoef(found.T)[np.triu_indices(12, 1)]
    assert 3 / np.sqrt(3000) < np.abs(correlations).max() < 0.9


def test_another_seed_is_another_sample_of_the_same():
    first, second = (np.corrcoef(metrics_speed.features(6000, 6, seed).T) for seed in (0, 1))
    np.testing.assert_allclose(first, second, atol=0.1)
    wide = metrics_speed.features(6000, 6, 1, spread=3.0)
    assert wide.std() > 1.5 * metrics_speed.features(6000, 6, 1).std()


def test_chunks_are_filled(monkeypatch):
    monkeypatch.setattr(metrics_speed, "CHUNK", 4)
    found = metrics_speed.features(10, 6, 0)
    assert found.any(axis=1).all()
    assert len(np.unique(found, axis=0)) == 10


def test_page_of_a_small_measurement(tmp_path):
    pytest.importorskip("scipy")
    path = tmp_path / "new" / "speed.md"
    done = programs.run(
        "recipes.metrics_speed",
        f"--output={path}",
        "--samples=60",
        "--dimensions=6",
        "--rounds=1",
        "--note=tests",
    )
    assert done.returncode == 0, done.stderr
    text = path.read_text()
    assert "60 real and 60 fake rows of 6 dimensions" in text and "beside it ran: tests" in text
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert "KID of 100 subsets of 60" in rows
    whole, few = (
        float(rows[what].split("|")[4])
        for what in ("FID: the distance of these", "FID of 60 rows of each")
    )
    assert whole == pytest.approx(few, rel=1e-4)
    difference = float(text.split("They differ by ")[1].split(",")[0])
    assert difference < 1e-6
