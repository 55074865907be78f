"""A room through its public surface: seats, hooks, what each seat is sent, and what it is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.core.session import Event, State
from game_server.errors import CloseCode, ProtocolError

from .match import DEFINITION, TICK_RATE, Diary, Match

# ---- joining ---------------------------------------------------------------------------------------------------


def test_a_player_is_welcomed_and_sees_the_world() -> None:
    """The welcome names seat, schema, rates and limits; the first state is full and says what is its own."""
    match = Match()
    ann = match.join("Ann")
    (welcome,) = match.said(ann)
    (state,) = match.tick()[0]

    assert ("welcome", 1, "diary", "r1", 0, "Ann", False, None) == tuple(
        welcome[key] for key in ("type", "version", "game", "room", "seat", "name", "resumed", "tick")
    )
    assert (TICK_RATE, DEFINITION.schema_hash) == (welcome["tick_rate"], welcome["schema_hash"])
    assert {"game", "room", "types", "input"} == set(welcome["schema"])
    pawn = {"steps": 1, "last_dx": 0}
    assert ("full", 1, [1]) == (state["type"], state["tick"], state["own"])
    assert {"Pawn": {"1": pawn}} == state["spawn"]


def test_seats_are_given_lowest_first_and_given_again() -> None:
    """A seat that is left is the next to be taken; a full room says so."""
    match = Match()
    sessions = [match.join(name) for name in "abcd"]
    with pytest.raises(ProtocolError, match="all 4 seats are taken") as refusal:
        match.join("e")
    match.say(sessions[1], type="leave")

    assert CloseCode.ROOM_FULL is refusal.value.code
    assert 1 == match.join("e").seat.number
    assert ["a", "e", "c", "d"] == [seat.name for seat in match.room.taken]


def test_who_gives_no_name_gets_one() -> None:
    """Guests are numbered by their seat, from 1."""
    assert "guest-1" == Match().join("").seat.name


def test_a_locked_room_lets_nobody_in() -> None:
    """A game can lock its room."""
    match = Match()
    match.say(match.join(), type="command", name="lock")
    match.tick()

    with pytest.raises(ProtocolError, match="takes no more players"):
        match.join("Bob")


# ---- one tick --------------------------------------------------------------------------------------------------


def test_hooks_are_called_inside_a_tick_in_order() -> None:
    """What happened between two ticks is told at the next, in the order in which it happened."""
    match = Match()
    ann, bob = match.join("Ann"), match.join("Bob")
    assert [] == match.heard
    match.tick()
    match.room.drop(ann, match.now_s)
    match.say(bob, type="command", name="whisper", data=1)
    match.resume(ann, 1)
    match.say(bob, type="leave")
    match.tick()

    assert [
        ("join", 1, "Ann"),
        ("join", 1, "Bob"),
        ("drop", 2, "Ann"),
        ("command", 2, "Bob", "whisper"),
        ("resume", 2, "Ann"),
        ("leave", 2, "Bob"),
    ] == match.heard


def test_a_state_tells_only_what_changed() -> None:
    """After the full one come deltas from the state before."""
    match = Match()
    match.join()
    match.tick(2)
    (state,) = match.tick()[0]

    assert ("delta", 3, 2, {"Pawn": {"1": {"steps": 3}}}) == tuple(
        state[key] for key in ("type", "tick", "baseline", "update")
    )
    assert "spawn" not in state


@pytest.mark.parametrize("send_every", [1, 3, 7])
def test_checksums_keep_their_pace_however_seldom_states_are_sent(send_every: int) -> None:
    """A state carries one as soon as `checksum_s` has passed since the last, and not only where both fall together."""
    match = Match()
    game = type("Thrifty", (Diary,), {"send_every": send_every})
    limits = RoomLimits(checksum_s=10 / TICK_RATE)
    match.room = Room("r1", GameDefinition.of("thrifty", game), None, 7, limits, match.now_s)
    match.join()
    ticks = [state["tick"] for _ in range(149) for state in match.tick().get(0, []) if "checksum" in state]

    assert [-(-due // send_every) * send_every for due in range(10, 141, 10)] == ticks


def test_only_its_owner_sees_what_is_for_it() -> None:
    """An owner-only field reaches one seat."""
    match = Match()
    ann, bob = match.join("Ann"), match.join("Bob")
    match.tick()
    match.pawn(ann).purse = 9
    sent = match.tick()

    assert 9 == sent[0][0]["update"]["Pawn"]["1"]["purse"]
    assert all("purse" not in fields for fields in sent[bob.seat.number][0]["update"]["Pawn"].values())


def test_a_missing_input_is_told_once() -> None:
    """The next state says for how many steps there was none; the one after does not repeat it."""
    match = Match()
    ann = match.join()
    match.tick()
    match.say(ann, type="input", seq=1, dx=1)
    first = match.tick()[0][0]
    ann.is_blocked = True
    match.tick(2)
    ann.is_blocked = False
    second = match.tick()[0][0]
    match.say(ann, type="input", seq=2, dx=1)
    third = match.tick()[0][0]

    assert [(1, 0), (1, 3), (2, 0)] == [(state["ack"], state["missing"]) for state in (first, second, third)]


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.sampled_from([0.2, 0.5, 10.0]))
def test_a_seat_that_skips_states_catches_up(blocked: list[bool], history_s: float) -> None:
    """A blocked seat is sent nothing; the next state leads from what it holds to the present, or is full."""
    match = Match(history_s=history_s)
    ann, held = match.join(), dict[str, Any]()
    for is_blocked in [False, *blocked, False]:
        ann.is_blocked = is_blocked
        sent = match.tick()
        assert is_blocked == (0 not in sent)
        for state in sent.get(0, []):
            if state["type"] == "delta":
                assert held["tick"] == state["baseline"]
            held = {"tick": state["tick"], **held}
            held["tick"] = state["tick"]
            for part in ("spawn", "update"):
                held |= state.get(part, {}).get("Pawn", {}).get("1", {})
    assert {"tick": match.room.tick, "steps": match.room.tick, "last_dx": 0} == {
        key: held[key] for key in ("tick", "steps", "last_dx")
    }
    assert sum(blocked) == match.room.counts.states_skipped == ann.skipped_total


def test_a_client_that_applies_nothing_gets_nothing_more() -> None:
    """Who is far behind in acks has enough on its way; with its next ack it gets the present, in one state."""
    match = Match(late_ack_ms=500, slow_ack_ms=500)
    ann = match.join()
    match.tick()
    match.say(ann, type="ack", ack=1)
    counts = [len(match.tick()) for _ in range(3 * TICK_RATE)]
    match.say(ann, type="ack", ack=match.room.tick)

    assert [1] * 10 == counts[:10]
    assert [0] * TICK_RATE == counts[-TICK_RATE:]
    assert 1 == len(match.tick())


# ---- being lost and coming back --------------------------------------------------------------------------------


def test_a_dropped_player_gets_the_delta_and_the_events_it_missed() -> None:
    """From the tick it names, and every event since, in order, once."""
    match = Match()
    ann, bob = match.join("Ann"), match.join("Bob")
    match.tick(3)
    match.room.drop(ann, match.now_s)
    for text in ("one", "two"):
        match.say(bob, type="chat", text=text)
        match.tick()
    welcome = match.resume(ann, 3, 0)
    events, state = match.tick()[0]

    assert (True, 3, False) == (welcome["resumed"], welcome["tick"], welcome["partial"])
    assert ["ONE", "TWO"] == [event["data"]["text"] for event in events["list"]]
    assert ("delta", 3) == (state["type"], state["baseline"])
    assert [["delta"]] == [[message["type"] for message in match.tick()[0]]]


def test_after_too_long_it_gets_all_there_is_and_is_told() -> None:
    """A tick older than the history gets a full state; lost events are said to be lost."""
    match = Match(history_s=0.5, event_log_len_max=2)
    ann, bob = match.join("Ann"), match.join("Bob")
    match.tick(2)
    match.room.drop(ann, match.now_s)
    for number in range(4):
        match.say(bob, type="command", name="whisper", data=number)
        match.say(bob, type="chat", text=str(number))
        match.tick(TICK_RATE)
    welcome = match.resume(ann, 2, 0)
    events, state = match.tick()[0]

    assert (None, True) == (welcome["tick"], welcome["partial"])
    assert (["3"], True) == ([event["data"]["text"] for event in events["list"]], events["partial"])
    assert "full" == state["type"]
    assert match.room.counts.events_lost > 0


def test_a_player_lost_while_it_waits_for_a_full_state_is_told_of_one() -> None:
    """What it asked for, since its state was wrong, it gets when it is back; the welcome promises no delta."""
    match = Match()
    ann = match.join()
    match.tick(3)
    match.say(ann, type="resync")
    match.room.drop(ann, match.now_s)
    welcome = match.resume(ann, 3)
    (state,) = match.tick()[0]

    assert (None, "full") == (welcome["tick"], state["type"])
    assert "delta" == match.tick()[0][0]["type"]


def test_a_seat_is_held_and_then_free() -> None:
    """For `seat_hold_s` the entity stays; then the game hears leave and the seat is free."""
    match = Match(seat_hold_s=5)
    ann = match.join()
    match.join("Bob")
    match.tick()
    match.room.drop(ann, match.now_s)
    match.now_s += 4.9
    assert [] == match.room.expire(match.now_s)
    assert match.pawn(ann) is not None
    match.now_s += 0.2

    assert [ann] == match.room.expire(match.now_s)
    assert State.ENDED is ann.state
    match.tick()
    assert ("leave", 2, "Ann") == match.heard[-1]


def test_inputs_of_before_the_loss_are_void() -> None:
    """What waited when the line was lost is not played; the next number follows the newest consumed."""
    match = Match()
    ann = match.join()
    match.join("Bob")
    match.tick()
    for seq in (1, 2, 3):
        match.say(ann, type="input", seq=seq, dx=1)
    match.tick()
    match.room.drop(ann, match.now_s)
    match.tick(2)
    welcome = match.resume(ann, None)
    match.say(ann, type="input", seq=2, dx=-1)
    match.tick()

    assert 1 == welcome["ack"]
    assert (2, -1) == (ann.consumed_seq, match.pawn(ann).last_dx)


def test_a_room_without_anybody_sleeps() -> None:
    """Nobody connected: not awake; somebody back: awake, and no ticks are owed."""
    match = Match()
    ann = match.join()
    match.tick()
    match.room.drop(ann, match.now_s)
    assert not match.room.is_awake
    match.room.expire(match.now_s)
    assert match.room.quiet_until_s == match.now_s + match.room.limits.seat_hold_s  # nobody need look before
    match.now_s += 1000.0
    match.resume(ann, 1)

    assert match.room.is_awake
    assert 0 == match.room.quiet_until_s
    assert match.room.clock.owed(2, match.now_s)[0] <= 1


# ---- chat, commands, events, outside work ----------------------------------------------------------------------


def test_chat_reaches_all_as_the_game_passes_it_on() -> None:
    """The game may change it or refuse it; white space is folded."""
    match = Match()
    ann, _ = match.join("Ann"), match.join("Bob")
    match.tick()
    match.say(ann, type="chat", text="  hello \n there ")
    sent = match.tick()
    match.say(ann, type="chat", text="darn")
    refusal = match.tick()[0][0]

    for seat in (0, 1):
        assert {"seat": 0, "name": "Ann", "text": "HELLO THERE"} == sent[seat][0]["list"][0]["data"]
    assert ("error", "chat_refused") == (refusal["type"], refusal["code"])


def test_an_event_for_one_reaches_one() -> None:
    """`emit(..., to=seat)`."""
    match = Match()
    ann, _ = match.join("Ann"), match.join("Bob")
    match.tick()
    match.say(ann, type="command", name="whisper", data={"pin": 1})
    sent = match.tick()

    assert ["events", "delta"] == [message["type"] for message in sent[0]]
    assert ["delta"] == [message["type"] for message in sent[1]]


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_chat_has_a_length(text: str) -> None:
    """Empty or too long is refused with what would be right."""
    match = Match()
    (answer,) = match.say(match.join(), type="chat", text=text)

    assert ("chat_refused", "chat has 1 to 200 visible characters") == (answer["code"], answer["message"])


def test_chat_is_limited() -> None:
    """A few at once, then one a second; the refusal is told once a second, not once a message."""
    match = Match(chat_burst=2)
    ann = match.join()
    answers = [answer for _ in range(10) for answer in match.say(ann, type="chat", text="x")]

    assert ["rate_limited"] == [answer["code"] for answer in answers]
    assert 8 == match.room.counts.messages_refused


def test_a_bad_command_is_refused_with_the_games_words() -> None:
    """`BadCommand` becomes an error message of the same tick; the connection stays."""
    match = Match()
    ann = match.join()
    match.say(ann, type="command", name="dance")
    answer, state = match.tick()[0]

    assert ("error", "full") == (answer["type"], state["type"])
    assert ["delta"] == [message["type"] for message in match.tick()[0]]
    assert ("bad_command", "no 'dance'; there are look up, whisper, lock and end") == (
        answer["code"],
        answer["message"],
    )


def test_outside_work_enters_a_later_tick() -> None:
    """What the game asked for is handed to the shell; the reply is heard at the next tick, as an input is."""
    match = Match()
    match.say(match.join(), type="command", name="look up", data="key")
    match.tick()
    (call,) = match.room.outside_calls
    match.room.outside_done("look_up", {"found": 1}, None)
    assert "outside" not in [entry[0] for entry in match.heard]
    match.tick()

    assert ("look_up", ("key",)) == (call.name, tuple(call.arguments))
    assert ("outside", 2, "look_up", {"found": 1}, None) == match.heard[-1]


def test_outside_work_is_bounded() -> None:
    """More calls at once than allowed fail at the next tick, and are counted."""
    match = Match(outside_calls_max=1)
    ann = match.join()
    for _ in range(2):
        match.say(ann, type="command", name="look up", data="key")
    match.tick(2)

    assert 1 == len(match.room.outside_calls)
    assert ("outside", 2, "look_up", None, "over 1 calls at once") == match.heard[-1]
    assert 1 == match.room.counts.outside_failures


def test_a_game_can_end_its_room() -> None:
    """`close_room` says why."""
    match = Match()
    match.say(match.join(), type="command", name="end")
    match.tick()

    assert (CloseCode.ROOM_CLOSED, "that was it") == match.room.closing


def test_a_notice_reaches_all() -> None:
    """The server's own word to everybody."""
    match = Match()
    match.join()
    match.tick()
    match.room.notice("back in five minutes")

    (event,) = match.tick()[0][0]["list"]
    assert ("notice", {"text": "back in five minutes"}) == (event["name"], event["data"])


