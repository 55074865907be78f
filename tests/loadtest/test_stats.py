"""What a load test counts, the figures made of it, thresholds on them, and the exit code."""

import attrs
import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from loadtest.__main__ import ExitCode, exit_code_of
from loadtest.histogram import Histogram
from loadtest.options import parse_options
from loadtest.run import Result
from loadtest.server_watch import ServerWatch
from loadtest.stats import FIGURES, TIMES, Ledger, Samples, Slice, Stats, figures, generator_limits
from loadtest.thresholds import NAMES, Threshold


def second(start_s: float, clients: int, ack_ms: list[int], rate: float, is_measured: bool = True) -> Slice:
    part = Slice(start_s, start_s + 1.0, is_measured, players=clients, wanted=clients, rooms={f"room-{clients}"})
    part.samples = Samples(
        frames=int(clients * rate),
        frame_bytes=480 * clients,
        frames_due=clients * 20.0,
        client_s=float(clients),
        slowest_rate=rate,
        wall_s=1.0,
        cpu_s=0.5,
    )
    for value in ack_ms:
        part.samples.ack.record(value / 1000)
    return part


def result_of(stats: Stats, *thresholds: str) -> Result:
    arguments = [word for text in thresholds for word in ("--threshold", text)]
    return Result(parse_options(["--game", "swarm", *arguments]), stats, ServerWatch(None))


def stats_of(*parts: Slice) -> Stats:
    stats = Stats(clients=3)
    for part in parts:
        stats.add(part)
    return stats


def test_merged_shares_give_the_figures_of_the_whole() -> None:
    """Two processes' slices of one second add up: counts by sum, times by the longest, the slowest by the least."""
    whole, other = second(0, 3, [10, 20], 20.0), second(0, 1, [30], 10.0)
    other.errors["connect: timeout"] = 2
    whole.merge(other)

    stats = stats_of(whole)
    stats.processes = 2

    named = figures(stats)
    assert 4 == named["connected"]
    assert 2 == named["rooms"]
    assert 17.5 == named["frames_per_s"]
    assert 10.0 == named["frames_per_s_min"]
    assert 20.0 == named["ack_mean"]
    assert 30.0 == named["ack_max"]
    assert 2 == named["errors"]
    assert 0.5 == named["generator_cpu"]  # of a core each, over two processes


def test_seconds_add_up_to_the_run() -> None:
    """Of later slices the measured ones make the figures; errors count from the first moment on."""
    early = second(0, 3, [900], 20.0, is_measured=False)
    early.errors["connect: timeout"] = 1

    stats = stats_of(early, second(1, 3, [10], 20.0), second(2, 3, [30], 10.0))

    named = figures(stats)
    assert 2.0 == stats.samples.wall_s
    assert 15.0 == named["frames_per_s"]
    assert 0.75 == named["frames_share"]
    assert 30.0 == named["ack_max"]
    assert 1 == named["errors"]


def test_a_slice_travels_whole_between_processes() -> None:
    """What a worker writes as JSON is what the parent reads."""
    part = second(3.0, 5, [1, 20, 300], 19.5)
    part.errors["connect: timeout"] = 2
    part.closes["1006 abnormal"] = 1

    again = Slice.from_json(ujson.loads(ujson.dumps(part.as_json())))

    assert part.as_json() == again.as_json()
    assert part.samples.ack == again.samples.ack


def test_a_ledger_begins_anew_after_a_cut() -> None:
    """What was counted is handed over once."""
    ledger = Ledger()
    ledger.samples.drops += 1
    ledger.errors["connect: timeout"] += 1

    first = ledger.cut(Slice(0, 1, is_measured=True))
    later = ledger.cut(Slice(1, 2, is_measured=True))

    assert (1, 1) == (first.samples.drops, first.errors.total())
    assert (0, 0) == (later.samples.drops, later.errors.total())


def test_nothing_measured_gives_figures_and_no_division_by_zero() -> None:
    """A run in which nothing happened still has every figure, as 0."""
    assert {0.0} == set(figures(Stats()).values())


