"""One run of one seed, from an empty server to an empty server.

First trouble: clients come, play and suffer faults. Then rest: all lines are good, whoever wants to play must be back
and hold what the server shows it. Then the end: all leave, and nothing may be left.
"""

import random
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from game_server.core.codec import StateMessage
from game_server.core.room import Room

from .checks import Check
from .checks.closes import EXPECTED_ERRORS, Closes
from .checks.events import Events
from .checks.inputs import Inputs
from .checks.queues import Queues
from .checks.seats import Seats
from .checks.ticks import Ticks
from .checks.worlds import Worlds
from .client import Client, Holding
from .clockwork import Clockwork
from .faults import Faults
from .hostile import Hostile
from .network import Wire
from .scenario import Scenario
from .server import Process, log_kept

CHECKS: tuple[type[Check], ...] = (Ticks, Seats, Inputs, Events, Queues, Worlds, Closes)
#: after the last fault: as long as the longest back-off, silence and checksum together
RECOVERY_S = 42.0
SETTLING_S = 4.0
VIOLATIONS_MAX = 5
#: closes after which a page does nothing by itself, but its player does
COMES_BACK = frozenset((4004, 4005, 4011, 4012, 4013))


@attrs.define
class Outcome:
    """What came of a run."""

    seed: str
    violations: list[str]
    player_s: float
    cpu_s: float
    faults: int
    digest: int
    counts: Counter[str]


