"""The program: what it writes, says and refuses."""

import runpy
import sys

import numpy as np
import pytest
from PIL import Image

from tfgan_zoo.data import prepare, sources, tfrecords


@pytest.fixture(name="pictures")
def fixture_pictures(tmp_path):
    random = np.random.default_rng(0)
    for name, count in {"ant": 12, "bee": 20}.items():
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (16, 20, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


@pytest.fixture(name="run")
def fixture_run(tmp_path, capsys):
    """Runs a command. Returns what was told, or the error that it ended with."""

    def run(*words):
        cache = [f"--data_dir={tmp_path / 'cache'}"] if words[0] == "pyramid" else []
        try:
            prepare.main([*words, *cache])
        except SystemExit as ended:
            return str(ended.code)
        return capsys.readouterr().out

    return run


def test_pyramid_keeps_splits_and_classes(pictures, run, tmp_path):
    out = tmp_path / "out" / "bugs"
    told = run("pyramid", f"--dataset=folder:{pictures}", "--resolution=16", f"--out={out}")
    line = f"{out}: 32 images of bugs, 4 to 16 pixels, 3 channels, 2 classes\n"
    assert told == f"Wrote {line}"
    assert run("check", str(out)) == f"Checked {line}"
    names = [path.name for path in sorted(out.iterdir())]
    levels = [f"bugs-r0{power}.tfrecords" for power in (2, 3, 4)]
    assert names == [*levels, "bugs-rxx.labels", "bugs.json"]
    for split, count in (("train", 29), ("held_out", 3)):
        theirs = sources.load(f"folder:{pictures}", 16, None, str(tmp_path / "cache"), split)
        ours = sources.load(f"tfrecords:{out}", 16, None, str(tmp_path / "cache"), split)
        assert len(ours.images) == count and ours.class_names == theirs.class_names
        order = [np.lexsort(x.images.reshape(count, -1).T) for x in (theirs, ours)]
        np.testing.assert_array_equal(ours.images[order[1]], theirs.images[order[0]])
        np.testing.assert_array_equal(ours.labels[order[1]], theirs.labels[order[0]])


def test_a_second_time_needs_to_be_asked_for(run, tmp_path):
    words = ["pyramid", "--dataset=digits", "--resolution=8", f"--out={tmp_path / 'digits'}"]
    assert run(*words).startswith("Wrote")
    assert run(*words).startswith(f"Error: {tmp_path / 'digits'} holds digits already")
    assert run(*words, "--overwrite", "--channels=3").startswith("Wrote")
    assert tfrecords.find(tmp_path / "digits").channels == 3
    assert run(*words, "--name=others").startswith(f"Error: {tmp_path / 'digits'} holds another")


def test_single_images_are_all_for_training(pictures, run, tmp_path):
    for path in sorted(pictures.glob("*/*.png"))[1:]:
        path.unlink()
    (pictures / "bee").rmdir()
    told = run(
        "pyramid",
        f"--dataset=folder:{pictures}",
        "--resolution=4",
        f"--out={tmp_path / 'out'}",
        "--name=one",
    )
    assert "1 images of one, 4 to 4 pixels, 3 channels, 1 classes" in told


@pytest.mark.parametrize(
    "words, message",
    [
        (["--dataset=digits", "--resolution=12"], "power of two, at least 4.*resolution=12"),
        (["--dataset=digits", "--resolution=x"], "invalid int value: 'x'"),
        (["--dataset=digits"], "required: --resolution"),
        (["--dataset=folder:nowhere", "--resolution=8"], "No such folder: nowhere"),
        (["--dataset=mnist", "--resolution=8"], "Received: dataset='mnist'"),
        (["--dataset=digits", "--resolution=8", "--channels=2"], "channels=2"),
        (["--dataset=digits", "--resolution=8", "--name=a/b"], "name='a/b'"),
        (["--dataset=digits", "--resolution=8", "--size=3"], "unrecognized arguments: --size=3"),
    ],
)
def test_pyramid_refuses_in_a_line_and_writes_nothing(run, tmp_path, words, message):
    told = run("pyramid", f"--out={tmp_path / 'out'}", *words)
    assert told.startswith("Error: ") and "\n" not in told
    with pytest.raises(ValueError, match=message):
        raise ValueError(told)
    assert not (tmp_path / "out").exists()


def test_check_finds_damage(run, tmp_path):
    run("pyramid", "--dataset=digits", "--resolution=8", f"--out={tmp_path / 'digits'}")
    (tmp_path / "digits" / "digits-r02.tfrecords").unlink()
    assert "digits-r02.tfrecords is missing" in run("check", str(tmp_path / "digits"))
    assert run("check", str(tmp_path / "none")).startswith("Error: No such folder")


def test_celebahq(run, tmp_path):
    (tmp_path / "wild").mkdir()
    Image.new("RGB", (100, 100), "gray").save(tmp_path / "wild" / "a.jpg")
    (tmp_path / "list.txt").write_text("1\nheadings\na.jpg 44 50 56 50 50 56 45 62 55 62\n")
    words = [f"--images={tmp_path / 'wild'}", f"--landmarks={tmp_path / 'list.txt'}", "--size=16"]
    told = run("celebahq", *words, f"--out={tmp_path / 'out'}")
    assert "celeba-aligned: 1 pictures of 16 pixels" in told and "not CelebA-HQ" in told
    with Image.open(tmp_path / "out" / "celeba-aligned" / "a.png") as image:
        assert image.size == (16, 16)
    (tmp_path / "wild" / "a.jpg").unlink()
    told = run("celebahq", *words, f"--out={tmp_path / 'other'}")
    assert told.startswith("Error: 1 of 1 pictures are not in")
    assert not (tmp_path / "other").exists()


def test_the_bar_appears_after_a_second(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(prepare.time, "monotonic", lambda: clock[0])
    bar = prepare.Bar("writing", _start=0.0)
    for done, now in enumerate((0.3, 0.9, 1.5, 1.7, 2.5), start=1):
        clock[0] = now
        bar(done, 5)
    assert capsys.readouterr().err.split("\r") == [
        "",
        "writing [############        ] 3/5, 1 s left   ",
        "writing [####################] 5/5, 0 s left   \n",
    ]
    clock[0] = 0.8
    prepare.Bar("writing", _start=0.0)(5, 5)
    assert capsys.readouterr().err == ""


def test_it_is_a_program(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prepare.py", "check", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"^Error: {tmp_path} must hold one data set."):
        runpy.run_path(prepare.__file__, run_name="__main__")
    monkeypatch.setattr(sys, "argv", ["prepare.py"])
    with pytest.raises(SystemExit, match="^Error: the following arguments are required: dataset"):
        runpy.run_path(prepare.__file__, run_name="__main__")
