"""The training loop and its callbacks, on a model whose steps only count."""

import keras
import pytest
import tensorflow as tf

from tfgan_zoo.training import loop


class Counter(keras.Model):
    """Logs the number that its batch is."""

    def __init__(self, start=0):
        super().__init__()
        self.step = self.add_weight((), "zeros", dtype="int32", trainable=False, name="step")
        self.step.assign(start)
        self.built = True
        self.compile(jit_compile=False)

    def train_step(self, batch):
        self.step.assign_add(1)
        return {"number": batch}


class Recorder(keras.callbacks.Callback):
    """Writes down when it is called; may ask to stop after a step."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.events = []
        self.stop_after = stop_after

    def on_train_begin(self, logs=None):
        self.events.append("begin")

    def on_train_batch_end(self, batch, logs=None):
        self.events.append(int(logs["number"]))
        if self.events[-1] == self.stop_after:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.events.append("end")


def numbers(start=0):
    return tf.data.Dataset.range(start, 1000)


def recorded(interval):
    """Returns (callback, the (step, number) pairs it will have seen)."""
    seen = []
    return loop.Every(interval, lambda step, logs: seen.append((step, int(logs["number"])))), seen


@pytest.mark.parametrize("start, steps", [(0, 5), (3, 5), (4, 5)])
def test_train_reaches_its_steps(start, steps):
    model, recorder = Counter(start), Recorder()
    loop.train(model, numbers(start), steps, [recorder])
    assert int(model.step) == steps
    assert recorder.events == ["begin", *range(start, steps), "end"]


@pytest.mark.parametrize("start", [5, 9])
def test_train_does_nothing_when_its_steps_are_done(start):
    model, recorder = Counter(start), Recorder()
    loop.train(model, numbers(start), 5, [recorder])
    assert int(model.step) == start
    assert recorder.events == ["begin", "end"]


def test_train_stops_when_asked_to_and_goes_on_later():
    model, recorder = Counter(), Recorder(stop_after=2)
    loop.train(model, numbers(), 10, [recorder])
    assert int(model.step) == 3
    assert recorder.events == ["begin", 0, 1, 2, "end"]
    loop.train(model, numbers(3), 5)
    assert int(model.step) == 5


def test_callbacks_are_called_in_order():
    calls = []
    first, second = (loop.Every(1, lambda step, logs, n=n: calls.append((n, step))) for n in (1, 2))
    loop.train(Counter(), numbers(), 2, [first, second])
    assert calls == [(1, 1), (2, 1), (1, 2), (2, 2)]


INTERVALS = pytest.mark.parametrize(
    "interval, start, steps, expected",
    [
        (1, 0, 3, [1, 2, 3]),
        (2, 0, 4, [2, 4]),
        (2, 0, 5, [2, 4, 5]),
        (3, 4, 7, [6, 7]),
        (4, 3, 8, [4, 8]),
        (0, 0, 3, [3]),
        (100, 0, 3, [3]),
    ],
)


@INTERVALS
def test_every_in_train(interval, start, steps, expected):
    callback, seen = recorded(interval)
    loop.train(Counter(start), numbers(start), steps, [callback])
    # The logs are those of the step itself.
    assert seen == [(step, step - 1) for step in expected]


@INTERVALS
def test_every_in_fit(interval, start, steps, expected):
    callback, seen = recorded(interval)
    data = numbers(start).take(steps - start)
    Counter(start).fit(data, verbose=0, shuffle=False, callbacks=[callback])
    assert seen == [(step, step - 1) for step in expected]


def test_every_counts_over_the_epochs_of_fit():
    callback, seen = recorded(4)
    settings = {"steps_per_epoch": 3, "epochs": 3, "verbose": 0, "shuffle": False}
    Counter().fit(numbers(), callbacks=[callback], **settings)
    assert [step for step, _ in seen] == [4, 8, 9]


@pytest.mark.parametrize("interval", [0, 2])
def test_every_acts_when_training_is_stopped(interval):
    callback, seen = recorded(interval)
    loop.train(Counter(), numbers(), 10, [callback, Recorder(stop_after=2)])
    assert [step for step, _ in seen] == ([2, 3] if interval else [3])


def test_every_does_nothing_where_nothing_was_done():
    callback, seen = recorded(2)
    loop.train(Counter(6), numbers(), 6, [callback])
    assert seen == []


def test_every_can_be_used_again():
    callback, seen = recorded(2)
    model = Counter()
    loop.train(model, numbers(), 3, [callback])
    loop.train(model, numbers(3), 5, [callback])
    assert [step for step, _ in seen] == [2, 3, 4, 5]


def test_what_an_action_raises_ends_training():
    def act(step, logs):
        raise FloatingPointError("enough")

    model = Counter()
    with pytest.raises(FloatingPointError, match="enough"):
        loop.train(model, numbers(), 10, [loop.Every(2, act)])
    assert int(model.step) == 2
