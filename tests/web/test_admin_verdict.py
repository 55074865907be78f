"""The verdict: which figures make it say what."""

from typing import Any

import pytest

from game_server.web.admin_verdict import Signs, verdict_of

CALM = {"late_ms_p99": 1.0, "cpu_percent": 20.0, "loop_lag_ms": 2.0, "connections": 10}
ROOM = {"game": "swarm", "tick_rate": 20, "tick_ms_p50": 1.0, "budget_ms": 25.0, "over": 0, "over_phase": ""}
HEAVY = {"tick_ms_p50": 30.0, "over": 99, "over_phase": "step"}


def signs(rooms: dict[str, Any] | None = None, process: dict[str, Any] | None = None, **others: Any) -> Signs:
    return Signs(process=CALM | (process or {}), rooms=rooms or {"r1": ROOM}, connections_max=100, **others)


def test_calm_figures_are_good() -> None:
    """With nothing near a limit the verdict is good and gives no reason."""
    assert {"level": "good", "title": "Healthy", "reasons": []} == verdict_of(signs())


@pytest.mark.parametrize(
    ("given", "level", "part"),
    [
        (signs(is_late=True), "bad", "overdue"),
        (signs(ticks_dropped=1), "bad", "dropped"),
        (signs(process={"late_ms_p99": 20.0, "cpu_percent": 80.0}), "strained", "Ticks start late"),
        (signs(process={"late_ms_p99": 200.0, "cpu_percent": 80.0}), "bad", "very late"),
        (signs(process={"late_ms_p99": 200.0}), "bad", "something else keeps the machine busy"),
        (signs(process={"cpu_percent": 95.0}), "strained", "processor"),
        (signs(process={"loop_lag_ms": 150.0}), "strained", "stood still"),
        (signs(process={"connections": 95}), "strained", "Nearly all of 100 connections"),
        (signs(is_draining=True), "strained", "shutting down"),
        (signs(crash_game="arena", crash_ago_s=5.0), "bad", "A room of arena crashed"),
        (signs(crash_game="arena", crash_ago_s=300.0), "strained", "A room of arena crashed"),
        (signs(resyncs=1), "strained", "disagreed with its checksum"),
        (signs(rooms={"r1": ROOM | HEAVY}), "strained", "more than its budget, mostly in step"),
        (signs(rooms={"r1": ROOM | HEAVY | {"tick_ms_p50": 48.0}}), "bad", "more than all its time, mostly in step"),
        (signs(rooms={"r1": ROOM | {"over": 2, "over_phase": "send"}}), "strained", "over its budget, mostly in send"),
    ],
)
def test_each_sign_of_trouble_is_named(given: Signs, level: str, part: str) -> None:
    """What is wrong sets the level and is said in words."""
    verdict = verdict_of(given)

    assert (level, 1) == (verdict["level"], len(verdict["reasons"]))
    assert part in verdict["reasons"][0]["text"]


def test_an_old_crash_is_forgiven() -> None:
    """A crash is no reason for ever."""
    assert "good" == verdict_of(signs(crash_game="arena", crash_ago_s=3600.0))["level"]


def test_a_room_that_has_not_ticked_is_no_trouble() -> None:
    """Missing figures are not large ones."""
    quiet = ROOM | {"tick_ms_p50": None, "budget_ms": None}

    assert "good" == verdict_of(signs(rooms={"r1": quiet}))["level"]


def test_one_slow_tick_is_forgiven() -> None:
    """A single tick over the budget may be the machine's fault."""
    assert "good" == verdict_of(signs(rooms={"r1": ROOM | {"over": 1, "over_phase": "step"}}))["level"]


def test_the_worst_comes_first_and_the_heaviest_rooms_are_named() -> None:
    """Reasons stand in order of gravity; of many heavy rooms only the heaviest are told, each to be looked into."""
    rooms = {f"r{n}": ROOM | HEAVY | {"tick_ms_p50": 30.0 + n} for n in range(10)}
    verdict = verdict_of(signs(rooms=rooms, ticks_dropped=3))

    assert ["bad", "strained", "strained", "strained"] == [reason["level"] for reason in verdict["reasons"]]
    assert [None, "r9", "r8", "r7"] == [reason["room"] for reason in verdict["reasons"]]
