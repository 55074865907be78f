"""Finding a room: quick match, ids, codes, options, limits, tokens; against a model that is a dict."""

import itertools
import random
from collections import Counter
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from game_server.core.definition import GameDefinition
from game_server.core.limits import LobbyLimits, RoomLimits
from game_server.core.matchmaking import CODE_ALPHABET, CODE_LEN, Lobby, Secrets
from game_server.core.metrics import total
from game_server.core.protocol import Join, Resume
from game_server.core.session import Event, Session, State
from game_server.core.tickets import TICKET_S, TICKETS_MAX
from game_server.core.words import clean_name
from game_server.errors import CloseCode, ProtocolError
from game_server.game import Game, Seat

from .match import DEFINITION, Push


@attrs.frozen
class MapOptions:
    """What a room of the second game is made with."""

    map: str = attrs.field(default="hills", validator=attrs.validators.in_(("hills", "caves")))


class Mapped(Game):
    """A game with options."""

    seats = 2
    input = Push
    Options = MapOptions

    def step(self, inputs: dict[Seat, Push]) -> None:
        pass


MAPPED = GameDefinition.of("mapped", Mapped)


def make_lobby(**limits: Any) -> Lobby:
    """Return a lobby of both games whose secrets are predictable."""
    numbers = itertools.count(1)
    sources = Secrets(lambda: f"token-{next(numbers)}", lambda: f"room-{next(numbers)}", random.Random(1))
    definitions = {"diary": DEFINITION, "mapped": MAPPED}
    return Lobby(definitions, RoomLimits(), LobbyLimits(**{"rooms_per_s": 1000.0, **limits}), sources)


def join(lobby: Lobby, game: str = "diary", **more: Any) -> Session:
    """Join as a player of the JSON codec would."""
    return lobby.join(Join(version=1, game=game, **more), None, True, 0.0)


def refused(lobby: Lobby, game: str = "diary", **more: Any) -> tuple[CloseCode, str]:
    """Return the code and reason of a join that must fail."""
    with pytest.raises(ProtocolError) as refusal:
        join(lobby, game, **more)
    return refusal.value.code, refusal.value.reason


# ---- where one ends up -----------------------------------------------------------------------------------------


def test_quick_match_fills_the_fullest() -> None:
    """Players gather instead of spreading out; a new room is made only when none has a seat."""
    lobby = make_lobby()
    first, second = join(lobby, create=True).room, join(lobby, create=True).room
    join(lobby, room=second.room_id)

    assert [second, second, first, first, first] == [join(lobby).room for _ in range(5)]
    assert join(lobby).room not in (first, second)


def test_quick_match_keeps_to_the_options() -> None:
    """Who asks for caves is not put into hills."""
    lobby = make_lobby()
    hills, caves = join(lobby, "mapped").room, join(lobby, "mapped", options={"map": "caves"}).room

    assert hills is not caves
    assert caves is join(lobby, "mapped", options={"map": "caves"}).room
    assert hills is join(lobby, "mapped", options={"map": "hills"}).room


def test_a_private_room_is_found_by_its_code_alone() -> None:
    """Neither quick match nor its id leads in; the code does, in small letters too."""
    lobby = make_lobby()
    room = join(lobby, create=True, private=True).room

    assert CODE_LEN == len(room.code)
    assert set(room.code) <= set(CODE_ALPHABET)
    assert room is join(lobby, code=room.code.lower()).room
    assert room is not join(lobby).room
    assert CloseCode.ROOM_NOT_FOUND is refused(lobby, room=room.room_id)[0]


@pytest.mark.parametrize(
    ("game", "request_", "code", "words"),
    [
        ("chess", {}, CloseCode.BAD_JOIN, "no game 'chess'; there are diary, mapped"),
        ("diary", {"room": "nowhere"}, CloseCode.ROOM_NOT_FOUND, "no diary room has this room"),
        ("diary", {"code": "ABCDEF"}, CloseCode.ROOM_NOT_FOUND, "no diary room has this code"),
        ("diary", {"create": True, "room": "x"}, CloseCode.BAD_JOIN, "one of room, code, create"),
        ("diary", {"private": True}, CloseCode.BAD_JOIN, "private goes with create"),
        ("diary", {"options": {"map": "caves"}}, CloseCode.BAD_JOIN, "diary takes no options"),
        ("mapped", {"options": {"map": "sea"}}, CloseCode.BAD_JOIN, "map"),
        ("mapped", {"options": {"size": 3}}, CloseCode.BAD_JOIN, "size"),
        ("diary", {"schema_hash": "0" * 16}, CloseCode.SCHEMA_CHANGED, "reload the page"),
    ],
)
def test_what_cannot_be_joined_says_why(game: str, request_: dict[str, Any], code: CloseCode, words: str) -> None:
    """The documented code, and a reason that says what was wrong."""
    lobby = make_lobby()

    assert (code, True) == ((answer := refused(lobby, game, **request_))[0], words in answer[1])
    assert {} == lobby.rooms


