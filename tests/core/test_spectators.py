"""Spectators: the public sees what it may, later; an unseen admin sees all at once; the game knows of neither."""

import random
from typing import Any

import pytest
import ujson
from hypothesis import given, settings
from hypothesis import strategies as st

from game_server.core import codec, json_codec
from game_server.core.game import Seat
from game_server.core.replica import Replica
from game_server.core.room import Room
from game_server.core.session import Role
from game_server.errors import CloseCode, ProtocolError

from .viewing import Card, Client, Mob, Spark, Still, Table, make_room

DELAY_TICKS = 5


class Shown(Table):
    """The table before the public: open cards and even sparks are no secret."""

    spectator_delay_s = DELAY_TICKS / Table.tick_rate

    def spectator_sees(self, entity: Any) -> bool:
        return entity.id % 2 == 0 if isinstance(entity, Spark) else entity.is_open

    def chat(self, seat: Seat, text: str) -> str | None:
        self.emit("secret", text, to=seat)
        return text


class Plain(Still):
    """All is seen by all."""

    view = None
    spectator_delay_s = 0.5


class Onlooker:
    """A spectator with its replica."""

    def __init__(self, room: Room, role: Role = Role.PUBLIC, is_json: bool = False) -> None:
        self.room = room
        self.session = room.watch(role, object(), is_json, 0.0)
        self.welcome = ujson.loads(self.session.outbox.pop(0))
        self.replica = Replica(self.welcome["schema"])
        self.replica.welcome(self.welcome["tick"], self.welcome["ack"])
        self.events: list[dict[str, Any]] = []
        self.is_told_of_loss = False
        self.unread = list(self.session.outbox)
        self.session.outbox.clear()

    def read(self) -> None:
        """Apply all messages that came, checksums included."""
        for message in self.unread:
            if isinstance(message, bytes):
                decoded: Any = codec.decode_binary(self.replica.types, message)
            else:
                value = ujson.loads(message)
                if value["type"] == "events":
                    self.events += value["list"]
                    self.is_told_of_loss |= value.get("partial", False)
                    continue
                decoded = json_codec.decode_state(self.replica.types, value)
            self.replica.apply(decoded)
            assert decoded.checksum in (None, self.replica.checksum())
        self.unread.clear()

    @property
    def held(self) -> dict[int, list[Any]]:
        """What it holds, None for what only owners see."""
        return rows_of(self.replica.types, self.replica.rows())


def rows_of(types: Any, tables: Any) -> dict[int, list[Any]]:
    """Return public values by id."""
    return {
        entity_id: [value if field.to == "all" else None for field, value in zip(type_.fields, row, strict=True)]
        for type_, rows in zip(types, tables, strict=True)
        for entity_id, row in rows.items()
    }


def public_view(room: Room) -> dict[int, list[Any]]:
    """Return what the public may see of the newest capture."""
    game: Any = room.game
    return {
        entity_id: values
        for entity_id, values in rows_of(room.world.types, room.snapshot.tables).items()
        if not isinstance(room.world.get(entity_id), Card | Spark) or game.spectator_sees(room.world.get(entity_id))
    }


def run(room: Room, clients: list[Client], *onlookers: Onlooker) -> None:
    """Step the room; everybody's line takes its frames."""
    everybody: list[Any] = [*clients, *onlookers]
    lines = {each.session: each for each in everybody}
    room.take_inputs()
    room.step()
    room.capture()
    for session, frame in room.outgoing():
        lines[session].unread.append(frame)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_the_public_sees_what_it_may_and_later(seed: int, data: st.DataObject) -> None:
    """Whenever it came, in both codecs, through states that it could not take and resyncs: what a spectator holds is
    what the public could see exactly `spectator_delay_s` ago, and it owns nothing."""
    room, chance = make_room(Shown, seed), random.Random(seed)
    clients = [Client(room, is_json=False)]
    onlookers: list[Onlooker] = []
    past: dict[int, dict[int, list[Any]]] = {}
    for _ in range(data.draw(st.integers(1, 45))):
        if chance.random() < 0.1:
            onlookers.append(Onlooker(room, is_json=chance.random() < 0.5))
        for onlooker in onlookers:
            onlooker.session.is_blocked = chance.random() < 0.3
            onlooker.session.resync_wanted = chance.random() < 0.05
        run(room, clients, *onlookers)
        past[room.tick] = public_view(room)
        for onlooker in onlookers:
            onlooker.read()
            if not onlooker.session.is_blocked and room.tick > DELAY_TICKS:
                assert room.tick - DELAY_TICKS == onlooker.replica.tick
            if onlooker.replica.tick is not None:
                assert past[onlooker.replica.tick] == onlooker.held
                assert set() == onlooker.replica.own


