"""The core's counters and histograms as Prometheus metrics, read at scrape.

Names follow the Prometheus conventions (base units, `_total`, `_seconds`). Labels are bounded: game names, phases
and the names of close codes; never rooms, players or addresses. Nothing is registered globally.
"""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ..core.metrics import Histogram
from .hub import Hub
from .limits_reached import limits_reached

#: upper bounds of the exported histograms, in us
BOUNDS_US = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000)

#: tally -> (metric name without prefix, help)
COUNTERS = {
    "ticks": ("ticks", "Simulation steps run"),
    "ticks_dropped": ("ticks_dropped", "Owed steps dropped because a room was too far behind"),
    "messages_in": ("messages_received", "Messages received from clients"),
    "messages_out": ("messages_sent", "Messages sent to clients"),
    "bytes_in": ("received_bytes", "Payload bytes received from clients"),
    "bytes_out": ("sent_bytes", "Payload bytes sent to clients"),
    "inputs": ("inputs", "Inputs received"),
    "inputs_missing": ("inputs_missing", "Steps of a seat for which no input had arrived"),
    "inputs_discarded": ("inputs_discarded", "Inputs discarded because too many waited"),
    "inputs_stale": ("inputs_stale", "Inputs refused because their number was not new"),
    "states_full": ("states_full", "Full state messages sent"),
    "states_skipped": ("states_skipped", "State messages skipped for clients that could not take them"),
    "entities_deferred": ("entities_deferred", "Entities whose changes had to wait for a seat's budget of bytes"),
    "rewinds": ("rewinds", "Looks of a game into a player's past"),
    "rewinds_clamped": (
        "rewinds_clamped",
        "Pictures that were too old to judge by, or said to be newer than what was sent",
    ),
    "spectators_joined": ("spectators_joined", "Spectators who began to watch"),
    "spectators_refused": ("spectators_refused", "Spectators refused because a room had too many"),
    "events": ("events", "Events emitted"),
    "events_lost": ("events_lost", "Events too old to be sent to a client that came back"),
    "joins": ("joins", "Players seated"),
    "drops": ("drops", "Connections of seated players lost"),
    "resumes": ("resumes", "Seats resumed"),
    "leaves": ("leaves", "Seats given up"),
    "resyncs": ("resyncs", "Full states asked for by clients whose checksum disagreed"),
    "values_clamped": ("values_clamped", "Entities captured with a value outside its range"),
    "values_refused": ("values_refused", "Messages refused for a field value"),
    "messages_refused": ("messages_refused", "Chat messages and commands refused"),
    "outside_calls": ("outside_calls", "Outside calls started"),
    "outside_failures": ("outside_failures", "Outside calls that failed"),
}


