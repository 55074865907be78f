"""Marksmen on slow lines: each fires its beam only when its own screen says that it hits. What does the server say?

A room of the arena under a virtual clock, bots in it, and players whose screens are made as a browser's is: own ship
predicted and replayed, all others drawn between two states that have arrived, 1.5 send intervals and the jitter behind.
While inputs wait at the server, every tenth step is left out. Every delay is drawn from one seed.
"""

import math
import random
from collections import deque
from typing import Any

import attrs

from game_server.core.codec import decode_binary
from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.past import between
from game_server.core.replica import Replica
from game_server.core.room import Room
from game_server.games.arena import GAME
from game_server.games.arena.beam import BEAM_RADIUS, BEAM_RANGE, clear_way, way_to
from game_server.games.arena.movement import BEAM, ENERGY_MAX, move
from game_server.games.arena.rules import TICK_RATE, ArenaOptions, Beam, Ship
from game_server.games.arena.shots import muzzle_of
from tests.games.arena_vectors import Ship as Body
from tests.games.arena_vectors import Steer

TICK_MS = 1000 / TICK_RATE
#: inputs that may wait without a step being left out
DEPTH_WANTED = 2
BODY_FIELDS = tuple(field.name for field in attrs.fields(Body))


@attrs.frozen
class Line:
    """What a network does each way, in ms."""

    delay_ms: float = 100.0
    jitter_ms: float = 30.0
    stall_every_ms: float = 0.0
    stall_ms: float = 0.0

    def is_calm(self, now_ms: float) -> bool:
        """Return whether there is no stall shortly before or after."""
        if not self.stall_ms:
            return True
        way_ms, phase_ms = self.delay_ms + self.jitter_ms, now_ms % self.stall_every_ms
        return self.stall_ms + way_ms + 1000 <= phase_ms <= self.stall_every_ms - way_ms


class Way:
    """One direction of a line: what is sent arrives later, in order."""

    def __init__(self, line: Line, chance: random.Random) -> None:
        self._line, self._chance = line, chance
        self._under_way: deque[tuple[float, Any]] = deque()
        self._last_ms = 0.0

    def send(self, now_ms: float, message: Any) -> None:
        line = self._line
        at = now_ms + line.delay_ms + self._chance.uniform(0.0, line.jitter_ms)
        if line.stall_ms and at % line.stall_every_ms < line.stall_ms:
            at += line.stall_ms - at % line.stall_every_ms
        self._last_ms = max(self._last_ms, at)
        self._under_way.append((self._last_ms, message))

    def arrived(self, now_ms: float) -> list[Any]:
        found = []
        while self._under_way and self._under_way[0][0] <= now_ms:
            found.append(self._under_way.popleft()[1])
        return found


@attrs.define
class Shot:
    """A beam that hit on the screen of its shooter, and what became of it."""

    victim: int
    x: float
    y: float
    #: whether neither what the screen showed nor the shot itself was under way in a stall or the second after it
    is_calm: bool
    struck: bool | None = None


