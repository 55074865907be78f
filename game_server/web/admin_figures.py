"""The figures of the status page: of the process, of each room, of the sessions of one room.

`Sampler.run` is a generator that stops after each room, so that whoever drives it can let ticks run in between. Many
rooms take turns. A room's row is compared with the row before; what changed is what is sent. Tick times are of the last
seconds, not since the start: the difference of two states of a histogram that only grows.

Knows the hub and its rooms; knows nothing of sockets or who is watching.
"""

import os
import resource
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from operator import sub
from pathlib import Path
from typing import Any

from ..core.metrics import COUNT_NAMES, STEP_BITS, STEPS, Counts, Histogram
from ..core.room import Room
from ..core.session import Session, State
from .hub import Hub
from .player import Player
from .ticker import PHASES, RoomTimings

#: seconds that "now" means in tick times and verdict
RECENT_S = 5
HISTORY_LEN_MAX = 180
SESSIONS_SHOWN_MAX = 200
#: with more rooms they take turns; with 200 rooms of 10 players each an update costs 4 ms of CPU, not 7
ROOMS_A_SECOND_MAX = 100
ERROR_LEN_MAX = 300
STATM = Path("/proc/self/statm")
HISTORY_NAMES = "cpu_percent memory_bytes players tick_ms_p99 late_ms_p99 loop_lag_ms bytes_in_s bytes_out_s".split()

Row = dict[str, Any]


class Recent:
    """What a growing histogram took in during the last `parts` calls.

    Of 576 buckets only those up to the largest value so far are looked at: 5 us a call instead of 45, and it is called
    twice for each room.
    """

    def __init__(self, parts: int) -> None:
        self._before: deque[tuple[array[int], int]] = deque(maxlen=parts)

    def roll(self, histogram: Histogram) -> Histogram:
        """Return what is new since `parts` calls ago; at first, everything. Its `max` is that of all times."""
        buckets = histogram.buckets[: _buckets_used(histogram)]
        recent = Histogram()
        recent.buckets, recent.count, recent.max = buckets, histogram.count, histogram.max
        if self._before:
            then, count = self._before[0]
            recent.buckets = array(buckets.typecode, map(sub, buckets, then)) + buckets[len(then) :]
            recent.count -= count
        self._before.append((buckets, histogram.count))
        return recent


class RecentMean:
    """The mean of what a growing histogram took in during the last `parts` calls; needs no buckets."""

    def __init__(self, parts: int) -> None:
        self._before: deque[tuple[int, int]] = deque(maxlen=parts)

    def roll(self, histograms: Iterable[Histogram]) -> float:
        """Return the mean of what is new in these since `parts` calls ago, 0 when nothing is."""
        number = total = 0
        for histogram in histograms:
            number += histogram.count
            total += histogram.sum
        then_number, then_total = self._before[0] if self._before else (0, 0)
        self._before.append((number, total))
        return (total - then_total) / (number - then_number) if number > then_number else 0.0


