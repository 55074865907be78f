"""How many over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.stages import Stages

POINTS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=6).map(
    lambda points: [(0.0, 0.0), *((float(seconds), float(number)) for seconds, number in sorted(points)), (101.0, 1.0)]
)


def test_between_two_points_the_number_changes_evenly() -> None:
    """The stages of the documentation: up to 500 in 30 s, 500 until 60 s, none at 70 s."""
    stages = Stages.parse("0:0,30:500,60:500,70:0")

    assert [0, 250, 500, 500, 500, 250, 0, 0] == [stages.at(x) for x in (0, 15, 30, 45, 60, 65, 70, 80)]
    assert (70, 500) == (stages.length_s, stages.most)
    assert "0:0,30:500,60:500,70:0" == str(stages)


@given(POINTS, st.floats(0, 101))
def test_the_number_stays_between_its_neighbours(points: list[tuple[float, float]], seconds: float) -> None:
    """At any moment the number lies between the point before and the point after, and at a point it is that point's."""
    stages = Stages.of(points)
    before = [number for at_s, number in points if at_s <= seconds][-1]
    after = next((number for at_s, number in points if at_s >= seconds), points[-1][1])

    assert min(before, after) - 1e-9 <= stages.at(seconds) <= max(before, after) + 1e-9
    last_of_each = dict(points)
    assert last_of_each == {at_s: stages.at(at_s) for at_s in last_of_each}


def test_two_points_at_one_time_are_a_jump() -> None:
    """A population can come at once."""
    stages = Stages.parse("0:10,5:10,5:50,9:50")

    assert [10, 10, 50, 50] == [stages.at(x) for x in (0, 4.999, 5, 9)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "SECONDS:NUMBER"),
        ("30", "SECONDS:NUMBER"),
        ("0:0,ten:5", "SECONDS:NUMBER"),
        ("0:0,20:5,10:5", "ascend"),
        ("-1:0,20:5", "ascend"),
        ("0:0,nan:5", "ascend"),
        ("0:0,20:nan", "0 to 100000"),
        ("0:0,20:-5", "0 to 100000"),
        ("0:5", "later than 0"),
        ("0:0,20:0", "above 0"),
    ],
)
def test_bad_stages_are_refused_in_words(text: str, words: str) -> None:
    """What is wrong with stages is said, with what would be right."""
    with pytest.raises(ValueError, match=words):
        Stages.parse(text)