# ---- what bad input gets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ({"type": "input", "seq": 1, "dx": 2}, "bad_value", "dx"),
        ({"type": "input", "seq": 1, "dx": "1"}, "bad_value", "dx"),
        ({"type": "input", "seq": 0}, "bad_value", "seq"),
        ({"type": "input", "seq": 1, "dy": 1}, "bad_value", "no field 'dy'"),
    ],
)
def test_a_bad_field_is_named(message: dict[str, Any], code: str, words: str) -> None:
    """Field, value and what would be right; the connection stays and nothing is played."""
    match = Match()
    ann = match.join()
    (answer,) = match.say(ann, **message)

    assert ("error", code) == (answer["type"], answer["code"])
    assert words in answer["message"]
    assert 0 == ann.accepted_seq
    assert 1 == match.room.counts.values_refused


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("nonsense", CloseCode.BAD_MESSAGE),
        ('{"type":"fly"}', CloseCode.BAD_MESSAGE),
        ('{"type":"chat"}', CloseCode.BAD_MESSAGE),
        ('{"type":"chat","text":1}', CloseCode.BAD_MESSAGE),
        ('{"type":"join","version":1,"game":"diary"}', CloseCode.ILLEGAL_STATE),
        (b"\x01", CloseCode.UNSUPPORTED_DATA),
    ],
)
def test_what_breaks_the_protocol_closes(data: Any, code: CloseCode) -> None:
    """With the code of docs/protocol.md; the room goes on."""
    match = Match()
    ann = match.join()
    with pytest.raises(ProtocolError) as broken:
        match.room.receive(ann, data, match.now_s)

    assert code is broken.value.code
    match.tick()


