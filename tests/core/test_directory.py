"""Placing players among processes: rooms are filled, load is balanced, nothing is counted twice or for ever."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.directory import TICKET_S, Directory, Report, RoomFacts, Wish, node_of, report_of

WISH = Wish("arena", "{}", 4)


def facts(room: str, taken: int, **more: object) -> RoomFacts:
    """Return a public room of four seats."""
    values: dict[str, object] = {"game": "arena", "options": "{}", "seats": 4, "is_open": True, **more}
    return RoomFacts(room=room, taken=taken, **values)  # type: ignore[arg-type]


def placed(directory: Directory, wish: Wish = WISH, now_s: float = 0.0) -> str:
    """Return the node of a placement that must succeed."""
    placement = directory.place(wish, now_s)
    assert placement is not None
    return placement.node


@pytest.mark.parametrize(
    ("name", "node"), [("9a68-d3eff", "9a68"), ("9a68.T-o.ken", "9a68"), ("", ""), ("none", ""), ("../x-y", "")]
)
def test_names_carry_their_node(name: str, node: str) -> None:
    """A room id and a token say where they belong; anything else says nothing."""
    assert node == node_of(name)


def test_the_fullest_room_is_filled_first() -> None:
    """Players gather, whichever process the room is in."""
    directory = Directory()
    directory.report("a", Report(0.0, 1, rooms=(facts("a-1", 1),)))
    directory.report("b", Report(0.9, 3, rooms=(facts("b-1", 3),)))

    assert ["b", "a", "a", "a"] == [placed(directory) for _ in range(4)]


@pytest.mark.parametrize(
    "room",
    [facts("b-1", 4), facts("b-1", 3, is_open=False), facts("b-1", 3, game="x"), facts("b-1", 3, options='{"a":1}')],
)
def test_what_does_not_fit_is_left_alone(room: RoomFacts) -> None:
    """Full, private or locked rooms, other games and other options."""
    directory = Directory()
    directory.report("a", Report(0.0, 0))
    directory.report("b", Report(0.5, 3, rooms=(room,)))

    assert "a" == placed(directory)


def test_a_new_room_is_made_where_the_load_is_least() -> None:
    """Measured load decides, not the number of rooms."""
    directory = Directory()
    directory.report("a", Report(0.8, 1))
    directory.report("b", Report(0.1, 50, rooms=tuple(facts(f"b-{number}", 4) for number in range(9))))

    assert "b" == placed(directory)


@given(st.integers(1, 200), st.integers(1, 4), st.integers(1, 9))
def test_a_crowd_before_any_report_fills_rooms(crowd: int, nodes: int, seats: int) -> None:
    """A thousand who come at once, before any process could tell of its new rooms, are placed as many as fit together:
    no process has more than one room that is not full, and there is one such room in all."""
    directory = Directory()
    for number in range(nodes):
        directory.report(f"n{number}", Report(0.0, 0))
    counts: dict[str, int] = {}
    for _ in range(crowd):
        node = placed(directory, attrs.evolve(WISH, seats=seats))
        counts[node] = counts.get(node, 0) + 1

    assert 1 >= sum(1 for count in counts.values() if count % seats)
    assert max(counts.values()) - min(counts.get(f"n{number}", 0) for number in range(nodes)) <= seats


def test_a_ticket_is_dealt_with_once() -> None:
    """Who has arrived is in the report and counts no more as on its way."""
    directory = Directory()
    directory.report("a", Report(0.0, 0))
    tickets = [directory.place(WISH, 0.0) for _ in range(4)]
    done = tuple(ticket.ticket for ticket in tickets if ticket is not None)
    directory.report("a", Report(0.0, 4, rooms=(facts("a-1", 4),), done=done))
    directory.report("b", Report(0.5, 0))

    assert 0 == directory.tickets
    assert "a" == placed(directory)
    directory.report("a", Report(0.9, 4, rooms=(facts("a-1", 4),)))
    assert "a" == placed(directory)  # the room that the last placement opens there has seats
    assert 2 == directory.tickets


def test_what_is_never_heard_of_is_void() -> None:
    """A player who vanished on the way keeps no seat."""
    directory = Directory()
    directory.report("a", Report(0.0, 3, rooms=(facts("a-1", 3),)))
    placed(directory)
    directory.report("b", Report(0.0, 0))

    assert "b" == placed(directory)
    assert "a" == placed(directory, now_s=TICKET_S + 1)


def test_who_is_gone_gets_nobody() -> None:
    """Nor one that drains, nor one that could not be reached just now."""
    directory = Directory()
    for node in "abc":
        directory.report(node, Report(0.0, 0, is_draining=node == "b"))
    directory.forget("a")
    only = directory.place(WISH, 0.0)

    assert only is not None
    assert "c" == only.node
    assert directory.place(WISH, 0.0, but=["c"]) is None


@given(st.lists(st.builds(facts, st.text(max_size=5), st.integers(0, 9)), max_size=3), st.floats(0, 4))
def test_reports_travel(rooms: list[RoomFacts], load: float) -> None:
    """A report is the same after it went over the wire as an object of plain values."""
    report = Report(load, 3, False, tuple(rooms), (1, 2))

    assert report == report_of(attrs.asdict(report))
