"""A room that takes longer than it may is named, with the phase that takes the time."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.websocket import websocket_connect

from game_server.core.definition import GameDefinition
from game_server.game import Game, input, int8
from game_server.settings import Settings
from game_server.web.app import make_app
from game_server.web.games import LoadedGame
from game_server.web.hub import Hub

STEP_S = 0.03


@input
class Nothing:
    dx: int = int8()


class Heavy(Game):
    """Its step takes STEP_S."""

    tick_rate, input = 20, Nothing

    def step(self, inputs: dict[Any, Any]) -> None:
        time.sleep(STEP_S)


async def play(tmp_path: Path, budget_ms: float) -> tuple[Hub, list[Any]]:
    """Play until a few ticks were told; return the hub and the log."""
    values: dict[str, Any] = {"data_dir": tmp_path, "tick_budget_ms": budget_ms}
    settings = Settings(**values)
    hub = Hub(settings, {"heavy": LoadedGame(GameDefinition.of("heavy", Heavy), None, None)})
    server, sockets = HTTPServer(make_app(hub, settings, "secret")), bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    with structlog.testing.capture_logs() as lines:
        socket = await websocket_connect(f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/ws")
        await socket.write_message(json.dumps({"type": "join", "version": 1, "game": "heavy", "name": "Ann"}))
        for _ in range(5):
            assert await socket.read_message()
    hub.stop()
    server.stop()
    socket.close()
    await asyncio.sleep(0)
    await server.close_all_connections()
    return hub, [line for line in lines if line["event"] == "tick_over_budget"]


@pytest.mark.gen_test
async def test_a_room_over_its_budget_is_named_with_the_phase(tmp_path: Path) -> None:
    """The log names room and phase, once for many such ticks; every one of them is counted."""
    hub, lines = await play(tmp_path, budget_ms=5.0)
    (room_id, timings), *_ = hub.ticker.room_timings.items()

    assert [(room_id, "heavy", "step", 5.0)] == [
        (line["room"], line["game"], line["phase"], line["budget_ms"]) for line in lines
    ]
    assert timings.over_budget >= 3
    assert timings.over_budget == hub.ticker.timings["heavy"].over_budget["step"]
    assert timings.over_us >= STEP_S * 1e6


@pytest.mark.gen_test
async def test_within_the_budget_nobody_is_named(tmp_path: Path) -> None:
    """The same room is no trouble when it may take so long."""
    hub, lines = await play(tmp_path, budget_ms=60_000.0)

    assert ([], 0) == (lines, sum(hub.ticker.timings["heavy"].over_budget.values()))
