"""The figures of the status page: of the process, of each room, of the sessions of one room.

`Sampler.run` is a generator that stops after each room, so that whoever drives it can let ticks run in between. A
room's row is compared with the row before; what changed is what is sent. Tick times are of the last seconds, not since
the start: the difference of two states of a histogram that only grows. Rooms take turns in that, a fifth each second.

Knows the hub and its rooms; knows nothing of sockets or who is watching.
"""

import os
import resource
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..core.metrics import COUNT_NAMES, Counts, Histogram
from ..core.room import Room
from ..core.session import Session, State
from .hub import Hub
from .player import Player
from .ticker import PHASES

#: seconds that "now" means in tick times and verdict
RECENT_S = 5
HISTORY_LEN_MAX = 180
SESSIONS_SHOWN_MAX = 200
ERROR_LEN_MAX = 300
STATM = Path("/proc/self/statm")
HISTORY_NAMES = "cpu_percent memory_bytes players tick_ms_p99 late_ms_p99 loop_lag_ms bytes_in_s bytes_out_s".split()

Row = dict[str, Any]


class Recent:
    """What a growing histogram took in during the last `parts` calls."""

    def __init__(self, parts: int) -> None:
        self._before: deque[Histogram] = deque(maxlen=parts)

    def roll(self, histogram: Histogram) -> Histogram:
        """Return what is new since `parts` calls ago; at first, everything."""
        recent = Histogram()
        recent.merge(histogram)
        if self._before:
            _subtract(recent, self._before[0])
        kept = Histogram()
        kept.merge(histogram)
        self._before.append(kept)
        return recent


class RoomTimes:
    """A room's recent tick times, which it works out when it is its turn."""

    def __init__(self) -> None:
        self._duration, self._lateness = Recent(1), Recent(1)
        self.row: Row = {"tick_ms_p50": None, "tick_ms_p99": None, "late_ms_p99": None}

    def roll(self, duration: Histogram, lateness: Histogram) -> None:
        recent, late = self._duration.roll(duration), self._lateness.roll(lateness)
        if recent.count:
            self.row = {
                "tick_ms_p50": _ms(recent.percentile(50)),
                "tick_ms_p99": _ms(recent.percentile(99)),
                "late_ms_p99": _ms(late.percentile(99)),
            }


