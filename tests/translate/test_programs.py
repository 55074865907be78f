"""Programs of the accepted subset give the same results, to the last bit, in Python and, translated, in JavaScript."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Both
from .programs import draw_arguments, draw_program


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1))
def test_a_drawn_program_gives_the_same_results_in_both_languages(both: Both, seed: int) -> None:
    """A random program is accepted, and its results and changed fields agree bit for bit for random arguments."""
    random = Random(seed)
    source = draw_program(random)
    calls = [("rule", draw_arguments(random)) for _ in range(20)]
    for mine, theirs in both.run(source, calls):
        assert mine == theirs, source


def test_not_a_number_comes_out_of_min_and_max_as_in_python(both: Both) -> None:
    """min() and max() treat NaN as Python does, which depends on its place, and not as Math.min does."""
    source = (
        "def f(a: float) -> tuple[float, float, float, float]:\n"
        "    nan = a * 1e308 * 1e308 - a * 1e308 * 1e308\n"
        "    return min(nan, 1.0), min(1.0, nan), max(2.0, nan, 1.0), max(nan, 1.0)\n"
    )
    ((mine, theirs),) = both.run(source, [("f", [1.0])])
    assert mine == theirs
    assert ["nan", "3ff0000000000000", "4000000000000000", "nan"] == mine[0]
