"""Where a server's memory goes: `python -m tests.bench.micro.memory`.

Prints what each package adds to the resident set as it is imported, in a process of its own; then what an empty server
holds, and what a room and a connection add, from 100 rooms with one player each and 100 with ten, all playing swarm
(the load generator and C compiler of `make bench`; Linux).
"""

import subprocess
import sys

from tests.bench.__main__ import why_not_here
from tests.bench.comparison import OURS
from tests.bench.folders import BUILD
from tests.bench.rows import Machine, loaded
from tests.bench.run import standard_peers
from tests.bench.workloads import Timing, Workload

PACKAGES = """asyncio ssl attrs ujson cattrs typed_settings numpy structlog prometheus_client tornado.web
    game_server.core.room game_server.web.app game_server.__main__""".split()
#: those that are imported only where they are used
LATER = ["jwt", "redis.asyncio"]
PROGRAM = """
import os, sys, time
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
print("python", resident(), 0)
for name in sys.argv[1:]:
    before, began_s = resident(), time.process_time()
    __import__(name)
    print(name, resident() - before, 1000 * (time.process_time() - began_s))
"""
ROOMS, SEATS = 100, 10


def print_imports() -> None:
    """Print what each package adds, in this order."""
    for names in (PACKAGES, ["game_server.__main__", *LATER]):
        done = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            name, mib, took_ms = line.split()
            print(f"  {name:24} {float(mib):5.1f} MiB {float(took_ms):5.0f} ms")
        print()


def print_server(machine: Machine) -> None:
    """Print what an empty server holds, and what rooms and connections add."""
    peer = next(peer for peer in standard_peers() if peer.name == OURS)
    grown, empty = {}, 0
    for seats in (1, SEATS):
        with loaded(peer, Workload(ROOMS, seats), machine) as load:
            empty = load.memory_before
            grown[seats] = load.window().memory_a_connection_bytes * ROOMS * seats
    connection = (grown[SEATS] - grown[1]) / (ROOMS * (SEATS - 1))
    print(f"empty {empty / 2**20:.1f} MiB; {ROOMS} rooms of {SEATS} {(empty + grown[SEATS]) / 2**20:.1f} MiB")
    print(f"a room {(grown[1] / ROOMS - connection) / 1024:.1f} KiB, a connection {connection / 1024:.1f} KiB")


def main() -> int:
    """Print all."""
    print_imports()
    machine = Machine(1, 0, 9291, Timing(warm_up_s=3.0, measure_s=2.0))
    complaint = why_not_here(machine)
    if complaint:
        print(complaint, file=sys.stderr)
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    print_server(machine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
