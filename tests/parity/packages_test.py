"""Which packages ours is compared with: those that are pinned."""

import pathlib

HERE = pathlib.Path(__file__).parent


def test_versions(originals):
    pinned = (HERE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = originals["versions"].tolist()
    assert len(found) == 5 and set(found) <= set(pinned)
    assert "tensorflow-gan==2.1.0" in found