def test_every_sample_is_merged() -> None:
    """No field of Samples is forgotten by `merge`."""
    one, other = Samples(), Samples()
    for attribute in attrs.fields(Samples):
        value = getattr(other, attribute.name)
        if isinstance(value, Histogram):
            value.record(7e-6)
        else:
            setattr(other, attribute.name, 7)

    one.merge(other)

    for attribute in attrs.fields(Samples):
        value = getattr(one, attribute.name)
        assert 7 == (value.max_us if isinstance(value, Histogram) else value), attribute.name
    assert set(TIMES) == {name for name in TIMES if getattr(one, name).count == 1}


SECONDS = st.lists(st.floats(0, 5000), max_size=50)


@given(st.lists(SECONDS, min_size=1, max_size=5))
def test_merged_histograms_equal_one_big_one(shares: list[list[float]]) -> None:
    """However times are shared among processes and passed on as JSON, their histograms merge into that of the whole."""
    whole, merged = Histogram(), Histogram()
    for share in shares:
        part = Histogram()
        for seconds in share:
            part.record(seconds)
            whole.record(seconds)
        merged.merge(Histogram.from_json(ujson.loads(ujson.dumps(part.as_json()))))

    assert whole == merged
    assert sum(map(len, shares)) == merged.count
    assert [whole.percentile_ms(x) for x in (1, 50, 99, 100)] == [merged.percentile_ms(x) for x in (1, 50, 99, 100)]


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=50), st.sampled_from([1, 25, 50, 90, 99, 100]))
def test_a_percentile_is_right_within_one_part_in_128(times: list[float], percent: int) -> None:
    """A percentile is never below the true one, nor above it by more than a bucket's width."""
    histogram = Histogram()
    for seconds in times:
        histogram.record(seconds)

    ordered = sorted(int(seconds * 1e6) for seconds in times)
    true_us = ordered[max(-(-len(times) * percent // 100), 1) - 1]

    assert true_us / 1000 <= histogram.percentile_ms(percent) <= true_us / 1000 * (1 + 1 / 128) + 1e-9


@pytest.mark.parametrize(
    ("text", "is_met"),
    [
        ("ack_p99<100", True),
        ("ack_mean <= 20", True),
        ("ack_mean<20", False),
        ("errors>0", False),
        ("clients>=3", True),
        ("server_cpu<1", False),  # nobody measured it
    ],
)
def test_a_threshold_is_met_or_not(text: str, is_met: bool) -> None:
    """A threshold compares one named figure with a bound, in the way it says."""
    assert is_met == Threshold.parse(text).is_met(figures(stats_of(second(0, 3, [10, 30], 20.0))))


def test_every_figure_can_be_a_threshold() -> None:
    """What the report names, a threshold may name."""
    assert list(NAMES) == [Threshold.parse(f"{name}<1").name for name in NAMES]
    assert set(FIGURES) <= set(NAMES)


def test_exit_codes() -> None:
    """Aborted comes before error, error before a failed threshold; otherwise the run passed."""
    good = stats_of(second(0, 3, [10], 20.0))
    assert ExitCode.PASS == exit_code_of(result_of(good, "ack_p99<50"))
    assert ExitCode.THRESHOLD == exit_code_of(result_of(good, "ack_p99<50", "frames_per_s>21"))
    assert ExitCode.ERROR == exit_code_of(result_of(Stats(clients=3), "ack_p99<50"))
    assert ExitCode.ABORTED == exit_code_of(result_of(Stats(clients=3, is_aborted=True)))


def test_a_generator_at_its_limit_says_so() -> None:
    """A busy core and late timers are each named as a limit of the generator; a quiet one is not."""
    part = second(0, 3, [10], 20.0)
    assert [] == generator_limits(figures(stats_of(part)))

    part.samples.cpu_s = 0.99
    part.samples.lag.record(0.040)

    assert ["it used 99% of a core", "its timers ran 40 ms late (p99)"] == generator_limits(figures(stats_of(part)))