def test_one_who_comes_late_sees_at_once() -> None:
    """Where the room has run for longer than the delay, the picture is right behind the welcome, before any tick."""
    room = make_room(Plain)
    client = Client(room, is_json=False)
    for _ in range(40):
        run(room, [client])
    onlooker = Onlooker(room)
    onlooker.read()

    assert 40 - DELAY_TICKS == onlooker.replica.tick
    assert [1] == onlooker.replica.ids()


def test_who_watches_a_young_room_waits() -> None:
    """Nothing is shown before the delay is over."""
    room = make_room(Plain)
    clients, onlooker = [Client(room, is_json=False)], Onlooker(room)
    for _ in range(DELAY_TICKS):
        run(room, clients, onlooker)
    assert [] == onlooker.unread
    run(room, clients, onlooker)

    assert 1 == len(onlooker.unread)


def test_a_spectator_that_was_away_for_long_begins_anew() -> None:
    """Who took nothing for longer than the stream is kept gets a full state, and the newest deltas behind it."""
    room = make_room(Plain)
    clients, onlooker = [Client(room, is_json=False)], Onlooker(room)
    for _ in range(10):
        run(room, clients, onlooker)
    onlooker.read()
    onlooker.session.is_blocked = True
    for _ in range(40):
        run(room, clients, onlooker)
    onlooker.session.is_blocked = False
    run(room, clients, onlooker)

    assert codec.Tag.FULL == onlooker.unread[0][0]
    assert len(onlooker.unread) <= 2 * Plain.tick_rate
    onlooker.read()
    assert room.tick - DELAY_TICKS == onlooker.replica.tick


def test_the_public_hears_what_was_said_to_all_and_later() -> None:
    """Events for everybody come with the states of their tick; those for one seat never."""
    room = make_room(Shown)
    client = Client(room, is_json=False)
    onlooker = Onlooker(room)
    room.receive(client.session, '{"type":"chat","text":"hello"}', 0.0)
    heard_at = None
    for _ in range(12):
        run(room, [client], onlooker)
        onlooker.read()
        heard_at = heard_at or (room.tick if onlooker.events else None)

    assert ["chat"] == [event["name"] for event in onlooker.events]
    assert 1 + DELAY_TICKS == heard_at


def test_the_public_is_told_of_events_that_are_lost() -> None:
    """Where more happens in a tick than the log keeps, or who watches was away for long, it says partial."""
    room = make_room(Plain, event_log_len_max=2)
    clients, present, away = [Client(room, is_json=False)], Onlooker(room), Onlooker(room)
    run(room, clients, present, away)
    for number in range(3):
        room.emit("said", number, None)
    for _ in range(DELAY_TICKS + 1):
        run(room, clients, present, away)
    present.read()

    assert present.is_told_of_loss
    assert [1, 2] == [event["data"] for event in present.events]

    away.read()
    present.is_told_of_loss = away.is_told_of_loss = False
    away.session.is_blocked = True
    for number in range(40):
        room.emit("said", number, None)
        run(room, clients, present, away)
    away.session.is_blocked = False
    run(room, clients, present, away)
    present.read()
    away.read()

    assert away.is_told_of_loss
    assert not present.is_told_of_loss


def test_an_unseen_admin_sees_all_at_once() -> None:
    """What every player could see, cards in hands included, undelayed, from the first moment, even in a sleeping room;
    in both codecs, and through skipped states."""
    room = make_room(Shown, 7)
    client = Client(room, is_json=False)
    for _ in range(10):
        run(room, [client])
    admins = [Onlooker(room, Role.UNSEEN), Onlooker(room, Role.UNSEEN, is_json=True)]
    for admin in admins:
        admin.read()
        assert rows_of(room.world.types, room.snapshot.tables) == admin.held
    for tick in range(12):
        for admin in admins:
            admin.session.is_blocked = tick % 3 == 1
        run(room, [client], *admins)
        for admin in admins:
            admin.read()
            if not admin.session.is_blocked:
                assert rows_of(room.world.types, room.snapshot.tables) == admin.held
                assert set() == admin.replica.own


