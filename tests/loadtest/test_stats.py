"""What a load test counts, the figures made of it, thresholds on them, and the exit code."""

import attrs
import pytest

from loadtest.__main__ import ExitCode, exit_code_of
from loadtest.options import Options, parse_options
from loadtest.stats import FIGURES, Samples, Stats, figures, generator_limits
from loadtest.thresholds import Threshold


def stats_of(clients: int, ack_ms: list[int], rate: float) -> Stats:
    stats = Stats(clients=clients, connected=clients, rooms={f"room-{clients}"})
    stats.samples = Samples(
        frames=int(clients * rate * 10),
        frame_bytes=480 * clients,
        client_s=clients * 10.0,
        slowest_rate=rate,
        wall_s=10.0,
        cpu_s=5.0,
    )
    for value in ack_ms:
        stats.samples.ack.record(value * 1000)
    return stats


def options_with(*thresholds: str) -> Options:
    arguments = [word for text in thresholds for word in ("--threshold", text)]
    return parse_options(["--game", "swarm", *arguments])


def test_merged_shares_give_the_figures_of_the_whole() -> None:
    """Statistics of two processes add up: counts by sum, times by the longest, the slowest by the least."""
    whole, other = stats_of(3, [10, 20], 20.0), stats_of(1, [30], 10.0)
    other.errors["connect: timeout"] = 2

    whole.merge(other)

    named = figures(whole)
    assert 4 == named["clients"]
    assert 2 == named["rooms"]
    assert 17.5 == named["frames_per_s"]
    assert 10.0 == named["frames_per_s_min"]
    assert 20.0 == named["ack_mean"]
    assert 30.0 == named["ack_max"]
    assert 2 == named["errors"]
    assert 0.5 == named["generator_cpu"]  # of a core each, over two processes


def test_nothing_measured_gives_figures_and_no_division_by_zero() -> None:
    """A run in which nothing happened still has every figure, as 0."""
    assert {0.0} == set(figures(Stats()).values())


def test_every_sample_is_merged() -> None:
    """No field of Samples is forgotten by `merge`."""
    one, other = Samples(), Samples()
    for attribute in attrs.fields(Samples):
        value = getattr(other, attribute.name)
        if hasattr(value, "record"):
            value.record(7)
        else:
            setattr(other, attribute.name, 7)

    one.merge(other)

    for attribute in attrs.fields(Samples):
        value = getattr(one, attribute.name)
        assert 7 == (value.sum if hasattr(value, "record") else value), attribute.name


@pytest.mark.parametrize(
    ("text", "is_met"),
    [
        ("ack_p99<100", True),
        ("ack_mean <= 20", True),
        ("ack_mean<20", False),
        ("errors>0", False),
        ("clients>=3", True),
    ],
)
def test_a_threshold_is_met_or_not(text: str, is_met: bool) -> None:
    """A threshold compares one named figure with a bound, in the way it says."""
    assert is_met == Threshold.parse(text).is_met(figures(stats_of(3, [10, 30], 20.0)))


def test_every_figure_can_be_a_threshold() -> None:
    """What the report names, a threshold may name."""
    assert list(FIGURES) == [Threshold.parse(f"{name}<1").name for name in FIGURES]


def test_exit_codes() -> None:
    """Aborted comes before error, error before a failed threshold; otherwise the run passed."""
    good = stats_of(3, [10], 20.0)
    assert ExitCode.PASS == exit_code_of(options_with("ack_p99<50"), good)
    assert ExitCode.THRESHOLD == exit_code_of(options_with("ack_p99<50", "frames_per_s>21"), good)
    assert ExitCode.ERROR == exit_code_of(options_with("ack_p99<50"), Stats(clients=3))
    assert ExitCode.ABORTED == exit_code_of(options_with(), Stats(clients=3, is_aborted=True))


def test_a_generator_at_its_limit_says_so() -> None:
    """A busy core and late timers are each named as a limit of the generator; a quiet one is not."""
    stats = stats_of(3, [10], 20.0)
    assert [] == generator_limits(figures(stats))

    stats.samples.cpu_s = 9.9
    stats.samples.lag.record(40_000)

    assert ["it used 99% of a core", "its timers ran 40 ms late (p99)"] == generator_limits(figures(stats))
