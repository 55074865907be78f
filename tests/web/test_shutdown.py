"""How a server ends, and how it does not: signals, draining, games that hang. With the program itself."""

import asyncio
import json
import signal
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.server_process import ServerProcess
from tests.web.game_site import SitePlayer
from tests.web.raw_client import RawClient

GAME = '''
import hashlib
import time
from game_server.game import Game, input, int8

@input
class Push:
    dx: int = int8()

class Trouble(Game):
    input = Push

    def start(self):
        if getattr(self.options, "is_broken", False):
            raise RuntimeError("broken from the start")

    def command(self, seat, name, data):
        getattr(self, name)()

    def draining(self, left_s):
        self.emit("hurry", left_s)

    def spin_for_ever(self):
        while True:
            try:
                time.monotonic()
            except Exception:
                pass

    def sleep_for_ever(self):
        time.sleep(3600)

    def hash_for_ever(self):
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

    def step(self, inputs):
        pass

class Short(Trouble):
    """Ends when it hears that the server does."""

    def draining(self, left_s):
        self.close_room("the last round is over")

GAME = Trouble
'''


@pytest.fixture
def trouble(start_server: StartServer, tmp_path: Path) -> Any:
    """Start a server with the games `trouble` and `short`."""
    (tmp_path / "trouble.py").write_text(GAME)
    (tmp_path / "short.py").write_text("from trouble import Short as GAME\n")

    def start(*args: str, crashes: bool = False) -> ServerProcess:
        return start_server("--games", "trouble", "--games", "short", *args, crashes=crashes)

    return start


async def join(server: ServerProcess, game: str = "trouble", **wish: Any) -> SitePlayer:
    player = SitePlayer(await RawClient.connect(server.port, "/ws", subprotocols=["game.v1.json"]))
    await player.send("join", version=1, game=game, name="Ann", **wish)
    player.welcome = await player.receive("welcome")
    return player


async def health(server: ServerProcess) -> int:
    """Return the status that /healthz answers with."""
    try:
        await asyncio.to_thread(server.get_json, "/healthz")
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200


async def ended(server: ServerProcess) -> None:
    while server.running:  # noqa: ASYNC110  # nobody signals it
        await asyncio.sleep(0.01)


@pytest.mark.gen_test
async def test_a_log_of_json_lines_holds_a_crash_whole(trouble: Any) -> None:
    """With `log_json` whatever is logged is one JSON object a line, a game's traceback within it."""
    server = trouble("--log-json", "--step-timeout-s", "0.5", crashes=True)
    victim = await join(server)
    await victim.send("command", name="spin_for_ever")
    assert 4013 == (await victim.closed())[0]
    victim.raw.close()
    assert 0 == await asyncio.to_thread(server.stop)
    told = server.log.splitlines()
    printed = [line for line in told if not line.startswith("{")]
    logged = [json.loads(line) for line in told if line.startswith("{")]
    assert all({"event", "level", "timestamp"} <= set(line) for line in logged)
    (crash,) = (line for line in logged if line["event"] == "room_crashed")
    assert ("error", "trouble") == (crash["level"], crash["game"])
    assert ", in spin_for_ever\n" in crash["exception"]
    assert not any("Traceback" in line or "room_crashed" in line for line in printed)


@pytest.mark.parametrize("act", ["spin_for_ever", "sleep_for_ever"])
@pytest.mark.gen_test
async def test_a_step_that_never_ends_loses_its_room_only(trouble: Any, act: str) -> None:
    """A game that hangs, whatever it catches, is interrupted; its room closes with 4013, its stack is logged."""
    server = trouble("--step-timeout-s", "0.5", crashes=True)
    bystander, victim = await join(server, create=True), await join(server, create=True)
    await victim.send("command", name=act)
    assert 4013 == (await victim.closed())[0]
    await bystander.send("chat", text="still here")
    assert "still here" == (await bystander.event("chat"))["text"]
    assert 200 == await health(server)
    assert "StepTimeout" in server.log
    assert f", in {act}\n" in server.log
    for player in (bystander, victim):
        player.raw.close()


@pytest.mark.gen_test
async def test_a_step_stuck_in_native_code_fails_the_health_check(trouble: Any) -> None:
    """Nobody can interrupt native code: /healthz answers no more, and the log says where it is stuck."""
    server = trouble("--step-timeout-s", "0.2", crashes=True)
    victim = await join(server)
    await victim.send("command", name="hash_for_ever")
    while "in hash_for_ever" not in server.log:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    probe = await RawClient.open(server.port)
    await probe.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(probe.rest(), 1.0)
    server.kill()
    for raw in (victim.raw, probe):
        raw.close()


@pytest.mark.gen_test
async def test_a_drain_counts_down_and_ends(trouble: Any) -> None:
    """SIGTERM: not ready, no new players; those who are here are told how long and may come back, then closed.

    Who has not said yet what for hears another code: the seat may be at another server, and is not lost.
    """
    server = trouble("--drain-s", "3")
    ann = await join(server)
    silent = SitePlayer(await RawClient.connect(server.port, "/ws", subprotocols=["game.v1.json"]))
    server.send_signal(signal.SIGTERM)
    assert 3 == (await ann.event("notice"))["left_s"]
    assert 503 == await health(server)
    assert {"ok": True} == await asyncio.to_thread(server.get_json, "/livez")
    late = SitePlayer(await RawClient.connect(server.port, "/ws", subprotocols=["game.v1.json"]))
    await late.send("join", version=1, game="trouble")
    assert (4016, "the server is shutting down") == await late.closed()
    ann.raw.reset()
    again = SitePlayer(await RawClient.connect(server.port, "/ws", subprotocols=["game.v1.json"]))
    await again.send("resume", version=1, token=ann.welcome["token"])
    left = [(await again.event("notice"))["left_s"] for _ in range(2)]
    assert left in ([2, 1], [3, 2])
    assert (4016, "the server shuts down") == await again.closed()
    assert (1001, "the server shuts down") == await silent.closed()
    for player in (late, again, silent):
        player.raw.close()
    await ended(server)
    assert 0 == server.stop()


@pytest.mark.gen_test
async def test_a_drain_ends_with_the_last_room(trouble: Any) -> None:
    """A game hears of the drain and may end its room in time; the server does not wait for more."""
    server = trouble("--drain-s", "3000")
    ann = await join(server, game="short")
    server.send_signal(signal.SIGTERM)
    assert (4016, "the last round is over") == await ann.closed()
    ann.raw.close()
    await ended(server)
    assert 0 == server.stop()


@pytest.mark.gen_test
async def test_a_second_signal_ends_it_at_once(trouble: Any) -> None:
    """Whoever asks twice does not wait."""
    server = trouble("--drain-s", "3000")
    ann = await join(server)
    server.send_signal(signal.SIGINT)
    assert 3000 == (await ann.event("hurry"))
    server.send_signal(signal.SIGINT)
    await ended(server)
    assert 1 == server.stop()
    ann.raw.close()
