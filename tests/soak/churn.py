"""Joins, leaves, drops, resumes, rooms made and ended, for half an hour; then nothing must be left.

asked: after 30 minutes resident memory within 5 MiB of minute 3; file descriptors, tasks, rooms and seats exactly as
at the start.
"""

import asyncio
import tempfile
from pathlib import Path

from .rig import MIB, Others, Row, Server, at_most, exactly, running_server

SCENARIO = """
from loadtest.scenario import Behaviour, Scenario

SCENARIO = Scenario(
    game="swarm",
    behaviours=[
        Behaviour("visitor", weight=3, stay_s=(2, 15), pause_s=(0, 2), retry_s=1),
        Behaviour("commuter", weight=3, stay_s=(10, 40), drop_every_s=(1, 6), away_s=(0.1, 3), retry_s=1),
        Behaviour("vanishing", weight=1, stay_s=(5, 20), drop_every_s=(3, 8), away_s=(5, 8), retry_s=1),
        Behaviour("talker", weight=1, chat_every_s=(2, 5)),
    ],
)
"""
WARM_S = 180.0
WARM_SHARE = 0.1
#: what must be again as it was before anybody came
COUNTED = {
    "tasks": "game_server_tasks",
    "rooms": "game_server_rooms{game=swarm}",
    "seats": "game_server_players{game=swarm}",
    "connections": "game_server_connections",
}
SETTLE_S = 30
#: what becomes of those who vanish for longer than their seats are held
LATE = {"resume: closed", "4015 seat_gone"}


async def run(minutes: float, clients: int) -> list[Row]:
    """Run the rig and return its rows."""
    seconds = minutes * 60
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server("--games", "swarm", "--seat-hold-s", "4", "--empty-room-s", "1") as server,
    ):
        scenario = Path(folder) / "soak_scenario.py"
        scenario.write_text(SCENARIO)
        before = await _counted(server)
        visitors = Others(server, clients, seconds, "--scenario", str(scenario))
        await visitors.start()
        warm_s = min(WARM_S, seconds * WARM_SHARE)
        await asyncio.sleep(warm_s)
        warm = server.memory_bytes
        figures = await visitors.figures()
        end = server.memory_bytes
        left = await _settled(server, before)
        after = await server.metrics()
        told = ", ".join(f"{figures[name]:g} {name}" for name in ("joins", "leaves", "drops", "resumes"))
        return [
            Row("minutes", f"{minutes:g}", "30", minutes >= 30),
            Row("what happened", f"{told}, {after['game_server_rooms_created_total']:g} rooms", "", True),
            at_most("memory since minute 3", (end - warm) / MIB, 5, "MiB"),
            *(exactly(what, left[what], before[what]) for what in before),
            Row("troubles", str(visitors.troubles), "seats not claimed in time", set(visitors.troubles) <= LATE),
        ]


async def _counted(server: Server) -> dict[str, float]:
    """Return what must be as it was before anybody came."""
    metrics = await server.metrics()
    return {"file descriptors": server.descriptors, **{what: metrics[name] for what, name in COUNTED.items()}}


async def _settled(server: Server, wanted: dict[str, float]) -> dict[str, float]:
    """Return the counts once they are as wanted, or after a while: seats are held and rooms kept for some seconds."""
    counted = await _counted(server)
    for _ in range(SETTLE_S):
        if counted == wanted:
            break
        await asyncio.sleep(1)
        counted = await _counted(server)
    return counted
