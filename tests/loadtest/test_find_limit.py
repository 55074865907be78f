"""Which populations a search for the limit tries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.__main__ import ExitCode, exit_code_of_search
from loadtest.find_limit import PRECISION, Search, Step, make_search_report
from loadtest.options import parse_options
from loadtest.run import Result
from loadtest.server_watch import ServerWatch
from loadtest.stats import Samples, Stats


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


def step_of(clients: int, *failed: str, frames: int = 100) -> Step:
    stats = Stats(clients=clients, samples=Samples(frames=frames))
    options = parse_options(["--game", "swarm", "--clients", str(clients), "--find-limit", "--threshold", "errors<1"])
    return Step(Result(options, stats, ServerWatch(None)), failed)


@pytest.mark.parametrize(
    ("steps", "held", "broke", "code", "words"),
    [
        ([step_of(10), step_of(20, "errors < 1: 7")], 10, 20, ExitCode.PASS, "10 clients held; 20 broke errors < 1: 7"),
        ([step_of(10), step_of(20)], 20, None, ExitCode.PASS, "20 clients held; no more were tried (--clients-max)"),
        ([step_of(2, "errors < 1: 7"), step_of(1, "errors < 1: 3")], 0, 1, ExitCode.THRESHOLD, "no population held"),
        ([step_of(1, "nobody could play", frames=0)], 0, 1, ExitCode.ERROR, "no population held; 1 broke nobody"),
    ],
)
def test_what_a_search_says(steps: list[Step], held: int, broke: int | None, code: ExitCode, words: str) -> None:
    """A search passes when any population held, and says in words which did and what broke the next."""
    for step in steps:
        step.result.stats.errors["boom"] += len(step.failed)
    search = Search(steps[0].result.options.clients, most=20, held=held, broke=broke)

    assert code == exit_code_of_search(search, steps)
    report = make_search_report(search, steps, code)
    assert report["search"]["words"].startswith(words)
    assert held in (0, report["options"]["clients"])  # the details are those of the most that held


def test_it_doubles_and_then_closes_in() -> None:
    """The example of the documentation."""
    assert [100, 200, 400, 800, 600, 700, 650] == search_until_over(Search(100, 10_000), limit=660)
