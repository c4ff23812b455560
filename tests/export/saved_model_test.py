"""SavedModels: loaded as C++ servers load them, through saved_model_cli, and on disk."""

import io
import pathlib
import pickle
import re
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export import inference, saved_model, serving_config, signatures, warmup
from tests import programs
from tfgan_zoo import sampling, standing
from tfgan_zoo.models import registry

HERE = pathlib.Path(__file__).parent
CLI = "tensorflow.python.tools.saved_model_cli"
SEEDS = np.array([5, -6, 2**40], np.int64)
DEFAULTS = {"shared": 0.25, "tables": None, "unconditional": None}  # truncations
LABELS = np.array([3, 0, 9], np.int32)


@pytest.fixture(scope="module")
def saved(generators, tmp_path_factory):
    """{name: path of version 1}."""
    folder = tmp_path_factory.mktemp("served")
    return {
        name: saved_model.save(model, folder / name, default_truncation=DEFAULTS[name])
        for name, model in generators.items()
    }


class Server:
    """Collects requests, then answers them all in a process without Python's TensorFlow."""

    def __init__(self, path):
        self.path, self.defs = path, warmup.signature_defs(path)
        self.calls, self.outputs = [], []

    def ask(self, signature, **inputs):
        """Adds a request; as a server would, fills in defaults. Returns its number."""
        row = self.defs[signature]
        for name, value in row.defaults.items():
            inputs.setdefault(name, tf.make_ndarray(value))
        feeds = {row.inputs[name].name: np.asarray(value) for name, value in inputs.items()}
        self.outputs.append(sorted(row.outputs))
        fetches = [row.outputs[name].name for name in self.outputs[-1]]
        self.calls.append({"feeds": feeds, "fetches": fetches})
        return len(self.calls) - 1

    def answers(self, folder):
        """Returns a dict of outputs, or an error, for every request."""
        request, response = folder / "request.pickle", folder / "response.pickle"
        request.write_bytes(pickle.dumps({"folder": str(self.path), "calls": self.calls}))
        script = HERE / "c_loader.py"
        subprocess.run([sys.executable, "-P", script, request, response], check=True, timeout=120)
        answer = pickle.loads(response.read_bytes())
        assert not {"tensorflow", "keras", "export", "tfgan_zoo"} & set(answer["modules"])
        return [
            result if isinstance(result, str) else dict(zip(names, result, strict=True))
            for names, result in zip(self.outputs, answer["results"], strict=True)
        ]


def decode(png):
    """[H, W, C] of a PNG file, by a library that had no part in writing it."""
    image = np.asarray(Image.open(io.BytesIO(png)))
    return image if image.ndim == 3 else image[..., None]


