"""What grew lately: histograms by difference, and columns of the last minutes, held against plain models."""

from hypothesis import given
from hypothesis import strategies as st

from game_server.core.metrics import Histogram
from game_server.web.admin_recent import COLUMNS_MAX, History, Recent

VALUES = st.lists(st.integers(0, 1 << 30), max_size=20)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(turns=st.lists(VALUES, min_size=1, max_size=6), parts=st.integers(1, 3))
def test_the_last_moments_are_what_they_took_in(turns: list[list[int]], parts: int) -> None:
    """A roll tells exactly what a histogram of only the last values would; the largest to the width of a bucket."""
    growing, recent, told = Histogram(), Recent(parts), Histogram()
    for values in turns:
        for value in values:
            growing.record(value)
        told = recent.roll(growing)
    latest = [value for values in turns[-parts:] for value in values]
    expected = filled(latest)

    assert (expected.count, expected.sum) == (told.count, told.sum)
    assert expected.max <= told.max <= expected.max * 17 // 16
    for percent in (50, 99):
        assert expected.percentile(percent) <= told.percentile(percent) <= expected.percentile(percent) * 17 // 16


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=40), st.integers(1, 12))
def test_a_column_holds_the_newest_samples_in_order(values: list[float | None], length: int) -> None:
    """Whatever was added, a column is the last of it, oldest first, with nothing where there was nothing."""
    history = History(["figure"], length)
    for value in values:
        history.add({"figure": value})

    assert values[-length:] == history.column("figure")


def test_a_figure_that_comes_late_was_zero_before() -> None:
    """A reason that occurs for the first time has a column as long as the others."""
    history = History(["a"], 3)
    history.add({"a": 1.0})
    history.add({"a": 2.0, "b": 5.0})

    assert ([1.0, 2.0], [0.0, 5.0]) == (history.column("a"), history.column("b"))


def test_memory_does_not_grow() -> None:
    """However many samples and names there are, columns keep their length and their number is bounded."""
    history = History(["a"], 4)
    for number in range(500):
        history.add({"a": 1.0, f"name {number}": 1.0})

    assert COLUMNS_MAX == len(history.names)
    assert {4} == {len(history.column(name)) for name in history.names}
