import types

import keras
import numpy as np
import pytest

from tfgan_zoo import sampling

LAYERS = keras.layers


def conditional_generator(tables):
    """4 latents and 3 classes -> 2x2 images; one class embedding, or one per hidden layer.

    tanh(seed(latents)) + table_0, then a dense layer, times table_1, then images.
    """
    keras.utils.set_random_seed(0)
    latents = keras.Input((4,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    embed = [LAYERS.Embedding(3, 8, "normal", name=f"table_{n}") for n in range(tables)]
    shift, scale = ([e(labels) for e in embed] * 2)[:2]
    x = LAYERS.Dense(8, "tanh", name="seed")(latents)
    x = LAYERS.Dense(8, name="hidden")(LAYERS.Add()([x, shift]))
    x = LAYERS.Dense(4, name="last")(LAYERS.Multiply()([x, scale]))
    images = LAYERS.Reshape((2, 2, 1))(LAYERS.Activation("tanh")(x))
    model = keras.Model({"latents": latents, "labels": labels}, images)
    model.set_weights([w * 6 if w.ndim == 2 else w for w in model.get_weights()])
    return model


def by_hand(model, latents, *tables):
    """What `conditional_generator` draws for given rows of its tables."""
    weights = {layer.name: layer.get_weights() for layer in model.layers}

    def dense(name, x):
        kernel, bias = weights[name]
        return x @ kernel + bias

    shift, scale = (tables * 2)[:2]
    x = dense("hidden", np.tanh(dense("seed", latents)) + shift)
    return np.tanh(dense("last", x * scale)).reshape(-1, 2, 2, 1)


def unconditional_generator(shape=(4,)):
    keras.utils.set_random_seed(0)
    latents = keras.Input(shape, name="latents")
    x = LAYERS.Dense(4)(LAYERS.Flatten()(latents))
    return keras.Model({"latents": latents}, LAYERS.Reshape((2, 2, 1))(x))


def pairs(count):
    start = {"latents": sampling.latents(count, 4, 0), "labels": np.arange(count) % 3}
    end = {"latents": sampling.latents(count, 4, 1), "labels": (np.arange(count) + 1) % 3}
    return start, end


RULES = [(None, "resample"), (1.5, "resample"), (0.5, "exact"), (0.5, "scale")]


@pytest.mark.parametrize("truncation, rule", RULES)
def test_more_latents_begin_with_the_same(truncation, rule):
    few, many = (sampling.latents(n, 7, 5, truncation, rule) for n in (3, 20))
    assert many.shape == (20, 7) and many.dtype == np.float32
    np.testing.assert_array_equal(many[:3], few)
    assert len(np.unique(many)) == many.size
    assert not np.isin(many, sampling.latents(20, 7, 6, truncation, rule)).any()


@pytest.mark.parametrize("truncation, rule", RULES)
def test_latents_may_have_any_shape(truncation, rule):
    flat = sampling.latents(3, 10, 0, truncation, rule)
    shaped = sampling.latents(3, (5, 2), 0, truncation, rule)
    np.testing.assert_array_equal(shaped, flat.reshape(3, 5, 2))


def test_latents_without_truncation_are_standard_normal():
    z = sampling.latents(1000, 200, 0)
    assert abs(z.mean()) < 0.01 and abs(z.std() - 1) < 0.01
    assert abs((np.abs(z) > 2).mean() - 0.0455) < 0.003


@pytest.mark.parametrize("rule", ["resample", "exact"])
@pytest.mark.parametrize(
    "truncation, deviation",
    [(2, 0.8796), (1.5, 0.7426), (1, 0.5396), (0.5, 0.2839), (0.04, 0.0231)],
)
def test_truncated_latents_have_the_published_deviations(truncation, deviation, rule):
    z = sampling.latents(300, 200, 0, truncation, rule)
    assert np.abs(z).max() <= truncation
    assert np.abs(z).max() > 0.99 * truncation
    assert abs(z.mean()) < 0.02 * deviation
    np.testing.assert_allclose(z.std(), deviation, rtol=0.01)


def test_resampling_and_the_exact_rule_have_one_distribution():
    a, b = (sampling.latents(300, 200, 0, 1.0, rule) for rule in ("resample", "exact"))
    levels = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(np.quantile(a, levels), np.quantile(b, levels), atol=0.015)


def test_a_wide_truncation_changes_nothing():
    np.testing.assert_array_equal(sampling.latents(9, 9, 0, 50.0), sampling.latents(9, 9, 0))
    assert np.isfinite(sampling.latents(100, 100, 0, 50.0, "exact")).all()


@pytest.mark.parametrize("truncation", [1.0, 0.3])
def test_the_scaled_rule_scales_normals_truncated_at_2(truncation):
    z = sampling.latents(300, 200, 0, truncation, "scale")
    whole = sampling.latents(300, 200, 0, 2.0)
    np.testing.assert_allclose(z, truncation * whole, rtol=1e-6)
    np.testing.assert_allclose(z.std(), 0.8796 * truncation, rtol=0.01)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0, 4, 0), "count=0"),
        ((1, 4, 0, 0.0), "truncation=0.0"),
        ((1, 4, 0, -1.0, "exact"), "truncation=-1.0"),
        ((1, 4, 0, float("nan")), "truncation=nan"),
        ((1, 4, 0, 1.5, "scale"), "truncation=1.5.*'resample'"),
        ((1, 4, 0, 1e-6), "truncation=1e-06.*rule='exact'"),
        ((1, 4, 0, 1.0, "clip"), "'resample', 'exact' or 'scale'.*rule='clip'"),
        ((1, 4, 0, None, "clip"), "rule='clip'"),
    ],
)
def test_latents_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        sampling.latents(*arguments)


