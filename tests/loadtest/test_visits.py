"""Real load tests in stages, with clients that come and go, talk, drop and resume; and what they leave behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from loadtest.stages import Stages
from tests.server_process import ROOT, ServerProcess

TIMEOUT_S = 90
STAGES = "0:0,2:24,6:24,8:6"

SCENARIO = """
from loadtest.scenario import Behaviour, Scenario

async def work(bot):
    bot.command("dance", {"with": "nobody"})
    raise RuntimeError("no music")

SCENARIO = Scenario(behaviours=[
    Behaviour("regular", weight=2),
    Behaviour("visitor", stay_s=(0.6, 1.2), pause_s=0.1),
    Behaviour("commuter", drop_every_s=(0.6, 1.2), away_s=(0, 0.4)),
    Behaviour("talker", chat_every_s=(1.2, 1.5)),
    Behaviour("worker", script=work, net="delay:20"),
])
"""


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], str, str]]:
    """One run in two processes against one server: its report, its page and what it printed."""
    folder = tmp_path_factory.mktemp("visits")
    scenario, report, page = folder / "mine.py", folder / "report.json", folder / "report.html"
    scenario.write_text(SCENARIO)
    server = ServerProcess(folder, ("--games", "swarm"), {})
    try:
        server.wait_until_ready()
        run = subprocess.run(
            [
                sys.executable, "-m", "loadtest", "--game", "swarm", "--scenario", str(scenario), "--rooms", "4",
                "--stages", STAGES, "--processes", "2", "--json", str(report), "--html", str(page),
                "--url", f"ws://127.0.0.1:{server.port}/ws", "--threshold", "joins>=24",
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert 0 == run.returncode, run.stdout
        yield json.loads(report.read_text()), page.read_text(), run.stdout
        assert 0 == server.stop(), server.log
    finally:
        server.kill()


def test_the_stages_are_followed(visits: tuple[dict[str, Any], str, str]) -> None:
    """Each second both processes together want what the stages say, and as many are there, but for who is between."""
    report, _, output = visits
    stages = Stages.parse(STAGES)

    for point in report["timeline"]:
        assert abs(stages.at(point["end_s"]) - point["wanted"]) <= 3, point  # places are opened every 20 ms
    full = [point for point in report["timeline"] if 3 <= point["end_s"] <= 6]
    assert len(full) >= 3
    # A third is mostly there: a visitor pauses, a commuter is away.
    assert all(14 <= point["players"] <= 24 for point in full), output
    assert report["figures"]["connected"] >= 16
    assert 24 == report["figures"]["clients"]


def test_clients_come_and_go(visits: tuple[dict[str, Any], str, str]) -> None:
    """Visitors leave their places and others take them: more join than there are places, more leave than are closed."""
    named = visits[0]["figures"]

    assert named["joins"] > 24 + 4
    assert named["leaves"] > 18 + 4  # 18 places are closed by the stages
    assert 0 < named["join_p50"] < 5000
    assert 4 <= named["rooms"]


def test_dropped_clients_resume_their_seats(visits: tuple[dict[str, Any], str, str]) -> None:
    """The four commuters lose their connections again and again, and get the same seats."""
    report = visits[0]
    named = report["figures"]

    assert named["drops"] >= 8
    assert named["drops"] - 4 <= named["resumes"] <= named["drops"]  # some are away at the end
    assert 0 < named["resume_p50"] < 5000
    assert {} == report["closes"]


def test_talkers_hear_themselves(visits: tuple[dict[str, Any], str, str]) -> None:
    """What is said comes back as an event, and the time it took is measured."""
    named = visits[0]["figures"]

    assert named["events"] > 0
    assert 0 < named["chat_p50"] < 5000


def test_errors_are_counted_by_kind(visits: tuple[dict[str, Any], str, str]) -> None:
    """What the server refuses and what a script raises is told by kind; nothing else goes wrong."""
    report, _, output = visits

    assert {"error: bad_command", "script: RuntimeError: no music"} == set(report["errors"]), output
    assert "script: RuntimeError: no music" in output


def test_the_servers_own_figures_stand_beside_the_clients(visits: tuple[dict[str, Any], str, str]) -> None:
    """Tick time and CPU are read from the server's metrics each second, on the run's time axis."""
    report, _, output = visits

    assert report["server_problem"] is None
    points = report["server_timeline"]
    assert len(points) >= 4
    assert all(0 <= point["at_s"] <= 15 and point["cpu"] >= 0 for point in points)
    assert any(point["tick_p99_ms"] for point in points)
    assert 0 < report["figures"]["server_tick_mean"] < 50
    assert "server: " in output


def test_the_page_stands_alone(visits: tuple[dict[str, Any], str, str]) -> None:
    """The page names nothing to fetch, by any scheme, and forbids it."""
    _, page, _ = visits

    for word in ("src=", "href=", "http://", "https://", "@import", "url(", "<link", "fetch("):
        assert word not in page.replace('http-equiv="', ""), word
    assert "default-src 'none'" in page
    assert page.count("<figure") >= 8
