"""Views: each seat holds exactly what it may see, whatever happens to its line, and nothing else is sent to it."""

import itertools
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game_server.core import codec
from game_server.core.definition import GameDefinition
from game_server.core.game import Game
from game_server.core.interest import Nearby, in_cells
from game_server.core.room import Room
from game_server.errors import DefinitionError

from .viewing import Card, Client, Mob, Spark, Still, Table, expected_view, held_view, make_room, run_tick, wired_ids


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_each_seat_holds_exactly_what_it_may_see(seed: int, data: st.DataObject) -> None:
    """At every state, in both codecs, through skipped states, lost messages, resumes and resyncs: the replica equals
    the server's view for this seat, the checksums agree, and no value was sent of anything outside it."""
    room = make_room(Table, seed)
    clients = [Client(room, is_json) for is_json in (False, True, False)]
    chance = random.Random(seed)
    for _ in range(data.draw(st.integers(2, 14))):
        for client in clients:
            client.session.is_blocked = chance.random() < 0.2
            client.session.resync_wanted = chance.random() < 0.1
            if chance.random() < 0.15:
                client.reconnect(is_json=chance.random() < 0.5)
        run_tick(room, clients)
        for client in clients:
            if chance.random() < 0.7 and client.unread:
                _check(room, client)


def _check(room: Room, client: Client) -> None:
    """Let a client read and compare what it holds; only a single unread state can be judged from outside."""
    is_full = any(_is_full(message) for message in client.unread[-1:])
    before = set() if is_full else set(client.replica.ids())
    is_only_one = len(client.unread) == 1
    states = client.read()
    if is_only_one and client.replica.tick == room.tick:
        expected = expected_view(room, client, before)
        assert expected == held_view(room, client)
        assert wired_ids(states) <= set(expected)
    if client.replica.tick == room.tick:
        assert states[-1].checksum in (None, client.replica.checksum())
        assert states[-1].advance is None or states[-1].checksum is not None
        assert set(room.world.owned.get(client.session.seat.number, {})) == client.replica.own


def _is_full(message: str | bytes) -> bool:
    return message[0] == codec.Tag.FULL if isinstance(message, bytes) else '"type":"full"' in message


@given(st.data())
def test_no_cell_in_reach_is_missed(data: st.DataObject) -> None:
    """The grid offers every entity in the square around an eye exactly once, however small its cells and however far
    the eye is from all entities."""
    places = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
    entities = np.array(data.draw(st.lists(places, min_size=1, max_size=30)))
    eyes = np.array(data.draw(st.lists(places | st.sampled_from([(1e9, 0.0), (-1e9, 5.0)]), min_size=1, max_size=4)))
    reach, cell = data.draw(st.floats(0.1, 5000)), data.draw(st.floats(0.01, 5000))

    found = list(zip(*(part.tolist() for part in in_cells(eyes.T, entities.T, reach, cell)), strict=True))

    assert len(set(found)) == len(found)
    for eye, row in itertools.product(range(len(eyes)), range(len(entities))):
        if np.abs(entities[row] - eyes[eye]).max() <= reach * (1 - 1e-9):
            assert (eye, row) in found


def test_the_last_eyes_stay() -> None:
    """Who owns nothing any more goes on looking from where it looked last."""
    room = make_room(Still)
    client = Client(room, is_json=False)
    room.world.spawn(Spark(x=51, y=50))
    run_tick(room, [client])
    client.read()
    own = room.world.get(1)
    room.world.despawn(own)
    room.world.spawn(Spark(x=53, y=50))
    run_tick(room, [client])
    client.read()

    assert [2, 3] == list(client.replica.ids())


def test_the_next_player_has_eyes_of_its_own() -> None:
    """A seat that is taken again does not look from where its last player was."""
    room = make_room(Still)
    client = Client(room, is_json=False)
    run_tick(room, [client])
    room.world.spawn(Spark(x=50, y=50))
    room.world.despawn(room.world.get(1))
    room.receive(client.session, '{"type":"leave"}', 0.0)
    late = Client(room, is_json=False)
    room.world.room.is_blind = True
    run_tick(room, [late])
    late.read()

    assert [] == list(late.replica.ids())


def _game(**declared: Any) -> type[Game]:
    return type("Odd", (Table,), {"__annotations__": {}, **declared})


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"view": Nearby(types=(Card,), radius=5)}, "Card needs the fields x and y"),
        ({"view": Nearby(types=(Mob,), radius=5, x="plan")}, "Mob needs the fields plan and y"),
        ({"view": Nearby(types=(Client,), radius=5)}, "Client is not in `entities`"),
        ({"veiled": (Client,)}, "Client is not in `entities`"),
        ({"veiled": ()}, "name the types: `veiled"),
        ({"sees": Game.sees}, "write `sees"),
        ({"spectator_delay_s": 3.0}, "write `spectator_sees"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(declared: dict[str, Any], complaint: str) -> None:
    """When the game is loaded, with what would be right."""
    with pytest.raises(DefinitionError, match=complaint):
        GameDefinition.of("odd", _game(**declared))


@pytest.mark.parametrize(
    "declared",
    [
        {"radius": 0},
        {"radius": math.inf},
        {"radius": 5, "cell": 0},
        {"radius": 5, "cell": math.inf},
        {"radius": 5, "hysteresis": -1},
        {"radius": 5, "hysteresis": math.inf},
    ],
)
def test_a_size_that_cannot_be_is_refused(declared: dict[str, Any]) -> None:
    """Radius and cell are above 0, hysteresis is not below, and none is endless: a grid has cells to be counted."""
    with pytest.raises(DefinitionError, match=r"Nearby: \w+ must be"):
        Nearby(types=(Mob,), **declared)


def test_a_resume_goes_on_from_any_state_not_acknowledged() -> None:
    """Whether the newest states were lost or only their acks: the view comes back as a delta, not as a whole."""
    room = make_room(Table, 5)
    client = Client(room, is_json=False)
    for tick in range(1, 12):
        run_tick(room, [client])
        if tick <= 8:
            client.read()
    before = client.replica.tick
    client.reconnect(is_json=False)
    run_tick(room, [client])

    assert (8, codec.Tag.CHECKED_DELTA) == (before, client.unread[0][0])
    held = set(client.replica.ids())
    client.read()
    assert client.checksum == client.replica.checksum()
    assert expected_view(room, client, held) == held_view(room, client)


def test_a_resume_from_a_forgotten_state_gets_all() -> None:
    """What a seat held before its newest acknowledged state is not kept."""
    room = make_room(Table, 5)
    client = Client(room, is_json=False)
    for _ in range(4):
        run_tick(room, [client])
    client.session.acked_tick = 4
    run_tick(room, [client])
    client.reconnect(is_json=False)
    run_tick(room, [client])

    assert codec.Tag.FULL == client.unread[0][0]
