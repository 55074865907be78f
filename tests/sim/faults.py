"""What goes wrong, and when: drawn from the seed, for each client and for the server.

Each fault is a method; `CLIENT_FAULTS` and `SERVER_FAULTS` say how likely each is against the others. `end` makes
every line good again.
"""

import random
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from game_server.core.conditions import SEED_MAX, Way

from .client import Client
from .clockwork import Clockwork
from .network import CALM
from .scenario import Scenario
from .server import Process


class Stage(Protocol):
    """Where faults happen."""

    clockwork: Clockwork
    process: Process
    clients: list[Client]

    @property
    def corrupted(self) -> set[int]:
        """Numbers of clients whose replica was changed."""

    def add_twin(self, client: Client) -> None:
        """Let a second tab take a client's seat over."""


CLIENT_FAULTS: dict[str, int] = {
    "delay": 4,
    "stall_up": 4,
    "stall_down": 4,
    "cut": 3,
    "drop": 3,
    "vanish": 2,
    "half_close": 2,
    "stop_reading": 3,
    "slow_line": 3,
    "reload": 3,
    "twin": 1,
    "corrupt": 2,
    "leave": 1,
    "die": 2,
    "pause_inputs": 2,
    "chat": 3,
    "burst": 4,
    "odd_command": 2,
    "remember": 2,
    "acks_only": 1,
}
#: what only players may say
SAYINGS = frozenset(("chat", "burst", "odd_command", "remember"))
SERVER_FAULTS: dict[str, int] = {
    "stall": 5,
    "stand_still": 2,
    "jump": 2,
    "kick": 3,
    "crash": 1,
    "end_room": 1,
    "lock": 1,
}


