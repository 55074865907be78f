"""What a server costs that does nothing: `python -m tests.bench.micro.idle`.

Prints time and memory to its first answer; then the share of a core it takes while nobody is there, and while 500 rooms
sleep, whose only players dropped and have their seats held. CPU time is the process' own, as the kernel counts it.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

import tornado.websocket
import ujson

from tests.server_process import ServerProcess

ROOMS = 500
WINDOW_S = 8.0
FLAGS = ["--rooms-per-s", "5000", "--rooms-max", "5000", "--seat-hold-s", "600", "--log-level", "warning"]


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process' threads have taken, to the nanosecond (unlike /proc/PID/stat)."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def memory_mib(pid: int) -> float:
    """Return a process' resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def idle_share(pid: int) -> float:
    """Return the share of a core that a process takes in the window."""
    before = cpu_s(pid)
    time.sleep(WINDOW_S)
    return (cpu_s(pid) - before) / WINDOW_S


async def make_sleeping_rooms(port: int) -> None:
    """Create rooms and lose the connections to them."""
    join = {"type": "join", "version": 1, "game": "swarm", "create": True}
    sockets = []
    for number in range(ROOMS):
        socket = await tornado.websocket.websocket_connect(f"ws://127.0.0.1:{port}/ws")
        await socket.write_message(ujson.dumps({**join, "name": f"p{number}"}))
        answer = ujson.loads(await socket.read_message() or "{}")
        assert answer.get("type") == "welcome", answer
        sockets.append(socket)
    for socket in sockets:
        socket.close()
    await asyncio.sleep(3)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.monotonic()
        server = ServerProcess(Path(folder), FLAGS, {})
        try:
            server.wait_until_ready()
            print(f"first answer after {time.monotonic() - started_s:.2f} s, {cpu_s(server.pid):.2f} s of CPU time")
            print(f"memory {memory_mib(server.pid):.1f} MiB")
            print(f"idle, nobody there: {idle_share(server.pid):.2%} of a core")
            asyncio.run(make_sleeping_rooms(server.port))
            assert server.get_json("/healthz")["rooms"] == ROOMS
            memory = memory_mib(server.pid)
            print(f"idle, {ROOMS} rooms asleep: {idle_share(server.pid):.2%} of a core; memory {memory:.1f} MiB")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