def test_rooms_are_limited() -> None:
    """In number and in how fast they are made."""
    full, fast = make_lobby(rooms_max=1), make_lobby(rooms_per_s=2.0)
    join(full, create=True)
    for _ in range(2):
        join(fast, create=True)

    assert (CloseCode.SERVER_FULL, "the server has its 1 rooms") == refused(full, create=True)
    assert (CloseCode.SERVER_FULL, "over 2 new rooms a second") == refused(fast, create=True)


def test_a_server_that_drains_lets_nobody_in() -> None:
    """Those who are seated may still come back."""
    lobby = make_lobby()
    session = join(lobby)
    lobby.is_draining = True

    assert CloseCode.DRAINING is refused(lobby)[0]
    assert session is lobby.resume(Resume(version=1, token=session.token), None, True, 0.0)[0]


def test_rooms_are_spread_over_the_period() -> None:
    """Ten rooms of 20 Hz begin two in each of five slots of 10 ms, each at most a period ago."""
    lobby = make_lobby()
    origins = [join(lobby, create=True).room.clock.origin_s for _ in range(10)]

    assert [2, 2, 2, 2, 2] == list(Counter(round(origin_s % 0.05 / 0.01) % 5 for origin_s in origins).values())
    assert all(-0.05 <= origin_s <= 0 for origin_s in origins)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Ann\t Bee  ", "Ann Bee"),
        ("a\u202eb\u200bc\x00d", "abcd"),
        ("e\u0301", "\u00e9"),
        ("x" * 40, "x" * 16),
        ("\u200b\u202e", ""),
        ("\ue000x", "x"),
    ],
)
def test_names_are_cleaned(given: str, kept: str) -> None:
    """Nothing invisible, nothing that turns text around, one space between words, a bound in code points."""
    assert kept == clean_name(given, 16)


# ---- tokens ----------------------------------------------------------------------------------------------------


def test_the_old_token_is_good_until_a_later_state_is_acked() -> None:
    """A welcome that never arrives must not lock the player out, even if it has said something before it knew."""
    lobby = make_lobby()
    session = join(lobby)
    first = session.token
    lobby.resume(Resume(version=1, token=first), None, True, 0.0)
    second = session.token
    lobby.resume(Resume(version=1, token=first), None, True, 0.0)
    session.room.receive(session, '{"type":"chat","text":"am I back?"}', 0.0)
    lobby.resume(Resume(version=1, token=first), None, True, 0.0)
    third = session.token
    session.room.take_inputs()
    session.room.receive(session, '{"type":"ack","ack":1}', 0.0)

    assert 3 == len({first, second, third})
    for token in (first, second):
        with pytest.raises(ProtocolError) as refusal:
            lobby.resume(Resume(version=1, token=token), None, True, 0.0)
        assert CloseCode.SEAT_GONE is refusal.value.code
    assert session is lobby.resume(Resume(version=1, token=third), None, True, 0.0)[0]


def test_the_newer_connection_wins() -> None:
    """A resume while another connection holds the seat names it, so that it can be told."""
    lobby, older, newer = make_lobby(), object(), object()
    session = lobby.join(Join(version=1, game="diary"), older, True, 0.0)

    assert (session, older) == lobby.resume(Resume(version=1, token=session.token), newer, True, 0.0)
    assert newer is session.link


# ---- rooms that sleep ------------------------------------------------------------------------------------------


