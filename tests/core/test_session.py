"""One player's inputs: numbered, queued, bounded, one a tick; and what a session may do when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.inputs import Input
from game_server.core.session import TRANSITIONS, Event, State
from game_server.errors import CloseCode, ErrorCode, ProtocolError, Refused

from .match import DEFINITION, TICK_RATE, Match

arrivals = st.lists(st.lists(st.tuples(st.integers(1, 60), st.integers(-1, 1)), max_size=6), min_size=1, max_size=40)


@given(arrivals, st.integers(1, 5), st.booleans())
def test_inputs_follow_the_model(ticks: list[list[tuple[int, int]]], queue_len_max: int, is_fast: bool) -> None:
    """Against a list: numbers must ascend, a surplus waits, beyond the bound the oldest goes, an empty queue repeats
    the last and says so; by the fast path of a known value as by the slow one."""
    match = Match(input_queue_len_max=queue_len_max)
    session = match.join(is_json=False)
    match.tick()
    model: list[tuple[int, int]] = []
    accepted, consumed, last = 0, 0, 0
    missing = discarded = stale = gap = 0
    for received in ticks:
        for seq, dx in received:
            data = DEFINITION.input_type.encode_binary(seq, 0, 0.0, {"dx": dx})
            if not (is_fast and session.take_plain_input(data)):
                match.room.receive(session, data, match.now_s)
            if seq <= accepted:
                stale += 1
                continue
            accepted = seq
            model.append((seq, dx))
            if len(model) > queue_len_max:
                model.pop(0)
                discarded += 1
        match.tick()
        if model:
            consumed, last = model.pop(0)
            gap = 0
        elif accepted:
            gap += 1
            missing += gap <= TICK_RATE

        assert (consumed, last) == (session.consumed_seq, match.pawn(session).last_dx)
        assert len(model) == len(session.queue) <= queue_len_max
    counts = match.room.counts
    assert (missing, discarded, stale) == (counts.inputs_missing, counts.inputs_discarded, counts.inputs_stale)
    assert len(ticks) + 1 == match.pawn(session).steps


def test_who_sleeps_misses_nothing() -> None:
    """Steps without an input count as missing for a second; then the player is away, and the next input counts anew."""
    match = Match()
    session = match.join(is_json=False)
    session.queue_input(Input(1, 0, 0.0, session.default_input))
    for _ in range(1 + 5 * TICK_RATE):
        match.tick()
    slept = session.missing_total

    session.queue_input(Input(2, 0, 0.0, session.default_input))
    for _ in range(3):
        match.tick()

    assert (TICK_RATE, TICK_RATE + 2) == (slept, session.missing_total)


def test_only_the_table_says_what_may_happen() -> None:
    """Every event in every state leads where the table says, or closes with a code and changes nothing."""
    session = Match().join()
    for state in State:
        for event in Event:
            session.state = state
            target = TRANSITIONS[state].get(event)
            if target is not None:
                session.handle(event)
                assert target is session.state
            else:
                with pytest.raises(ProtocolError) as refusal:
                    session.handle(event)
                assert CloseCode.ILLEGAL_STATE is refusal.value.code
                assert state is session.state


def test_who_has_ended_stays_so() -> None:
    """Nothing leads out of the last state, and every state but the last can be left."""
    assert {} == TRANSITIONS[State.ENDED]
    assert all(TRANSITIONS[state] for state in State if state is not State.ENDED)


def test_an_old_number_is_refused_by_name() -> None:
    """The refusal says which number would have been right."""
    session = Match().join()
    session.queue_input(Input(5, 0, 0.0, None))

    with pytest.raises(Refused, match="input_seq 5 is not above 5") as refusal:
        session.queue_input(Input(5, 0, 0.0, None))

    assert ErrorCode.STALE_INPUT is refusal.value.code
