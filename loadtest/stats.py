"""What a load test counts, second by second, and the figures made of it.

    bots -> Ledger (what is being counted now) -> cut, each second -> Slice -> Stats (all of a run) -> figures

Everything merges by adding: slices of one second from several processes, and the measured slices into the totals. So
the charts over time, the live view and the end's figures come from the same numbers. `FIGURES` names every figure, for
the report, the JSON file and thresholds alike. Knows no sockets, clocks or games.
"""

import math
from collections import Counter
from typing import Any

import attrs

from .histogram import Histogram

Figures = dict[str, float]


@attrs.define(eq=False)
class Samples:
    """What was measured."""

    #: from when an input was due to the state whose ack covers it
    ack: Histogram = attrs.Factory(Histogram)
    #: from when a tick was due, in room time, to its state's arrival
    age: Histogram = attrs.Factory(Histogram)
    #: between two states of one client
    gap: Histogram = attrs.Factory(Histogram)
    rtt: Histogram = attrs.Factory(Histogram)
    #: from connecting to the first state
    join: Histogram = attrs.Factory(Histogram)
    #: from connecting again to the first state after a drop
    resume: Histogram = attrs.Factory(Histogram)
    #: from saying something to hearing it
    chat: Histogram = attrs.Factory(Histogram)
    #: how late the generator's own timers ran
    lag: Histogram = attrs.Factory(Histogram)
    joins: int = 0
    leaves: int = 0
    drops: int = 0
    resumes: int = 0
    #: times that a client was sent to another machine
    moves: int = 0
    frames: int = 0
    frame_bytes: int = 0
    #: states that the clients should have got in their time of play
    frames_due: float = 0.0
    inputs: int = 0
    #: inputs not sent because the server had some waiting already
    inputs_withheld: int = 0
    #: steps for which the server had no input
    inputs_missing: int = 0
    #: inputs still unanswered at the end after UNANSWERED_S; each counts in `ack` with its age
    inputs_unanswered: int = 0
    events: int = 0
    wire_bytes_in: int = 0
    wire_bytes_out: int = 0
    #: seconds of play, summed over the clients
    client_s: float = 0.0
    #: frames a second of the client that got fewest; None: nobody was there for long
    slowest_rate: float | None = None
    wall_s: float = 0.0
    #: CPU time of the generator
    cpu_s: float = 0.0

    def merge(self, other: "Samples", is_later: bool = False) -> None:
        """Add what another process measured in the same time, or what was measured afterwards."""
        for name in _SAMPLE_NAMES:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Histogram):
                mine.merge(theirs)
            elif name == "wall_s" and not is_later:
                self.wall_s = max(mine, theirs)
            elif name == "slowest_rate":
                self.slowest_rate = min((rate for rate in (mine, theirs) if rate is not None), default=None)
            else:
                setattr(self, name, mine + theirs)

    def as_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in _SAMPLE_NAMES}
        return {name: value.as_json() if isinstance(value, Histogram) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Samples":
        parts: dict[str, Any] = {name: Histogram.from_json(value[name]) for name in TIMES}
        return cls(**{**value, **parts})


_SAMPLE_NAMES = tuple(attribute.name for attribute in attrs.fields(Samples))
#: the histograms
TIMES = ("ack", "age", "gap", "rtt", "join", "resume", "chat", "lag")


@attrs.define(eq=False)
class Slice:
    """What happened in one second or a shorter rest; times are from the start of the run."""

    start_s: float
    end_s: float
    is_measured: bool
    #: clients seated at its end, and how many should be
    players: int = 0
    wanted: int = 0
    rooms: set[str] = attrs.Factory(set)
    samples: Samples = attrs.Factory(Samples)
    errors: Counter[str] = attrs.Factory(Counter)
    #: closes that the clients did not ask for, by the code's name
    closes: Counter[str] = attrs.Factory(Counter)

    def merge(self, other: "Slice") -> None:
        """Add another process's share of the same second."""
        self.end_s = max(self.end_s, other.end_s)
        self.players += other.players
        self.wanted += other.wanted
        self.rooms |= other.rooms
        self.samples.merge(other.samples)
        self.errors += other.errors
        self.closes += other.closes

    def as_json(self) -> dict[str, Any]:
        value = {attribute.name: getattr(self, attribute.name) for attribute in attrs.fields(Slice)}
        return {**value, "rooms": sorted(self.rooms), "samples": self.samples.as_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Slice":
        parts = {"rooms": set(value["rooms"]), "samples": Samples.from_json(value["samples"])}
        counters = {"errors": Counter(value["errors"]), "closes": Counter(value["closes"])}
        return cls(**{**value, **parts, **counters})


@attrs.define(eq=False)
class Ledger:
    """Where the bots of a process count: always into the second that is running."""

    samples: Samples = attrs.Factory(Samples)
    errors: Counter[str] = attrs.Factory(Counter)
    closes: Counter[str] = attrs.Factory(Counter)
    rooms: set[str] = attrs.Factory(set)

    def cut(self, into: Slice) -> Slice:
        """Hand over what was counted since the last cut, and begin anew."""
        into.samples, into.errors, into.closes, into.rooms = self.samples, self.errors, self.closes, self.rooms
        self.samples, self.errors, self.closes, self.rooms = Samples(), Counter(), Counter(), set()
        return into


@attrs.define(eq=False)
class Stats:
    """All of a run."""

    #: most clients wanted at once
    clients: int = 0
    processes: int = 1
    #: share of the clients that take bodies apart; the others read heads only
    decode_share: float = 1.0
    #: by second, all processes together
    timeline: list[Slice] = attrs.Factory(list)
    rooms: set[str] = attrs.Factory(set)
    #: from the first moment on
    errors: Counter[str] = attrs.Factory(Counter)
    closes: Counter[str] = attrs.Factory(Counter)
    #: of the measured seconds
    samples: Samples = attrs.Factory(Samples)
    is_aborted: bool = False

    @property
    def connected(self) -> int:
        """Most clients seated at the end of a second."""
        return max((part.players for part in self.timeline), default=0)

    def add(self, part: Slice) -> None:
        """Take in the next second, of all processes."""
        self.timeline.append(part)
        self.rooms |= part.rooms
        self.errors += part.errors
        self.closes += part.closes
        if part.is_measured:
            self.samples.merge(part.samples, is_later=True)


def figures(stats: Stats) -> Figures:
    """Return every figure of a run by its name; times are in ms, CPU is a share of one core."""
    samples = stats.samples
    result = {
        "clients": stats.clients,
        "connected": stats.connected,
        "rooms": len(stats.rooms),
        "frames_per_s_min": samples.slowest_rate or 0.0,
        **sample_figures(samples, stats.processes),
        "errors": stats.errors.total(),
        "closes": stats.closes.total(),
    }
    for name in TIMES:
        histogram: Histogram = getattr(samples, name)
        for percent in (50, 95, 99):
            result[f"{name}_p{percent}"] = histogram.percentile_ms(percent)
        result[f"{name}_mean"] = histogram.mean_ms
        result[f"{name}_max"] = histogram.max_ms
    return result


def sample_figures(samples: Samples, processes: int) -> Figures:
    """Return counts and rates, of a whole run or of one second."""
    wall_s = samples.wall_s or math.inf
    return {
        "frames_per_s": samples.frames / samples.client_s if samples.client_s else 0.0,
        "frames_share": min(samples.frames / samples.frames_due, 1.0) if samples.frames_due else 0.0,
        "frames": samples.frames,
        "bytes_per_frame": samples.frame_bytes / samples.frames if samples.frames else 0.0,
        "bytes_in_per_s": samples.wire_bytes_in / wall_s,
        "bytes_out_per_s": samples.wire_bytes_out / wall_s,
        "joins": samples.joins,
        "leaves": samples.leaves,
        "drops": samples.drops,
        "resumes": samples.resumes,
        "moves": samples.moves,
        "inputs": samples.inputs,
        "inputs_withheld": samples.inputs_withheld,
        "inputs_missing": samples.inputs_missing,
        "inputs_unanswered": samples.inputs_unanswered,
        "events": samples.events,
        "generator_cpu": samples.cpu_s / wall_s / processes,
        "generator_us_per_frame": samples.cpu_s * 1e6 / samples.frames if samples.frames else 0.0,
    }


#: what a threshold may name
FIGURES = tuple(figures(Stats()))

GENERATOR_CPU_HIGH = 0.85
GENERATOR_LAG_HIGH_MS = 10.0


def generator_limits(named: Figures) -> list[str]:
    """Return why this side rather than the server may have been the limit; empty when it was not."""
    reasons = []
    if named["generator_cpu"] > GENERATOR_CPU_HIGH:
        reasons.append(f"it used {named['generator_cpu']:.0%} of a core")
    if named["lag_p99"] > GENERATOR_LAG_HIGH_MS:
        reasons.append(f"its timers ran {named['lag_p99']:.0f} ms late (p99)")
        if named["generator_cpu"] < GENERATOR_CPU_HIGH / 2:
            reasons.append("yet it used little CPU, so the machine was busy with other programs")
    return reasons