@pytest.mark.parametrize("role", [Role.PUBLIC, Role.UNSEEN])
def test_spectators_are_no_players(role: Role) -> None:
    """They take no seat, wake nobody, and neither the game nor the inputs know of them."""
    room = make_room(Plain)
    onlooker = Onlooker(room, role)

    assert (False, [], 0) == (room.is_awake, room.taken, room.counts.joins)
    client = Client(room, is_json=False)
    run(room, [client], onlooker)
    assert (0, [0]) == (client.session.seat.number, [seat.number for seat in room._inputs])
    assert (None, None, role.value) == tuple(onlooker.welcome[key] for key in ("seat", "token", "spectator"))
    room.drop(onlooker.session, 0.0)
    assert [] == list(room.spectators)
    assert [client.session.seat] == room.taken


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"chat","text":"hi"}',
        '{"type":"command","name":"x"}',
        '{"type":"input","seq":1,"pressed":true}',
        bytes((codec.Tag.INPUT, 1)) + bytes(9) + b"\x01",
    ],
)
def test_who_watches_cannot_act(message: str | bytes) -> None:
    """What only players may send closes the connection."""
    room = make_room(Plain)
    onlooker = Onlooker(room)
    assert isinstance(message, str) or not onlooker.session.take_plain_input(message)

    with pytest.raises(ProtocolError) as raised:
        room.receive(onlooker.session, message, 0.0)
    assert CloseCode.ILLEGAL_STATE == raised.value.code


def test_the_public_lives_in_its_own_time() -> None:
    """A pong tells the public the time that it sees: the room's, less the delay. An admin's is the room's."""
    room = make_room(Plain)
    times = {}
    for role in (Role.PUBLIC, Role.UNSEEN):
        session = Onlooker(room, role, is_json=True).session
        room.receive(session, '{"type":"ping","client_ms":1}', 20.0)
        times[role] = ujson.loads(session.outbox[-1])["room_ms"]

    assert 500.0 == times[Role.UNSEEN] - times[Role.PUBLIC]


def test_places_for_spectators_are_bounded() -> None:
    """One more than `spectators_max` is refused and counted; who goes makes room."""
    room = make_room(Plain, spectators_max=2)
    first, _ = Onlooker(room), Onlooker(room)
    with pytest.raises(ProtocolError, match="all 2 places") as raised:
        Onlooker(room)
    assert (CloseCode.ROOM_FULL, 1) == (raised.value.code, room.counts.spectators_refused)
    room.receive(first.session, '{"type":"leave"}', 0.0)

    assert CloseCode.NORMAL == first.session.close_with[0] if first.session.close_with else None
    Onlooker(room)
    assert 3 == room.counts.spectators_joined


def test_a_game_without_spectators_takes_none() -> None:
    """Unless a game says how late the public may see it, only admins watch."""
    room = make_room(Still)
    with pytest.raises(ProtocolError, match="no spectators") as raised:
        Onlooker(room)
    assert CloseCode.BAD_JOIN == raised.value.code
    Onlooker(room, Role.UNSEEN)


def test_a_spectator_may_watch_a_sleeping_room_for_ever() -> None:
    """Its budget of messages is refilled though no tick is."""
    room = make_room(Plain)
    session = Onlooker(room, is_json=True).session
    for second in range(1, 2000):
        room.receive(session, '{"type":"ping","client_ms":1}', float(second))
        room.receive(session, '{"type":"ack","ack":0}', float(second))
        room.expire(float(second))

    assert session.message_budget > 0


def test_a_mob_under_a_budget_is_public_in_full() -> None:
    """The public's stream has no budget, and is right beside seats that have one."""

    class Tight(Shown):
        seat_bytes_per_s = 500

    room = make_room(Tight, 3)
    client, onlooker = Client(room, is_json=False), Onlooker(room)
    past = {}
    for _ in range(30):
        run(room, [client], onlooker)
        past[room.tick] = public_view(room)
        onlooker.read()
        client.read()
        if onlooker.replica.tick is not None:
            assert past[onlooker.replica.tick] == onlooker.held
    assert any(isinstance(room.world.get(entity_id), Mob) for entity_id in onlooker.replica.ids())
