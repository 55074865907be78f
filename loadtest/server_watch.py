"""The server's own figures beside the clients': read from its /metrics once a second.

Counters and histograms only grow, so each point is made of the difference to the one before. All games and all worker
processes together. A server that shows no metrics (another's, or behind a proxy that hides them) is no error: the
report then says why there are none. Knows Prometheus' text format; knows nothing of bots.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import attrs
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

EVERY_S = 1.0
TIMEOUT_S = 2.0
#: after so many in vain, and none that came, a server is left in peace
FAILURES_MAX = 3

CPU = "process_cpu_seconds_total"
MEMORY = "process_resident_memory_bytes"
TICK = "game_server_tick_duration_seconds"
LATENESS = "game_server_tick_lateness_seconds"
#: lines of other metrics are not parsed: that would take longer than all the rest
_PREFIXES = (CPU, MEMORY, TICK, LATENESS)


@attrs.define
class Reading:
    """One scrape, over all games."""

    at_s: float
    values: Mapping[str, float]
    #: metric -> upper bound -> how many at or below
    buckets: Mapping[str, Mapping[float, float]]

    @classmethod
    def parse(cls, at_s: float, text: str) -> "Reading":
        """Return what a page of metrics says of what we look at; raise ValueError when it is none."""
        values: defaultdict[str, float] = defaultdict(float)
        buckets: dict[str, defaultdict[float, float]] = {TICK: defaultdict(float), LATENESS: defaultdict(float)}
        lines = [line for line in text.splitlines() if line.startswith(_PREFIXES)]
        for family in text_string_to_metric_families("\n".join(lines)):
            for sample in family.samples:
                name, is_bucket = sample.name.removesuffix("_bucket"), sample.name.endswith("_bucket")
                if is_bucket and name in buckets:
                    buckets[name][float(sample.labels["le"])] += sample.value
                else:
                    values[sample.name] += sample.value
        return cls(at_s, values, buckets)


@attrs.frozen
class ServerPoint:
    """What the server said of one second; None: it does not say."""

    at_s: float
    cpu: float | None
    memory_bytes: float | None
    tick_mean_ms: float | None
    tick_p50_ms: float | None
    tick_p99_ms: float | None
    lateness_p99_ms: float | None


def point_between(before: Reading, after: Reading) -> ServerPoint:
    """Return what happened between two readings."""
    seconds = after.at_s - before.at_s
    values = {name: number - before.values.get(name, 0.0) for name, number in after.values.items()}
    ticks = values.get(f"{TICK}_count", 0)
    return ServerPoint(
        at_s=after.at_s,
        cpu=values[CPU] / seconds if CPU in values else None,
        memory_bytes=after.values.get(MEMORY),
        tick_mean_ms=values[f"{TICK}_sum"] / ticks * 1000 if ticks else None,
        tick_p50_ms=_quantile_ms(before.buckets[TICK], after.buckets[TICK], 0.5),
        tick_p99_ms=_quantile_ms(before.buckets[TICK], after.buckets[TICK], 0.99),
        lateness_p99_ms=_quantile_ms(before.buckets[LATENESS], after.buckets[LATENESS], 0.99),
    )


def _quantile_ms(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float | None:
    """Return a quantile as Prometheus' histogram_quantile does: evenly within its bucket; None when nothing came."""
    numbers = sorted((bound, number - before.get(bound, 0.0)) for bound, number in after.items())
    if not numbers or not numbers[-1][1]:
        return None
    rank, low_s, low_number = numbers[-1][1] * share, 0.0, 0.0
    for bound_s, number in numbers:
        if number >= rank:
            if bound_s == float("inf"):
                return low_s * 1000
            return (low_s + (bound_s - low_s) * (rank - low_number) / (number - low_number)) * 1000
        low_s, low_number = bound_s, number
    return low_s * 1000


class ServerWatch:
    """Reads a server's metrics; `points` has what came, `problem` says why nothing does."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        #: the run's start on the clock of the readings; before it is known there are no points
        self.origin_s: float | None = None
        self.readings: list[Reading] = []
        self.problem: str | None = "switched off" if url is None else None

    async def run(self) -> None:
        """Read once a second until cancelled, or until it is clear that there is nothing to read."""
        if self._url is None:
            return
        client = AsyncHTTPClient(force_instance=True)
        try:
            next_s = time.monotonic()
            failures = 0
            while self.readings or failures < FAILURES_MAX:
                self.problem = await self._read(client, self._url)
                failures += self.problem is not None
                next_s = max(next_s + EVERY_S, time.monotonic())
                await asyncio.sleep(next_s - time.monotonic())
        finally:
            client.close()

    async def _read(self, client: AsyncHTTPClient, url: str) -> str | None:
        """Read once; return why not, if not."""
        try:
            answer = await client.fetch(url, connect_timeout=TIMEOUT_S, request_timeout=TIMEOUT_S)
            reading = Reading.parse(time.monotonic(), answer.body.decode("utf-8", "replace"))
        except (HTTPClientError, OSError, ValueError) as error:
            return str(error)[:120] or type(error).__name__
        if not reading.values:
            return f"{url} shows none of {', '.join(_PREFIXES)}"
        self.readings.append(reading)
        return None

    @property
    def points(self) -> list[ServerPoint]:
        """What the server said of each second of the run."""
        origin_s = self.origin_s
        if origin_s is None:
            return []
        pairs = pairwise(reading for reading in self.readings if reading.at_s >= origin_s - EVERY_S)
        points = (point_between(*pair) for pair in pairs)
        return [attrs.evolve(point, at_s=max(point.at_s - origin_s, 0.0)) for point in points]

    def figures(self, measured_from_s: float) -> dict[str, float]:
        """Return what it said of the measured time."""
        return {} if self.origin_s is None else server_figures(self.readings, self.origin_s + measured_from_s)


def server_figures(readings: Sequence[Reading], from_s: float) -> dict[str, float]:
    """Return what the server said from the last reading before a moment to the last of all."""
    started = [reading for reading in readings if reading.at_s <= from_s][-1:] or list(readings[:1])
    if not started or readings[-1] is started[0]:
        return {}
    point = point_between(started[0], readings[-1])
    named = {
        "server_cpu": point.cpu,
        "server_memory_bytes": point.memory_bytes,
        "server_tick_mean": point.tick_mean_ms,
        "server_tick_p50": point.tick_p50_ms,
        "server_tick_p99": point.tick_p99_ms,
        "server_lateness_p99": point.lateness_p99_ms,
    }
    return {name: value for name, value in named.items() if value is not None}


#: what a threshold may name, where the server shows its metrics
SERVER_FIGURES = (
    *("server_cpu", "server_memory_bytes", "server_tick_mean", "server_tick_p50", "server_tick_p99"),
    "server_lateness_p99",
)
