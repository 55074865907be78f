"""The event log: in order, once, to whom they are for, and honest about what is no longer kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from game_server.core.event_log import EventLog
from game_server.core.game import Seat

SEATS = (Seat(0, "Ann"), Seat(1, "Bob"))


@given(st.lists(st.sampled_from([None, 0, 1]), max_size=40), st.integers(1, 12), st.integers(0, 40))
def test_a_player_gets_what_it_missed(receivers: list[int | None], len_max: int, seen: int) -> None:
    """Every kept event above the number it saw, in order, and none that was for another; the rest counts as lost."""
    log = EventLog(len_max)
    for number, receiver in enumerate(receivers, 1):
        log.add(number, "thing", number, None if receiver is None else SEATS[receiver])
    seen = min(seen, len(receivers))
    first_kept = max(1, len(receivers) - len_max + 1)

    message = log.message_since(seen, SEATS[0], is_partial=False)

    expected = [
        number
        for number, receiver in enumerate(receivers, 1)
        if number > seen and number >= first_kept and receiver in (None, 0)
    ]
    got = [] if message is None else [event["number"] for event in json.loads(message)["list"]]
    assert expected == got
    assert max(first_kept - seen - 1, 0) == log.lost_since(seen)


def test_it_says_when_some_are_lost() -> None:
    """With nothing left to tell, that something was lost is still told."""
    log = EventLog(1)

    assert {"type": "events", "list": [], "partial": True} == json.loads(str(log.message_since(0, SEATS[0], True)))
    assert log.message_since(0, SEATS[0], False) is None
