"""Check that what a server sends is the workload: real states, everyone in them, everyone moving, the number returning.

A dump holds every message that one client received (generator.c). Each peer's states are read by a decoder of its
own: Colyseus' by its own library (peers/colyseus/verify.mjs), this server's by a second reader of docs/protocol.md
that shares no code with it.
"""

import struct
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import ujson
from attrs import frozen

RECORD = struct.Struct("<QIB")
TEXT, BINARY = 1, 2
Positions = dict[Any, tuple[float, float]]  # player -> (x, y)


@frozen
class Verdict:
    """What a dump showed."""

    states: int  # state messages that were read
    players: int  # in the last of them
    moved_share: float  # of (player, state) pairs in which both x and y differ from the state before
    returned: int  # the newest sequence number that came back

    def complaint(self, players: int) -> str:
        """Return what is wrong with it, or an empty text."""
        if self.players != players:
            return f"a state has {self.players} players where {players} were expected"
        # Two timers of the same period, one for steps and one for patches, may leave a patch without some changes.
        if self.moved_share < 0.9:
            return f"only {self.moved_share:.0%} of the positions change from state to state"
        if not self.returned:
            return "the sequence number does not return"
        return ""


def read_dump(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the opcode and payload of each message; a record cut off at the end is left out."""
    data, at = path.read_bytes(), 0
    while at + RECORD.size <= len(data):
        _, length, opcode = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + length > len(data):
            return
        yield opcode, data[at : at + length]
        at += length


def judge(states: list[Positions], returned: int) -> Verdict:
    """Compare each state with the one before. The first half is left out: players were still joining."""
    settled = states[len(states) // 2 :]
    moved = [
        before[player][0] != now[player][0] and before[player][1] != now[player][1]
        for before, now in pairwise(settled)
        for player in now
        if player in before
    ]
    return Verdict(len(states), len(states[-1]) if states else 0, sum(moved) / max(1, len(moved)), returned)


def verify_simple(path: Path, entity: str) -> Verdict:
    """Read 0x02, uint32 tick, uint32 returned, then players packed as `entity`: an id, if any, then x and y."""
    row = struct.Struct(entity)
    states: list[Positions] = []
    returned = 0
    for _, payload in read_dump(path):
        returned = max(returned, int.from_bytes(payload[5:9], "little"))
        rows = list(row.iter_unpack(payload[9:]))
        states.append(
            {(values[0] if len(values) == 3 else index): (values[-2], values[-1]) for index, values in enumerate(rows)}
        )
    return judge(states, returned)


def verify_socketio(path: Path) -> Verdict:
    """Read the JSON events `state`; the client dumped was the first to join, so player 1 is its own."""
    states: list[Positions] = []
    returned = 0
    for _, payload in read_dump(path):
        if payload.startswith(b'42["state"'):
            _, state = ujson.loads(payload[2:])
            states.append({number: (x, y) for number, x, y, _ in state["players"]})
            returned = max([returned, *(seq for number, _, _, seq in state["players"] if number == 1)])
    return judge(states, returned)


def verify_colyseus(path: Path, node: Path, folder: Path) -> Verdict:
    """Let Colyseus' own decoder read the dump."""
    done = subprocess.run([str(node), "verify.mjs", str(path)], cwd=folder, capture_output=True, text=True, timeout=60)
    if done.returncode:
        return Verdict(0, 0, 0, 0)
    read = ujson.loads(done.stdout)
    return judge([{key: (x, y) for key, (x, y) in state.items()} for state in read["states"]], read["returned"])


# ---- this server: docs/protocol.md, as far as the swarm game uses it ----

FULL, DELTA, CHECKED = 0x11, 0x10, 0x12
UPDATE, SPAWN, DESPAWN, OWN = 0, 1, 2, 3
ID_FORMATS = {1: "B", 2: "H", 3: "I"}
NUMBER_FORMATS = {
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "float32": "f",
    "flag": "B",
}
WIDTH_FORMATS = {1: "B", 2: "H", 4: "I"}


def verify_game(path: Path) -> Verdict:
    """Read welcome, full and deltas of a game whose fields are all of fixed width."""
    reader: GameReader | None = None
    states: list[Positions] = []
    for opcode, payload in read_dump(path):
        if opcode == TEXT:
            message = ujson.loads(payload)
            if message["type"] == "welcome":
                reader = GameReader(message)
        elif reader and payload[0] in (FULL, DELTA, CHECKED):
            reader.read(payload)
            states.append(reader.positions())
    return judge(states, reader.returned if reader else 0)


class GameReader:
    """Holds what the state messages say: the players' positions, the tick, the returned number."""

    def __init__(self, welcome: dict[str, Any]) -> None:
        schema = welcome["schema"]
        self.types = [schema["room"], *schema["types"]]
        self.returned: int = welcome["ack"]
        self.tick: int = welcome["tick"] or 0
        self.entities: dict[int, tuple[int, dict[str, float]]] = {}  # id -> (type index, fields)
        self.data = b""
        self.at = 0

    def positions(self) -> Positions:
        """Return where everything that has an x and a y is."""
        return {number: (fields["x"], fields["y"]) for number, (_, fields) in self.entities.items() if "x" in fields}

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def unpack(self, layout: str) -> tuple[Any, ...]:
        form = struct.Struct("<" + layout)
        self.at += form.size
        return form.unpack_from(self.data, self.at - form.size)

    def read(self, payload: bytes) -> None:
        self.data, self.at = payload, 1
        if payload[0] == FULL:
            self.tick, self.returned, _ = self.unpack("IIB")
            self.entities = {}
        else:
            self.tick += self.varint()
            self.returned += self.varint()
            self.unpack("B")
            if payload[0] == CHECKED:
                self.unpack("II")
        while self.at < len(payload):
            self.read_group()

    def read_group(self) -> None:
        (head,) = self.unpack("B")
        operation, kind = head & 3, head >> 2
        fields = [field for field in self.types[kind]["fields"] if operation != SPAWN or field["to"] == "all"]
        if operation == UPDATE:
            mask = int.from_bytes(bytes(self.unpack("B" * ((len(fields) + 7) // 8))), "little")
            fields = [field for index, field in enumerate(fields) if mask >> index & 1]
        ids = self.read_ids() if kind else [0]
        if operation == DESPAWN:
            for number in ids:
                self.entities.pop(number, None)
        elif operation in (UPDATE, SPAWN):
            layout = "".join(layout_of(field) for field in fields)
            for number in ids:
                values = {field["name"]: value for field, value in zip(fields, self.unpack(layout), strict=True)}
                if operation == SPAWN:
                    self.entities[number] = (kind, values)
                else:
                    self.entities[number][1].update(values)

    def read_ids(self) -> list[int]:
        count, mode = divmod(self.varint(), 4)
        first = self.varint()
        if mode == 0:
            return list(range(first, first + count))
        return [first + offset for offset in self.unpack(ID_FORMATS[mode] * count)]


def layout_of(field: dict[str, Any]) -> str:
    """Return the struct letter of a fixed-width field."""
    return NUMBER_FORMATS.get(field["kind"]) or WIDTH_FORMATS[field["bytes"]]