def test_class_grid_repeats_latents_down_and_labels_along():
    inputs = sampling.class_grid_inputs(3, 5, (2, 2), 7, 0.5)
    latents = inputs["latents"].reshape(3, 5, 2, 2)
    np.testing.assert_array_equal(latents, np.stack([sampling.latents(5, (2, 2), 7, 0.5)] * 3))
    np.testing.assert_array_equal(inputs["labels"], np.repeat([0, 1, 2], 5))
    assert (inputs["latents"].dtype, inputs["labels"].dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 64])
def test_generate_gives_each_row_its_picture(batch_size):
    model = conditional_generator(2)
    inputs = sampling.class_grid_inputs(3, 3, 4, 0)
    shift, scale = (model.get_layer(f"table_{n}").get_weights()[0] for n in range(2))
    want = by_hand(model, inputs["latents"], shift[inputs["labels"]], scale[inputs["labels"]])
    images = sampling.generate(model, inputs, batch_size)
    assert images.dtype == np.uint8 and images.shape == (9, 2, 2, 1)
    assert want.std() > 0.3
    assert np.abs((want + 1) * 127.5 - images).max() < 0.51


def test_generate_calls_with_one_size(monkeypatch):
    model = unconditional_generator()
    sizes, predict = [], model.predict_on_batch

    def spy(inputs):
        sizes.append(len(inputs["latents"]))
        return predict(inputs)

    monkeypatch.setattr(model, "predict_on_batch", spy)
    inputs = {"latents": sampling.latents(10, 4, 0)}
    assert len(sampling.generate(model, inputs, 4)) == 10
    assert sizes == [4, 4, 4]


def test_generate_refuses():
    model = unconditional_generator()
    inputs = {"latents": sampling.latents(2, 4, 0)}
    with pytest.raises(ValueError, match="batch_size=0"):
        sampling.generate(model, inputs, 0)
    with pytest.raises(ValueError, match="{'latents': 2, 'labels': 3}"):
        sampling.generate(model, {**inputs, "labels": np.arange(3)})


@pytest.mark.parametrize("tables", [1, 2])
@pytest.mark.parametrize("batch_size", [3, 64])
def test_interpolation_ends_at_the_generators_own_pictures(tables, batch_size):
    model = conditional_generator(tables)
    start, end = pairs(5)
    images = sampling.interpolate(model, start, end, 4, batch_size)
    assert images.dtype == np.uint8 and images.shape == (5, 4, 2, 2, 1)
    np.testing.assert_array_equal(images[:, 0], sampling.generate(model, start))
    np.testing.assert_array_equal(images[:, -1], sampling.generate(model, end))


