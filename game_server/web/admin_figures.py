"""The figures of the status page: of the process, of each room, of players in trouble; and the last 15 minutes.

`Sampler.run` is a generator that stops often, so that whoever drives it can let ticks run in between. The process is
sampled always, since nobody watches when the trouble begins; rooms only while somebody does, and many rooms take
turns. A row is compared with the row before; what changed is what is sent. Tick times are of the last second in the
history and of the last seconds as "now", not since the start.

Knows the hub and its rooms; knows nothing of sockets or who is watching.
"""

import os
import resource
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs

from ..core.metrics import COUNT_NAMES, Counts, Histogram
from ..core.room import Room
from .admin_recent import HISTORY_S, History, Recent
from .admin_rooms import RECENT_S, RoomMeter, Row, Trouble, in_ms, rounded
from .admin_seconds import NAMES, TIMES, pack
from .hub import Hub
from .timings import PHASES

#: with more rooms they take turns: 200 rooms are each looked at every third second
ROOMS_A_SECOND_MAX = 70
#: rooms looked at before the loop may have its turn: 15 us each, more when the caches are cold
ROOMS_A_STEP = 5
ERROR_LEN_MAX = 300
TROUBLES_SHOWN_MAX = 8
STATM = Path("/proc/self/statm")

#: counters whose rate a second is kept in the history
RATES = "inputs_missing inputs_discarded states_skipped ticks_dropped joins leaves drops resumes resyncs".split()
GAUGES = "cpu_percent memory_bytes loop_lag_ms players rooms connections bytes_in_s bytes_out_s".split()
HISTORY_NAMES = ["at_s", *TIMES, *GAUGES, *(f"{name}_s" for name in RATES)]

#: of a player; read in C and without a tuple for each, because it is done for every player in every second
_BYTES_IN = attrgetter("connection.bytes_in")
_BYTES_OUT = attrgetter("connection.bytes_out")
_MESSAGES_OUT = attrgetter("connection.messages_out")


