"""Which populations a search for the limit tries."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.find_limit import PRECISION, Search


def search_until_over(search: Search, limit: int) -> list[int]:
    tried = []
    while (clients := search.next()) is not None:
        tried.append(clients)
        search.note(clients, clients <= limit)
    return tried


@given(st.integers(0, 5000), st.integers(1, 500), st.integers(1, 5000))
def test_the_limit_is_found_within_the_precision(limit: int, start: int, most: int) -> None:
    """Whatever a server bears, the search ends after few tries next to it, and never goes beyond the most allowed."""
    search = Search(start, most)
    tried = search_until_over(search, limit)

    assert len(tried) <= 30
    assert max(tried) <= most
    assert search.held <= limit
    if search.broke is None:
        assert search.held == min(most, max(tried)) == most
    else:
        assert limit < search.broke <= max(search.held + 1, search.held / (1 - PRECISION) + 1)


def test_it_doubles_and_then_closes_in() -> None:
    """The example of the documentation."""
    assert [100, 200, 400, 800, 600, 700, 650] == search_until_over(Search(100, 10_000), limit=660)