class Faults:
    """Draws and does them."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self._stage, self._scenario = stage, scenario
        self._chance = random.Random(f"{scenario.seed}/faults")
        self._until = scenario.trouble_s
        self.done = 0

    def begin(self) -> None:
        """Plan each client's first fault, and the server's."""
        for client in list(self._stage.clients):
            self.haunt(client)
        self._plan(self._scenario.server_fault_every_s, self._strike_server)

    def haunt(self, client: Client) -> None:
        """Let faults happen to a client from now on."""
        self._plan(self._scenario.client_fault_every_s, self._strike, client)

    def _plan(self, mean_s: float, action: Callable[..., None], *arguments: Any) -> None:
        when = self._stage.clockwork.now + self._chance.expovariate(1 / mean_s)
        if when < self._until:
            self._stage.clockwork.at(when, action, *arguments)

    def _strike(self, client: Client) -> None:
        if client.status == "stopped":
            return
        (name,) = self._chance.choices(list(CLIENT_FAULTS), list(CLIENT_FAULTS.values()))
        if not (client.is_spectator and name in SAYINGS):
            self.done += 1
            getattr(self, f"_{name}")(client)
        self.haunt(client)

    def _strike_server(self) -> None:
        (name,) = self._chance.choices(list(SERVER_FAULTS), list(SERVER_FAULTS.values()))
        self.done += 1
        getattr(self, f"_{name}")()
        self._plan(self._scenario.server_fault_every_s, self._strike_server)

    def end(self) -> None:
        """Let everything be well from now on."""
        for client in self._stage.clients:
            client.network.change(CALM)
            client.stalled_until = client.skips_input_until = 0.0
            client.is_quiet = False

    # ---- a client's --------------------------------------------------------------------------------------------

    def _seconds(self) -> float:
        """Draw how long a fault lasts: mostly short, at times longer than anything waits."""
        return self._chance.choice((0.05, 0.3, 1.0, 3.0, 3.0, 12.0, 25.0)) * self._chance.uniform(0.7, 1.3)

    def _change(self, client: Client, **changes: Any) -> None:
        """Change conditions of its network, and the moments of its stalls and cuts."""
        network = client.network
        network.change(attrs.evolve(network.conditions, seed=self._chance.randint(0, SEED_MAX), **changes))

    def _delay(self, client: Client) -> None:
        for name in ("up", "down"):
            delay_ms = self._chance.choice((0.0, 10.0, 50.0, 200.0, 600.0))
            jitter_ms = self._chance.choice((0.0, 20.0, 200.0))
            way = getattr(client.network.conditions, name)
            self._change(client, **{name: attrs.evolve(way, delay_ms=delay_ms, jitter_ms=jitter_ms)})

    def _stalling(self, way: Way) -> Way:
        """Return a way that does not stall any more if it did, and else does for a while, again and again."""
        if way.stall_every_ms:
            return attrs.evolve(way, stall_ms=0.0, stall_every_ms=0.0)
        stall_ms = self._seconds() * 1000
        return attrs.evolve(way, stall_ms=stall_ms, stall_every_ms=stall_ms + self._pause_ms())

    def _pause_ms(self) -> float:
        return self._chance.choice((1000.0, 4000.0, 16_000.0)) * self._chance.uniform(0.7, 1.3)

    def _stall_up(self, client: Client) -> None:
        self._change(client, up=self._stalling(client.network.conditions.up))

    def _stall_down(self, client: Client) -> None:
        self._change(client, down=self._stalling(client.network.conditions.down))

    def _cut(self, client: Client) -> None:
        """Cut its connections from time to time, or, if they were, leave them alone."""
        drop_ms = every_ms = 0.0
        if not client.network.conditions.drop_every_ms:
            drop_ms = self._chance.choice((0.0, 500.0, 3000.0, 12_000.0))
            every_ms = drop_ms + self._pause_ms()
        self._change(client, drop_ms=drop_ms, drop_every_ms=every_ms)

    def _drop(self, client: Client) -> None:
        client.lose("dropped")

    def _vanish(self, client: Client) -> None:
        if client.wire is not None:
            client.wire.die()
            if self._chance.random() < 0.5:
                client.lose("vanished")

    def _half_close(self, client: Client) -> None:
        if client.wire is not None:
            client.wire.finish()

    def _stop_reading(self, client: Client) -> None:
        client.stalled_until = self._stage.clockwork.now + self._seconds()

    def _slow_line(self, client: Client) -> None:
        conditions = client.network.conditions
        down = attrs.evolve(conditions.down, bytes_per_s=self._chance.choice((0.0, 500.0, 4000.0, 20_000.0)))
        up = attrs.evolve(conditions.up, bytes_per_s=self._chance.choice((0.0, 2000.0, 20_000.0)))
        self._change(client, up=up, down=down)

    def _reload(self, client: Client) -> None:
        client.reload()

    def _twin(self, client: Client) -> None:
        if client.holding.token is not None:
            self._stage.add_twin(client)

    def _corrupt(self, client: Client) -> None:
        """Change one value that the client holds."""
        replica = client.replica
        if replica is None or not client.is_playing or replica.room is None:
            return
        for table in replica._tables[1:]:
            for entity in table.values():
                for position, field in enumerate(entity._type.fields):
                    if field.to == "all" and field.kind.code and field.kind.code in "BHI":
                        entity._row[position] ^= 1
                        self._stage.corrupted.add(client.number)
                        return

    def _leave(self, client: Client) -> None:
        if client.is_playing:
            client.leave()

    def _die(self, client: Client) -> None:
        """Switch its machine off, for good and without a word."""
        if client.wire is not None:
            client.wire.die()
        client.stop()

    def _pause_inputs(self, client: Client) -> None:
        client.skips_input_until = self._stage.clockwork.now + self._seconds()

    def _chat(self, client: Client) -> None:
        for _ in range(self._chance.choice((1, 2, 8))):
            client.send_text({"type": "chat", "text": self._chance.choice(("hello", "refuse me", "x" * 150, "ü ß"))})

    def _burst(self, client: Client) -> None:
        client.send_text({"type": "command", "name": "burst", "data": self._chance.choice((1, 5, 20, 60))})

    def _odd_command(self, client: Client) -> None:
        client.send_text({"type": "command", "name": "fly", "data": None})

    def _remember(self, client: Client) -> None:
        for number in range(self._chance.choice((1, 3, 20))):
            client.send_text({"type": "command", "name": "remember", "data": number + self._chance.randrange(100)})

    def _acks_only(self, client: Client) -> None:
        client.is_quiet = not client.is_quiet

    # ---- the server's ------------------------------------------------------------------------------------------

    def _stall(self) -> None:
        self._stage.process.loop.stall(self._chance.choice((0.02, 0.1, 0.5, 2.0, 6.0, 15.0)), clock_runs=True)

    def _stand_still(self) -> None:
        self._stage.process.loop.stall(self._chance.choice((0.5, 5.0, 30.0)), clock_runs=False)

    def _jump(self) -> None:
        self._stage.process.loop.jump(self._chance.choice((0.05, 1.0, 8.0, 3600.0)))

    def _rooms(self) -> list[Any]:
        return list(self._stage.process.hub.lobby.rooms.values())

    def _kick(self) -> None:
        self._stage.process.loop.soon(self._kick_somebody)

    def _kick_somebody(self) -> None:
        sessions = [session for room in self._rooms() for session in room.sessions.values()]
        if sessions:
            self._stage.process.hub.kick(self._chance.choice(sessions), "an admin said so")

    def _crash(self) -> None:
        self._command("crash")

    def _end_room(self) -> None:
        self._command("end")

    def _lock(self) -> None:
        self._command("lock")

    def _command(self, name: str) -> None:
        playing = [client for client in self._stage.clients if client.is_playing and not client.is_spectator]
        if playing:
            data = self._chance.random() < 0.5
            self._chance.choice(playing).send_text({"type": "command", "name": name, "data": data})
