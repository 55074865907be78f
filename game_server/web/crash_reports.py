"""What is kept of games that raised: the newest reports, and how many there were.

Knows rooms as what a report tells of; knows nothing of how a room is closed or who reads the reports.
"""

import time
import traceback
from collections import deque

import attrs

from ..core.room import Room

#: reports kept, and how much of each
REPORTS_MAX = 20
TRACEBACK_LEN_MAX = 8000
ERROR_LEN_MAX = 500
INPUTS_REPORTED_MAX = 64
INPUT_LEN_MAX = 200


@attrs.frozen
class CrashReport:
    """What is kept of a room whose game raised."""

    room_id: str
    game: str
    tick: int
    seed: int
    error: str
    at_unix_s: float
    #: where it was raised, and what the seats were stepped with, by number
    traceback: str = ""
    inputs: dict[int, str] = attrs.Factory(dict)


class CrashReports:
    """The newest crash reports of a process, oldest first, and the count of all."""

    def __init__(self) -> None:
        self.kept: deque[CrashReport] = deque(maxlen=REPORTS_MAX)
        self.count = 0

    def add(self, game: str, error: BaseException, room: Room | None = None) -> None:
        """Keep a report of what a game raised; `room` is None when it raised before there was one."""
        self.count += 1
        told = "".join(traceback.format_exception(error))[-TRACEBACK_LEN_MAX:]
        values = room.last_inputs.items() if room is not None else ()
        inputs = {number: repr(value)[:INPUT_LEN_MAX] for number, value in list(values)[:INPUTS_REPORTED_MAX]}
        room_id, tick, seed = (room.room_id, room.tick, room.seed) if room is not None else ("", 0, 0)
        report = CrashReport(room_id, game, tick, seed, repr(error)[:ERROR_LEN_MAX], time.time(), told, inputs)
        self.kept.append(report)
