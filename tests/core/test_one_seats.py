"""One seat for each user over all processes: of all claims the highest stays, whoever is heard when."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from game_server.core.one_seats import Claim, OneSeats

NODES = ("a", "b", "c")
#: "take" a claim's turn to be told, "forget" everything, "gone": a process is forgotten
DEEDS = st.sampled_from(("take", "take", "take", "forget", "gone"))


def tell(seats: OneSeats, held: dict[str, Claim], node: str) -> None:
    """Have a process tell what it holds; who loses by it ends its own, as long as that is the lower one."""
    decided = seats.take("ann", held[node])
    if decided is not None:
        winner, loser = decided
        if held.get(loser.node, winner) < winner:
            del held[loser.node]


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.integers(0, 5)), min_size=1, max_size=6),
    st.lists(st.tuples(DEEDS, st.sampled_from(NODES)), max_size=20),
)
def test_the_highest_claim_stays_and_no_other(
    claims: Sequence[tuple[str, int]], deeds: Sequence[tuple[str, str]]
) -> None:
    """Whatever the directory forgets in between: never none, and one once all have told."""
    held: dict[str, Claim] = {}
    for node, number in claims:
        held[node] = max(held.get(node, Claim(-1, node)), Claim(number, node))
    highest = max(held.values())
    seats = OneSeats()
    for deed, node in [*deeds, *(("take", node) for node in (*NODES, *NODES))]:
        if deed == "forget":
            seats = OneSeats()
        elif deed == "gone":
            seats.forget(node)
        elif node in held:
            tell(seats, held, node)
        assert highest in held.values()

    assert {highest.node: highest} == held


@given(st.lists(st.integers(0, 10)))
def test_numbers_only_grow(clock: Sequence[int]) -> None:
    """Also while the clock stands or goes back."""
    seats = OneSeats()
    numbers = [seats.number(now_us) for now_us in clock]

    assert sorted(set(numbers)) == numbers


def test_only_what_is_held_is_given_up() -> None:
    """A claim that has ended frees the seat; one that a newer has replaced ends nobody's."""
    seats = OneSeats()
    seats.take("ann", Claim(1, "a"))
    seats.take("ann", Claim(2, "b"))
    seats.release("ann", Claim(1, "a"))
    assert Claim(2, "b") == seats.holder("ann")
    seats.release("ann", Claim(2, "b"))
    assert seats.holder("ann") is None
    assert seats.take("ann", Claim(1, "a")) is None
