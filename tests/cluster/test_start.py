"""How a service of several processes starts, or says why it cannot; and that one that never started leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from game_server.cluster.supervisor import Supervisor
from game_server.settings import Settings
from tests.server_process import ROOT

WAIT_S = 30.0
#: a game whose import takes for ever, and says which process waits for it
SLOW = """
import os, pathlib, time
(pathlib.Path(__file__).parent / f"{os.getpid()}.pid").touch()
time.sleep(3600)
"""


def begin(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a service of two workers."""
    return subprocess.Popen(
        [sys.executable, "-m", "game_server", "--workers", "2", "--port", "0", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something that processes bring about is so."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_settings_that_no_worker_can_start_with_end_the_service(tmp_path: Path) -> None:
    """What is wrong is said, and the exit code says usage, as with a single process: nothing is tried for ever."""
    with begin(tmp_path, "--games", "chess") as service:
        try:
            _, said = service.communicate(timeout=WAIT_S)
        finally:
            service.kill()

    assert 2 == service.returncode
    assert "no game 'chess'" in said
    assert "game_server: a worker cannot start with these settings" == said.strip().splitlines()[-1]
    assert "Traceback" not in said


def test_a_service_that_is_stopped_while_it_starts_leaves_no_process(tmp_path: Path) -> None:
    """Workers that are not up yet hear no call to drain: they are ended."""
    (tmp_path / "slow.py").write_text(SLOW)
    with begin(tmp_path, "--games", "slow") as service:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        workers = [int(path.stem) for path in tmp_path.glob("*.pid")]
        service.send_signal(signal.SIGTERM)
        try:
            wait_for(lambda: not any(map(runs, workers)))
        finally:
            for worker in filter(runs, workers):
                os.kill(worker, signal.SIGKILL)

    assert 0 == service.returncode


@pytest.mark.gen_test
async def test_a_process_that_could_not_be_made_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without memory for another process the service goes on, and has all its workers when there is some."""
    make, calls = asyncio.create_subprocess_exec, list[str]()

    async def fail_at_first(*arguments: str, **more: object) -> asyncio.subprocess.Process:
        calls.append(arguments[0])
        if len(calls) == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await make(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("asyncio.create_subprocess_exec", fail_at_first)
    arguments = ["--games", "swarm", "--port", "0", "--workers", "1", "--data-dir", str(tmp_path)]
    values: dict[str, Any] = {"port": 0, "run_dir": tmp_path / "run"}
    supervisor = Supervisor(Settings(**values), arguments, "hush", asyncio.Event())
    await asyncio.wait_for(supervisor.start(), WAIT_S)
    assert 2 == len(calls)
    await supervisor.drain()
