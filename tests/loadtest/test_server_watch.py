"""The server's own figures, read from its metrics page."""

import pytest

from loadtest.server_watch import Reading, ServerWatch, point_between, server_figures

PAGE = """\
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total {cpu}
game_server_ticks_total 12345
game_server_tick_duration_seconds_bucket{{game="arena",le="0.001"}} {arena}
game_server_tick_duration_seconds_bucket{{game="arena",le="0.002"}} {arena}
game_server_tick_duration_seconds_bucket{{game="arena",le="+Inf"}} {arena}
game_server_tick_duration_seconds_count{{game="arena"}} {arena}
game_server_tick_duration_seconds_sum{{game="arena"}} 1
game_server_tick_duration_seconds_bucket{{game="swarm",le="0.001"}} 0
game_server_tick_duration_seconds_bucket{{game="swarm",le="0.002"}} {swarm}
game_server_tick_duration_seconds_bucket{{game="swarm",le="+Inf"}} {swarm}
game_server_tick_duration_seconds_count{{game="swarm"}} {swarm}
game_server_tick_duration_seconds_sum{{game="swarm"}} {swarm_s}
"""


def reading(at_s: float, cpu: float, arena: int, swarm: int, swarm_s: float) -> Reading:
    return Reading.parse(at_s, PAGE.format(cpu=cpu, arena=arena, swarm=swarm, swarm_s=swarm_s))


def test_a_point_is_what_happened_between_two_readings() -> None:
    """CPU is of the time between, ticks are those of all games since then, and a quantile lies evenly in its bucket."""
    point = point_between(reading(10, 5.0, 100, 0, 0.0), reading(12, 6.0, 100, 200, 0.3))

    assert 0.5 == point.cpu
    assert 1.5 == pytest.approx(point.tick_mean_ms)
    assert 1.5 == pytest.approx(point.tick_p50_ms)  # half of the way through 1 to 2 ms
    assert 1.99 == pytest.approx(point.tick_p99_ms)
    assert (None, None) == (point.memory_bytes, point.lateness_p99_ms)  # not on the page


def test_the_measured_time_is_told_from_the_last_reading_before_it() -> None:
    """What the warm-up cost is not part of the server's figures."""
    readings = [reading(0, 0.0, 0, 0, 0.0), reading(9, 9.0, 0, 90, 9.0), reading(19, 11.0, 0, 190, 9.2)]

    named = server_figures(readings, from_s=10)

    assert 0.2 == pytest.approx(named["server_cpu"])
    assert 2.0 == pytest.approx(named["server_tick_mean"])
    assert "server_memory_bytes" not in named


def test_without_a_second_reading_there_are_no_figures() -> None:
    """One reading says nothing of what happened."""
    assert {} == server_figures([reading(0, 0.0, 0, 0, 0.0)], from_s=0)
    assert {} == ServerWatch(None).figures(0)


def test_a_page_of_something_else_is_no_error_here() -> None:
    """Any text can stand where metrics were expected; it just has none of ours."""
    assert {} == dict(Reading.parse(0, "<html>not found</html>\nother_metric 3").values)


@pytest.mark.parametrize("line", ['process_cpu_seconds_total{game="', "process_cpu_seconds_total x"])
def test_broken_metrics_are_a_value_error(line: str) -> None:
    """What looks like ours and cannot be read is told as such, not taken for zero."""
    with pytest.raises(ValueError, match=r".+"):
        Reading.parse(0, line)
