"""Make tests/vectors/wire.json: what a real room sends, for Python and JavaScript to read alike.

    python -m tests.wire_vectors        writes the file

A room of a game with every kind of field lives through a script: spawns, changes, despawns, owners, skipped states,
checksums, a resync. One seat speaks binary, one JSON. A vector is what a seat was sent, message by message, with what
the seat must hold after it, taken from the server's own world and not from any decoder.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from game_server.core import codec
from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.core.session import Session
from game_server.game import (
    Entity,
    Game,
    Seat,
    angle,
    entity,
    fixed,
    flag,
    float32,
    input,
    int8,
    int16,
    int32,
    json_value,
    list_of,
    map_of,
    text,
    uint8,
    uint16,
    uint32,
)

FILE = Path(__file__).parent / "vectors" / "wire.json"
TICKS = 40
#: the seat does not take the states of these ticks, as if its line were blocked
SKIPPED = {1: (9, 10, 11), 0: (20, 21)}
RESYNC_TICK = 30

NAMES = ("", "Ann", "Zoë", "\U0001f680 rocket", "a\u0301", "<b>&amp;</b>", '"\\', "line\nbreak")
JSON_VALUES = (None, True, 0, -7, 2**40, "x", [1, [2]], {"b": {"ä": [None]}, "a": 1}, {"\U0001f680": "é"})


@entity
class Thing(Entity):
    """Every kind of fixed width, public and private."""

    u8: int = uint8()
    u16: int = uint16(max=40_000)
    u32: int = uint32()
    i8: int = int8()
    i16: int = int16(to="owner")
    i32: int = int32()
    share: float = float32()
    x: float = fixed(-4, 4096, step=1 / 16)
    fine: float = fixed(0, 1000, step=0.01, to="owner")
    small: float = fixed(0, 1, step=1 / 200)
    heading: float = angle()
    coarse: float = angle(bytes=1)
    on: bool = flag()


@entity
class Note(Entity):
    """Every kind of varying width."""

    title: str = text(24)
    marks: list[int] = list_of(int16(), len_max=6)
    stock: dict[str, float] = map_of(fixed(0, 64, step=1 / 4), len_max=4)
    secret: Any = json_value(bytes_max=400, to="owner")
    anything: Any = json_value(bytes_max=400)


@entity
class Dot(Entity):
    """Nothing but being there."""


@input
class Press:
    """Every kind an input may have."""

    dx: int = int8(min=-1, max=1)
    power: float = fixed(0, 2, step=1 / 64)
    aim: float = angle()
    fire: bool = flag()


class Script(Game):
    """Does something random, but the same each time, in every tick."""

    tick_rate = 20
    entities = (Thing, Note, Dot)
    input = Press

    phase: int = uint8()
    motto: str = text(24)
    clock: float = fixed(0, 60, step=1 / 20)

    def step(self, inputs: dict[Seat, Press]) -> None:
        chance = self.random
        self.clock = self.tick / 20
        if self.tick % 7 == 0:
            self.phase, self.motto = chance.randrange(256), chance.choice(NAMES)
        for _ in range(chance.randrange(4)):
            owner = chance.choice([None, *inputs])
            made: Any = chance.choice((Thing, Thing, Note, Dot))()
            self.world.spawn(made, owner=owner)
            self._change(made, share=1.0)
        everything = [each for kind in self.entities for each in self.world.all(kind)]
        for each in everything:
            if chance.random() < 0.12 and len(everything) > 4:
                self.world.despawn(each)
            elif chance.random() < 0.5:
                self._change(each, share=0.4)

    def _change(self, each: Any, share: float) -> None:
        chance = self.random
        if isinstance(each, Thing):
            for name, values in THING_VALUES.items():
                if chance.random() < share:
                    setattr(each, name, values(chance))
        elif isinstance(each, Note):
            for name, values in NOTE_VALUES.items():
                if chance.random() < share:
                    setattr(each, name, values(chance))


THING_VALUES: dict[str, Any] = {
    "u8": lambda chance: chance.choice((0, 1, 255)),
    "u16": lambda chance: chance.randrange(40_001),
    "u32": lambda chance: chance.choice((0, 2**32 - 1, chance.getrandbits(32))),
    "i8": lambda chance: chance.randrange(-128, 128),
    "i16": lambda chance: chance.randrange(-(2**15), 2**15),
    "i32": lambda chance: chance.choice((-(2**31), 2**31 - 1, -1)),
    "share": lambda chance: chance.choice((0.0, -0.0, 1.5, 1e-40, 3e38, chance.random())),
    "x": lambda chance: chance.uniform(-4, 4095.9),
    "fine": lambda chance: chance.uniform(0, 999.9),
    "small": lambda chance: chance.random(),
    "heading": lambda chance: chance.uniform(-10, 10),
    "coarse": lambda chance: chance.uniform(-10, 10),
    "on": lambda chance: chance.random() < 0.5,
}
NOTE_VALUES: dict[str, Any] = {
    "title": lambda chance: chance.choice(NAMES),
    "marks": lambda chance: [chance.randrange(-(2**15), 2**15) for _ in range(chance.randrange(7))],
    "stock": lambda chance: {name: chance.randrange(256) / 4 for name in chance.sample(NAMES, chance.randrange(5))},
    "secret": lambda chance: chance.choice(JSON_VALUES),
    "anything": lambda chance: chance.choice(JSON_VALUES),
}


DEFINITION = GameDefinition.of("script", Script)


def expected(room: Room, session: Session, message: str | bytes) -> dict[str, Any]:
    """Return what a seat must hold after a state message, from the server's side."""
    snapshot, owned = room.snapshot, room.world.owned.get(session.seat.number, {})
    states: dict[str, Any] = {}
    for type_, rows in zip(room.definition.types, snapshot.tables, strict=True):
        states[type_.name] = {
            str(entity_id): {
                field.name: field.kind.dequantise(value)
                for field, value in zip(type_.fields, row, strict=True)
                if field.to == "all" or entity_id in owned
            }
            for entity_id, row in rows.items()
        }
    (room_state,) = states.pop(room.definition.types[0].name).values()
    types, tables = room.definition.types, snapshot.tables
    public, private = codec.public_checksum(types, tables), codec.private_checksum(types, tables, owned)
    form = {"hex": message.hex()} if isinstance(message, bytes) else {"text": message}
    return {
        **form,
        "expect": {
            "tick": room.tick,
            "ack": session.consumed_seq,
            "room": room_state,
            "entities": states,
            "own": sorted(owned),
            "checksum": (public + private) & 0xFFFFFFFF,
        },
    }