class RoomMeter:
    """What one room did between two looks at it.

    Args:
        room: the room, which is looked at when it is its turn.
        now_s: since when it is measured.
    """

    def __init__(self, room: Room, now_s: float) -> None:
        self.row: Row = {}
        self._at_s = self._times_at_s = now_s
        self._bytes = _bytes_of(room)
        self._counts = room.counts.inputs_missing, room.counts.states_skipped
        self._duration, self._lateness = Recent(1), Recent(1)
        self._times: Row = {"tick_ms_p50": None, "tick_ms_p99": None, "late_ms_p99": None}

    def look(self, room: Room, timings: RoomTimings | None, now_s: float, started_at_s: float) -> Row:
        """Bring the row up to date; return what changed in it. Rates are missing at the first look."""
        before, seconds, self._at_s = self.row, now_s - self._at_s, now_s
        if timings is not None and (self._times["tick_ms_p50"] is None or now_s - self._times_at_s > RECENT_S - 0.5):
            self._look_at_times(timings, now_s)
        known, self._bytes = self._bytes, _bytes_of(room)
        bytes_in = bytes_out = 0
        for link, (now_in, now_out) in self._bytes.items():
            before_in, before_out = known.get(link, (0, 0))
            bytes_in += now_in - before_in
            bytes_out += now_out - before_out
        (missing, skipped), counts = self._counts, room.counts
        self._counts = counts.inputs_missing, counts.states_skipped
        row = {
            "game": room.definition.name,
            "code": room.code,
            "locked": room.is_locked,
            "taken": len(room.sessions),
            "connected": len(self._bytes),
            "seats": room.seats_max,
            "tick_rate": room.definition.cls.tick_rate,
            "began_s": round(room.clock.origin_s - started_at_s, 1),
            "bytes_in_s": _rounded(bytes_in / seconds) if before else None,
            "bytes_out_s": _rounded(bytes_out / seconds) if before else None,
            "missing_s": _rounded((self._counts[0] - missing) / seconds) if before else None,
            "skipped_s": _rounded((self._counts[1] - skipped) / seconds) if before else None,
            **self._times,
        }
        self.row = row
        return {key: value for key, value in row.items() if before[key] != value} if before else row

    def _look_at_times(self, timings: RoomTimings, now_s: float) -> None:
        recent, late = self._duration.roll(timings.duration), self._lateness.roll(timings.lateness)
        self._times_at_s = now_s
        if recent.count:
            self._times = {
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
        self._totals = self._total_bytes()
        self._meters: dict[str, RoomMeter] = {}
        self._recent_counts: deque[Row] = deque(maxlen=RECENT_S + 1)
        self._duration, self._lateness = Recent(RECENT_S), Recent(RECENT_S)
        self._phases = {phase: RecentMean(RECENT_S) for phase in PHASES}
        self._roll_ticks()

    def run(self, now_s: float) -> Iterator[None]:
        """Work out everything; stops after each room, and is done when exhausted."""
        hub, seconds = self.hub, max(now_s - self._at_s, 1e-3)
        self._at_s = now_s
        self._turn += 1
        self.changed, self.gone = {}, []
        # All of these at once: a player or room that goes while this runs is counted here or there, never twice.
        totals, rooms = self._total_bytes(), list(hub.lobby.rooms.values())
        counts = Counts()
        counts.add(hub.lobby.ended_counts)
        counts.bytes_in, counts.bytes_out, counts.messages_out = totals
        yield
        rounds = -(-len(rooms) // ROOMS_A_SECOND_MAX)
        for number, room in enumerate(rooms):
            counts.add(room.counts)
            if room.room_id not in self.rooms or (self._turn + number) % rounds == 0:
                self._look_at(room, now_s)
                yield
        for room_id in [known for known in self.rooms if known not in hub.lobby.rooms]:
            self.gone.append(room_id)
            self.changed.pop(room_id, None)
            del self.rooms[room_id], self._meters[room_id]
        self.counts = counts
        self._sample_process(now_s, seconds, totals)

    # ---- rooms -------------------------------------------------------------------------------------------------

    def _look_at(self, room: Room, now_s: float) -> None:
        hub, room_id = self.hub, room.room_id
        meter = self._meters.get(room_id) or self._meters.setdefault(room_id, RoomMeter(room, now_s))
        changes = meter.look(room, hub.ticker.room_timings.get(room_id), now_s, hub.started_at_s)
        if changes:
            self.rooms[room_id] = meter.row
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
                "address": connection.remote_address,
                "rtt_ms": getattr(connection, "rtt_ms", None),
                "bytes_in": connection.bytes_in,
                "bytes_out": connection.bytes_out,
                "unsent_bytes": connection.unsent_bytes,
            }
        return row

    # ---- the process -------------------------------------------------------------------------------------------

    def _total_bytes(self) -> tuple[int, int, int]:
        """Return bytes in, bytes out and messages out of all connections, those that are gone included."""
        gone = self.hub.connection_bytes
        bytes_in, bytes_out, messages_out = gone.bytes_in, gone.bytes_out, gone.messages_out
        for player in self.hub.players:
            connection = player.connection
            bytes_in += connection.bytes_in
            bytes_out += connection.bytes_out
            messages_out += connection.messages_out
        return bytes_in, bytes_out, messages_out

    def _roll_ticks(self) -> tuple[Histogram, Histogram, dict[str, float]]:
        """Return recent tick times, lateness, and the mean of each phase in ms, of all games together."""
        by_game = list(self.hub.ticker.timings.values())
        duration = self._duration.roll(_merged(timings.duration for timings in by_game))
        lateness = self._lateness.roll(_merged(timings.lateness for timings in by_game))
        phases = {
            phase: round(mean.roll(timings.phases[phase] for timings in by_game) / 1000, 4)
            for phase, mean in self._phases.items()
        }
        return duration, lateness, phases

    def _sample_process(self, now_s: float, seconds: float, totals: tuple[int, int, int]) -> None:
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


def _bytes_of(room: Room) -> dict[Player, tuple[int, int]]:
    """Return what each connection of a room has moved so far, in and out."""
    links: list[Player] = [session.link for session in room.sessions.values() if session.link is not None]
    return {link: (of.bytes_in, of.bytes_out) for link in links for of in (link.connection,)}


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    merged = Histogram()
    for histogram in histograms:
        merged.merge(histogram)
    return merged


def _buckets_used(histogram: Histogram) -> int:
    """Return how many buckets from the first on hold all values."""
    if histogram.max < STEPS:
        return STEPS
    shift = histogram.max.bit_length() - STEP_BITS - 1
    return (shift << STEP_BITS) + (histogram.max >> shift) + 1


def _ms(microseconds: float) -> float:
    return round(microseconds / 1000, 2)


def _rounded(number: float) -> int:
    """Return a rate to two digits, small ones whole: what only flickers is not worth sending."""
    if number < 1000:
        return round(number)
    return int(round(number, 2 - len(str(int(number)))))
