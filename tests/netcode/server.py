"""A room of the arena without a shell: what arrived is read at the tick, as over real sockets.

Knows the core; knows nothing of the network, nor of time but what it is given. Keeps what was true at each tick, to
compare pictures with.
"""

import random
from typing import Any

import attrs

from game_server.core.definition import GameDefinition
from game_server.core.limits import LobbyLimits, RoomLimits
from game_server.core.matchmaking import Lobby, Secrets
from game_server.core.protocol import Join, Resume, parse_text
from game_server.core.room import Room
from game_server.core.session import Session
from game_server.games.arena.arena import Arena
from game_server.games.arena.rules import TICK_RATE, Ship

TICK_MS = 1000 / TICK_RATE


@attrs.frozen
class Place:
    """Where a ship was at a tick, and how fast."""

    x: float
    y: float
    vx: float
    vy: float


@attrs.frozen
class Tick:
    """What was true at one tick."""

    number: int
    at_ms: float
    #: by entity id
    ships: dict[int, Place]
    #: the client's inputs that still waited after this tick took one
    waiting: int
    #: whether there was none to take
    is_missing: bool
    #: of the client's ship, what others can change: hull, shield, rapid fire; None when it has none
    condition: tuple[int, int, int] | None


class Server:
    """One process with one room."""

    def __init__(self, seed: int, bots: int, limits: RoomLimits | None = None) -> None:
        chance = random.Random(seed)
        secrets = Secrets(lambda: f"{chance.getrandbits(64):x}", lambda: f"room-{chance.getrandbits(32):x}", chance)
        definition = GameDefinition.of("arena", Arena)
        self.lobby = Lobby({"arena": definition}, limits or RoomLimits(), LobbyLimits(), secrets)
        options = definition.parse_options({"bots": bots, "round_s": 900})
        self.room: Room = self.lobby.create(definition, options, is_private=False, now_s=0.0)
        self.session: Session | None = None
        self.ticks: list[Tick] = []
        self._arrived: list[str | bytes] = []
        self._missing = 0

    @property
    def next_ms(self) -> float:
        """When the next tick is due."""
        return self.room.clock.due_s(self.room.tick + 1) * 1000

    def arrive(self, frame: str | bytes, now_ms: float) -> list[str | bytes]:
        """Take a frame into the socket's buffer, where it stays until the tick; one that joins is answered at once."""
        if self.session is None:
            return self._open(frame, now_ms)
        self._arrived.append(frame)
        return []

    def lose(self, now_ms: float) -> None:
        """The connection is gone."""
        self._arrived.clear()
        if self.session is not None:
            self.room.drop(self.session, now_ms / 1000)
            self.session = None

    def _open(self, first: str | bytes, now_ms: float) -> list[str | bytes]:
        """Seat the client by its first message; return the answer."""
        assert isinstance(first, str)
        message = parse_text(first, None)
        assert isinstance(message, Join | Resume)
        if isinstance(message, Join):
            wish = attrs.evolve(message, room=self.room.room_id, options={})
            self.session = self.lobby.join(wish, self, False, now_ms / 1000)
        else:
            self.session, _ = self.lobby.resume(message, self, False, now_ms / 1000)
        return self._taken_outbox()

    def _taken_outbox(self) -> list[str | bytes]:
        assert self.session is not None
        frames = list(self.session.outbox)
        self.session.outbox.clear()
        return frames

    def tick(self, now_ms: float) -> list[str | bytes]:
        """Run the tick that is due; return the frames for the client."""
        room, now_s = self.room, now_ms / 1000
        room.clock.owed(room.tick + 1, now_s)
        frames: list[str | bytes] = []
        arrived, self._arrived = self._arrived, []
        for frame in arrived:
            session = self.session
            if session is not None and not (isinstance(frame, bytes) and session.take_plain_input(frame)):
                room.receive(session, frame, now_s)
                frames += self._taken_outbox()
        room.take_inputs()
        room.step()
        room.capture()
        frames += [frame for session, frame in room.outgoing() if session is self.session]
        self._record(now_ms)
        return frames

    def _record(self, now_ms: float) -> None:
        session = self.session
        if session is None:
            return
        ships: list[Any] = self.room.world.all(Ship)
        own = next((ship for ship in ships if ship.owner == session.seat.number), None)
        places = {ship.id: Place(ship.x, ship.y, ship.vx, ship.vy) for ship in ships}
        condition = None if own is None else (own.hull, own.shield, own.rapid)
        is_missing = session.missing_total > self._missing
        self._missing = session.missing_total
        self.ticks.append(Tick(self.room.tick, now_ms, places, len(session.queue), is_missing, condition))