class Sampler:
    """Works out all figures once a second, in slices.

    Args:
        hub: whose figures.
        now_s: when it begins.
    """

    def __init__(self, hub: Hub, now_s: float) -> None:
        self.hub = hub
        self.process: Row = {}
        self.rooms: dict[str, Row] = {}
        self.counts = Counts()
        #: what changed in the last run: rooms' rows with their changed keys, and rooms that are no more
        self.changed: dict[str, Row] = {}
        self.gone: list[str] = []
        self.troubles: list[Row] = []
        self.history = History(HISTORY_NAMES)
        #: the newest sample of the history
        self.second: Row = {}
        #: tick times of the newest second and of the last few, for those who put several processes together; and those
        #: of each second of the history. Only processes that are one of several have them
        self.packed_second, self.packed_now = b"", b""
        self.packed: deque[bytes] = deque(maxlen=HISTORY_S)
        self.lag_max_s = 0.0
        self._turn = 0
        self._at_s = now_s
        self._cpu_s = time.process_time()
        self._closes: dict[str, int] = {}
        self._bytes = self._total_bytes()
        self._meters: dict[str, RoomMeter] = {}
        self._recent_counts: deque[tuple[int, ...]] = deque(maxlen=RECENT_S + 1)
        self._last_second = {name: Recent(1) for name in NAMES}
        self._last_seconds = {name: Recent(RECENT_S) for name in NAMES}
        self._roll_times()

    def run(self, now_s: float, with_rooms: bool) -> Iterator[None]:
        """Work out everything; stops often, and is done when exhausted."""
        hub, seconds = self.hub, max(now_s - self._at_s, 1e-3)
        self._at_s = now_s
        self.changed, self.gone = {}, []
        # All of these at once: a player or room that goes while this runs is counted here or there, never twice.
        moved, rooms = self._total_bytes(), list(hub.lobby.rooms.values())
        players = hub.lobby.players
        counts = hub.lobby.counts()
        counts.bytes_in, counts.bytes_out, counts.messages_out = moved
        yield
        times = self._roll_times()
        yield
        if with_rooms:
            yield from self._look_at_rooms(rooms, now_s)
        elif self._meters:
            self.rooms, self._meters, self.troubles = {}, {}, []
        before, self.counts = self.counts, counts
        self._sample_process(now_s, seconds, moved)
        self.process |= {"players": players, "rooms": len(rooms), **times["now"]}
        self._remember(times["second"], before, seconds)

    # ---- rooms -------------------------------------------------------------------------------------------------

    def _look_at_rooms(self, rooms: list[Room], now_s: float) -> Iterator[None]:
        self._turn += 1
        rounds = -(-len(rooms) // ROOMS_A_SECOND_MAX)
        known = self._meters
        due = [
            room for number, room in enumerate(rooms, self._turn) if number % rounds == 0 or room.room_id not in known
        ]
        for number, room in enumerate(due, start=1):
            self._look_at(room, now_s)
            if number % ROOMS_A_STEP == 0:
                yield
        for room_id in [known for known in self.rooms if known not in self.hub.lobby.rooms]:
            self.gone.append(room_id)
            self.changed.pop(room_id, None)
            del self.rooms[room_id], self._meters[room_id]
        self.troubles = self._worst()

    def _look_at(self, room: Room, now_s: float) -> None:
        hub, room_id = self.hub, room.room_id
        meter = self._meters.get(room_id) or self._meters.setdefault(room_id, RoomMeter(room, now_s))
        changes = meter.look(room, hub.ticker.room_timings.get(room_id), now_s, hub.started_at_s)
        if changes:
            self.rooms[room_id] = meter.row
            self.changed[room_id] = changes

    def _worst(self) -> list[Row]:
        """Return the players that are worst off, at most one a room."""
        found: list[Trouble] = [meter.trouble for meter in self._meters.values() if meter.trouble is not None]
        found.sort(key=lambda trouble: -trouble.score)
        return [attrs.asdict(trouble) for trouble in found[:TROUBLES_SHOWN_MAX]]

    # ---- the process -------------------------------------------------------------------------------------------

    def _total_bytes(self) -> tuple[int, int, int]:
        """Return bytes in, bytes out and messages out of all connections, those that are gone included."""
        gone = self.hub.connection_bytes
        players = self.hub.players
        return (
            gone.bytes_in + sum(map(_BYTES_IN, players)),
            gone.bytes_out + sum(map(_BYTES_OUT, players)),
            gone.messages_out + sum(map(_MESSAGES_OUT, players)),
        )

    def _roll_times(self) -> dict[str, Row]:
        """Return tick times, lateness and phases of all games together: of the last second, and of the last few."""
        by_game = list(self.hub.ticker.timings.values())
        grown = {
            "late": _merged(timings.lateness for timings in by_game),
            "tick": _merged(timings.duration for timings in by_game),
            **{phase: _merged(timings.phases[phase] for timings in by_game) for phase in PHASES},
        }
        times: dict[str, Row] = {"second": {}, "now": {}}
        found: dict[str, dict[str, Histogram]] = {"second": {}, "now": {}}
        for name, histogram in grown.items():
            for span, meters in (("second", self._last_second), ("now", self._last_seconds)):
                recent = found[span][name] = meters[name].roll(histogram)
                empty = not recent.count
                times[span][f"{name}_ms_p50"] = None if empty else in_ms(recent.percentile(50))
                times[span][f"{name}_ms_p99"] = None if empty else in_ms(recent.percentile(99))
                times[span][f"{name}_ms_max"] = None if empty else in_ms(recent.max)
        if self.hub.is_worker:
            self.packed_second, self.packed_now = pack(found["second"]), pack(found["now"])
        return times

    def _sample_process(self, now_s: float, seconds: float, moved: tuple[int, int, int]) -> None:
        hub, before, self._bytes = self.hub, self._bytes, moved
        self._recent_counts.append(self.counts.values())
        cpu_s, lag_s, self.lag_max_s = time.process_time(), self.lag_max_s, 0.0
        self.process = {
            "at_s": round(now_s - hub.started_at_s, 1),
            "up_s": round(now_s - hub.started_at_s, 1),
            "cpu_percent": round((cpu_s - self._cpu_s) / seconds * 100, 1),
            "memory_bytes": memory_bytes(),
            "connections": len(hub.players),
            "loop_lag_ms": round(lag_s * 1000, 1),
            "bytes_in_s": rounded((moved[0] - before[0]) / seconds),
            "bytes_out_s": rounded((moved[1] - before[1]) / seconds),
            "rooms_made": hub.lobby.rooms_made,
        }
        self._cpu_s = cpu_s

    def _remember(self, times: Row, before: Counts, seconds: float) -> None:
        closes, self._closes = self._closes, dict(self.hub.closes)
        sample: Row = {name: self.process[name] for name in ("at_s", *GAUGES)} | times
        for name in RATES:
            grown = getattr(self.counts, name) - getattr(before, name)
            self.process[f"{name}_s"] = sample[f"{name}_s"] = round(grown / seconds, 2)
        for reason, number in self._closes.items():
            sample[f"close_{reason}"] = number - closes.get(reason, 0)
        self.second = sample
        self.history.add(sample)
        self.packed.append(self.packed_second)

    def recent_count(self, name: str) -> int:
        """Return by how much a counter grew in the last RECENT_S seconds."""
        numbers, index = self._recent_counts, COUNT_NAMES.index(name)
        return numbers[-1][index] - numbers[0][index] if numbers else 0

    def crashes(self) -> list[Row]:
        """Return the crash reports, newest first."""
        return [
            {
                "room": report.room_id,
                "game": report.game,
                "tick": report.tick,
                "seed": str(report.seed),  # past 2^53, which JavaScript cannot hold
                "error": report.error[:ERROR_LEN_MAX],
                "at_unix_s": round(report.at_unix_s),
            }
            for report in reversed(self.hub.crashes.kept)
        ]


def memory_bytes() -> int:
    """Return the resident memory; where the system does not tell, the most there has been."""
    try:
        return int(STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    merged: Any = None
    for histogram in histograms:
        if merged is None:
            merged = histogram
        else:
            both = Histogram()
            both.merge(merged)
            both.merge(histogram)
            merged = both
    return merged or Histogram()
