"""Figures of several processes put together: what adds up, what merges, what is as bad as the worst."""

import base64
import math
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from game_server.core.metrics import Histogram
from game_server.web.admin_fleet import GONE_SHOWN_S, SILENT_S, Fleet
from game_server.web.admin_mirror import Past
from game_server.web.admin_seconds import NAMES, TIMES, pack, times_of
from game_server.web.admin_together import CPU_ALL, PastTogether, together, verdict_of_all

VALUES = st.lists(st.integers(0, 2**39 - 1) | st.integers(0, 50_000), max_size=40)


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def packed(*values: int) -> bytes:
    return pack({name: histogram_of(list(values)) for name in NAMES})


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_tick_times_of_processes_are_those_of_one_that_had_all_ticks(parts: list[list[int]]) -> None:
    """Percentiles and the longest are the same as if one histogram had seen all values, whoever saw which."""
    whole = histogram_of([value for part in parts for value in part])
    times = times_of([packed(*part) for part in parts])

    assert set(TIMES) == set(times)
    for name, expected in (("p50", whole.percentile(50)), ("p99", whole.percentile(99)), ("max", whole.max)):
        assert (round(expected / 1000, 2) if whole.count else None) == times[f"tick_ms_{name}"]


def told(node: str, **more: Any) -> dict[str, Any]:
    """Return what a process tells of itself."""
    process = {"at_s": 10.0, "up_s": 10.0, "cpu_percent": 20.0, "loop_lag_ms": 1.0, "players": 3, "memory_bytes": 100}
    row = {
        "node": node,
        "process": process | more.pop("process", {}),
        "second": {"at_s": 10.0, "cpu_percent": 20.0, "joins_s": 1.0},
        "counters": {"joins": 5},
        "closes": {"kicked": 1},
        "connections_max": 100,
        "troubles": [],
        "crashes": [],
        "verdict": {"level": "good", "title": "Healthy", "reasons": []},
        "facts": {"draining": False, "log_level": "info"},
        "packed_now": base64.b64encode(packed(1000)).decode(),
        "packed_second": base64.b64encode(packed(1000)).decode(),
    }
    return row | more


def test_counts_add_up_and_the_busiest_core_counts() -> None:
    """Players, memory, counters and closes are sums; CPU and lag those of the worst; times of day are the first's."""
    busy = {"at_s": 99.0, "up_s": 99.0, "cpu_percent": 80.0, "loop_lag_ms": 7.0, "players": None}
    whole = together([told("a"), told("b", process=busy, closes={"idle": 2})], [], [])

    expected = {"players": 3, "memory_bytes": 200, "cpu_percent": 80.0, "loop_lag_ms": 7.0, CPU_ALL: 100.0}
    assert expected == {name: whole["process"][name] for name in expected}
    assert (10.0, 99.0) == (whole["process"]["at_s"], whole["process"]["up_s"])
    assert {"joins": 10} == whole["counters"]
    assert {"kicked": 1, "idle": 2} == whole["closes"]
    assert (2.0, 200) == (whole["second"]["joins_s"], whole["connections_max"])


def reason(level: str, text: str, room: str | None = None) -> dict[str, Any]:
    return {"level": level, "text": text, "room": room}


def test_the_verdict_is_the_worst_and_says_whose_it_is() -> None:
    """What all say is said once; what some say names them; who is silent or gone is a reason of its own."""
    verdicts: dict[str, Any] = {
        "a": {"reasons": [reason("strained", "Shutting down"), reason("strained", "Busy")]},
        "b": {"reasons": [reason("strained", "Shutting down"), reason("bad", "A heavy room", "b-1")]},
        "c": None,
    }
    verdict = verdict_of_all(verdicts, [], [])

    assert "bad" == verdict["level"]
    assert [("A heavy room", "b-1"), ("Shutting down (process a, b)", None), ("Busy (process a)", None)] == [
        (each["text"], each["room"]) for each in verdict["reasons"]
    ]
    del verdicts["c"]
    texts = [each["text"] for each in verdict_of_all(verdicts, ["x"], ["y"])["reasons"]]
    assert "Shutting down" in texts
    assert "Process x does not answer: its figures are missing" == texts[0]
    assert "Process y has died; another takes its place" in texts


def past(offset_s: float, seconds: list[float], players: float, packs: bool = True) -> Past:
    """Return the past of a process that has sampled itself at these times."""
    numbers: list[float | None] = [players] * len(seconds)
    columns = {"at_s": list(seconds), "players": numbers, "cpu_percent": numbers}
    return Past(offset_s, columns, [packed(1000) if packs else b"" for _ in seconds])  # type: ignore[arg-type]


def test_the_past_is_put_together_second_by_second() -> None:
    """A process that began later, or earlier than this one, counts in the seconds in which it was there; one that was
    late for a second is in it as in the one before."""
    chance = random.Random(1)
    mine = past(0.0, [second + chance.uniform(0, 0.3) for second in range(1, 7)], 1)
    elder = past(-100.0, [100.0 + second for second in range(-3, 7)], 10)
    child = past(4.0, [0.1, 2.1], 100)
    whole = PastTogether([mine, elder, child], 6.2)

    assert [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6] == [math.floor(at or 0) for at in whole.column("at_s")]
    assert [10, 10, 10, 10, 11, 11, 11, 111, 111, 111] == whole.column("players")
    assert [10, 10, 10, 10, 10, 10, 10, 100, 100, 100] == whole.column("cpu_percent")
    assert whole.column("players") == whole.column(CPU_ALL)
    *steps, times = whole.times()
    assert [None] == steps
    assert times is not None
    assert [1.0] * 10 == times["tick_ms_p50"]


def message(node_rooms: dict[str, Any], **more: Any) -> dict[str, Any]:
    row = {"type": "process", "started_at_s": 50.0, "is_full": False, "rooms": node_rooms, "gone": []}
    return {**row, "second": {}, "packed_second": "", **more}


def test_who_says_nothing_is_left_out_until_it_is_heard_again() -> None:
    """Its rooms leave the pages and come back whole, each told once; a process whose socket is gone has ended, and is
    told of for a while."""
    fleet = Fleet(started_at_s=20.0)
    fleet.mirror("b", 100.0).take(message({"b-1": {"taken": 1, "began_s": 5.0}}, is_full=True), 100.0)
    assert ({"b-1": {"taken": 1, "began_s": 35.0}}, []) == fleet.look(["b"], 100.0)
    assert ({}, []) == fleet.look(["b"], 101.0)
    late_s = 101.0 + SILENT_S
    assert ({}, ["b-1"]) == fleet.look(["b"], late_s)
    assert (["b"], []) == (fleet.silent, fleet.present)
    fleet.mirror("b", late_s).take(message({"b-1": {"taken": 2, "began_s": 5.0}}, is_full=True), late_s)
    assert {"b-1": {"taken": 2, "began_s": 35.0}} == fleet.look(["b"], late_s)[0] == fleet.rooms
    fleet.mirror("b", late_s).take(message({"b-2": {"taken": 1}}, is_full=True), late_s)
    changed, gone = fleet.look(["b"], late_s)
    assert ({"b-2": {"taken": 1}}, ["b-1"]) == (changed, gone)
    assert ({}, ["b-2"]) == fleet.look([], late_s)
    assert ["b"] == fleet.gone
    fleet.look([], late_s + GONE_SHOWN_S)
    assert [] == fleet.gone
