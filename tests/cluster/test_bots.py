"""The load test's bots against a service of two machines: they go where they are sent."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.redis_server import SKIPPED, find_redis
from tests.cluster.service import Players, play
from tests.cluster.test_machines import seated
from tests.server_process import ROOT, ServerProcess
from tests.system_packages import in_ci

pytestmark = pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)


def test_bots_go_where_they_are_sent(machines: Callable[..., list[ServerProcess]], tmp_path: Path) -> None:
    """All that begin at one machine get a seat, lose connections and resume wherever it is: nothing is an error."""
    services = machines()
    scenario, report = tmp_path / "mine.py", tmp_path / "report.json"
    scenario.write_text(
        "from loadtest.scenario import Behaviour, Scenario\n"
        'SCENARIO = Scenario(behaviours=[Behaviour("commuter", drop_every_s=(0.5, 1), away_s=(0, 0.2))])\n'
    )

    async def story() -> "subprocess.CompletedProcess[str]":
        async with Players(0) as players:
            # A room lacks one player, so the bots will fill it first: they begin where it is not.
            _, home = await seated(players, services[0].port, "join", game="swarm", options={"seats": 4})
            for _ in range(2):
                assert home == (await seated(players, home, "join", game="swarm", options={"seats": 4}))[1]
            away = next(service.port for service in services if service.port != home)
            return await asyncio.to_thread(run_bots, away, scenario, report)

    run = play(story())
    assert 0 == run.returncode, run.stdout
    found = json.loads(report.read_text())
    assert ({}, {}) == (found["errors"], found["closes"])
    assert 24 == found["figures"]["joins"]
    assert found["figures"]["resumes"] > 0
    assert found["figures"]["moves"] > 0


def run_bots(port: int, scenario: Path, report: Path) -> "subprocess.CompletedProcess[str]":
    """Run the load test against a machine."""
    return subprocess.run(
        [
            sys.executable, "-m", "loadtest", "--game", "swarm", "--scenario", str(scenario), "--rooms", "6",
            "--stages", "0:0,1:24,5:24", "--json", str(report), "--url", f"ws://127.0.0.1:{port}/ws",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip
