"""The settings: one class, from flags, environment and file; contradictions are refused in one line."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from tornado.websocket import websocket_connect

from game_server.settings import BadSettings, Settings
from tests.conftest import StartServer
from tests.server_process import ROOT


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is not expected to start."""
    return subprocess.run(
        [sys.executable, "-m", "game_server", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "99999"], "port must be from 0 to 65535, not 99999"),
        (["--seat-hold-s", "-1"], "seat_hold_s must be 0 or more, not -1.0"),
        (["--rooms-max", "0"], "rooms_max must be above 0, not 0"),
        (["--log-level", "loud"], "log_level must be debug, info, warning or error, not 'loud'"),
        (["--transport", "pigeon"], "transport must be lean or tornado, not 'pigeon'"),
        (["--games", "chess"], "chess"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    """The line names the setting, the value and what would be right; the exit code says usage."""
    ended = run(tmp_path, *arguments)

    assert 2 == ended.returncode
    assert complaint in ended.stderr
    assert 1 == len(ended.stderr.strip().splitlines())


def test_an_unknown_flag_is_named(tmp_path: Path) -> None:
    """A slip of the finger does not start a server with other settings than meant."""
    ended = run(tmp_path, "--prt", "9000")

    assert 2 == ended.returncode
    assert ["game_server: unrecognized arguments: --prt 9000; --help lists the options"] == ended.stderr.splitlines()


def test_help_lists_every_setting(tmp_path: Path) -> None:
    """Each with its default."""
    shown = run(tmp_path, "--help").stdout
    names: Any = attrs.fields(Settings)  # type: ignore[arg-type]

    assert [] == [each.name for each in names if f"--{each.name.replace('_', '-')}" not in shown]
    assert shown.count("[default:") >= len(names) - 1


def test_flags_go_before_environment_before_file(tmp_path: Path, start_server: StartServer) -> None:
    """The nearer the word, the more it counts."""
    (tmp_path / "game-server.toml").write_text(
        '[game_server]\nseat_hold_s = 11.0\nchat_len_max = 111\nname_len_max = 7\ngames = ["swarm"]\n'
    )
    server = start_server(
        "--seat-hold-s", "33", env={"GAME_SERVER_SEAT_HOLD_S": "22", "GAME_SERVER_CHAT_LEN_MAX": "99"}
    )

    assert ["swarm"] == [game["name"] for game in server.get_json("/api/games")]
    limits = welcome(server.port)
    assert (33, 99, 7) == (limits["seat_hold_s"], limits["limits"]["chat_len_max"], limits["limits"]["name_len_max"])


def welcome(port: int) -> dict[str, Any]:
    """Join by hand and return the welcome."""

    async def joined() -> dict[str, Any]:
        socket = await websocket_connect(f"ws://127.0.0.1:{port}/ws")
        await socket.write_message('{"type":"join","version":1,"game":"swarm"}')
        text = await socket.read_message()
        socket.close()
        while await socket.read_message() is not None:
            pass
        return dict(json.loads(text or "{}"))

    return asyncio.run(asyncio.wait_for(joined(), 20))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(start_server: StartServer, number: int) -> None:
    """Ctrl-C and SIGTERM end it with code 0 and no traceback."""
    assert 0 == start_server("--games", "swarm").stop(number)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path, start_server: StartServer) -> None:
    """Not a traceback."""
    server = start_server("--games", "swarm")
    ended = run(tmp_path, "--port", str(server.port))

    assert 2 == ended.returncode
    assert f"cannot listen on 127.0.0.1:{server.port}" in ended.stderr
    assert 1 == len(ended.stderr.strip().splitlines())


def test_settings_are_frozen() -> None:
    """Nobody changes a limit while the server runs."""
    settings = Settings()

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.port = 1


def test_relations_between_settings_are_checked() -> None:
    """A burst below the rate, a message that could not hold the longest chat."""
    for values, complaint in (
        ({"message_burst": 1.0}, "message_burst must be at least messages_per_s"),
        ({"message_bytes_max": 100}, "message_bytes_max must hold a chat message"),
        ({"drain_s": math.inf}, "drain_s must be a finite number, not inf"),
        ({"history_s": math.nan}, "history_s must be a finite number, not nan"),
        ({"allowed_origins": ["https://play.example.org/"]}, "allowed_origins are such as https://example.org"),
        ({"allowed_origins": ["*"]}, "allowed_origins are such as https://example.org"),
        ({"allowed_origins": ["play.example.org"]}, "allowed_origins are such as https://example.org"),
    ):
        with pytest.raises(BadSettings, match=complaint):
            Settings(**values)


def test_it_starts_at_once(start_server: StartServer) -> None:
    """Starting is fast enough to be done for every change; the bound leaves room for a machine that is busy."""
    before_s = time.monotonic()
    start_server()

    assert time.monotonic() - before_s < 10