class Marksman:
    """A player with a steady hand."""

    def __init__(self, room: Room, number: int, line: Line, chance: random.Random) -> None:
        self.room, self.line = room, line
        self.session = room.join(f"P{number}", f"token-{number}", object(), False, 0.0)
        self.replica = Replica(room.definition.schema)
        self.up, self.down = Way(line, chance), Way(line, chance)
        self.phase_ms = chance.uniform(0.0, TICK_MS)
        self.thrust = chance.choice((100, 60, 100))
        self.picture_delay_ms = line.delay_ms + line.jitter_ms + 1.5 * TICK_MS
        self.picture = 0.0
        self.seq = self.steps = self.depth = 0
        self.unacked: deque[tuple[int, Steer]] = deque()
        self.body: Body | None = None
        #: the last states: tick -> ship id -> (x, y, player, safe)
        self.states: dict[int, dict[int, tuple[float, float, int, bool]]] = {}
        self.shots: dict[int, Shot] = {}

    # ---- what comes ----------------------------------------------------------------------------------------------

    def receive(self, now_ms: float) -> None:
        for frame in self.down.arrived(now_ms):
            if isinstance(frame, bytes):
                message: Any = decode_binary(self.replica.types, frame)
                self.replica.apply(message)
                self.depth = message.depth
                self._take_state()

    def _take_state(self) -> None:
        replica = self.replica
        assert replica.tick is not None
        ships: list[Any] = replica.all("Ship")
        self.states[replica.tick] = {ship.id: (ship.x, ship.y, ship.player, ship.safe) for ship in ships}
        while len(self.states) > 60:
            del self.states[next(iter(self.states))]
        while self.unacked and self.unacked[0][0] <= replica.ack:
            self.unacked.popleft()
        own = next((ship for ship in ships if ship.id in replica.own), None)
        self.body = None if own is None else Body(**{name: getattr(own, name) for name in BODY_FIELDS})
        if self.body is not None:
            for _, steer in self.unacked:
                move(self.body, steer, 1 / TICK_RATE)

    # ---- the screen ----------------------------------------------------------------------------------------------

    def screen(self) -> dict[int, tuple[float, float]]:
        """Return where the ships of others are drawn."""
        older = max((at for at in self.states if at <= self.picture), default=None)
        if older is None:
            return {}
        newer = min((at for at in self.states if at > self.picture), default=older)
        fraction = (self.picture - older) / (newer - older) if newer > older else 0.0
        drawn = {}
        for number, (x, y, _, is_safe) in self.states[older].items():
            then = self.states[newer].get(number, (x, y))
            if number not in self.replica.own and not is_safe:
                drawn[number] = between(x, then[0], fraction), between(y, then[1], fraction)
        return drawn

    def struck_on_screen(self, body: Body, drawn: dict[int, tuple[float, float]]) -> int:
        """Return the ship that a beam from here hits on the screen, or 0."""
        x, y, dx, dy = muzzle_of(body)
        reach, found = clear_way(x, y, dx, dy, BEAM_RANGE), 0
        for number, (ship_x, ship_y) in drawn.items():
            way = way_to(x, y, dx, dy, ship_x, ship_y, BEAM_RADIUS)
            if 0.0 <= way < reach:
                reach, found = way, number
        return found

    # ---- what goes -----------------------------------------------------------------------------------------------

    def step(self, now_ms: float) -> None:
        tick = self.replica.tick
        if tick is None:
            return
        self.picture = max(self.picture, min(float(tick), (now_ms - self.picture_delay_ms) / TICK_MS))
        self.steps += 1
        if self.depth > DEPTH_WANTED and self.steps % 10 == 0:
            return
        drawn = self.screen()
        steer = self._steer(drawn)
        self.seq += 1
        if self.body is not None:
            aimed = attrs.evolve(self.body)
            with_beam = attrs.evolve(steer, beam=True)
            if move(aimed, with_beam, 1 / TICK_RATE) == BEAM and (victim := self.struck_on_screen(aimed, drawn)):
                steer = with_beam
                self.shots[self.seq] = Shot(victim, *drawn[victim], is_calm=self.line.is_calm(now_ms))
            move(self.body, steer, 1 / TICK_RATE)
        self.unacked.append((self.seq, steer))
        lag = max(0.0, tick - self.picture)
        frame = self.room.definition.input_type.encode_binary(self.seq, tick, lag, attrs.asdict(steer))
        self.up.send(now_ms, frame)

    def _steer(self, drawn: dict[int, tuple[float, float]]) -> Steer:
        body = self.body
        if body is None or not drawn:
            return Steer()
        x, y = min(drawn.values(), key=lambda place: math.dist(place, (body.x, body.y)))
        goal = math.atan2(y - body.y, x - body.x)
        off = (goal - body.heading + math.pi) % math.tau - math.pi
        turn = int(max(-100.0, min(100.0, off * TICK_RATE / 4.2 * 100)))
        near = math.dist((x, y), (body.x, body.y)) < 300
        return Steer(turn=turn, thrust=-60 if near else self.thrust)


def hunt(line: Line, *, seed: int, seconds: float, marksmen: int = 8, bots: int = 8, **limits: Any) -> list[Shot]:
    """Play, and return the shots that the server fired, each with what it struck.

    Energy and hulls are kept full, so that there are many shots.
    """
    chance = random.Random(seed)
    room = Room("room", GameDefinition.of("arena", GAME), ArenaOptions(bots=marksmen + bots, round_s=900), seed,
                RoomLimits(**limits), 0.0)  # fmt: skip
    players = [Marksman(room, number, line, chance) for number in range(marksmen)]
    by_session = {player.session: player for player in players}
    for tick in range(1, int(seconds * TICK_RATE)):
        now_ms = tick * TICK_MS
        for player in players:
            for frame in player.up.arrived(now_ms):
                room.receive(player.session, frame, now_ms / 1000)
        room.take_inputs()
        for ship in room.world.all(Ship):
            ship.hull, ship.energy = 100, ENERGY_MAX
        room.step()
        for beam in room.world.all(Beam):
            if beam.born == room.tick and beam.owner is not None:
                _judge(players[beam.owner].shots.get(beam.shot), beam)
        room.capture()
        for session, frame in room.outgoing():
            by_session[session].down.send(now_ms, frame)
        for player in sorted(players, key=lambda each: each.phase_ms):
            player.receive(now_ms + player.phase_ms)
            player.step(now_ms + player.phase_ms)
    return [shot for player in players for shot in player.shots.values() if shot.struck is not None]


def _judge(shot: Shot | None, beam: Beam) -> None:
    """Note whether a beam ended in the very ship, where its shooter saw it."""
    if shot is not None:
        shot.struck = beam.struck and math.dist((beam.to_x, beam.to_y), (shot.x, shot.y)) < BEAM_RADIUS + 1
