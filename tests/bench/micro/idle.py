"""What a server costs that does nothing: `python -m tests.bench.micro.idle`.

Prints time and memory to its first answer; then the share of a core it takes, and how often it wakes up a second, while
nobody is there, and while 500 rooms sleep, whose only players dropped and have their seats held. CPU time is the
process' own, as the kernel counts it; a wake-up is a voluntary context switch of one of its threads.
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
SETTLE_S = 10.0  # until the last connection is closed and forgotten
FLAGS = ["--rooms-per-s", "5000", "--rooms-max", "5000", "--seat-hold-s", "600", "--log-level", "warning"]


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process' threads have taken, to the nanosecond (unlike /proc/PID/stat)."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def memory_mib(pid: int) -> float:
    """Return a process' resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def wakes(pid: int) -> tuple[int, int]:
    """Return how often the event loop's thread and all others have given up the processor by themselves."""
    loop, others = 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            words = (task / "status").read_text().partition("\nvoluntary_ctxt_switches:")[2].split()
        except OSError:
            continue  # it has just ended
        if task.name == str(pid):
            loop += int(words[0])
        else:
            others += int(words[0])
    return loop, others


def idling(pid: int) -> str:
    """Say what a process does in the window."""
    before_s, before = cpu_s(pid), wakes(pid)
    time.sleep(WINDOW_S)
    loop, others = ((now - then) / WINDOW_S for now, then in zip(wakes(pid), before, strict=True))
    share = (cpu_s(pid) - before_s) / WINDOW_S
    return f"{share:.2%} of a core; the event loop wakes {loop:.1f} times a second, other threads {others:.1f}"


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
    await asyncio.sleep(SETTLE_S)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.monotonic()
        server = ServerProcess(Path(folder), FLAGS, {})
        try:
            server.wait_until_ready()
            print(f"first answer after {time.monotonic() - started_s:.2f} s, {cpu_s(server.pid):.2f} s of CPU time")
            print(f"memory {memory_mib(server.pid):.1f} MiB")
            print(f"idle, nobody there: {idling(server.pid)}")
            asyncio.run(make_sleeping_rooms(server.port))
            assert server.get_json("/healthz")["rooms"] == ROOMS
            print(f"idle, {ROOMS} rooms asleep: {idling(server.pid)}; memory {memory_mib(server.pid):.1f} MiB")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