def is_state(message: str | bytes) -> bool:
    """Whether a message is a full or a delta."""
    return isinstance(message, bytes) or json.loads(message)["type"] in ("full", "delta")


def scripted(seed: int) -> Iterator[tuple[Room, Session, str | bytes]]:
    """Let a room live; yield it after each state message with the seat that was sent it."""
    room = Room("r", DEFINITION, None, seed, RoomLimits(checksum_s=0.4), 0.0)
    sessions = [room.join(name, name, None, is_json, 0.0) for name, is_json in (("binary", False), ("json", True))]
    for number in range(1, TICKS + 1):
        for session in sessions:
            session.is_blocked = number in SKIPPED[session.seat.number]
            if number % 3:
                session.queue_input(DEFINITION.input_type.decode_json({"seq": number}, number - 1, 0.0))
        if number == RESYNC_TICK:
            room.receive(sessions[0], b"\x04", number / 20)
            room.receive(sessions[1], '{"type":"resync"}', number / 20)
        room.take_inputs()
        room.step()
        room.capture()
        for session, message in room.outgoing():
            if is_state(message):
                yield room, session, message


def inputs() -> list[dict[str, Any]]:
    """Return inputs with the bytes of each."""
    chance = random.Random(5)
    cases = []
    for seq in (1, 7, 255, 65_536, 2**32 - 1):
        fields = {
            "dx": chance.randrange(-1, 2),
            "power": chance.randrange(128) / 64,
            "aim": chance.uniform(-7, 7),
            "fire": chance.random() < 0.5,
        }
        lag = chance.randrange(0, 4 * 256) / 256
        data = DEFINITION.input_type.encode_binary(seq, seq - 1, lag, fields)
        cases.append({"seq": seq, "ack": seq - 1, "lag": lag, "fields": fields, "hex": data.hex()})
    return cases


def vectors() -> list[dict[str, Any]]:
    """Return all cases."""
    cases: list[dict[str, Any]] = []
    for seed in (1, 2):
        by_seat: dict[str, list[dict[str, Any]]] = {}
        for room, session, message in scripted(seed):
            by_seat.setdefault(session.token, []).append(expected(room, session, message))
        for spoken, messages in by_seat.items():
            name = f"every kind of field, {spoken}, seed {seed}"
            cases.append({"name": name, "schema": DEFINITION.schema, "messages": messages})
    cases[0]["inputs"] = inputs()
    return cases


def text_of(cases: list[dict[str, Any]]) -> str:
    """Return the file's text: a line a message, so that a change shows where it is."""
    return json.dumps(cases, separators=(",", ":"), ensure_ascii=True).replace('{"hex"', '\n{"hex"').replace(
        '{"text"', '\n{"text"'
    ) + "\n"  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(text_of(vectors()), encoding="utf-8")
