"""What a model server is told: parsed as the server parses it."""

import shlex

import pytest

from export import serving_config


def parsed(text):
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text_format = pytest.importorskip("google.protobuf.text_format")
    (model,) = text_format.Parse(text, config.ModelServerConfig()).model_config_list.config
    return model


def test_newest_version():
    model = parsed(serving_config.models_config("digits", '/models/the "best"'))
    assert (model.name, model.base_path) == ("digits", '/models/the "best"')
    assert model.model_platform == "tensorflow"
    assert not model.HasField("model_version_policy") and not model.version_labels


def test_labels_are_of_served_versions(tmp_path, capsys):
    for name in ("1", "2", "10", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "11").touch()
    serving_config.run(str(tmp_path), "digits", None, ["stable:2", "canary:10"])
    model = parsed((tmp_path / "models.config").read_text(encoding="utf-8"))
    assert list(model.model_version_policy.specific.versions) == [2, 10]
    assert dict(model.version_labels) == {"stable": 2, "canary": 10}
    assert model.base_path == "/models/digits"
    assert f"-v {tmp_path}:/models/digits " in capsys.readouterr().out
    serving_config.run(str(tmp_path), "digits", "/srv", [])
    model = parsed((tmp_path / "models.config").read_text(encoding="utf-8"))
    assert list(model.model_version_policy.specific.versions) == [10]
    assert model.base_path == "/srv"
    assert len([*tmp_path.iterdir()]) == 6


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("digits", ["stable:3"], r"of versions that exist: \[1\]. Received: 'stable:3'"),
        ("digits", ["stable"], "must be NAME:VERSION.*Received: 'stable'"),
        ("digits", ["a:1", "a:1"], "each name once"),
        ("a b", [], "`name` must be .*Received: 'a b'"),
    ],
)
def test_errors(tmp_path, name, labels, message):
    (tmp_path / "1").mkdir()
    with pytest.raises(SystemExit, match=message):
        serving_config.run(str(tmp_path), name, None, labels)
    assert not (tmp_path / "models.config").exists()


def test_commands_are_quoted_for_the_shell(tmp_path, capsys):
    (tmp_path / "my models" / "1").mkdir(parents=True)
    serving_config.run(str(tmp_path / "my models"), "digits", None, [])
    words = shlex.split(capsys.readouterr().out)
    assert f"{tmp_path}/my models:/models/digits" in words


def test_folders_without_versions(tmp_path):
    with pytest.raises(SystemExit, match="`folder` must hold versions"):
        serving_config.run(str(tmp_path), "digits", None, [])
    with pytest.raises(SystemExit, match="No such file"):
        serving_config.run(str(tmp_path / "missing"), "digits", None, [])


def test_batching():
    lines = serving_config.batching_parameters((1, 4, 32), threads=3).splitlines()
    assert lines[0] == "max_batch_size { value: 32 }"
    assert "num_batch_threads { value: 3 }" in lines
    # Servers want them ascending, and the last to be the maximum.
    assert lines[-3:] == [f"allowed_batch_sizes: {size}" for size in (1, 4, 32)]