@pytest.mark.parametrize("name", ["shared", "tables"])
def test_c_loader(generators, make_inputs, saved, tmp_path, name):
    generator, server = generators[name], Server(saved[name])
    inputs = make_inputs(generator, 5)
    plain = server.ask("serving_default", **inputs)
    sample = server.ask("sample", labels=LABELS, seed=SEEDS)
    single = server.ask("sample", labels=LABELS[1:2], seed=SEEDS[1:2])
    cut = server.ask("sample", labels=LABELS, seed=SEEDS, truncation=np.float32([0.5, 10.0, 1e-3]))
    bad_label = server.ask("serving_default", **{**inputs, "labels": np.int32([0, 1, 2, 3, 10])})
    negative = server.ask("sample", labels=np.int32([-1]), seed=SEEDS[:1])
    bad_truncation = server.ask("sample", labels=LABELS, seed=SEEDS, truncation=np.float32([0.0]))
    ends = {"latents_a": inputs["latents"][:3], "latents_b": inputs["latents"][2:5]}
    ends |= {"labels_a": inputs["labels"][:3], "labels_b": inputs["labels"][2:5]}
    position = np.float32([0.0, 0.5, 1.0])
    between = server.ask("interpolate", **ends, position=position)
    alone = {key: value[1:2] for key, value in ends.items()}
    halfway = server.ask("interpolate", **alone, position=position[1:2])
    beyond = [
        server.ask("interpolate", **ends, position=np.float32([0, wrong, 1]))
        for wrong in (-0.1, 1.1, np.nan)
    ]
    odd_shape = server.ask("serving_default", **{**inputs, "latents": inputs["latents"][:, 1:]})
    fewer = server.ask("serving_default", **{**inputs, "labels": inputs["labels"][:4]})
    one = server.ask("serving_default", **{**inputs, "labels": inputs["labels"][:1]})
    wrong_type = server.ask("serving_default", **{**inputs, "labels": np.zeros(5, np.float32)})
    answers = server.answers(tmp_path)

    np.testing.assert_allclose(answers[plain]["image"], generator(inputs), atol=1e-5)
    copy = inference.inference_copy(generator, folded=True)
    np.testing.assert_allclose(answers[plain]["image"], copy(inputs), atol=1e-6)

    latents = answers[sample]["latents"]
    images = copy({"latents": latents, "labels": LABELS}).numpy()
    for png, image in zip(answers[sample]["image_bytes"], images, strict=True):
        assert decode(png).shape == (32, 32, 1)
        # Half a level and float32's noise: rounded. Cut off, it would be a whole one.
        assert np.abs(decode(png) - (image + 1.0) * 127.5).max() <= 0.501

    assert answers[single]["image_bytes"] == answers[sample]["image_bytes"][1:2]
    np.testing.assert_array_equal(answers[single]["latents"], latents[1:2])
    assert len(set(answers[sample]["image_bytes"])) == 3

    largest = np.abs(answers[cut]["latents"]).max(axis=1)
    assert 0.4 < largest[0] <= 0.5 and largest[1] > 1.5 and 8e-4 < largest[2] <= 1e-3
    if DEFAULTS[name] is None:
        np.testing.assert_array_equal(answers[cut]["latents"][1], latents[1])
    else:
        assert 0.8 * DEFAULTS[name] < np.abs(latents).max() <= DEFAULTS[name]

    outside = r"3: .*`labels` must be in \[0, 10\).*largest:\] \[%d\] \[%d\]"
    assert re.match(outside % (0, 10), answers[bad_label])
    assert re.match(outside % (-1, -1), answers[negative])
    assert re.match(r"3: .*`truncation` must be positive.*\[0\]", answers[bad_truncation])

    start, end = ({key[:-2]: ends[key] for key in ends if key[-1] == side} for side in "ab")
    ways = sampling.interpolate(copy, start, end, 3)
    expected = ways[np.arange(3), np.arange(3)].astype(int)
    for png, image in zip(answers[between]["image_bytes"], expected, strict=True):
        assert np.abs(decode(png) - image).max() <= 1  # one half of a level may round either way
    assert answers[halfway]["image_bytes"] == answers[between]["image_bytes"][1:2]
    for row in beyond:
        assert re.match(r"3: .*`position` must be in \[0, 1\]", answers[row])
    for row in (odd_shape, fewer, one, wrong_type):
        assert answers[row].startswith("3: "), answers[row]


def test_c_loader_unconditional(generators, make_inputs, saved, tmp_path):
    generator, server = generators["unconditional"], Server(saved["unconditional"])
    inputs = make_inputs(generator, 2)
    server.ask("serving_default", **inputs)
    server.ask("sample", seed=SEEDS)
    plain, sample = server.answers(tmp_path)
    np.testing.assert_allclose(plain["image"], generator(inputs), atol=1e-5)
    assert decode(sample["image_bytes"][2]).shape == (32, 32, 3)


def test_everything_is_batch_major(saved):
    for path in saved.values():
        rows = warmup.signature_defs(path)
        assert sorted(rows) == ["interpolate", "sample", "serving_default"]
        for row in rows.values():
            for info in (*row.inputs.values(), *row.outputs.values()):
                assert tf.TensorShape(info.tensor_shape)[0] is None


