"""Rewind: the past is what the player's browser showed, within its bounds, whatever the client says."""

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.codec import decode_binary
from game_server.core.definition import GameDefinition
from game_server.core.inputs import InputType
from game_server.core.limits import RoomLimits
from game_server.core.past import between, between_angles
from game_server.core.replica import Replica
from game_server.core.room import Room
from game_server.errors import DefinitionError
from game_server.game import Entity, Game, Past, Seat, angle, entity, fixed, flag, float32, input, int8, uint8

TICK_RATE = 20
MAX_MS = 300.0
MAX_TICKS = MAX_MS * TICK_RATE / 1000
VECTORS = Path(__file__).parent.parent / "vectors" / "blend.json"


@entity
class Thing(Entity):
    x: float = fixed(0, 1024, step=1 / 16)
    y: float = float32()
    way: float = angle(bytes=2)
    kind: int = uint8()
    is_lit: bool = flag()


@entity(columnar=True)
class Dot(Entity):
    x: float = fixed(0, 1024, step=1 / 16)


@input
class Push:
    dx: int = int8()


class Wander(Game):
    """Things that change at random, come and go; each player owns one."""

    tick_rate, entities, input = TICK_RATE, (Thing, Dot), Push
    rewind_max_ms: ClassVar[float | None] = MAX_MS
    looks: dict[int, Past] = {}
    bounded: dict[int, Past] = {}
    bound_ms: float = 100.0
    wants: bool = True

    def start(self) -> None:
        for _ in range(4):
            self._add()
        self.world.columns(Dot).spawn(2, x=[1.0, 2.0])

    def join(self, seat: Seat) -> None:
        self.world.spawn(Thing(x=500.0), owner=seat)

    def step(self, inputs: dict[Seat, Any]) -> None:
        if self.wants:
            self.looks = {seat.number: self.rewind(seat) for seat in inputs}
            self.bounded = {seat.number: self.rewind(seat, self.bound_ms) for seat in inputs}
        chance = self.random
        for thing in self.world.all(Thing):
            thing.x = (thing.x + chance.uniform(-30, 30)) % 1024
            thing.y += chance.uniform(-1, 1)
            thing.way += chance.uniform(-2, 2)
            thing.kind, thing.is_lit = chance.randrange(256), chance.random() < 0.5
            if thing.owner is None and chance.random() < 0.1:
                self.world.despawn(thing)
        if chance.random() < 0.4:
            self._add()
        self.world.columns(Dot).x[:] += 0.25

    def _add(self) -> None:
        self.world.spawn(Thing(x=self.random.uniform(0, 1000), way=self.random.uniform(0, 6)))


class Player:
    """A client of a room under test: it says what it likes, and keeps each state that it was sent."""

    def __init__(self, room: Room, name: str = "Ann") -> None:
        self.room = room
        self.session = room.join(name, "token", object(), False, 0.0)
        self.replica = Replica(room.definition.schema)
        self.seq = 0
        #: tick -> id -> fields
        self.states: dict[int, dict[int, dict[str, Any]]] = {}

    def say(self, ack: int, lag: float, count: int = 1) -> None:
        kind: InputType = self.room.definition.input_type
        for _ in range(count):
            self.seq += 1
            self.room.receive(self.session, kind.encode_binary(self.seq, ack, lag, {}), 0.0)

    def take(self, frame: str | bytes) -> None:
        assert isinstance(frame, bytes)
        message: Any = decode_binary(self.replica.types, frame)
        self.replica.apply(message)
        self.states[self.replica.tick or 0] = {
            thing.id: thing.values() for name in ("Thing", "Dot") for thing in self.replica.all(name)
        }


def make_room(seed: int = 1, cls: type[Game] = Wander, **limits: Any) -> Room:
    return Room("room", GameDefinition.of("wander", cls), None, seed, RoomLimits(**limits), 0.0)


def tick(room: Room, *players: Player) -> None:
    room.take_inputs()
    room.step()
    room.capture()
    for session, frame in room.outgoing():
        for player in players:
            if player.session is session:
                player.take(frame)