class HubCollector(Collector):
    """Reads the hub's figures whenever a scrape asks."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        hub = self._hub
        tally = hub.counts()
        for name, (metric, text) in COUNTERS.items():
            yield CounterMetricFamily(f"game_server_{metric}", text, value=getattr(tally, name))
        yield CounterMetricFamily("game_server_rooms_created", "Rooms made", value=hub.lobby.rooms_made)
        crashes = hub.crashes.count
        yield CounterMetricFamily("game_server_room_crashes", "Rooms closed because the game raised", value=crashes)
        closes = CounterMetricFamily("game_server_closes", "Connections closed, by reason", labels=["reason"])
        for reason, number in sorted(hub.closes.items()):
            closes.add_metric([reason], number)
        yield closes
        limits = CounterMetricFamily("game_server_limits_reached", "Limits reached, by setting", labels=["limit"])
        for limit, number in sorted(limits_reached(hub).items()):
            limits.add_metric([limit], number)
        yield limits
        yield CounterMetricFamily("game_server_bans_refused", "Connections of banned clients", value=hub.bans.refused)
        turned_away = sum(listener.turned_away for listener in hub.listeners)
        text = "Connections turned away for want of file descriptors"
        yield CounterMetricFamily("game_server_turned_away", text, value=turned_away)
        hand_overs = CounterMetricFamily(
            "game_server_hand_overs", "Connections handed to or taken from another process", labels=["outcome"]
        )
        for outcome, number in hub.hand_overs.items():
            hand_overs.add_metric([outcome], number)
        yield hand_overs
        yield GaugeMetricFamily("game_server_bans", "Bans that hold", value=len(hub.bans))
        yield from self._connections()
        yield GaugeMetricFamily("game_server_tasks", "Tasks of the event loop", value=len(asyncio.all_tasks()))
        yield from self._by_game()

    def _connections(self) -> Iterator[Metric]:
        hub = self._hub
        unsent = [player.connection.unsent_bytes for player in hub.players]
        yield GaugeMetricFamily("game_server_connections", "Open game connections", value=len(unsent))
        most = hub.settings.connections_max
        yield GaugeMetricFamily("game_server_connections_max", "Most players that may be connected", value=most)
        blocked = sum(1 for number in unsent if number)
        yield GaugeMetricFamily("game_server_connections_blocked", "Connections with something unsent", value=blocked)
        text = "Bytes that wait for connections to take them"
        yield GaugeMetricFamily("game_server_backlog_bytes", text, value=sum(unsent))
        lag = HistogramMetricFamily("game_server_event_loop_lag_seconds", "How late timers of the event loop fire")
        _add(lag, [], hub.upkeep.loop_lag)
        yield lag
        text = "CPU time of sampling for the status page and of showing it"
        yield CounterMetricFamily("game_server_status_cpu_seconds", text, value=hub.upkeep.status_cpu_s)

    def _by_game(self) -> Iterator[Metric]:
        hub = self._hub
        rooms = GaugeMetricFamily("game_server_rooms", "Rooms", labels=["game"])
        awake = GaugeMetricFamily("game_server_rooms_awake", "Rooms that somebody is connected to", labels=["game"])
        players = GaugeMetricFamily("game_server_players", "Seats taken", labels=["game"])
        spectators = GaugeMetricFamily("game_server_spectators", "Public spectators", labels=["game"])
        for name in hub.games:
            mine = [room for room in hub.lobby.rooms.values() if room.definition.name == name]
            rooms.add_metric([name], len(mine))
            awake.add_metric([name], sum(room.is_awake for room in mine))
            players.add_metric([name], sum(len(room.sessions) for room in mine))
            spectators.add_metric([name], sum(len(room.spectators.public) for room in mine))
        yield rooms
        yield awake
        yield players
        yield spectators
        lateness = HistogramMetricFamily("game_server_tick_lateness_seconds", "How late ticks began", labels=["game"])
        duration = HistogramMetricFamily("game_server_tick_duration_seconds", "How long ticks took", labels=["game"])
        phases = HistogramMetricFamily(
            "game_server_tick_phase_seconds", "How long each phase of a tick took", labels=["game", "phase"]
        )
        for name, timings in hub.ticker.timings.items():
            _add(lateness, [name], timings.lateness)
            _add(duration, [name], timings.duration)
            for phase, histogram in timings.phases.items():
                _add(phases, [name, phase], histogram)
        yield lateness
        yield duration
        yield phases
        over = CounterMetricFamily(
            "game_server_ticks_over_budget",
            "Ticks over their room's budget, by longest phase",
            labels=["game", "phase"],
        )
        for name, timings in hub.ticker.timings.items():
            for phase, number in timings.over_budget.items():
                over.add_metric([name, phase], number)
        yield over


def _add(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    numbers = zip(BOUNDS_US, histogram.cumulative(BOUNDS_US), strict=True)
    buckets = [(str(bound / 1e6), float(number)) for bound, number in numbers]
    family.add_metric(labels, [*buckets, ("+Inf", float(histogram.count))], histogram.sum / 1e6)


def make_registry(hub: Hub) -> CollectorRegistry:
    """Return a registry of this hub's metrics and the process's own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HubCollector(hub))
    ProcessCollector(registry=registry)
    return registry