def test_signatures(saved):
    between, sample, plain = saved_model.describe(saved["shared"])
    assert between == (
        "interpolate: labels_a int32 (None,), labels_b int32 (None,), "
        "latents_a float32 (None, 32), latents_b float32 (None, 32), position float32 (None,) -> "
        "image_bytes string (None,)"
    )
    assert sample == (
        "sample: labels int32 (None,), seed int64 (None,), truncation float32 (None,) = [0.25] -> "
        "image_bytes string (None,), latents float32 (None, 32)"
    )
    assert plain == (
        "serving_default: labels int32 (None,), latents float32 (None, 32) -> "
        "image float32 (None, 32, 32, 1)"
    )
    _, sample, plain = saved_model.describe(saved["unconditional"])
    assert sample.startswith("sample: seed int64 (None,), truncation float32 (None,) = [10.0]")
    assert plain.startswith("serving_default: latents float32 (None, 32) ->")


def test_weights_are_written_once(generators, saved):
    for name, generator in generators.items():
        # Singular vectors are not needed any more.
        weights = [weight for weight in generator.weights if weight.name != "u"]
        expected = 4 * sum(int(np.prod(weight.shape)) for weight in weights)
        (file,) = (saved[name] / "variables").glob("variables.data*")
        assert file.stat().st_size == pytest.approx(expected, rel=0.05)