def shown(player: Player, moment: float) -> dict[int, dict[str, Any]]:
    """Return what a browser draws of the things of others at a moment, from the states it has."""
    older = max(at for at in player.states if at <= moment)
    newer = min((at for at in player.states if at >= moment), default=older)
    fraction = (moment - older) / (newer - older) if newer > older else 0.0
    picture: dict[int, dict[str, Any]] = {}
    for number, was in player.states[older].items():
        then = player.states[newer].get(number, was)
        picture[number] = {
            **was,
            **{name: between(was[name], then[name], fraction) for name in ("x", "y") if name in was},
        }
        if "way" in was:
            picture[number]["way"] = between_angles(was["way"], then["way"], fraction)
    return picture


def game_of(room: Room) -> Any:
    return room.game


def fields_of(thing: Any) -> dict[str, Any]:
    names = ("x", "y", "way", "kind", "is_lit") if hasattr(thing, "y") else ("x",)
    return {name: getattr(thing, name) for name in names}


@given(seed=st.integers(0, 1000), back=st.floats(0, MAX_TICKS - 1.1), behind=st.integers(0, 2))
def test_the_past_is_the_picture_of_the_player(seed: int, back: float, behind: int) -> None:
    """For any honest picture, every entity of others is there with exactly the values drawn; and none else is."""
    room = make_room(seed)
    player = Player(room)
    for _ in range(12):
        tick(room, player)
    ack = (player.replica.tick or 0) - behind
    lag = math.floor(max(0.0, back - behind) * 256) / 256
    player.say(ack, lag)
    tick(room, player)

    past = game_of(room).looks[0]
    own = player.replica.own
    assert ack - lag == past.tick
    expected = {number: fields for number, fields in shown(player, ack - lag).items() if number not in own}
    things = [thing for name in ("Thing", "Dot") for thing in past.all(name)]
    assert expected == {thing.id: fields_of(thing) for thing in things if thing.id not in own}
    for number, fields in expected.items():
        assert fields == fields_of(past.get(number))


def test_own_entities_are_as_they_are_now() -> None:
    """What the player predicts is not rewound: all() and get() give the live entity."""
    room = make_room()
    player = Player(room)
    for _ in range(8):
        tick(room, player)
    player.say(4, 1.5)
    tick(room, player)
    past = game_of(room).looks[0]
    (own,) = room.world.owned[0]
    assert room.world.get(own) is past.get(own)
    numbers = [thing.id for thing in past.all(Thing)]
    assert sorted(numbers) == numbers
    assert any(thing is room.world.get(own) for thing in past.all(Thing))


@given(
    seed=st.integers(0, 99),
    says=st.lists(st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 40), st.floats(0, 255)), min_size=1, max_size=8),
)
def test_no_lie_reaches_beyond_the_bounds(seed: int, says: list[tuple[int, float]]) -> None:
    """Whatever ack and lag say, the picture is at most `rewind_max_ms` old, was sent, and what was cut is counted."""
    room = make_room(seed)
    player = Player(room)
    for _ in range(20):
        tick(room, player)
    for ack, lag in says:
        newest, before = player.replica.tick or 0, room.counts.rewinds_clamped
        player.say(ack, lag)
        tick(room, player)
        past = game_of(room).looks[0]
        assert room.tick - MAX_TICKS <= past.tick <= newest
        lag = math.floor(lag * 256) / 256
        is_honest = room.tick - MAX_TICKS <= ack - lag <= newest
        assert is_honest == (room.counts.rewinds_clamped == before)
        assert not is_honest or ack - lag == past.tick


@given(seed=st.integers(0, 99), wait=st.integers(1, 6), back=st.integers(0, 40), bound=st.floats(0, 290))
def test_a_picture_is_bounded_against_its_arrival(seed: int, wait: int, back: int, bound: float) -> None:
    """With `max_ms` no picture is older than that before the input came, however long the input waits."""
    room = make_room(seed, input_queue_len_max=8)
    player = Player(room)
    game_of(room).bound_ms = bound
    for _ in range(20):
        tick(room, player)
    arrived = room.tick + 1
    player.say(max(0, room.tick - back), 0.0, count=wait)
    for _ in range(wait):
        tick(room, player)
    assert arrived == room.input_tick(player.session.seat)
    assert game_of(room).bounded[0].tick >= min(arrived - bound * TICK_RATE / 1000, room.tick - 1) - 1e-9
    assert player.seq == room.input_seq(player.session.seat)


def test_numbers_that_begin_again_arrive_again() -> None:
    """Inputs under old numbers on a new connection do not count as having come on the old one."""
    room = make_room()
    player = Player(room)
    player.say(0, 0.0, count=6)
    tick(room, player)
    room.drop(player.session, 0.0)
    for _ in range(30):
        tick(room)
    room.resume(player.session, "new", object(), False, None, 0, 0.0)
    player.seq = 1
    player.say(0, 0.0)
    tick(room, player)
    assert (2, room.tick) == (room.input_seq(player.session.seat), room.input_tick(player.session.seat))


