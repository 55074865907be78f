"""Is the server healthy? One word and the reasons, from the figures of the last seconds.

    GOOD      nobody notices anything
    STRAINED  near a limit, or something happened that somebody should look at
    BAD       players notice, now

Pure: figures in, verdict out. Knows no hub and no clock.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

#: lateness that a player begins to see: half a tick at 30 Hz
LATE_STRAINED_MS = 15.0
LATE_BAD_MS = 100.0
#: one core is all that one process of CPython has
CPU_STRAINED_PERCENT = 85.0
LAG_STRAINED_MS = 100.0
#: below it, what makes ticks late is not this process
CPU_IDLE_PERCENT = 50.0
#: the share of its tick period beyond which a room cannot keep up, whatever its budget is
SHARE_BAD = 0.9
CONNECTIONS_STRAINED = 0.9
CRASH_BAD_S = 60.0
CRASH_STRAINED_S = 900.0
ROOMS_NAMED_MAX = 3


class Level(enum.StrEnum):
    """How the server is, best first."""

    GOOD = "good"
    STRAINED = "strained"
    BAD = "bad"


@attrs.frozen
class Reason:
    """One thing that is not as it should be; `room` is the one to look at, if it is one."""

    level: Level
    text: str
    room: str | None = None


@attrs.frozen(kw_only=True)
class Signs:
    """What the verdict is made from.

    Args:
        process: the process's figures, as the page shows them.
        rooms: the rooms' rows by id.
        is_late: a due tick waits for longer than `healthy_lateness_ms` right now.
        is_alone: there should be a directory of several machines, and it does not answer.
        ticks_dropped, resyncs: in the last seconds.
        crash_game, crash_ago_s: of the newest crash report, if there is one.
    """

    process: Mapping[str, Any]
    rooms: Mapping[str, Mapping[str, Any]]
    connections_max: int
    is_late: bool = False
    is_draining: bool = False
    is_alone: bool = False
    ticks_dropped: int = 0
    resyncs: int = 0
    crash_game: str | None = None
    crash_ago_s: float = 0.0


TITLES = {Level.GOOD: "Healthy", Level.STRAINED: "Needs a look", Level.BAD: "In trouble"}


def verdict_of(signs: Signs) -> dict[str, Any]:
    """Return `level`, `title` and `reasons` (text and room), worst first."""
    return verdict_from(_reasons(signs))


def verdict_from(found: Iterable[Reason]) -> dict[str, Any]:
    """Return the verdict that these reasons make, worst first."""
    reasons = sorted(found, key=lambda reason: list(Level).index(reason.level), reverse=True)
    level = reasons[0].level if reasons else Level.GOOD
    return {
        "level": level.value,
        "title": TITLES[level],
        "reasons": [{"level": reason.level.value, "text": reason.text, "room": reason.room} for reason in reasons],
    }


def _reasons(signs: Signs) -> Iterator[Reason]:
    process = signs.process
    if signs.is_late:
        yield Reason(Level.BAD, "A tick is overdue by more than the health check allows")
    if signs.ticks_dropped:
        yield Reason(Level.BAD, "Rooms cannot keep up: ticks were dropped in the last seconds")
    if signs.resyncs:
        yield Reason(Level.STRAINED, "A client's state disagreed with its checksum in the last seconds")
    yield from _lateness(process)
    yield from _rooms_over_budget(signs.rooms)
    if signs.crash_game is not None and signs.crash_ago_s <= CRASH_STRAINED_S:
        level = Level.BAD if signs.crash_ago_s <= CRASH_BAD_S else Level.STRAINED
        yield Reason(level, f"A room of {signs.crash_game} crashed in the last minutes")
    if process["cpu_percent"] > CPU_STRAINED_PERCENT:
        yield Reason(Level.STRAINED, "The processor core is nearly used up")
    if process["loop_lag_ms"] > LAG_STRAINED_MS:
        yield Reason(Level.STRAINED, "The event loop stood still for a moment")
    if process["connections"] >= CONNECTIONS_STRAINED * signs.connections_max:
        yield Reason(Level.STRAINED, f"Nearly all of {signs.connections_max} connections are taken")
    if signs.is_alone:
        yield Reason(Level.STRAINED, "Redis does not answer: this machine's rooms play on, but others do not find them")
    if signs.is_draining:
        yield Reason(Level.STRAINED, "The server is shutting down")


def _lateness(process: Mapping[str, Any]) -> Iterator[Reason]:
    late_ms = process["late_ms_p99"] or 0.0
    if late_ms <= LATE_STRAINED_MS:
        return
    level, how = (Level.BAD, "very late") if late_ms > LATE_BAD_MS else (Level.STRAINED, "late")
    if process["cpu_percent"] < CPU_IDLE_PERCENT:
        how += ", though this process has time to spare: something else keeps the machine busy"
    yield Reason(level, f"Ticks start {how}")


def _rooms_over_budget(rooms: Mapping[str, Mapping[str, Any]]) -> Iterator[Reason]:
    """Name the rooms that are too heavy: by their ordinary tick, since a rare slow one may be the machine's fault."""
    heavy, slow = [], []
    for room_id, row in rooms.items():
        p50_ms = row["tick_ms_p50"]
        if p50_ms is None:
            continue
        if p50_ms > row["budget_ms"]:
            heavy.append((p50_ms * row["tick_rate"] / 1000, room_id))
        elif row["over"] > 1:
            slow.append((row["over"], room_id))
    for share, room_id in sorted(heavy, reverse=True)[:ROOMS_NAMED_MAX]:
        row = rooms[room_id]
        level, much = (Level.BAD, "all its time") if share > SHARE_BAD else (Level.STRAINED, "its budget")
        yield Reason(level, f"A room of {row['game']} takes more than {much}, mostly in {row['over_phase']}", room_id)
    if slow:
        _, worst = max(slow)
        row = rooms[worst]
        text = f"Now and then a tick of {row['game']} is over its budget, mostly in {row['over_phase']}"
        yield Reason(Level.STRAINED, text, worst)
