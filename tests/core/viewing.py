"""A game with every kind of visibility, clients whose lines lose messages, and what each of them should see."""

import itertools
from collections.abc import Iterable
from typing import Any, ClassVar

import attrs
import ujson

from game_server.core import codec, json_codec
from game_server.core.definition import GameDefinition
from game_server.core.entity import Entity, entity
from game_server.core.fields import fixed, flag, int16, text, uint8
from game_server.core.game import Game, Seat
from game_server.core.inputs import input_type
from game_server.core.interest import Nearby
from game_server.core.limits import RoomLimits
from game_server.core.replica import Replica
from game_server.core.room import Room
from game_server.core.session import Session

SIZE, RADIUS, HYSTERESIS = 100.0, 20.0, 4.0


@input_type
class Press:
    """Something to press; these games ignore it."""

    pressed: bool = flag()


@entity
class Mob(Entity):
    """Seen when near; its name has a width that varies."""

    x: float = fixed(0, SIZE, step=1 / 64)
    y: float = fixed(0, SIZE, step=1 / 64)
    hp: int = uint8(default=9)
    name: str = text(6)
    plan: int = int16(to="owner")


@entity
class Spark(Entity):
    """Seen when near; of fixed width."""

    x: float = fixed(0, SIZE, step=1 / 4)
    y: float = fixed(0, SIZE, step=1 / 4)


@entity(columnar=True)
class Mote(Entity):
    """Seen when near; kept in columns."""

    x: float = fixed(0, SIZE, step=1 / 4)
    y: float = fixed(0, SIZE, step=1 / 4)
    glow: int = uint8()
    plan: int = int16(to="owner")


@entity
class Card(Entity):
    """Seen by its holder's side, or by all when it lies open."""

    holder: int = uint8()
    rank: int = uint8()
    is_open: bool = flag()


@entity
class Score(Entity):
    """Seen by all."""

    points: int = uint8()


class Table(Game):
    """Things of every kind of visibility, shaken up by the room's random."""

    tick_rate, seats = 10, 6
    entities, input = (Mob, Card, Score, Spark, Mote), Press
    view = Nearby(types=(Mob, Spark, Mote), radius=RADIUS, hysteresis=HYSTERESIS)
    veiled = (Card, Spark)
    phase: int = uint8()

    def join(self, seat: Seat) -> None:
        chance = self.random
        self.world.spawn(Mob(x=chance.uniform(0, SIZE), y=chance.uniform(0, SIZE), name=seat.name), owner=seat)

    def leave(self, seat: Seat) -> None:
        for entity_id in list(self.world.owned.get(seat.number, ())):
            self.world.despawn(self.world.get(entity_id))

    def sees(self, seat: Seat, entity: Any) -> bool:
        if isinstance(entity, Spark):
            return (entity.id + seat.number) % 3 > 0
        return entity.is_open or entity.holder == seat.number

    def step(self, inputs: dict[Seat, Press]) -> None:
        chance = self.random
        for _ in range(chance.randrange(8)):
            make: Any = chance.choice((Mob, Mob, Card, Score, Spark, Mote))
            owner = chance.choice((None, None, *(seat.number for seat in self.taken)))
            self._shake(self.world.spawn(make(), owner=owner if make in (Mob, Spark, Mote) else None))
        for cls in self.entities:
            for thing in self.world.all(cls):
                if chance.random() < 0.5:
                    self._shake(thing)
                elif chance.random() < 0.08:
                    self.world.despawn(thing)
        if chance.random() < 0.3:
            self.phase = (self.phase + 1) % 256

    def _shake(self, thing: Any) -> None:
        chance = self.random
        if isinstance(thing, Mob | Spark | Mote):
            reach = chance.choice((2.0, 10.0, SIZE))
            thing.x = min(max(thing.x + chance.uniform(-reach, reach), 0), SIZE - 1)
            thing.y = min(max(thing.y + chance.uniform(-reach, reach), 0), SIZE - 1)
        if isinstance(thing, Mob) and chance.random() < 0.3:
            thing.name, thing.hp, thing.plan = "x" * chance.randrange(7), chance.randrange(256), chance.randrange(99)
        elif isinstance(thing, Card):
            thing.holder, thing.rank, thing.is_open = chance.randrange(3), chance.randrange(52), chance.random() < 0.3
        elif isinstance(thing, Score):
            thing.points = chance.randrange(3)
        elif isinstance(thing, Mote):
            thing.glow, thing.plan = chance.randrange(3), chance.randrange(99)


