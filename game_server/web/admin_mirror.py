"""What another process of this machine has told of itself, as far as its line has brought it.

    process   its figures, whole; rooms' rows, changed ones only unless `is_full`; rooms that are no more
    past      columns of its last 15 minutes, and the packed tick times of each of their seconds; `is_all` with the last

Its times of day are its own uptime; all processes of a machine share one monotonic clock, so they become ours by adding
a number. Knows plain values; knows nothing of lines, or of what is made of several mirrors.
"""

import base64
from collections import deque
from typing import Any

import attrs

from .admin_recent import HISTORY_S

Row = dict[str, Any]


@attrs.define(eq=False)
class Past:
    """The last 15 minutes of a process: samples by name, oldest first, and packed tick times of the same seconds.

    Args:
        offset_s: to be added to its column `at_s`.
    """

    offset_s: float
    columns: dict[str, list[float | None]]
    packed: list[bytes]


@attrs.define(eq=False)
class Mirror:
    """One process.

    Args:
        node: its name.
        started_at_s: of this process, on the machine's clock: times are told as ours.
        heard_at_s: when it was heard last.
    """

    node: str
    started_at_s: float
    heard_at_s: float
    #: what it told of itself last
    newest: Row = attrs.Factory(dict)
    rooms: dict[str, Row] = attrs.Factory(dict)
    #: what is new in its rooms since `take_changes`
    _changed: dict[str, Row] = attrs.Factory(dict)
    _gone: list[str] = attrs.Factory(list)
    #: whether all of its past is here
    has_past: bool = False
    _columns: dict[str, deque[float | None]] = attrs.Factory(dict)
    _packed: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=HISTORY_S))

    @property
    def offset_s(self) -> float:
        """What makes our uptime of its."""
        return float(self.newest.get("started_at_s", self.started_at_s)) - self.started_at_s

    @property
    def past(self) -> Past:
        return Past(self.offset_s, {name: list(column) for name, column in self._columns.items()}, list(self._packed))

    def take(self, message: Row, now_s: float) -> None:
        """Take a message."""
        self.heard_at_s = now_s
        if message["type"] == "past":
            self._take_past(message)
            return
        self.newest = message
        if message["is_full"]:
            self._forget(list(self.rooms.keys() - message["rooms"].keys()))
        for room, row in message["rooms"].items():
            if "began_s" in row:
                row["began_s"] = round(row["began_s"] + self.offset_s, 1)
            self.rooms[room] = {**self.rooms.get(room, {}), **row}
            self._changed[room] = {**self._changed.get(room, {}), **row}
        self._forget(message["gone"])
        if self.has_past:
            self._remember(message["second"], base64.b64decode(message["packed_second"]))

    def take_changes(self) -> tuple[dict[str, Row], list[str]]:
        """Return what changed in its rooms since the last time, and which are no more."""
        changes = self._changed, self._gone
        self._changed, self._gone = {}, []
        return changes

    def tell_all_again(self) -> None:
        """Have the next `take_changes` tell all rooms, as after they were taken off a list."""
        self._changed = dict(self.rooms)

    def _forget(self, rooms: list[str]) -> None:
        for room in rooms:
            self.rooms.pop(room, None)
            self._changed.pop(room, None)
        self._gone += rooms

    def _take_past(self, message: Row) -> None:
        if "columns" in message:  # they come first
            self._packed.clear()
        for name, column in message.get("columns", {}).items():
            self._columns[name] = deque(column, maxlen=HISTORY_S)
        self._packed.extend(base64.b64decode(packed) for packed in message.get("packed", ()))
        self.has_past = message["is_all"]

    def _remember(self, second: Row, packed: bytes) -> None:
        length = len(self._packed)
        for name in second.keys() - self._columns.keys():
            # A reason for closing that occurs for the first time was 0 before.
            self._columns[name] = deque([0.0] * length, maxlen=HISTORY_S)
        for name, column in self._columns.items():
            column.append(second.get(name))
        self._packed.append(packed)
