"""Tick times of single seconds, packed, so that those of several processes can be put together exactly.

Percentiles of processes do not add up; their histograms do. A second's histograms of lateness, ticks and phases are
kept as the range of buckets that is not empty, compressed: some 300 bytes, 0.3 MB for 15 minutes. Putting together is
done with arrays of many seconds at once (numpy). Pure: knows plain values.

    for each of NAMES: first bucket u16, number of buckets n u16, largest value u64, n counts u32; all of it by zlib
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.metrics import BUCKETS, Histogram, upper_bound
from .timings import PHASES

#: the histograms of a second
NAMES = ("late", "tick", *PHASES)
PARTS = ("p50", "p99", "max")
TIMES = [f"{name}_ms_{part}" for name in NAMES for part in PARTS]
_HEAD = struct.Struct("<HHQ")
_UPPER_US = np.array([upper_bound(index) for index in range(BUCKETS)], np.int64)

Row = dict[str, Any]


def pack(histograms: Mapping[str, Histogram]) -> bytes:
    """Return the histograms of NAMES as bytes."""
    parts = []
    for name in NAMES:
        histogram = histograms[name]
        counts = np.frombuffer(histogram.buckets, np.uint64)
        used = np.flatnonzero(counts)
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
        parts.append(_HEAD.pack(first, last - first, histogram.max))
        parts.append(counts[first:last].astype("<u4").tobytes())
    return zlib.compress(b"".join(parts), 1)


class Seconds:
    """Tick times of so many seconds, of however many processes."""

    def __init__(self, number: int) -> None:
        self._counts = np.zeros((number, len(NAMES), BUCKETS), np.int64)
        self._most_us = np.zeros((number, len(NAMES)), np.int64)

    def add(self, index: int, packed: bytes) -> None:
        """Add what one process measured in a second."""
        data, at = zlib.decompress(packed), 0
        for row in range(len(NAMES)):
            first, number, most_us = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            self._counts[index, row, first : first + number] += np.frombuffer(data, "<u4", number, at)
            at += 4 * number
            self._most_us[index, row] = max(self._most_us[index, row], most_us)

    def columns(self) -> dict[str, list[float | None]]:
        """Return p50, p99 and max of each histogram in ms, by the names of TIMES, one a second; None where empty."""
        columns: dict[str, list[float | None]] = {}
        seen = self._counts.cumsum(axis=2)
        total = seen[:, :, -1]
        values = {"max": self._most_us}
        for part, percent in (("p50", 50), ("p99", 99)):
            index = (seen >= (total * percent / 100)[:, :, None]).argmax(axis=2)
            values[part] = np.minimum(_UPPER_US[index], self._most_us)
        for row, name in enumerate(NAMES):
            for part in PARTS:
                known = zip(values[part][:, row].tolist(), total[:, row].tolist(), strict=True)
                columns[f"{name}_ms_{part}"] = [round(us / 1000, 2) if number else None for us, number in known]
        return columns


def times_of(packed: Sequence[bytes]) -> Row:
    """Return the tick times that several processes measured in the same seconds."""
    seconds = Seconds(1)
    for each in packed:
        seconds.add(0, each)
    return {name: column[0] for name, column in seconds.columns().items()}