class Run:
    """The stage, the court, and everybody's witness."""

    def __init__(self, scenario: Scenario, violations_max: int) -> None:
        self.scenario, seed = scenario, scenario.seed
        self._violations_max = violations_max
        self.clockwork = Clockwork()
        self.violations: list[str] = []
        self.player_s = 0.0
        self.digest = 0
        self.clients: list[Client] = []
        self.hostiles: list[Hostile] = []
        self._log: list[dict[str, Any]] = []
        self._chance = random.Random(f"{seed}/clients")
        self.process = Process(self.clockwork, self.scenario.settings, seed, self._loop_failed, self._after_tick)
        self.worlds = Worlds(self)
        self._checks = [self.worlds if cls is Worlds else cls(self) for cls in CHECKS]
        self._faults = Faults(self, self.scenario)

    @property
    def now(self) -> float:
        return self.clockwork.now

    @property
    def corrupted(self) -> set[int]:
        return self.worlds.corrupted

    # ---- the play ----------------------------------------------------------------------------------------------

    def play(self) -> Outcome:
        """Run it all."""
        started_s = time.process_time()
        with log_kept(self._log):
            try:
                for act in (self._trouble, self._rest, self._end):
                    if not self.clockwork.is_stopped:
                        act()
            except Exception as error:  # noqa: BLE001 - whosever code it was, the seed must be told
                self.violated("code", "".join(traceback.format_exception(error)[-3:]).strip())
            finally:
                counts = self._counts()
                self.process.hub.stop()
                self.process.end()
        cpu_s = time.process_time() - started_s
        seed, done = self.scenario.seed, self._faults.done
        return Outcome(seed, self.violations, self.player_s, cpu_s, done, self.digest, counts)

    def _trouble(self) -> None:
        scenario, chance = self.scenario, self._chance
        for number in range(scenario.clients):
            game = chance.choice(scenario.games)
            self._add(number, game, self._wish(game)).start(chance.uniform(0, 8))
        for number in range(scenario.hostile):
            attacker = Hostile(1000 + number, self.clockwork, self._connect, random.Random(chance.random()), "yard")
            self.hostiles.append(attacker)
            attacker.start(chance.uniform(0, 8))
        self._faults.begin()
        self.clockwork.run_until(scenario.trouble_s)

    def _rest(self) -> None:
        last_awake_at = max(client.stalled_until for client in self.clients)
        self._faults.end()
        for attacker in self.hostiles:
            attacker.is_over = True
        self.clockwork.run_until(max(self.now, self.process.loop.stalled_until, last_awake_at) + RECOVERY_S)
        for check in self._checks:
            check.before_rest()
        self.clockwork.run_until(self.now + SETTLING_S)
        for check in self._checks:
            check.at_rest()

    def _end(self) -> None:
        settings = self.scenario.settings
        if self.scenario.drains:
            self.process.loop.create_task(self.process.hub.drain())
            self.clockwork.run_until(self.now + settings.drain_s / 2)
        for client in self.clients:
            if client.is_playing:
                client.leave()
            client.stop()
        self.clockwork.run_until(self.now + settings.seat_hold_s + settings.empty_room_s + settings.dead_after_s + 20)
        for check in self._checks:
            check.at_end()

    # ---- the cast ----------------------------------------------------------------------------------------------

    def _add(self, number: int, game: str, wish: dict[str, Any]) -> Client:
        brain = self.process.hub.games[game].brain
        assert brain is not None
        chance = random.Random(f"{self.scenario.seed}/client {number}")
        is_json = chance.random() < 0.2
        client = Client(number, self.clockwork, game, brain, self._connect, chance, self, is_json, wish)
        self.clients.append(client)
        return client

    def _wish(self, game: str) -> dict[str, Any]:
        """Draw how a player asks for a room: any, a small one, one of its own, or by the id that another told it."""
        chance, rooms = self._chance, list(self.process.hub.lobby.rooms.values())
        if game == "arena":
            return {"options": {"bots": 3, "round_s": 20}}  # few bots, whose minds take time, and rounds that end
        draw = chance.random()
        if draw < 0.15:
            return {"create": True, "private": True}
        if draw < 0.4:
            return {"options": {"seats": chance.choice((1, 1, 2, 3))}}
        if draw < 0.5 and rooms:
            return {"room": chance.choice(rooms).room_id}
        watchable = [room for room in rooms if room.definition.name == game and not room.code and room.is_awake]
        if draw < 0.65 and watchable and watchable[0].definition.cls.spectator_delay_s is not None:
            return {"room": chance.choice(watchable).room_id, "spectate": True}
        return {}

    def add_twin(self, client: Client) -> None:
        """Let a second tab take a client's seat over."""
        held = client.holding
        twin = self._add(len(self.clients), client.game, client.wish)
        twin.holding = Holding(held.token, held.event, dict(held.place))
        client.has_twin = twin.has_twin = True
        twin.start(self.now)
        self._faults.haunt(twin)

    def _connect(self, client: Any) -> Wire:
        """Open a wire: the server hears of it when the request arrives, the client when the answer does."""
        buffer_bytes = client.chance.choice((1024, 4096, 16_384, 65_536))
        wire: Wire = client.network.connect(buffer_bytes)
        self.clockwork.at(wire.reaches_server_s(), self._arrive, wire, client)
        return wire

    def _arrive(self, wire: Wire, client: Any) -> None:
        self.process.loop.soon(self._accept, wire, client)

    def _accept(self, wire: Wire, client: Any) -> None:
        if client.wire is wire and not wire.is_reset:  # it was cut, or there was no way through
            self.process.accept(wire, client.is_json, client)
            self.clockwork.at(wire.reaches_client_s(), self._opened, wire, client)

    def _opened(self, wire: Wire, client: Any) -> None:
        if client.wire is wire:
            client.opened()

    # ---- the court ---------------------------------------------------------------------------------------------

    def violated(self, check: str, what: str) -> None:
        """Note a violation; enough of them end the run: what follows would be their consequences."""
        if not self.clockwork.is_stopped:
            self.violations.append(f"{self.now:9.3f} s  {check}: {what}")
        self.clockwork.is_stopped = len(self.violations) >= self._violations_max

    def _loop_failed(self, context: Mapping[str, Any]) -> None:
        self.violated("server", f"{context.get('message')}: {context.get('exception')!r}")

    def _after_tick(self, room: Room) -> None:
        seated = sum(session.link is not None for session in room.sessions.values())
        self.player_s += seated / room.clock.tick_rate
        self.digest = hash((self.digest, room.tick, seated, len(room.world))) & 0xFFFFFFFF
        for check in self._checks:
            check.after_tick(room)
        if self._log:
            self._read_log()

    def _read_log(self) -> None:
        for line in self._log:
            if line["level"] in ("error", "critical") and line["event"] not in EXPECTED_ERRORS:
                self.violated("server", f"logged {line}")
            if line["event"] == "room_crashed" and "asked for" not in repr(line.get("exc_info")):
                self.violated("server", f"a room crashed: {line.get('exc_info')!r}")
        self._log.clear()

    def client_welcomed(self, client: Client, welcome: Mapping[str, Any]) -> None:
        for check in self._checks:
            check.welcomed(client, welcome)

    def client_applied(self, client: Client, message: StateMessage) -> None:
        for check in self._checks:
            check.applied(client, message)

    def client_heard(self, client: Client, message: Mapping[str, Any]) -> None:
        for check in self._checks:
            check.heard(client, message)

    def client_closed(self, client: Client, code: int, reason: str) -> None:
        for check in self._checks:
            check.closed(client, code, reason)
        if self.now < self.scenario.trouble_s and code in COMES_BACK:
            self.clockwork.after(self._chance.uniform(0.5, 5), self._come_anew, client.game)

    def _come_anew(self, game: str) -> None:
        """Let a player who was sent away begin anew, with a new page."""
        client = self._add(len(self.clients), game, self._wish(game))
        client.start(self.now)
        self._faults.haunt(client)

    def client_failed(self, client: Client, what: str) -> None:
        self.violated("client", f"client {client.number} cannot take what the server sends: {what}")

    def _counts(self) -> Counter[str]:
        tally = self.process.hub.counts()
        counts = Counter({name: getattr(tally, name) for name in ("ticks", "inputs", "events", "joins", "drops")})
        counts.update({name: getattr(tally, name) for name in ("resumes", "resyncs", "states_skipped", "states_full")})
        counts["worlds compared"] = self.worlds.compared
        counts["healed"] = self.worlds.healed
        return counts


def run(seed: str, violations_max: int = VIOLATIONS_MAX) -> Outcome:
    """Run one seed, until its end or so many violations."""
    return Run(Scenario.of(seed), violations_max).play()


def finds_something(seed: str) -> str | None:
    """Run the dense scenario of a seed until the first violation, and return that."""
    violations = Run(Scenario.dense(seed), 1).play().violations
    return violations[0] if violations else None
