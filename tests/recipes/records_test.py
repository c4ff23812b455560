"""Files of scores, what may be compared, and tables."""

import types

import pytest

from recipes import records

BACKBONE = types.SimpleNamespace(name="net@1234", sha256="1234abcd5678", resolution=8)


def record(metric="fid", value=1.0, std=None, backbone=BACKBONE, **about):
    fields = {
        "resize": "none: 8 px",
        "resolution": 8,
        "real": "digits, train split",
        "real_count": 20,
        "real_sha256": "aa" * 32,
        "fake_count": 10,
        "truncation": None,
    }
    return records.make(metric, value, std, backbone, **{**fields, **about})


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "scores.jsonl"
    records.append(path, [record(value=0.1 + 0.2), record("kid", 2.0, 0.5)])
    records.append(path, [record(value=3.0)])
    found = records.read(path)
    assert [row["value"] for row in found] == [0.1 + 0.2, 2.0, 3.0]
    assert found[1]["std"] == 0.5 and found[0]["std"] is None
    assert found[0]["versions"].keys() == {"tfgan_zoo", "keras", "tensorflow", "numpy"}
    assert [file.name for file in path.parent.iterdir()] == ["scores.jsonl"]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path):
    path = tmp_path / "scores.jsonl"
    records.append(path, [record(), record()])
    path.write_text(path.read_text()[:-20])
    assert len(records.read(path)) == 1


@pytest.mark.parametrize("text", ["no json\n{}\n", "[1]\n", '{"metric": "fid"}\n'])
def test_other_files_are_refused_and_kept(tmp_path, text):
    path = tmp_path / "scores.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match="line 1"):
        records.append(path, [record()])
    assert path.read_text() == text


@pytest.mark.parametrize(
    "changes",
    [
        {"fake_count": 11},
        {"real_sha256": "bb" * 32},
        {"resize": "bicubic, antialiased: 4 to 8 px"},
        {"truncation": 0.5},
        {"resolution": 16},
        {"subset_size": 5},
        {"backbone": types.SimpleNamespace(name="net@1234", sha256="other", resolution=8)},
    ],
    ids=str,
)
def test_another_protocol_is_refused_by_its_field(changes):
    field = "backbone_sha256" if "backbone" in changes else next(iter(changes))
    pair = [record(), record(**changes)]
    assert list(records.differences(pair)) == [field]
    with pytest.raises(ValueError, match=rf"fid \({field}: .*--mixed"):
        records.comparable(pair)
    with pytest.raises(ValueError, match=field):
        records.markdown({"a": pair[:1], "b": pair[1:]})


@pytest.mark.parametrize(
    "changes",
    [{"seed": 3}, {"step": 9}, {"weights": "live"}, {"real": "folder:elsewhere"}],
    ids=str,
)
def test_what_was_measured_may_differ(changes):
    records.comparable([record(), record(**changes)])


def test_other_metrics_do_not_matter():
    records.comparable([record("fid"), record("kid", subset_size=5)])


def test_without_hashes_names_of_data_count():
    old = [record(real_sha256=None), record(real_sha256=None, real="cats, train split")]
    assert records.differences(old) == {"real": ["digits, train split", "cats, train split"]}
    # An older record does not know: the names decide.
    assert records.differences([record(), record(real_sha256=None, resolution=None)]) == {}
    assert list(records.differences([record(), record(real_sha256=None, real="cats")])) == ["real"]


def test_table_by_hand():
    runs = {
        "one": [record(value=9.0), record(value=1.25), record("kid", 0.5, 0.25), record("x_floor")],
        "two|": [record(value=2.5)],
    }
    lines = records.markdown(runs).splitlines()
    assert lines[:4] == [
        "| run | FD (net@1234) | KD (net@1234) |",
        "| --- | --- | --- |",
        "| one | 1.25 | 0.5 ± 0.25 |",
        "| two\\| | 2.5 |  |",
    ]
    assert "real_count: 20" in lines[5] and "1234abcd," in lines[5]
    with pytest.raises(ValueError, match="Asked for: swd"):
        records.markdown(runs, metrics=["swd"])


def test_mixed_table_marks_what_differs():
    runs = {"a": [record()], "b": [record(value=2.0, fake_count=11)], "c": [record(value=3.0)]}
    text = records.markdown(runs, mixed=True)
    assert "| a | 1 [a] |" in text and "| b | 2 [b] |" in text and "| c | 3 [a] |" in text
    assert "Compare equal letters only" in text
    assert "fake_count: 11" in text.split("- [b]")[1]


def test_only_the_papers_network_makes_a_fid():
    assert records.title("fid", "inception-2015-12-05@6726825d") == "FID"
    for other in ("inception-other@6726825d", "inception-2015-12-05@6726825d/64", "digits@1"):
        assert records.title("fid", other) == f"FD ({other})"
        assert records.title("inception_score", other) == f"class score ({other})"
    assert records.title("swd", "none") == "swd"


def test_resize_rules():
    assert records.resize_rule(BACKBONE, 8) == "none: 8 px"
    assert records.resize_rule(BACKBONE, 4) == "bicubic, antialiased: 4 to 8 px"
    assert records.resize_rule(None, 4) == "none: 4 px"
    inception = types.SimpleNamespace(resolution=None, resize="TF1 bilinear to 299 px")
    assert records.resize_rule(inception, 4) == "TF1 bilinear to 299 px, from 4 px"


def test_column_by_hand():
    found = [record(value=2.0), record("precision", 0.5, k=3)]
    lines = records.column(found).splitlines()
    assert lines[2:4] == ["| FD (net@1234) | 2 |", "| precision | 0.5 |"]
    assert lines[5].startswith("Measured with real: digits, train split, backbone: net@1234")
    assert lines[7:] == ["- fid", "- precision, k: 3"]