def test_nobody_looks_at_a_room_that_sleeps() -> None:
    """Until the first hold is over, somebody comes back, or an operator acts; what it counted stays in the sum."""
    lobby = make_lobby()
    held_s = lobby.room_limits.seat_hold_s
    sessions = [join(lobby, create=True) for _ in range(4)]
    for session in sessions:
        session.room.drop(session, 0.0)
    lobby.keep_house(1.0)
    assert 4 == len(lobby.look(1.0))  # each has a tick to come, in which the game hears of it
    for session in sessions:
        session.room.take_inputs()
    lobby.keep_house(1.5)
    first, second, third, fourth = (session.room for session in sessions)

    assert [] == lobby.look(held_s - 1)
    assert (4, 4, 4) == (lobby.players, lobby.counts().joins, lobby.counts().drops)
    lobby.resume(Resume(version=1, token=sessions[0].token), None, True, 2.0)
    second.remove(sessions[1], Event.REMOVED, CloseCode.KICKED, "out", 2.0)
    lobby.forget_ended(second)
    join(lobby, room=third.room_id)
    assert [first, second, third] == lobby.look(held_s - 1)
    assert [first, second, third, fourth] == lobby.look(held_s)
    assert (4, 1, 1, 5) == (lobby.players, lobby.counts().resumes, lobby.counts().leaves, lobby.counts().joins)


# ---- against a model -------------------------------------------------------------------------------------------


