import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.data import pipelines, pyramid, sources
from tfgan_zoo.training import batches


def numbered(size, side=2, channels=1):
    """Images that all show their own number in the first pixel and 0 elsewhere."""
    images = np.zeros((size, side, side, channels), np.uint8)
    images[:, 0, 0] = np.arange(size)[:, None]
    labels = np.arange(size, dtype=np.int32) % 3
    return sources.ImageSet("numbered", "train", images, labels, ("a", "b", "c"))


def take(count, *args, **kwargs):
    return list(pipelines.batches(*args, **kwargs).take(count).as_numpy_iterator())


def numbers(elements):
    """The images' numbers, wherever they were mirrored to."""
    images = np.concatenate([element["images"] for element in elements])
    return images.max(axis=(1, 2, 3)).astype(int)


def test_elements_have_static_shapes_range_and_labels():
    image_set = numbered(256, channels=3)
    spec = pipelines.batches(image_set, 4, 0, parts=2, replicas=2, flip=True).element_spec
    assert spec == {
        "images": tf.TensorSpec((8, 2, 2, 3), tf.uint8),
        "labels": tf.TensorSpec((8,), tf.int32),
    }
    (element,) = take(1, image_set, 256, 0)
    shown = numbers([element])
    np.testing.assert_array_equal(element["labels"], shown % 3)
    np.testing.assert_array_equal(sorted(shown), np.arange(256))


def test_labels_may_be_left_out():
    assert set(pipelines.batches(numbered(5), 2, 0, labels=False).element_spec) == {"images"}


def test_it_never_ends():
    dataset = pipelines.batches(numbered(5), 2, 0)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


@pytest.mark.parametrize("start", [1, 4, 7])
def test_a_later_start_continues_exactly(start):
    options = {"parts": 2, "replicas": 3, "flip": True}
    whole = take(start + 3, numbered(40), 6, 5, **options)[start:]
    resumed = take(3, numbered(40), 6, 5, start_step=start, **options)
    tf.nest.map_structure(np.testing.assert_array_equal, whole, resumed)


@pytest.mark.parametrize("size, batch_size", [(10, 5), (10, 4), (3, 8), (1, 2)])
def test_every_epoch_is_a_permutation(size, batch_size):
    shown = numbers(take(20, numbered(size), batch_size, 1))
    epochs = shown[: len(shown) // size * size].reshape(-1, size)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(size), (len(epochs), 1)))


def test_seeds_and_epochs_differ():
    orders = [
        tuple(epoch)
        for seed in range(3)
        for epoch in numbers(take(3, numbered(100), 100, seed)).reshape(3, 100)
    ]
    assert len(set(orders)) == 9
    assert tuple(range(100)) not in orders


def test_orders_are_uniform():
    """Each of 6 orders of 3 images is due 100 times in 600 epochs; the deviation is 9.1."""
    epochs = numbers(take(100, numbered(3), 18, 0)).reshape(-1, 3)
    orders, counts = np.unique(epochs, axis=0, return_counts=True)
    assert len(orders) == 6
    assert np.abs(counts - 100).max() < 40


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("replicas", [1, 2, 4])
def test_replicas_together_see_in_each_part_what_one_replica_sees(parts, replicas):
    options = {"seed": 3, "parts": parts, "flip": True}
    one = take(3, numbered(30), 4, **options)
    many = take(3, numbered(30), 4, replicas=replicas, **options)
    for alone, dealt in zip(one, many, strict=True):
        blocks = dealt["images"].reshape(replicas, parts, 4 // replicas, 2, 2, 1)
        parts_of_all = blocks.swapaxes(0, 1).reshape(alone["images"].shape)
        np.testing.assert_array_equal(parts_of_all, alone["images"])


def test_flip_mirrors_about_half_of_the_images_and_nothing_else():
    image_set = numbered(200, side=3)
    plain = np.concatenate([e["images"] for e in take(5, image_set, 200, 0)])
    flipped = np.concatenate([e["images"] for e in take(5, image_set, 200, 0, flip=True)])
    same = (plain == flipped).all(axis=(1, 2, 3))
    mirrored = (plain[:, :, ::-1] == flipped).all(axis=(1, 2, 3))
    assert (same | mirrored).all()
    assert 400 < mirrored.sum() < 600  # of 1000, the deviation is 16
    assert (mirrored.reshape(5, 200)[0] != mirrored.reshape(5, 200)[1]).any()


def test_memory_maps_are_read_as_arrays_are(tmp_path):
    image_set = numbered(20)
    np.save(tmp_path / "images.npy", image_set.images)
    mapped = sources.ImageSet(
        "mapped",
        "train",
        np.load(tmp_path / "images.npy", mmap_mode="r")[:15],
        image_set.labels[:15],
        image_set.class_names,
    )
    shown = numbers(take(3, mapped, 5, 0))
    np.testing.assert_array_equal(np.sort(shown), np.arange(15))


def test_fading_by_hand():
    """0, 51, 102, 204 have the mean 89.25; alpha is 0.2 per step, up to 1."""
    pixels = np.array([[0, 51], [102, 204]], np.uint8).reshape(1, 2, 2, 1)
    image_set = sources.ImageSet("one", "train", pixels, np.zeros(1, np.int32), ("a",))
    faded = take(8, image_set, 1, 0, fade=lambda step: step / 5)
    shown = [(element["images"].ravel() + 1) * 127.5 for element in faded]
    np.testing.assert_allclose(shown[0], [89.25] * 4, atol=1e-4)
    np.testing.assert_allclose(shown[2], [53.55, 73.95, 94.35, 135.15], atol=1e-4)
    for step in (5, 7):  # beyond 1 as well
        np.testing.assert_allclose(shown[step], [0, 51, 102, 204], atol=1e-4)


@pytest.mark.parametrize("before", [0.0, -2.0])
def test_fading_starts_with_the_level_below_shown_larger(before):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 64, (6, 8, 8, 3), np.uint8) * 4  # whose means are whole numbers
    image_set = sources.ImageSet("some", "train", pixels, np.zeros(6, np.int32), ("a",))
    (large,) = take(1, image_set, 6, 0, parts=2, flip=True, fade=lambda step: before)
    (small,) = take(1, pyramid.at(image_set, 4), 6, 0, parts=2, flip=True)
    larger = small["images"].repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(large["images"], larger / 127.5 - 1.0, atol=1e-6)


def test_fading_resumes_exactly_and_leaves_the_rest_alone():
    plain = take(6, numbered(9), 4, 1, flip=True)
    whole = take(6, numbered(9), 4, 1, flip=True, fade=lambda step: (step - 1) / 3)
    late = take(3, numbered(9), 4, 1, start_step=3, flip=True, fade=lambda step: (step - 1) / 3)
    tf.nest.map_structure(np.testing.assert_array_equal, whole[3:], late)
    plain = [element | {"images": batches.floats(element["images"])} for element in plain]
    tf.nest.map_structure(np.testing.assert_array_equal, plain[4:], whole[4:])
    for element, faded in zip(plain[1:3], whole[1:3], strict=True):
        assert np.abs(element["images"] - faded["images"]).max() > 0.01
        np.testing.assert_array_equal(element["labels"], faded["labels"])


def test_fading_accepts_python_numbers_and_keeps_shapes():
    spec = pipelines.batches(numbered(5), 2, 0, fade=lambda step: 1).element_spec
    assert spec["images"] == tf.TensorSpec((2, 2, 2, 1), tf.float32)
    with pytest.raises(ValueError, match="even resolution.*numbered of 3 pixels"):
        pipelines.batches(numbered(5, side=3), 2, 0, fade=lambda step: 1)


def test_dequantized_by_hand():
    drawn = [0, 2**15, pipelines.NOISES - 1]
    found = pipelines.dequantized(tf.constant([0, 128, 255], tf.uint8), tf.constant(drawn))
    tiny = 2.0**-24
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, [tiny - 1, 1 / 256 + tiny, 1 - tiny])


