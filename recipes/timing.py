"""Times of several functions that do comparable work, called in turn within one process.

What else the machine does then slows all of them alike, so ratios are worth more than seconds. And
the memory that a process has needed.
"""

import math
import pathlib
import re
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

STATUS = pathlib.Path("/proc/self/status")


def peak_memory() -> float:
    """The most bytes that this process has had in memory; NaN where Linux does not tell.

    Not `ru_maxrss`, of which a process inherits its parent's.
    """
    if not STATUS.exists():
        return math.nan
    found = re.search(r"^VmHWM:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)
    return 1024.0 * int(found[1])


class Timing(NamedTuple):
    """Seconds of one function."""

    median: float
    low: float  # the first quartile
    high: float  # the third
    calls: int


def interleaved(
    functions: dict[str, Callable[[], object]],
    rounds: int = 20,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Calls every function once per round, each round beginning with the next one.

    Args:
        functions: By name. They return when their work is done: one whose framework computes in
            the background must wait for it.
        rounds: That are timed.
        warm_up: Rounds before, in which functions are compiled and memory is claimed.
        clock: Of seconds.

    Raises:
        ValueError: If there is nothing to time.
    """
    if not functions or rounds < 1:
        raise ValueError(
            "There must be at least one of `functions` and one of `rounds`. "
            f"Received: functions={list(functions)}, rounds={rounds}."
        )
    names = list(functions)
    seconds = {name: [] for name in names}
    for number in range(warm_up + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = clock()
            functions[name]()
            if number >= warm_up:
                seconds[name].append(clock() - start)
    return {name: summary(values) for name, values in seconds.items()}


def summary(seconds: list[float]) -> Timing:
    """The median and the quartiles of at least one value."""
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Timing(float(median), float(low), float(high), len(seconds))


def ratios(timings: dict[str, Timing], reference: str) -> dict[str, float]:
    """How many times faster than the reference each function is, by their medians.

    Raises:
        ValueError: If the reference was not timed.
    """
    if reference not in timings:
        raise ValueError(
            f"`reference` must be one of {', '.join(timings)}. Received: {reference!r}."
        )
    return {name: timings[reference].median / timing.median for name, timing in timings.items()}


def lines(timings: dict[str, Timing], references: tuple[str, ...] = ()) -> list[dict]:
    """A line per function, with its speed relative to each reference; for `recipes.tables`."""
    factors = {reference: ratios(timings, reference) for reference in references}
    return [
        {
            "what": name,
            "seconds": f"{timing.median:.4g}",
            "quartiles": f"{timing.low:.4g} to {timing.high:.4g}",
            **{f"times as fast as {given}": f"{of[name]:.2f}" for given, of in factors.items()},
        }
        for name, timing in timings.items()
    ]
