"""What a load test has seen: counters and histograms that merge, and the figures made of them.

`Samples` are of the measured time only (after the ramp); a `Stats` adds what counts from the first moment, such as
errors. Both merge by adding, so that several processes can measure one run. Times are in microseconds.
`FIGURES` names every figure, for the report, the JSON file and thresholds alike.
"""

from collections import Counter

import attrs

from game_server.core.metrics import Histogram

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
    #: how late the generator's own timers ran
    lag: Histogram = attrs.Factory(Histogram)
    frames: int = 0
    frame_bytes: int = 0
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
    #: frames a second of the client that got fewest; None: nobody was there throughout
    slowest_rate: float | None = None
    wall_s: float = 0.0
    #: CPU time of the generator
    cpu_s: float = 0.0

    def merge(self, other: "Samples") -> None:
        """Add what another process measured in the same time."""
        for attribute in attrs.fields(Samples):
            mine, theirs = getattr(self, attribute.name), getattr(other, attribute.name)
            if isinstance(mine, Histogram):
                mine.merge(theirs)
            elif attribute.name == "wall_s":
                self.wall_s = max(mine, theirs)
            elif attribute.name == "slowest_rate":
                self.slowest_rate = min((rate for rate in (mine, theirs) if rate is not None), default=None)
            else:
                setattr(self, attribute.name, mine + theirs)


@attrs.define(eq=False)
class Stats:
    """All of a run."""

    clients: int = 0
    #: most clients seated at once
    connected: int = 0
    #: clients that took bodies apart; the others read heads only
    decoding: int = 0
    processes: int = 1
    rooms: set[str] = attrs.Factory(set)
    errors: Counter[str] = attrs.Factory(Counter)
    #: closes that the clients did not ask for, by the code's name
    closes: Counter[str] = attrs.Factory(Counter)
    samples: Samples = attrs.Factory(Samples)
    is_measuring: bool = False
    is_aborted: bool = False

    def merge(self, other: "Stats") -> None:
        """Add another process's share of the same run."""
        self.clients += other.clients
        self.connected += other.connected
        self.decoding += other.decoding
        self.processes += other.processes
        self.rooms |= other.rooms
        self.errors += other.errors
        self.closes += other.closes
        self.samples.merge(other.samples)
        self.is_aborted |= other.is_aborted


def figures(stats: Stats) -> Figures:
    """Return every figure of a run by its name; times are in ms, CPU is a share of one core."""
    samples = stats.samples
    wall_s = samples.wall_s or 1.0
    result: Figures = {
        "clients": stats.clients,
        "connected": stats.connected,
        "rooms": len(stats.rooms),
        "frames_per_s": samples.frames / samples.client_s if samples.client_s else 0.0,
        "frames_per_s_min": samples.slowest_rate or 0.0,
        "frames": samples.frames,
        "bytes_per_frame": samples.frame_bytes / samples.frames if samples.frames else 0.0,
        "bytes_in_per_s": samples.wire_bytes_in / wall_s,
        "bytes_out_per_s": samples.wire_bytes_out / wall_s,
        "inputs": samples.inputs,
        "inputs_withheld": samples.inputs_withheld,
        "inputs_missing": samples.inputs_missing,
        "inputs_unanswered": samples.inputs_unanswered,
        "events": samples.events,
        "errors": stats.errors.total(),
        "closes": stats.closes.total(),
        "generator_cpu": samples.cpu_s / wall_s / stats.processes,
        "generator_us_per_frame": samples.cpu_s * 1e6 / samples.frames if samples.frames else 0.0,
    }
    for name in ("ack", "age", "gap", "rtt", "lag"):
        histogram: Histogram = getattr(samples, name)
        for percent in (50, 95, 99):
            result[f"{name}_p{percent}"] = histogram.percentile(percent) / 1000
        result[f"{name}_mean"] = histogram.sum / histogram.count / 1000 if histogram.count else 0.0
        result[f"{name}_max"] = histogram.max / 1000
    return result


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
