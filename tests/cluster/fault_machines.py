"""Machines of one service as real processes, which are killed, ended, stopped and started anew on the same port.

Knows processes and signals; knows nothing of players.
"""

import os
import signal
import time
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.redis_server import RedisServer
from tests.cluster.service import workers
from tests.server_process import SIGNS_OF_A_BUG, ServerProcess

GAME = "tests.cluster.fault_game"
START_S = 40.0
LEASE_S = 5.0
#: a player away for longer has left
SEAT_HOLD_S = 30.0


class Machine:
    """A supervisor and its workers, at a port of their own.

    Args:
        folder: for its files.
        port: of clients, and in what it announces.
        worker_count: how many.
        redis: the directory that all share.
    """

    def __init__(self, folder: Path, port: int, worker_count: int, redis: RedisServer) -> None:
        self.port, self.worker_count = port, worker_count
        self._folder, self._redis = folder, redis
        #: of its workers, as of the last look
        self.pids: dict[str, int] = {}
        self.stopped: set[int] = set()
        self.problems: list[str] = []
        #: something is being done to it
        self.is_in_trouble = False
        self._process = self._start()

    def _start(self) -> ServerProcess:
        flags = (
            *("--workers", str(self.worker_count), "--games", GAME, "--port", str(self.port)),
            *("--run-dir", str(self._folder / "run"), "--data-dir", str(self._folder / "data"), "--drain-s", "0.5"),
            *("--redis", self._redis.url, "--announce-url", f"ws://127.0.0.1:{self.port}/ws"),
            *("--redis-lease-s", f"{LEASE_S:g}", "--seat-hold-s", f"{SEAT_HOLD_S:g}", "--empty-room-s", "2"),
            *("--rooms-per-s", "1000", "--log-level", "error"),
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        return ServerProcess(self._folder, flags, {})

    def wait_until_whole(self) -> None:
        """Return once all workers are there and answer."""
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            found = workers_of(self._process) if self._process.url else {}
            if len(found) == self.worker_count:
                self.pids = dict(found)
                return
            if not self._process.running:
                raise RuntimeError(f"the machine at {self.port} has ended:\n{self._process.log}")
            time.sleep(0.05)
        raise RuntimeError(f"the machine at {self.port} is not whole:\n{self._process.log}")

    def kill_worker(self, which: int) -> str:
        """Kill one worker, which its supervisor starts anew; return its node."""
        node = sorted(self.pids)[which % len(self.pids)]
        os.kill(self.pids.pop(node), signal.SIGKILL)
        return node

    def kill(self) -> list[str]:
        """Kill all of it at once, as a machine dies; return its nodes."""
        nodes = list(self.pids)
        for pid in ((self._process.pid,) if self._process.running else ()) + tuple(self.pids.values()):
            end(pid)
        # A supervisor may have started one that nobody has looked at yet.
        for pid in workers_in(self._folder / "run"):
            end(pid)
        self._note_bugs()
        self._process.kill()
        self.pids = {}
        return nodes

    def terminate(self) -> list[str]:
        """Let it drain and end, as at a deploy; return its nodes."""
        nodes = list(self.pids)
        code = self._process.stop()
        if code != 0:
            self.problems.append(f"the machine at {self.port} ended with {code}:\n{self._process.log}")
        self._note_bugs()
        self.pids = {}
        return nodes

    def start_anew(self) -> None:
        """Start what was killed or ended."""
        self._process = self._start()

    def stop_worker(self, which: int) -> int:
        """Stop one worker as it stands; return its pid."""
        pid = self.pids[sorted(self.pids)[which % len(self.pids)]]
        os.kill(pid, signal.SIGSTOP)
        self.stopped.add(pid)
        return pid

    def go_on(self, pid: int) -> None:
        """Let a stopped worker go on, if it is still there."""
        self.stopped.discard(pid)
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def rooms(self) -> dict[str, int]:
        """Return its own public rooms and how many seats are taken in each; what it has heard of others' is older."""
        found = self._process.get_json("/api/rooms")["rooms"]
        return {room["room"]: room["seats_taken"] for room in found if not room["locked"] and "url" not in room}

    def _note_bugs(self) -> None:
        if any(sign in self._process.log for sign in SIGNS_OF_A_BUG):
            self.problems.append(f"the log of the machine at {self.port} tells of a bug:\n{self._process.log}")


def workers_of(process: ServerProcess) -> Mapping[str, int]:
    """Return the pids of a service's workers that are well, by node."""
    try:
        return {node: found["pid"] for node, found in workers(process).items() if found and found.get("ok")}
    except (urllib.error.URLError, KeyError, ValueError):
        return {}


def workers_in(run_dir: Path) -> list[int]:
    """Return the pids of processes that were started with a folder of their own as `run_dir`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.fsencode(f"--run-dir\0{run_dir}\0") in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def end(pid: int) -> None:
    """Kill a process that may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