class Client:
    """A session with the replica that its messages make; its line may lose what was sent last."""

    def __init__(self, room: Room, is_json: bool) -> None:
        self.room, self.is_json = room, is_json
        self.session: Session = room.join("p", "token", object(), is_json, 0.0)
        self.replica = Replica(room.definition.schema)
        self.unread: list[str | bytes] = []
        self.bytes_by_tick: dict[int, int] = {}
        #: of the newest state read
        self.checksum: int | None = None
        #: where it last looked from
        self.eyes: list[tuple[float, float]] = []
        self._read_welcome()

    def _read_welcome(self) -> None:
        welcome = ujson.loads(self.session.outbox.pop())
        self.replica.welcome(welcome["tick"], welcome["ack"])

    def reconnect(self, is_json: bool) -> None:
        """Lose what was not read, and resume from what was."""
        self.unread.clear()
        self.is_json = is_json
        self.room.drop(self.session, 0.0)
        self.room.resume(self.session, "token", object(), is_json, self.replica.tick, 0, 0.0)
        self._read_welcome()

    def read(self) -> list[codec.StateMessage]:
        """Apply all messages that came."""
        states = []
        for message in self.unread:
            if isinstance(message, bytes):
                decoded: Any = codec.decode_binary(self.replica.types, message)
            else:
                value = ujson.loads(message)
                if value["type"] not in ("full", "delta"):
                    continue
                decoded = json_codec.decode_state(self.replica.types, value)
            self.replica.apply(decoded)
            states.append(decoded)
        self.unread.clear()
        if states:
            self.checksum = states[-1].checksum
        if self.replica.tick is not None:
            self.session.acked_tick = self.replica.tick
        return states


def make_room(game: type[Game], seed: int = 1, **limits: Any) -> Room:
    """Return a room whose every state carries a checksum."""
    definition = GameDefinition.of("table", game)
    return Room("r", definition, None, seed, RoomLimits(**{"checksum_s": 1e-9, **limits}), 0.0)


def run_tick(room: Room, clients: Iterable[Client]) -> None:
    """Step the room and put its frames on the clients' lines."""
    room.take_inputs()
    room.step()
    room.capture()
    lines = {client.session: client for client in clients}
    for session, frame in room.outgoing():
        client = lines[session]
        client.unread.append(frame)
        eyes = room.game.eyes(session.seat)
        client.eyes = client.eyes if eyes is None else list(eyes)
        client.bytes_by_tick[room.tick] = client.bytes_by_tick.get(room.tick, 0) + len(frame)


def near(client: Client, thing: Any, is_held: bool) -> bool:
    """Return whether a seat is near enough, told in the plainest way."""
    for eye_x, eye_y in client.eyes:
        dx, dy = thing.x - eye_x, thing.y - eye_y
        reach = RADIUS + HYSTERESIS if is_held else RADIUS
        if dx * dx + dy * dy <= reach * reach:
            return True
    return False


def expected_view(room: Room, client: Client, held: set[int]) -> dict[int, list[Any]]:
    """Return what a seat should hold now: values by id, None for what only the owner sees.

    Args:
        room: with a `Table`.
        client: who looks.
        held: ids that it held before.
    """
    game, seat = room.game, client.session.seat
    owned = room.world.owned.get(seat.number, {})
    view = {}
    for type_, rows in zip(room.world.types, room.snapshot.tables, strict=True):
        for entity_id, row in rows.items():
            values = {field.name: field.kind.dequantise(value) for field, value in zip(type_.fields, row, strict=True)}
            thing = attrs.make_class("Seen", [])() if type_.index == 0 else room.world.get(entity_id)
            if type_.index and entity_id not in owned:
                seen = attrs.make_class("Place", ["x", "y"])(values.get("x"), values.get("y"))
                if isinstance(thing, Mob | Spark | Mote) and not near(client, seen, entity_id in held):
                    continue
                if isinstance(thing, Card | Spark) and not game.sees(seat, thing):
                    continue
            is_mine = entity_id in owned
            view[entity_id] = [
                value if field.to == "all" or is_mine else None for field, value in zip(type_.fields, row, strict=True)
            ]
    return view


def held_view(room: Room, client: Client) -> dict[int, list[Any]]:
    """Return what a client holds, in the same form."""
    owned = room.world.owned.get(client.session.seat.number, {})
    return {
        entity_id: [
            value if field.to == "all" or entity_id in owned else None
            for field, value in zip(type_.fields, row, strict=True)
        ]
        for type_, rows in zip(client.replica.types, client.replica.rows(), strict=True)
        for entity_id, row in rows.items()
    }


def wired_ids(states: Iterable[codec.StateMessage]) -> set[int]:
    """Return the ids of all entities whose values were sent."""
    groups = itertools.chain.from_iterable(state.groups for state in states)
    return {entity_id for group in groups if group.op in (codec.Op.SPAWN, codec.Op.UPDATE) for entity_id in group.ids}


class Still(Game):
    """Nothing happens by itself; each player has a spark in the middle."""

    tick_rate, seats = 10, 6
    entities, input = (Spark,), Press
    view: ClassVar[Nearby | None] = Nearby(types=(Spark,), radius=RADIUS, hysteresis=HYSTERESIS)
    is_blind: bool = False

    def join(self, seat: Seat) -> None:
        if not self.is_blind:
            self.world.spawn(Spark(x=50, y=50), owner=seat)

    def step(self, inputs: dict[Seat, Press]) -> None:
        pass
