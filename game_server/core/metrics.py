"""Counters and mergeable histograms: plain integers that the core counts and the shell exports.

`Counts` is one room's or one process's tally; tallies add up, so a room that ends leaves its numbers to the process.
`Histogram` has log-linear buckets (as HdrHistogram: 2^k ranges of 16 steps each), so a value is off by at most 1/16,
recording is an index into a list, and histograms merge by adding. Knows nothing of Prometheus, time or names of
rooms.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import add, attrgetter

import attrs
import numpy as np


@attrs.define(eq=False)
class Counts:
    """What happened so far. Each name is a counter of the status page and of /metrics."""

    ticks: int = 0
    ticks_dropped: int = 0
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    inputs: int = 0
    inputs_missing: int = 0
    inputs_discarded: int = 0
    inputs_stale: int = 0
    states_full: int = 0
    states_skipped: int = 0
    entities_deferred: int = 0
    events: int = 0
    events_lost: int = 0
    spectators_joined: int = 0
    spectators_refused: int = 0
    joins: int = 0
    drops: int = 0
    resumes: int = 0
    leaves: int = 0
    resyncs: int = 0
    values_clamped: int = 0
    values_refused: int = 0
    messages_refused: int = 0
    messages_limited: int = 0
    chats_limited: int = 0
    commands_limited: int = 0
    pings_limited: int = 0
    resyncs_limited: int = 0
    #: looks into the past, and pictures brought to a bound because they were too old or not sent yet
    rewinds: int = 0
    rewinds_clamped: int = 0
    outside_calls: int = 0
    outside_failures: int = 0

    def add(self, other: "Counts") -> None:
        """Add another tally to this one."""
        for name in COUNT_NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def values(self) -> tuple[int, ...]:
        """Return all counters in the order of COUNT_NAMES: a tenth of the time that reading them by name takes."""
        values: tuple[int, ...] = _VALUES(self)
        return values


COUNT_NAMES = tuple(attribute.name for attribute in attrs.fields(Counts))
_VALUES = attrgetter(*COUNT_NAMES)


def total(tallies: Iterable[Counts]) -> Counts:
    """Return the sum of tallies."""
    sums = map(sum, zip(*(tally.values() for tally in tallies), strict=True))
    return Counts(*sums)


STEP_BITS = 4
STEPS = 1 << STEP_BITS
BUCKETS = STEPS * (40 - STEP_BITS)
#: from so many values on, counting them with numpy costs less than one by one
MANY = 24


class Histogram:
    """How often which value occurred; values are whole units (here microseconds) from 0 to 2^39.

    `buckets` reaches up to the largest value so far: 1.6 KiB where all are under 10 ms.
    """

    __slots__ = ("buckets", "count", "max", "sum")

    def __init__(self) -> None:
        self.buckets = array("Q")
        self.count = 0
        self.sum = 0
        self.max = 0

    def record(self, value: int) -> None:
        """Count a value; negative ones count as 0."""
        if value < STEPS:
            index = max(value, 0)
        else:
            shift = value.bit_length() - STEP_BITS - 1
            index = min((shift << STEP_BITS) + (value >> shift), BUCKETS - 1)
        try:
            self.buckets[index] += 1
        except IndexError:
            self._reach(index)
            self.buckets[index] += 1
        self.count += 1
        self.sum += value
        if value > self.max:
            self.max = value

    def record_all(self, values: Sequence[int]) -> None:
        """Count many values, each from 0 to 2^53."""
        if len(values) < MANY:
            for value in values:
                self.record(value)
            return
        numbers = np.asarray(values, np.int64)
        # The exponent of a float is the bit length of the whole number.
        shifts = np.maximum(np.frexp(numbers)[1] - (STEP_BITS + 1), 0)
        indices = np.minimum((shifts << STEP_BITS) + (numbers >> shifts), BUCKETS - 1)
        counts = np.bincount(indices)
        self._reach(len(counts) - 1)
        for index in np.flatnonzero(counts).tolist():
            self.buckets[index] += counts.item(index)
        self.count += len(values)
        self.sum += int(numbers.sum())
        self.max = max(self.max, int(numbers.max()))

    def _reach(self, index: int) -> None:
        self.buckets.extend([0] * (index + 1 - len(self.buckets)))

    def merge(self, other: "Histogram") -> None:
        """Add another histogram to this one."""
        both, more = self.buckets, other.buckets
        self.buckets = array("Q", map(add, both, more)) + both[len(more) :] + more[len(both) :]
        self.count += other.count
        self.sum += other.sum
        self.max = max(self.max, other.max)

    def percentile(self, percent: float) -> int:
        """Return the value that `percent` of all are at or below (the upper end of its bucket); 0 when empty."""
        rank = self.count * percent / 100
        seen = 0
        for index, number in enumerate(self.buckets):
            seen += number
            if number and seen >= rank:
                return min(upper_bound(index), self.max)
        return 0

    def cumulative(self, bounds: Iterable[int]) -> Iterator[int]:
        """Yield for each ascending bound how many values are at or below it (to the precision of a bucket)."""
        seen, index = 0, 0
        for bound in bounds:
            while index < len(self.buckets) and upper_bound(index) <= bound:
                seen += self.buckets[index]
                index += 1
            yield seen


def upper_bound(index: int) -> int:
    """Return the largest value of a bucket."""
    if index < STEPS:
        return index
    shift = (index >> STEP_BITS) - 1
    return ((index - (shift << STEP_BITS) + 1) << shift) - 1
