"""Whole ticks of swarm over real sockets in one process, with the compiled wires and without.

    python -m tests.bench.micro.wires

Two rows: 50 rooms of 10 and one room of 500, each client with one input a tick. CPU time of the server's part alone in
us a client-tick, the least of the ticks, which is what the code costs when nothing else is in the caches: reading,
rules, capture, encoding and sending, without the event loop. `wires` is reading and sending alone, in C; what lies
between that and the whole is Python.
"""

import argparse
import asyncio
import gc
import subprocess
import sys
import time
from typing import Any

TICKS = 100
SHAPES = ((50, 10), (1, 500))


def main() -> None:
    """Print the rows of this process, or of one with the compiled part and one without."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.micro.wires", description=__doc__.split("\n")[0])
    parser.add_argument("--this", choices=("c", "python"), help="measure one of the two in this process")
    this = parser.parse_args().this
    if this is None:
        for which in ("c", "python"):
            subprocess.run([sys.executable, "-m", "tests.bench.micro.wires", "--this", which], check=True)
        return
    if this == "python":
        sys.modules["game_server_wire"] = None  # type: ignore[assignment]  # as if it had not been built
    for rooms, clients in SHAPES:
        asyncio.run(measure(rooms, clients))


async def measure(rooms: int, clients: int) -> None:
    """Print the row of one shape."""
    from game_server.web.wire import IS_NATIVE, receive_all, send_all

    from .worlds import Crowd

    crowd = Crowd(rooms, clients)
    gc.collect()
    gc.freeze()
    whole = least(crowd, crowd.tick)
    line = f"{'c' if IS_NATIVE else 'python':7} {rooms:3} x {clients:3}   whole {whole:5.2f}"
    if IS_NATIVE:
        frame = b"\x82\x2e" + bytes(46)

        def wires() -> None:
            for connections in crowd.connections:
                receive_all(connections, 4096)
                send_all(connections, [frame] * clients)

        line += f"   wires {least(crowd, wires):5.2f}"
    print(line, flush=True)
    crowd.close()


def least(crowd: Any, step: Any) -> float:
    """Return the least CPU time of a step in us a client-tick."""
    costs = []
    for _ in range(TICKS):
        crowd.send_inputs()
        before_ns = time.thread_time_ns()
        step()
        costs.append(time.thread_time_ns() - before_ns)
        crowd.read_states()
    return min(costs) / 1000 / crowd.count


if __name__ == "__main__":
    main()