@pytest.mark.parametrize("tables", [1, 2])
def test_interpolation_is_straight_in_latents_and_embeddings(tables):
    model = conditional_generator(tables)
    start, end = pairs(5)
    images = sampling.interpolate(model, start, end, 5)
    table = [model.get_layer(f"table_{n}").get_weights()[0] for n in range(tables)]
    for step, position in enumerate([0, 0.25, 0.5, 0.75, 1]):
        latents, *rows = (
            (1 - position) * a + position * b
            for a, b in [
                (start["latents"], end["latents"]),
                *((t[start["labels"]], t[end["labels"]]) for t in table),
            ]
        )
        want = (by_hand(model, latents, *rows) + 1) * 127.5
        assert np.abs(want - images[:, step]).max() < 0.51


def test_interpolation_of_single_inputs_and_of_one_class():
    model = conditional_generator(1)
    start, end = pairs(5)
    end["labels"] = start["labels"]
    many = sampling.interpolate(model, start, end, 3)
    one = sampling.interpolate(
        model,
        {"latents": start["latents"][4], "labels": 1},
        {"latents": end["latents"][4], "labels": 1},
        3,
    )
    np.testing.assert_array_equal(one, many[4:])


@pytest.mark.parametrize("shape", [(4,), (3, 2)])
def test_interpolation_without_labels(shape):
    model = unconditional_generator(shape)
    start, end = ({"latents": sampling.latents(2, shape, seed)} for seed in (0, 1))
    images = sampling.interpolate(model, start, end, 3)
    middle = {"latents": (start["latents"] + end["latents"]) / 2}
    for step, inputs in enumerate([start, middle, end]):
        np.testing.assert_array_equal(images[:, step], sampling.generate(model, inputs))
    alone = {"latents": start["latents"][0]}
    assert sampling.interpolate(model, alone, alone, 3).shape == (1, 3, 2, 2, 1)


def test_interpolation_leaves_the_generator_as_it_was(tmp_path):
    model = conditional_generator(2)
    start, end = pairs(4)
    before, config = sampling.generate(model, start), model.get_config()
    for _ in range(2):
        sampling.interpolate(model, start, end, 2)
    np.testing.assert_array_equal(sampling.generate(model, start), before)
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(sampling.generate(loaded, start), before)


def test_interpolation_refuses():
    model = conditional_generator(1)
    start, end = pairs(3)
    with pytest.raises(ValueError, match="steps=1"):
        sampling.interpolate(model, start, end, 1)
    with pytest.raises(ValueError, match="3 and 2"):
        sampling.interpolate(model, start, {name: x[:2] for name, x in end.items()}, 2)
    with pytest.raises(ValueError, match="Missing: .*labels"):
        sampling.interpolate(model, {"latents": start["latents"]}, end, 2)