def test_levels_do_not_meet_and_hold_their_byte():
    pixels = np.arange(256, dtype=np.uint8)
    for drawn in (0, pipelines.NOISES - 1):
        values = pipelines.dequantized(tf.constant(pixels), tf.fill([256], drawn)).numpy()
        np.testing.assert_array_equal(np.floor((values.astype("float64") + 1) * 128), pixels)
    beyond = np.arange(256) / 127.5 * 128 - np.arange(256)  # x / 127.5 - 1, in widths of a level
    assert np.all((beyond >= 0) & (beyond <= 1))


def test_noise_of_grey_levels_by_its_moments():
    (element,) = take(1, numbered(1, side=300), 2, 0, dequantize=True)
    noise = element["images"] + 1.0
    assert 0 < noise.min() < 1e-6 and 1 / 128 - 1e-6 < noise.max() < 1 / 128
    # Of 180,000: deviations of the two are 5e-6 and 3e-6.
    assert abs(noise.mean() - 1 / 256) < 2.5e-5
    assert abs(noise.std() - 1 / 128 / 12**0.5) < 1.5e-5
    pixels = noise.reshape(2, -1)
    assert abs(np.corrcoef(*pixels)[0, 1]) < 0.02  # the same image, twice in one element


def test_dequantized_batches_are_the_same_images():
    options = {"parts": 2, "flip": True}
    plain = take(3, numbered(40), 6, 5, **options)
    noisy = take(3, numbered(40), 6, 5, dequantize=True, **options)
    for a, b in zip(plain, noisy, strict=True):
        assert b["images"].dtype == np.float32
        np.testing.assert_array_equal(np.floor((b["images"] + 1) * 128), a["images"])
        np.testing.assert_array_equal(a["labels"], b["labels"])
    spec = pipelines.batches(numbered(40), 6, 5, dequantize=True, **options).element_spec
    assert spec["images"] == tf.TensorSpec((12, 2, 2, 1), tf.float32)