def test_a_repeated_input_sees_a_picture_as_far_behind() -> None:
    """While inputs are missing, the picture moves on with the steps."""
    room = make_room()
    player = Player(room)
    for _ in range(10):
        tick(room, player)
    player.say(9, 2.25)
    seen = []
    for _ in range(3):
        tick(room, player)
        seen.append(game_of(room).looks[0].tick)
    assert [6.75, 7.75, 8.75] == seen


def test_who_gave_no_input_sees_the_newest_state() -> None:
    """A seat without an input yet is judged by the newest capture."""
    room = make_room()
    player = Player(room)
    tick(room, player)
    tick(room, player)
    assert (1.0, 0) == (game_of(room).looks[0].tick, room.input_seq(player.session.seat))


def test_only_what_may_be_needed_is_kept() -> None:
    """Captures are kept for `rewind_max_ms` and not longer."""
    room = make_room()
    Player(room)
    for _ in range(50):
        tick(room)
    assert room._history is not None
    assert len(room._history) <= MAX_TICKS + 2


class Sparse(Wander):
    """The same, with a state every third tick."""

    send_every = 3


@given(seed=st.integers(0, 99), back=st.floats(0, MAX_TICKS - 4))
def test_pictures_between_rare_states(seed: int, back: float) -> None:
    """With states only every few ticks the past lies between them as in the picture."""
    room = make_room(seed, Sparse)
    player = Player(room)
    for _ in range(13):
        tick(room, player)
    lag = math.floor(back * 256) / 256
    player.say(12, lag)
    tick(room, player)
    picture = shown(player, 12 - lag)
    for thing in game_of(room).looks[0].all(Thing):
        assert thing.id in player.replica.own or picture[thing.id] == fields_of(thing)


class NoLook(Wander):
    """A game that never looks back."""

    rewind_max_ms = None
    wants: bool = False


def test_a_game_that_never_looks_back_keeps_nothing() -> None:
    """Without `rewind_max_ms` there is no history, and asking for one says what is missing."""
    room = make_room(cls=NoLook)
    player = Player(room)
    tick(room, player)
    assert room._history is None
    with pytest.raises(RuntimeError, match="rewind_max_ms"):
        game_of(room).rewind(player.session.seat)


def test_the_server_can_turn_it_off() -> None:
    """With the setting at 0 each shot is judged by the newest state."""
    room = make_room(rewind_max_ms=0.0)
    player = Player(room)
    for _ in range(9):
        tick(room, player)
    player.say(4, 0.0)
    tick(room, player)
    assert float(room.tick - 1) == game_of(room).looks[0].tick


def test_a_game_may_look_at_the_newest_state_alone() -> None:
    """A bound of 0 in the class means the same as in the settings, and not that nobody looks."""
    room = make_room(cls=type("NoTime", (Wander,), {"rewind_max_ms": 0}))
    player = Player(room)
    for _ in range(9):
        tick(room, player)
    player.say(4, 0.0)
    tick(room, player)
    assert float(room.tick - 1) == game_of(room).looks[0].tick


def test_a_bad_bound_is_refused() -> None:
    """A game whose bound makes no sense is refused when its class is made."""
    with pytest.raises(DefinitionError, match="rewind_max_ms must be None or from 0 to 2000, not -1"):
        type("Bad", (Wander,), {"rewind_max_ms": -1})


def blends() -> Iterator[list[float]]:
    """Yield cases for the vectors: angles (was, then, fraction, value), and plain numbers."""
    chance = random.Random(4)
    for _ in range(200):
        was, then, fraction = chance.uniform(0, math.tau), chance.uniform(0, math.tau), chance.random()
        yield [was, then, fraction, between_angles(was, then, fraction), between(was, then, fraction)]


def test_blending_vectors_still_hold() -> None:
    """Python blends as the stored vectors say, which JavaScript is held to; made by running this file."""
    assert json.loads(VECTORS.read_text())["blends"] == list(blends())


if __name__ == "__main__":
    lines = ",\n".join(f"  {json.dumps(row)}" for row in blends())
    VECTORS.write_text(f'{{"blends": [\n{lines}\n]}}\n', encoding="utf-8")