class Sampler:
    """Works out all figures once a second, in slices.

    Args:
        hub: whose figures.
        now_s: when it begins.
    """

    def __init__(self, hub: Hub, now_s: float) -> None:
        self.hub = hub
        self.process: Row = {}
        self.phases: dict[str, float] = {}
        self.rooms: dict[str, Row] = {}
        self.counts = Counts()
        #: what changed in the last run: rows with their changed keys, and rooms that are no more
        self.changed: dict[str, Row] = {}
        self.gone: list[str] = []
        self.history: deque[Row] = deque(maxlen=HISTORY_LEN_MAX)
        self.lag_max_s = 0.0
        self._turn = 0
        self._at_s = now_s
        self._cpu_s = time.process_time()
        self._bytes = {player: _bytes_of(player) for player in hub.players}
        self._totals = self._total_bytes(self._bytes)
        self._room_counts: dict[str, tuple[int, int]] = {}
        self._times: dict[str, RoomTimes] = {}
        self._recent_counts: deque[Row] = deque(maxlen=RECENT_S + 1)
        self._duration, self._lateness = Recent(RECENT_S), Recent(RECENT_S)
        self._phases = {phase: Recent(RECENT_S) for phase in PHASES}
        self._roll_ticks()

    def run(self, now_s: float) -> Iterator[None]:
        """Work out everything; stops after each room, and is done when exhausted."""
        hub, seconds = self.hub, max(now_s - self._at_s, 1e-3)
        self._at_s = now_s
        self._turn += 1
        self.changed, self.gone = {}, []
        # All of these at once: a player or room that goes while this runs is counted here or there, never twice.
        bytes_now = {player: _bytes_of(player) for player in hub.players}
        totals = self._total_bytes(bytes_now)
        counts = Counts()
        counts.add(hub.lobby.ended_counts)
        counts.bytes_in, counts.bytes_out = totals
        gone = hub.connection_bytes.messages_out
        counts.messages_out = gone + sum(player.connection.messages_out for player in bytes_now)
        rooms = list(hub.lobby.rooms.values())
        yield
        for number, room in enumerate(rooms):
            counts.add(room.counts)
            self._sample_room(room, seconds, bytes_now, (self._turn + number) % RECENT_S == 0)
            yield
        for room_id in [known for known in self.rooms if known not in hub.lobby.rooms]:
            self.gone.append(room_id)
            self.changed.pop(room_id, None)
            for table in (self.rooms, self._times, self._room_counts):
                table.pop(room_id, None)
        self.counts = counts
        self._sample_process(now_s, seconds, totals)
        self._bytes = bytes_now

    # ---- rooms -------------------------------------------------------------------------------------------------

    def _sample_room(self, room: Room, seconds: float, bytes_now: dict[Player, tuple[int, int]], turn: bool) -> None:
        bytes_in = bytes_out = connected = 0
        known = self._bytes
        for session in room.sessions.values():
            link = session.link
            if link is not None and link in bytes_now:
                connected += 1
                now, before = bytes_now[link], known.get(link, (0, 0))
                bytes_in += now[0] - before[0]
                bytes_out += now[1] - before[1]
        room_id, counts = room.room_id, room.counts
        missing, skipped = self._room_counts.get(room_id, (counts.inputs_missing, counts.states_skipped))
        self._room_counts[room_id] = (counts.inputs_missing, counts.states_skipped)
        times = self._times.get(room_id) or self._times.setdefault(room_id, RoomTimes())
        timings = self.hub.ticker.room_timings.get(room_id)
        if timings is not None and (turn or times.row["tick_ms_p50"] is None):
            times.roll(timings.duration, timings.lateness)
        self._put(
            room_id,
            {
                "game": room.definition.name,
                "code": room.code,
                "locked": room.is_locked,
                "taken": len(room.sessions),
                "connected": connected,
                "seats": room.seats_max,
                "tick_rate": room.definition.cls.tick_rate,
                "began_s": round(room.clock.origin_s - self.hub.started_at_s, 1),
                "bytes_in_s": _rounded(bytes_in / seconds),
                "bytes_out_s": _rounded(bytes_out / seconds),
                "missing_s": _rounded((counts.inputs_missing - missing) / seconds),
                "skipped_s": _rounded((counts.states_skipped - skipped) / seconds),
                **times.row,
            },
        )

    def _put(self, room_id: str, row: Row) -> None:
        before = self.rooms.get(room_id)
        changes = row if before is None else {key: value for key, value in row.items() if before[key] != value}
        if changes:
            self.rooms[room_id] = row
            self.changed[room_id] = changes

    def sessions_of(self, room: Room) -> list[Row]:
        """Return a row for each session of a room, in seat order, at most SESSIONS_SHOWN_MAX."""
        shown = list(room.sessions.values())[:SESSIONS_SHOWN_MAX]
        return [self._session_row(room, session) for session in shown]

    def _session_row(self, room: Room, session: Session) -> Row:
        link: Player | None = session.link
        behind_ms = None
        if session.acked_tick and session.state is State.SEATED:
            behind_ms = round(max(room.tick - session.acked_tick, 0) * 1000 / room.definition.cls.tick_rate)
        row: Row = {
            "seat": session.seat.number,
            "name": session.seat.name,
            "state": session.state.value,
            "codec": "json" if session.is_json else "binary",
            "behind_ms": behind_ms,
            "queue": len(session.queue),
            "missing": session.missing_total,
            "skipped": session.skipped_total,
        }
        if link is not None:
            connection = link.connection
            row |= {
                "address": connection.address,
                "rtt_ms": getattr(connection, "rtt_ms", None),
                "bytes_in": connection.bytes_in,
                "bytes_out": connection.bytes_out,
                "unsent_bytes": connection.unsent_bytes,
            }
        return row

    # ---- the process -------------------------------------------------------------------------------------------

    def _total_bytes(self, by_player: dict[Player, tuple[int, int]]) -> tuple[int, int]:
        gone = self.hub.connection_bytes
        return (
            gone.bytes_in + sum(numbers[0] for numbers in by_player.values()),
            gone.bytes_out + sum(numbers[1] for numbers in by_player.values()),
        )

    def _roll_ticks(self) -> tuple[Histogram, Histogram, dict[str, float]]:
        """Return recent tick times, lateness, and the mean of each phase in ms, of all games together."""
        by_game = list(self.hub.ticker.timings.values())
        duration = self._duration.roll(_merged(timings.duration for timings in by_game))
        lateness = self._lateness.roll(_merged(timings.lateness for timings in by_game))
        phases = {}
        for phase, window in self._phases.items():
            recent = window.roll(_merged(timings.phases[phase] for timings in by_game))
            phases[phase] = round(recent.sum / recent.count / 1000, 4) if recent.count else 0.0
        return duration, lateness, phases

    def _sample_process(self, now_s: float, seconds: float, totals: tuple[int, int]) -> None:
        hub, before = self.hub, self._totals
        duration, lateness, self.phases = self._roll_ticks()
        self._totals = totals
        self._recent_counts.append({name: getattr(self.counts, name) for name in COUNT_NAMES})
        cpu_s, lag_s = time.process_time(), self.lag_max_s
        self.lag_max_s = 0.0
        self.process = {
            "uptime_s": round(now_s - hub.started_at_s, 1),
            "cpu_percent": round((cpu_s - self._cpu_s) / seconds * 100, 1),
            "memory_bytes": memory_bytes(),
            "connections": len(hub.players),
            "players": sum(row["taken"] for row in self.rooms.values()),
            "rooms": len(self.rooms),
            "loop_lag_ms": round(lag_s * 1000, 1),
            "bytes_in_s": _rounded((totals[0] - before[0]) / seconds),
            "bytes_out_s": _rounded((totals[1] - before[1]) / seconds),
            "tick_ms_p50": _ms(duration.percentile(50)),
            "tick_ms_p99": _ms(duration.percentile(99)),
            "late_ms_p99": _ms(lateness.percentile(99)),
            "rooms_made": hub.lobby.rooms_made,
        }
        self._cpu_s = cpu_s
        self.history.append({"at_s": self.process["uptime_s"], **{name: self.process[name] for name in HISTORY_NAMES}})

    def recent_count(self, name: str) -> int:
        """Return by how much a counter grew in the last RECENT_S seconds."""
        numbers = self._recent_counts
        return numbers[-1][name] - numbers[0][name] if numbers else 0

    def history_columns(self) -> dict[str, list[float]]:
        """Return the last minutes, a list for each figure."""
        return {name: [row[name] for row in self.history] for name in ("at_s", *HISTORY_NAMES)}

    def crashes(self) -> list[Row]:
        """Return the crash reports, newest first."""
        now = time.time()
        return [
            {
                "room": report.room_id,
                "game": report.game,
                "tick": report.tick,
                "seed": str(report.seed),  # past 2^53, which JavaScript cannot hold
                "error": report.error[:ERROR_LEN_MAX],
                "ago_s": round(now - report.at_unix_s, 1),
            }
            for report in reversed(self.hub.crashes)
        ]


def memory_bytes() -> int:
    """Return the resident memory; where the system does not tell, the most there has been."""
    try:
        return int(STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _bytes_of(player: Player) -> tuple[int, int]:
    return player.connection.bytes_in, player.connection.bytes_out


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    merged = Histogram()
    for histogram in histograms:
        merged.merge(histogram)
    return merged


def _subtract(histogram: Histogram, earlier: Histogram) -> None:
    histogram.buckets = [now - then for now, then in zip(histogram.buckets, earlier.buckets, strict=True)]
    histogram.count -= earlier.count
    histogram.sum -= earlier.sum


def _ms(microseconds: float) -> float:
    return round(microseconds / 1000, 2)


def _rounded(number: float) -> int:
    """Return a rate to two digits, small ones whole: what only flickers is not worth sending."""
    if number < 1000:
        return round(number)
    return int(round(number, 2 - len(str(int(number)))))
