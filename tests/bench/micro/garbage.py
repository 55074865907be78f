"""What garbage collection costs the ticks: `python -m tests.bench.micro.garbage`.

Runs 100 rooms of 10 players for 400 ticks each, without sockets, once with CPython's own settings and once with the
server's, each in a process of its own. Prints how often each generation was collected, the longest pause, the share of
the time, and what one full collection takes at the end. A pause is what a tick would have to wait.
"""

import gc
import subprocess
import sys
from time import process_time
from typing import Any

import ujson

from game_server.__main__ import quieten_garbage_collection

from .worlds import make_room

ROOMS, PLAYERS, TICKS = 100, 10, 400


def measure(is_quiet: bool) -> dict[str, Any]:
    """Run the rooms; return collections and longest pauses by generation, and what else is printed."""
    pauses_s: list[list[float]] = [[], [], []]
    began_s = 0.0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal began_s
        if phase == "start":
            began_s = process_time()
        else:
            pauses_s[info["generation"]].append(process_time() - began_s)

    if is_quiet:
        quieten_garbage_collection()
    ticks = [make_room(PLAYERS)[1] for _ in range(ROOMS)]
    gc.callbacks.append(note)
    started_s = process_time()
    for _ in range(TICKS):
        for tick in ticks:
            tick()
    spent_s = process_time() - started_s
    gc.callbacks.remove(note)
    full_s = process_time()
    gc.collect()
    full_s = process_time() - full_s
    return {
        "collections": [len(each) for each in pauses_s],
        "longest_ms": [1000 * max(each, default=0.0) for each in pauses_s],
        "share": sum(map(sum, pauses_s)) / spent_s,
        "full_ms": 1000 * full_s,
    }


def main() -> None:
    """Print a line for each setting."""
    print(f"{ROOMS} rooms of {PLAYERS}, {TICKS} ticks each; young, middle, old:")
    print(f"  {'':14} {'collections':>16} {'longest pause, ms':>20} {'share':>9} {'full, ms':>10}")
    for title in ("CPython's", "the server's"):
        command = [sys.executable, "-m", "tests.bench.micro.garbage", title]
        result = ujson.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
        longest = ", ".join(f"{pause:.2f}" for pause in result["longest_ms"])
        print(
            f"  {title:14} {result['collections']!s:>16} {longest:>20} {result['share']:9.2%} {result['full_ms']:10.1f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(ujson.dumps(measure(sys.argv[1] == "the server's")))
    else:
        main()