def test_a_flood_is_ended() -> None:
    """A burst is let through; messages beyond the rate for too long close with 4008."""
    match = Match(messages_per_s=10, message_burst=50, dead_after_s=1.0)
    ann = match.join()
    for _ in range(50):
        match.room.receive(ann, '{"type":"ack","ack":0}', match.now_s)
    with pytest.raises(ProtocolError) as flood:
        match.room.receive(ann, '{"type":"ack","ack":0}', match.now_s)

    assert CloseCode.RATE_LIMITED is flood.value.code


def test_a_removed_player_is_told_why() -> None:
    """The session has the code and the reason for its connection."""
    match = Match()
    ann = match.join()
    match.room.remove(ann, Event.REMOVED, CloseCode.KICKED, "be nice", match.now_s)

    assert (CloseCode.KICKED, "be nice") == ann.close_with
    assert [] == match.room.taken


# ---- determinism -----------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(-1, 1), max_size=2), max_size=12))
def test_a_room_is_a_function_of_what_it_was_told(ticks: list[list[int]]) -> None:
    """Two rooms with the same seed that are told the same send the same, to the last byte."""

    def play() -> list[str]:
        match, sent = Match(), []
        ann, seq = match.join(), 0
        for inputs in ticks:
            for dx in inputs:
                seq += 1
                match.say(ann, type="input", seq=seq, dx=dx)
            sent.append(json.dumps(match.tick()))
        return sent

    assert play() == play()
