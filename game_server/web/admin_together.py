"""One set of figures of several processes: counters add up, tick times merge, of what has a limit the worst counts.

Players, rooms, bytes, memory and rates are sums. Tick times are worked out anew from merged histograms, since
percentiles do not add up. CPU and event-loop lag are those of the process that is worst off, since one core is all that
a process has; the sum of CPU stands beside it. The verdict is the worst, with the reasons of all.

Pure: plain values in and out; rows are as Feed tells them of one process.
"""

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .admin_mirror import Past
from .admin_recent import HISTORY_S
from .admin_seconds import TIMES, Seconds, times_of
from .admin_verdict import Level, Reason, verdict_from

#: of the process that has most; all other figures add up
WORST = frozenset(("cpu_percent", "loop_lag_ms", "up_s"))
#: the first process's own: what the page dates everything by
CLOCK = "at_s"
CPU_ALL = "cpu_all_percent"
TROUBLES_SHOWN_MAX = 8
CRASHES_SHOWN_MAX = 20
#: seconds of which tick times are put together at once: half a ms for each process
SECONDS_A_STEP = 12

Row = dict[str, Any]
Column = npt.NDArray[np.float64]


def together(rows: Sequence[Row], silent: Sequence[str], gone: Sequence[str]) -> Row:
    """Return the row of all processes, the first of which is this one.

    Args:
        rows: what each tells.
        silent: processes that do not answer.
        gone: those that have died lately.
    """
    process = _figures([row["process"] for row in rows])
    process |= times_of([base64.b64decode(row["packed_now"]) for row in rows])
    second = _figures([row["second"] for row in rows])
    second |= times_of([base64.b64decode(row["packed_second"]) for row in rows])
    troubles = sorted((each for row in rows for each in row["troubles"]), key=lambda each: -each["score"])
    crashes = sorted((each for row in rows for each in row["crashes"]), key=lambda each: -each["at_unix_s"])
    return {
        "process": process,
        "second": second,
        "counters": _sums([row["counters"] for row in rows]),
        "closes": _sums([row["closes"] for row in rows]),
        "connections_max": sum(row["connections_max"] for row in rows),
        "troubles": troubles[:TROUBLES_SHOWN_MAX],
        "crashes": crashes[:CRASHES_SHOWN_MAX],
        "verdict": verdict_of_all({row["node"]: row["verdict"] for row in rows}, silent, gone),
        "facts": {**rows[0]["facts"], "draining": any(row["facts"]["draining"] for row in rows)},
    }


def _sums(rows: Sequence[Mapping[str, float]]) -> Row:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: sum(row.get(name, 0) for row in rows) for name in names}


def _figures(rows: Sequence[Row]) -> Row:
    figures: Row = {}
    for name in dict.fromkeys(name for row in rows for name in row if name not in TIMES):
        known = [row[name] for row in rows if row.get(name) is not None]
        figures[name] = (max(known) if name in WORST else round(sum(known), 2)) if known else None
    if figures:
        figures[CLOCK] = rows[0][CLOCK]
        figures[CPU_ALL] = round(sum(row["cpu_percent"] for row in rows), 1)
    return figures


def verdict_of_all(verdicts: Mapping[str, Row | None], silent: Sequence[str], gone: Sequence[str]) -> Row:
    """Return the verdict of all: the worst one, and the reasons of each; what not all say names who says it."""
    tellers: dict[tuple[str, str, str | None], list[str]] = {}
    for node, verdict in verdicts.items():
        for reason in verdict["reasons"] if verdict else ():
            tellers.setdefault((reason["level"], reason["text"], reason["room"]), []).append(node)
    reasons = [Reason(Level.BAD, f"Process {node} does not answer: its figures are missing") for node in silent]
    reasons += [Reason(Level.STRAINED, f"Process {node} has died; another takes its place") for node in gone]
    for (level, text, room), nodes in tellers.items():
        where = f" (process {', '.join(nodes)})" if room is None and len(nodes) < len(verdicts) else ""
        reasons.append(Reason(Level(level), text + where, room))
    return verdict_from(reasons)


class PastTogether:
    """The last 15 minutes of several processes, second by second.

    Args:
        pasts: of each.
        end_s: the newest second, as our uptime.
    """

    def __init__(self, pasts: Sequence[Past], end_s: float) -> None:
        self._pasts = [past for past in pasts if past.columns.get(CLOCK)]
        self._ages = [_ages(past, end_s) for past in self._pasts]
        oldest = max((int(ages.max()) for ages in self._ages), default=0)
        self.length = min(oldest + 1, HISTORY_S)
        self._end_s = end_s

    @property
    def names(self) -> list[str]:
        """All figures but tick times, which have a way of their own."""
        names = dict.fromkeys(name for past in self._pasts for name in past.columns if name not in TIMES)
        return [*names, CPU_ALL]

    def column(self, name: str) -> list[float | None]:
        """Return the samples of a figure, oldest first; None where nobody has one."""
        if name == CLOCK:
            return [round(self._end_s - age, 1) for age in range(self.length - 1, -1, -1)]
        is_worst, name = name in WORST, "cpu_percent" if name == CPU_ALL else name
        merged = np.full(self.length, np.nan)
        for past, ages in zip(self._pasts, self._ages, strict=True):
            column = self._placed(past.columns.get(name, []), ages)
            both = np.fmax(merged, column) if is_worst else merged + column
            merged = np.where(np.isnan(merged), column, np.where(np.isnan(column), merged, both))
        return [None if math.isnan(value) else round(value, 2) for value in merged.tolist()]

    def _placed(self, values: Sequence[float | None], ages: npt.NDArray[np.int64]) -> Column:
        """Return a process' samples each at its second; a second that it missed is as the one before."""
        column = np.full(self.length, np.nan)
        given = np.array([math.nan if value is None else value for value in values[-len(ages) :]], np.float64)
        mine = ages[-len(given) :] if len(given) else ages[:0]
        is_in = (mine >= 0) & (mine < self.length)
        column[self.length - 1 - mine[is_in]] = given[is_in]
        holes = np.isnan(column)
        holes[0] = False
        before = np.roll(column, 1)
        return np.where(holes, before, column)

    def times(self) -> Iterator[dict[str, list[float | None]] | None]:
        """Yield None many times, and at last the columns of tick times: each step is short."""
        whole: dict[str, list[float | None]] = {name: [] for name in TIMES}
        by_second: list[list[bytes]] = [[] for _ in range(self.length)]
        for past, ages in zip(self._pasts, self._ages, strict=True):
            number = min(len(past.packed), len(ages))
            for age, packed in zip(ages[len(ages) - number :].tolist(), past.packed[-number:], strict=False):
                if packed and 0 <= age < self.length:
                    by_second[self.length - 1 - age].append(packed)
        for begin in range(0, self.length, SECONDS_A_STEP):
            some = by_second[begin : begin + SECONDS_A_STEP]
            seconds = Seconds(len(some))
            for index, packs in enumerate(some):
                for packed in packs:
                    seconds.add(index, packed)
            for name, column in seconds.columns().items():
                whole[name] += column
            yield None
        yield whole


def _ages(past: Past, end_s: float) -> npt.NDArray[np.int64]:
    """Return how many seconds ago each sample of a process was taken."""
    at_s = np.array([math.nan if at is None else at for at in past.columns[CLOCK]], np.float64) + past.offset_s
    return np.rint(np.nan_to_num(end_s - at_s, nan=1e9)).astype(np.int64)
