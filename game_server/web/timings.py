"""How late ticks begin, how long they take and where the time goes: of a room, and of all rooms of a game.

Each tick notes one row of whole us. Rows are counted into the histograms many at once, when somebody looks or when
`ROWS_MAX` are waiting: nine histograms a tick, one value at a time, cost as much as the tick of an empty room. Knows
nothing of rooms and clocks.

    row     lateness, duration, and the five phases in the order of PHASES
"""

from array import array
from collections.abc import Sequence

from ..core.metrics import Histogram

PHASES = ("inputs", "step", "snapshot", "encode", "send")

COLUMNS = 2 + len(PHASES)
#: rows kept before they are counted: 1.75 KiB
ROWS_MAX = 64
#: an hour is as bad as a day
US_MAX = 2**32 - 1


class Rows:
    """Rows that are counted into one histogram for each of the first columns."""

    def __init__(self, histograms: Sequence[Histogram]) -> None:
        self._histograms = histograms
        self._rows = array("I")

    def note(self, row: Sequence[int]) -> None:
        """Keep a row; each value is from 0 to US_MAX."""
        rows = self._rows
        rows.extend(row)
        if len(rows) >= COLUMNS * ROWS_MAX:
            self.count()

    def count(self) -> None:
        """Count what is kept."""
        rows = self._rows
        if rows:
            self._rows = array("I")
            self._count([rows[column::COLUMNS] for column in range(COLUMNS)])

    def _count(self, columns: "Sequence[array[int]]") -> None:
        for histogram, column in zip(self._histograms, columns, strict=False):
            histogram.record_all(column)


class Timings(Rows):
    """One game's histograms in us, of all its rooms so far, with each phase."""

    def __init__(self) -> None:
        self._lateness, self._duration = Histogram(), Histogram()
        self._phases = {phase: Histogram() for phase in PHASES}
        #: ticks over their room's budget, by the phase that took longest
        self.over_budget = dict.fromkeys(PHASES, 0)
        super().__init__((self._lateness, self._duration, *self._phases.values()))

    @property
    def lateness(self) -> Histogram:
        self.count()
        return self._lateness

    @property
    def duration(self) -> Histogram:
        self.count()
        return self._duration

    @property
    def phases(self) -> dict[str, Histogram]:
        """By the name of the phase."""
        self.count()
        return self._phases


class RoomTimings(Rows):
    """One room's histograms in us, and the sum of each phase.

    Args:
        budget_us: what a tick may take.
    """

    def __init__(self, budget_us: float) -> None:
        self._lateness, self._duration = Histogram(), Histogram()
        self._phases_us = [0] * len(PHASES)
        self.budget_us = budget_us
        #: ticks that took over the budget, how long the newest of them took, and its longest phase
        self.over_budget = 0
        self.over_us = 0
        self.over_phase = ""
        self.told_at_s = float("-inf")
        super().__init__((self._lateness, self._duration))

    def _count(self, columns: "Sequence[array[int]]") -> None:
        super()._count(columns)
        self._phases_us = [so_far + sum(new) for so_far, new in zip(self._phases_us, columns[2:], strict=True)]

    @property
    def lateness(self) -> Histogram:
        self.count()
        return self._lateness

    @property
    def duration(self) -> Histogram:
        self.count()
        return self._duration

    @property
    def phases_us(self) -> list[int]:
        """Us so far, in the order of PHASES."""
        self.count()
        return self._phases_us