def test_interpolation_needs_labels_that_become_embeddings():
    latents = keras.Input((4,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    x = LAYERS.Dense(4)(latents) + keras.ops.cast(labels[:, None], "float32")
    model = keras.Model({"latents": latents, "labels": labels}, LAYERS.Reshape((2, 2, 1))(x))
    with pytest.raises(ValueError, match="as an Embedding does.*Received: layer get_item"):
        sampling.interpolate(model, *pairs(2), 2)


def with_spec(model, num_classes):
    """The model as networks of the zoo are: it knows its classes."""
    model.spec = types.SimpleNamespace(num_classes=num_classes)
    return model


@pytest.mark.parametrize("label", [-1, 3, 100])
def test_labels_of_no_class_are_refused(label):
    model = with_spec(conditional_generator(1), 3)
    start, end = pairs(3)
    assert len(sampling.generate(model, start)) == 3
    end["labels"][1] = label
    message = rf"`labels` must be in \[0, 3\).* 3 classes. Received: label {label}\."
    with pytest.raises(ValueError, match=message):
        sampling.generate(model, end)
    with pytest.raises(ValueError, match=message):
        sampling.interpolate(model, start, end, 2)


@pytest.mark.parametrize("shape", [(2, 5), (2, 3), (2, 4, 1), (2,)])
def test_latents_of_another_width_are_refused(shape):
    model = unconditional_generator()
    inputs = {"latents": np.zeros(shape, np.float32)}
    with pytest.raises(ValueError, match=r"rows of shape \(4,\).*Received: rows of shape \("):
        sampling.generate(model, inputs)


def test_interpolation_refuses_latents_of_another_width():
    model = unconditional_generator((3, 2))
    right, wrong = ({"latents": sampling.latents(2, shape, 0)} for shape in ((3, 2), (3, 3)))
    with pytest.raises(ValueError, match=r"rows of shape \(3, 2\).*rows of shape \(3, 3\)"):
        sampling.interpolate(model, right, wrong, 2)


def test_missing_inputs_are_named():
    with pytest.raises(ValueError, match=r"takes: \['labels', 'latents'\]. Missing: \['labels'\]"):
        sampling.generate(conditional_generator(1), {"latents": sampling.latents(2, 4, 0)})


def test_with_chunk_by_hand():
    latents, others = np.arange(12.0).reshape(2, 6), -np.arange(12.0).reshape(2, 6)
    got = sampling.with_chunk(latents, others, 1, 3)
    np.testing.assert_array_equal(got, [[0, 1, -2, -3, 4, 5], [6, 7, -8, -9, 10, 11]])
    np.testing.assert_array_equal(latents, np.arange(12.0).reshape(2, 6))
    np.testing.assert_array_equal(sampling.with_chunk(latents, others, 0, 1), others)


def test_latents_of_any_shape_are_one_chunk():
    latents, others = (sampling.latents(2, (3, 5), seed) for seed in (0, 1))
    np.testing.assert_array_equal(sampling.with_chunk(latents, others, 0, 1), others)


@pytest.mark.parametrize(
    "shape, chunk, chunks, message",
    [
        ((2, 6), 3, 3, r"in \[0, 3\). Received: chunk=3"),
        ((2, 6), -1, 3, "chunk=-1"),
        ((2, 6), 1, 1, r"in \[0, 1\). Received: chunk=1"),
        ((2, 6), 0, 4, "chunks=4"),
        ((2, 6), 0, 0, "chunks=0"),
        ((2, 6, 3), 0, 3, r"\(2, 6, 3\) and chunks=3"),
    ],
)
def test_with_chunk_refuses(shape, chunk, chunks, message):
    with pytest.raises(ValueError, match=message):
        sampling.with_chunk(np.zeros(shape), np.zeros(shape), chunk, chunks)


def test_with_chunk_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"one shape. Received: \(2, 6\) and \(1, 6\)"):
        sampling.with_chunk(np.zeros((2, 6)), np.zeros((1, 6)), 0, 3)


def test_traversals_move_one_chunk():
    model = conditional_generator(2)
    start, _ = pairs(3)
    others = sampling.latents(3, 4, 9)
    images = sampling.traverse_chunks(model, start, others, 2, 5)
    assert images.dtype == np.uint8 and images.shape == (3, 2, 5, 2, 2, 1)
    for chunk, components in enumerate([slice(0, 2), slice(2, 4)]):
        for step, share in enumerate([0, 0.25, 0.5, 0.75, 1]):
            z = start["latents"].copy()
            z[:, components] = (1 - share) * z[:, components] + share * others[:, components]
            want = sampling.generate(model, {**start, "latents": z}).astype(int)
            assert np.abs(images[:, chunk, step] - want).max() <= 1


def test_traversals_of_one_chunk_are_interpolations():
    model = unconditional_generator((3, 2))
    start, others = ({"latents": sampling.latents(2, (3, 2), seed)} for seed in (0, 1))
    images = sampling.traverse_chunks(model, start, others["latents"], 1, 4)
    np.testing.assert_array_equal(images[:, 0], sampling.interpolate(model, start, others, 4))


def test_chunk_effects_by_hand():
    """An image of z itself: a chunk changes its own pixels alone, by their differences."""
    latents = keras.Input((4,), name="latents")
    model = keras.Model({"latents": latents}, LAYERS.Reshape((2, 2, 1))(latents))
    inputs = {"latents": np.array([[-1, -1, 0, 0], [-1, 1, 0, 0]], np.float32)}
    others = np.array([[1, 1, 0, 1], [1, 1, 0, 0]], np.float32)
    effects = sampling.chunk_effects(model, inputs, others, 2)
    # 255 + 255 + 255 + 0 of 8 pixels, and 127 (0.0 is drawn as 128): both over 255.
    np.testing.assert_allclose(effects, [3 / 8, 127 / 255 / 8], rtol=1e-12)
    np.testing.assert_allclose(
        sampling.chunk_effects(model, inputs, others, 1), [effects.sum()], rtol=1e-12
    )
    assert effects.dtype == np.float64