def test_versions_are_never_overwritten(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "write", lambda endpoints, path: pathlib.Path(path).mkdir())
    assert saved_model.save(tiny, tmp_path / "a").name == "1"
    (tmp_path / "a" / "1" / "file").write_text("as it was", encoding="utf-8")
    assert saved_model.save(tiny, tmp_path / "a").name == "2"
    for version in (2, 0, -1):
        with pytest.raises(ValueError, match=rf"Received: version={version}, existing: \[1, 2\]"):
            saved_model.save(tiny, tmp_path / "a", version=version)
    assert saved_model.save(tiny, tmp_path / "a", version=12).name == "12"
    assert saved_model.save(tiny, tmp_path / "a").name == "13"
    assert serving_config.existing_versions(tmp_path / "a") == [1, 2, 12, 13]
    assert len([*(tmp_path / "a").iterdir()]) == 4
    assert (tmp_path / "a" / "1" / "file").read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize(
    "wrong", [{"default_truncation": -1.0}, {"statistics": "best"}, {"prior": "cauchy"}]
)
def test_what_fails_leaves_nothing(tiny, tmp_path, wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: .*{value}"):
        saved_model.save(tiny, tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


def test_warm_up_replays(served, tmp_path):
    """Record by record, as a server does before it says that it is available."""
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    server, names = Server(served / "1"), []
    for record in tf.data.TFRecordDataset(str(served / "1" / warmup.FILE)).as_numpy_iterator():
        request = logs.PredictionLog.FromString(record).predict_log.request
        names.append(request.model_spec.signature_name)
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        server.ask(names[-1], **inputs)
    found = {
        (name, *{len(value) for value in outputs.values()})
        for name, outputs in zip(names, server.answers(tmp_path), strict=True)
    }
    kinds = ("interpolate", "sample", "serving_default")
    assert found == {(name, size) for name in kinds for size in serving_config.BATCH_SIZES}
    assert len(names) == len(found) < 1000
    assert not (served / "2" / warmup.FILE).exists()


def test_warm_up_needs_a_package(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(warmup, "prediction_log_pb2", None)
    with pytest.raises(ValueError, match="pip install tensorflow-serving-api"):
        saved_model.save(tiny, tmp_path, warm=True)
    assert not list(tmp_path.iterdir())


def test_saved_model_cli_shows_all_signatures(served):
    shown = programs.run(CLI, "show", "--dir", served / "1", "--all")
    assert shown.returncode == 0, shown.stderr[-2000:]
    for name in ("serving_default", "sample", "interpolate"):
        assert f"signature_def['{name}']" in shown.stdout


def test_saved_model_cli_fills_in_the_default(served, tmp_path):
    options = {
        "--dir": served / "1",
        "--tag_set": "serve",
        "--signature_def": "sample",
        "--input_exprs": "labels=[1,2,2];seed=[5,6,7]",
        "--outdir": tmp_path,
    }
    flat = [str(part) for pair in options.items() for part in pair]
    done = programs.run(CLI, "run", *flat)
    assert done.returncode == 0, done.stderr[-2000:]
    latents = np.load(tmp_path / "latents.npy")
    assert latents.shape == (3, 32)
    assert 0.2 < np.abs(latents).max() <= 0.25
    assert len(np.load(tmp_path / "image_bytes.npy", allow_pickle=True)) == 3


def test_openvino_reads_the_folder(tiny, make_inputs, served):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    # By default some processors compute in bfloat16.
    model = core.compile_model(served / "1", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for count in (1, 3):
        inputs = make_inputs(tiny, count)
        np.testing.assert_allclose(model(inputs)["image"], tiny(inputs), atol=1e-4)


def test_command_line(tiny, tmp_path):
    tiny.save(tmp_path / "generator.keras")
    options = [f"--generator={tmp_path}/generator.keras", f"--output={tmp_path}/served"]
    options += ["--truncation=0.5", "--warmup", "--latents=uniform", "--standing=saved"]
    done = programs.run("export.saved_model", *options)
    assert done.returncode == 0, done.stderr[-2000:]
    path = tmp_path / "served" / "1"
    assert f"Wrote {path}, " in done.stdout
    assert "truncation float32 (None,) = [0.5]" in done.stdout
    assert f"saved_model_cli run --dir {path} " in done.stdout
    assert f"-v {path.parent}:/models/generator " in done.stdout
    assert (path / warmup.FILE).is_file() and (path / serving_config.BATCHING).is_file()


def test_command_line_errors(generator_file, tmp_path):
    with pytest.raises(SystemExit, match="must be a .keras file that exists"):
        saved_model.run(str(tmp_path / "missing.keras"), str(tmp_path), None)
    with pytest.raises(SystemExit, match="--output must be a folder that can be written to"):
        saved_model.run(str(generator_file), f"{generator_file}/served", None)


# --- batch normalisation ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standardized():
    """A generator that keeps moments of two truncations, which differ."""
    generator = registry.build_generator("dcgan-digits", width=4)
    return standing.tabulate(generator, [0.5, 1.0], passes=2, batch_size=8)


def settled(generator, truncation, statistics="saved", prior="normal"):
    """What would be served."""
    return saved_model._settled(generator, truncation, statistics, prior)


def test_kept_statistics_are_selected(standardized, make_inputs):
    inputs = make_inputs(standardized, 4)
    images = {at: settled(standardized, at)(inputs) for at in (None, 0.5, 1.0)}
    np.testing.assert_array_equal(images[None], images[1.0])  # as in the file
    assert np.abs(images[0.5] - images[1.0]).max() > 0.01
    standing.select(standardized, 0.5)
    np.testing.assert_allclose(images[0.5], standardized(inputs), atol=1e-5)
    standing.select(standardized, 1.0)


def test_statistics_that_are_not_kept(standardized, tmp_path):
    with pytest.raises(ValueError, match="`truncation` must be one of .*Received: 2.0"):
        saved_model.save(standardized, tmp_path, default_truncation=2.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("truncation", "prior"), [(0.25, "normal"), (None, "uniform")])
def test_measured_statistics(standardized, make_inputs, monkeypatch, truncation, prior):
    asked = []
    monkeypatch.setattr(
        standing, "measure", lambda g, t=None, draw=None: asked.append((t, draw)) or standardized
    )
    copy = settled(standardized, truncation, "measured", prior)
    inputs = make_inputs(standardized, 2)
    np.testing.assert_allclose(copy(inputs), standardized(inputs), atol=1e-5)
    ((received, draw),) = asked
    assert received == truncation
    if prior == "uniform":
        assert 0.9 < np.abs(draw(8, 0)["latents"]).max() < 1.0
    else:
        assert draw is None


# --- the latents --------------------------------------------------------------------------------


def draw(seeds, truncation, shape=(1000,)):
    truncation = tf.constant(truncation, tf.float32)
    return signatures.truncated_normal(tf.constant(seeds, tf.int64), truncation, shape).numpy()


@pytest.mark.parametrize("truncation", [0.01, 0.5, 2.0, signatures.UNTRUNCATED])
def test_latents_have_the_truncated_distribution(truncation):
    z = draw(range(100), [truncation]).ravel()
    assert np.abs(z).max() <= truncation
    points = np.linspace(-min(truncation, 4.0), min(truncation, 4.0), 9)
    normal = tf.math.erf(np.array([*points, truncation]) / np.sqrt(2.0)).numpy()
    expected = (1.0 + normal[:-1] / normal[-1]) / 2.0
    measured = [(z <= point).mean() for point in points]
    # 100,000 draws: a Kolmogorov-Smirnov distance beyond this has a probability of 1e-5.
    np.testing.assert_allclose(measured, expected, atol=2.47 / np.sqrt(z.size))


def test_uniform_latents():
    seeds = tf.constant(range(100), tf.int64)
    whole = signatures.truncated_uniform(seeds, tf.constant([10.0]), (1000,)).numpy()
    half = signatures.truncated_uniform(seeds, tf.constant([0.5]), (1000,)).numpy()
    np.testing.assert_allclose(half, whole / 2, rtol=1e-6)
    assert 0.999 < np.abs(whole).max() < 1.0
    points = np.linspace(-1.0, 1.0, 9)
    measured = [(whole <= point).mean() for point in points]
    np.testing.assert_allclose(measured, (1.0 + points) / 2.0, atol=2.47 / np.sqrt(whole.size))


def test_the_prior_of_a_preset_is_served(tiny, monkeypatch, tmp_path):
    found = []
    monkeypatch.setattr(signatures, "endpoints", lambda *args: found.append(args) or {})
    monkeypatch.setattr(saved_model, "write", lambda endpoints, path: pathlib.Path(path).mkdir())
    saved_model.save(tiny, tmp_path)
    monkeypatch.setattr(tiny, "preset", types.SimpleNamespace(prior="uniform"), raising=False)
    saved_model.save(tiny, tmp_path)
    saved_model.save(tiny, tmp_path, prior="normal")
    assert [args[2] for args in found] == ["normal", "uniform", "normal"]


def test_latents_of_several_axes():
    z = draw([1, 2, 3], [0.5, 1.0, 2.0], (4, 6))
    assert z.shape == (3, 4, 6)
    assert (np.abs(z).max(axis=(1, 2)) <= [0.5, 1.0, 2.0]).all()
    np.testing.assert_array_equal(z[1:2], draw([2], [1.0], (4, 6)))


def test_latents_are_those_of_the_first_release():
    """The picture of a seed is to stay what it is. Recorded with TensorFlow 2.21."""
    expected = [[0.6305624, 0.4243535, -1.4193341]]
    np.testing.assert_allclose(draw([7], [2.0], (3,)), expected, atol=1e-6)


def test_other_backends_are_refused(generators, monkeypatch):
    monkeypatch.setattr(signatures.keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        signatures.endpoints(generators["shared"])


def test_canvases_are_served(tmp_path):
    generator = registry.build_generator("wirgan-digits", width=4, z_dim=6)
    served = tf.saved_model.load(saved_model.save(generator, tmp_path))
    latents = np.random.default_rng(0).normal(size=(5, 3, 6)).astype("float32")
    drawn = served.signatures["canvases"](latents=tf.constant(latents))["canvases"]
    np.testing.assert_allclose(drawn, generator.canvases()({"latents": latents}), atol=1e-5)
    image = served.signatures["serving_default"](latents=tf.constant(latents))["image"]
    np.testing.assert_allclose(drawn[:, -1], image, atol=1e-5)