def test_dequantized_batches_resume_exactly_and_seeds_and_steps_differ():
    whole = take(4, numbered(8), 8, 5, dequantize=True)
    resumed = take(2, numbered(8), 8, 5, start_step=2, dequantize=True)
    tf.nest.map_structure(np.testing.assert_array_equal, whole[2:], resumed)
    other = take(1, numbered(8), 8, 6, dequantize=True)
    noises = [np.mod((x["images"] + 1) * 128, 1).ravel() for x in (*whole, *other)]
    assert len({tuple(noise) for noise in noises}) == 5


def test_dequantized_batches_are_the_same_on_replicas_workers_and_in_parts():
    (whole,) = take(1, numbered(30), 8, 3, dequantize=True)
    (parts,) = take(1, numbered(30), 4, 3, parts=2, dequantize=True)
    tf.nest.map_structure(np.testing.assert_array_equal, whole, parts)
    options = {"parts": 2, "replicas": 2, "dequantize": True}
    (dealt,) = take(1, numbered(30), 4, 3, **options)
    order = np.arange(8).reshape(2, 2, 2).swapaxes(0, 1).ravel()
    np.testing.assert_array_equal(dealt["images"], whole["images"][order])
    shares = [take(1, numbered(30), 4, 3, worker=(n, 2), **options)[0] for n in range(2)]
    joined = np.concatenate([share["images"] for share in shares])
    np.testing.assert_array_equal(joined, dealt["images"])


def test_dequantized_images_fade_too():
    (noisy,) = take(1, numbered(9), 4, 1, dequantize=True)
    (faded,) = take(1, numbered(9), 4, 1, dequantize=True, fade=lambda step: 0.25)
    means = noisy["images"].mean(axis=(1, 2, 3), keepdims=True)
    expected = 0.25 * noisy["images"] + 0.75 * means
    np.testing.assert_allclose(faded["images"], expected, atol=1e-6)


def unequal():
    """10 images of class 0, 3 of class 2, and a class 1 without any."""
    labels = np.int32(10 * [0] + 3 * [2])
    images = numbered(13).images
    return sources.ImageSet("unequal", "train", images, labels, ("a", "b", "c"))


@pytest.mark.parametrize("batch_size", [1, 4, 7])
def test_balanced_classes_come_equally_often_and_each_has_epochs(batch_size):
    elements = take(60 // batch_size, unequal(), batch_size, 2, balanced=True)
    shown, labels = numbers(elements), np.concatenate([each["labels"] for each in elements])
    rounds = labels[: len(labels) // 2 * 2].reshape(-1, 2)
    np.testing.assert_array_equal(np.sort(rounds), np.tile([0, 2], (len(rounds), 1)))
    assert len(np.unique(rounds, axis=0)) == 2  # sometimes the one is first, sometimes the other
    for label, count in ((0, 10), (2, 3)):
        mine = shown[labels == label]
        epochs = mine[: len(mine) // count * count].reshape(-1, count)
        want = np.flatnonzero(unequal().labels == label)
        np.testing.assert_array_equal(np.sort(epochs), np.tile(want, (len(epochs), 1)))
        assert len(np.unique(epochs, axis=0)) > 1


def test_balanced_batches_resume_exactly_and_are_dealt_out():
    options = {"parts": 2, "flip": True, "balanced": True}
    whole = take(5, unequal(), 6, 5, **options)
    resumed = take(2, unequal(), 6, 5, start_step=3, **options)
    tf.nest.map_structure(np.testing.assert_array_equal, whole[3:], resumed)
    dealt = take(5, unequal(), 6, 5, replicas=3, **options)
    order = np.arange(12).reshape(2, 3, 2).swapaxes(0, 1).ravel()
    for alone, many in zip(whole, dealt, strict=True):
        np.testing.assert_array_equal(alone["images"][order], many["images"])


def test_a_late_step_is_found_at_once():
    """Epochs are drawn when they are needed, not one after the other."""
    for balanced in (False, True):
        take(1, numbered(9), 4, 0, start_step=10**12, balanced=balanced)


@pytest.mark.parametrize("balanced", [False, True])
def test_workers_together_hold_the_element(balanced):
    options = {"parts": 2, "replicas": 4, "flip": True, "balanced": balanced}
    whole = take(3, numbered(30), 8, 1, **options)
    shares = [take(3, numbered(30), 8, 1, worker=(number, 2), **options) for number in range(2)]
    for element, *parts in zip(whole, *shares, strict=True):
        for key, value in element.items():
            np.testing.assert_array_equal(np.concatenate([part[key] for part in parts]), value)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"worker": (2, 2), "replicas": 2}, r"worker=\(2, 2\), replicas=2"),
        ({"worker": (0, 2)}, r"worker=\(0, 2\), replicas=1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 4, "replicas": 3}, "batch_size=4, replicas=3"),
        ({"parts": 0}, "parts=0"),
        ({"seed": -1}, "seed=-1"),
        ({"start_step": -1}, "start_step=-1"),
        ({"image_set": numbered(0)}, "at least 1 image.*numbered"),
    ],
)
def test_batches_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        pipelines.batches(**{"image_set": numbered(9), "batch_size": 2, "seed": 0, **options})