class LobbyMachine(RuleBasedStateMachine):
    """Joins, drops, resumes, leaves and time in any order; a dict says who must be where."""

    @initialize(empty_room_s=st.sampled_from([1.0, 10.0]))
    def begin(self, empty_room_s: float) -> None:
        """Open the lobby."""
        self.lobby = make_lobby(empty_room_s=empty_room_s, rooms_max=6)
        self.now_s = 0.0
        self.seated: dict[str, Session] = {}
        self.dropped: dict[str, tuple[Session, float]] = {}

    def _everybody(self) -> list[Session]:
        return [*self.seated.values(), *(session for session, _ in self.dropped.values())]

    @rule(game=st.sampled_from(["diary", "mapped"]), create=st.booleans())
    def join(self, game: str, create: bool) -> None:
        """A player comes."""
        needs_room = create or not any(
            room.definition.name == game and room.has_free_seat for room in self.lobby.rooms.values()
        )
        if needs_room and len(self.lobby.rooms) == 6:
            with pytest.raises(ProtocolError, match="the server has its 6 rooms"):
                self.lobby.join(Join(version=1, game=game, create=create), None, True, self.now_s)
        else:
            session = self.lobby.join(Join(version=1, game=game, create=create), None, True, self.now_s)
            self.seated[session.token] = session

    @precondition(lambda self: self.seated)
    @rule(data=st.data(), leaves=st.booleans())
    def go(self, data: st.DataObject, leaves: bool) -> None:
        """A player leaves, or its line is lost."""
        token = data.draw(st.sampled_from(sorted(self.seated)))
        session = self.seated.pop(token)
        if leaves:
            session.room.remove(session, Event.LEAVE, CloseCode.NORMAL, "left", self.now_s)
            self.lobby.forget_ended(session.room)
        else:
            session.room.drop(session, self.now_s)
            self.dropped[token] = (session, self.now_s)

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A player resumes, under a new token."""
        token = data.draw(st.sampled_from(sorted(self.dropped)))
        session, _ = self.dropped.pop(token)
        resumed, old_link = self.lobby.resume(Resume(version=1, token=token), None, True, self.now_s)
        assert (session, None) == (resumed, old_link)
        self.seated[session.token] = session

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def put_out(self, data: st.DataObject) -> None:
        """An operator removes a player who is away."""
        session, _ = self.dropped.pop(data.draw(st.sampled_from(sorted(self.dropped))))
        session.room.remove(session, Event.REMOVED, CloseCode.KICKED, "out", self.now_s)
        self.lobby.forget_ended(session.room)

    @rule(seconds=st.sampled_from([0.5, 3.0, 25.0]))
    def wait(self, seconds: float) -> None:
        """Time passes; rooms tick, the house is kept."""
        self.now_s += seconds
        for room in self.lobby.rooms.values():
            if room.is_awake or room.has_news:
                room.take_inputs()
        for room in self.lobby.keep_house(self.now_s):
            self.lobby.discard(room)
        held_s = self.lobby.room_limits.seat_hold_s
        for token, (session, at_s) in list(self.dropped.items()):
            if self.now_s - at_s >= held_s:
                del self.dropped[token]
                assert State.ENDED is session.state
                with pytest.raises(ProtocolError, match="no seat is held"):
                    self.lobby.resume(Resume(version=1, token=token), None, True, self.now_s)

    @invariant()
    def all_are_where_they_must_be(self) -> None:
        """Every player in exactly one seat of a listed room, no seat sold twice, nobody else there."""
        if not hasattr(self, "lobby"):
            return
        everybody = self._everybody()
        assert len(everybody) == self.lobby.players == len({id(session) for session in everybody})
        for session in everybody:
            assert session.room is self.lobby.rooms[session.room.room_id]
            assert session is session.room.sessions[session.seat.number]
        for room in self.lobby.rooms.values():
            assert len(room.sessions) <= room.seats_max

    @invariant()
    def nothing_is_miscounted(self) -> None:
        """The sums that are kept are those of all rooms, whether they sleep or not."""
        if hasattr(self, "lobby"):
            tallies = (self.lobby.ended_counts, *(room.counts for room in self.lobby.rooms.values()))
            assert total(tallies).values() == self.lobby.counts().values()


LobbyMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
test_the_lobby_follows_the_model = LobbyMachine.TestCase


# ---- watching --------------------------------------------------------------------------------------------------


class Watched(Game):
    """Anybody may watch."""

    input = Push
    spectator_delay_s = 0

    def step(self, inputs: dict[Seat, Push]) -> None:
        pass


def make_watched() -> Lobby:
    """Return a lobby of a game that may be watched."""
    lobby = make_lobby()
    lobby.definitions["watched"] = GameDefinition.of("watched", Watched)
    return lobby


def test_a_spectator_is_led_to_the_fullest_public_room() -> None:
    """Or to the one it names; a private one opens to its code alone."""
    lobby = make_watched()
    first, second = (join(lobby, "watched", create=True).room for _ in range(2))
    private = join(lobby, "watched", create=True, private=True).room
    for _ in range(3):
        join(lobby, "watched", code=private.code)
    join(lobby, "watched", room=second.room_id)

    assert second is join(lobby, "watched", spectate=True).room
    assert first is join(lobby, "watched", spectate=True, room=first.room_id).room
    assert private is join(lobby, "watched", spectate=True, code=private.code).room
    assert CloseCode.ROOM_NOT_FOUND == refused(lobby, "watched", spectate=True, room=private.room_id)[0]
    assert (4, 2, 1) == (len(private.sessions), len(second.sessions), len(first.sessions))


def test_who_watches_makes_no_room() -> None:
    """Where nobody plays there is nothing to see."""
    lobby = make_watched()

    assert (CloseCode.ROOM_NOT_FOUND, "nobody plays watched now") == refused(lobby, "watched", spectate=True)
    assert CloseCode.BAD_JOIN == refused(lobby, "watched", spectate=True, create=True)[0]
    assert CloseCode.ROOM_NOT_FOUND == refused(lobby, "mapped", spectate=True)[0]
    assert {} == lobby.rooms


def test_a_ticket_is_good_for_its_room_and_its_time() -> None:
    """It opens the game without spectators too; not after an hour, not when the room is gone, not by guessing."""
    lobby = make_lobby()
    room = join(lobby).room
    ticket = lobby.tickets.make(room, 0.0)

    assert room is join(lobby, ticket=ticket).room
    assert CloseCode.ROOM_NOT_FOUND == refused(lobby, ticket="token-1")[0]
    assert [room, None] == [lobby.tickets.room(ticket, now_s) for now_s in (TICKET_S - 1, TICKET_S)]
    lobby.discard(room)
    assert lobby.tickets.room(ticket, 0.0) is None


def test_tickets_are_bounded() -> None:
    """The oldest goes when there are too many."""
    lobby = make_lobby()
    room = join(lobby).room
    tickets = [lobby.tickets.make(room, 0.0) for _ in range(TICKETS_MAX + 1)]

    good = [lobby.tickets.room(ticket, 0.0) is room for ticket in tickets]
    assert [False] + [True] * TICKETS_MAX == good


class Known(Watched):
    """Watched by those who say who they are."""

    requires_identity = True


def test_the_public_says_who_it_is_where_players_must() -> None:
    """A guest may not watch a game that wants to know its users; who shows a ticket was let in by an admin."""
    lobby = make_watched()
    lobby.definitions["known"] = GameDefinition.of("known", Known)
    room = lobby.join(Join(version=1, game="known"), None, True, 0.0, user_id="ann").room

    assert CloseCode.BAD_IDENTITY == refused(lobby, "known", spectate=True)[0]
    watching = lobby.join(Join(version=1, game="known", spectate=True), None, True, 0.0, user_id="bo")
    assert room is watching.room is join(lobby, "known", ticket=lobby.tickets.make(room, 0.0)).room
