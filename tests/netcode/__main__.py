"""Measure what the netcode makes of a bad network: `make netcode`, or python -m tests.netcode --help.

The real SDK plays the arena in a real room, under a virtual clock. Exit code 1 when a row does not hold.
"""

import argparse
import sys
import time

from game_server.core.conditions import Conditions

from .hits import missed, shots
from .run import Run
from .table import ROWS, shown, size

NETWORK = "delay:100,jitter:30,stall:300/10000"


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.netcode", description=__doc__)
    parser.add_argument("--net", default=NETWORK, type=Conditions.parse, help=f"network conditions; default {NETWORK}")
    parser.add_argument("--seconds", default=60.0, type=float, help="of game time; default 60")
    parser.add_argument("--bots", default=8, type=int, help="default 8")
    parser.add_argument(
        "--seeds", default=[1, 2, 3, 4, 5], type=int, nargs="+", help="one run for each; default 1 to 5"
    )
    asked = parser.parse_args()
    size_row = size()
    good = size_row.holds
    for seed in asked.seeds:
        started_s = time.perf_counter()
        record = Run(asked.net, asked.seconds, seed, asked.bots).play()
        rows = [row(record) for row in ROWS]
        good = good and all(row.holds for row in rows)
        took_s = time.perf_counter() - started_s
        print(f"seed {seed}: {asked.seconds:g} s of the arena with {asked.bots} bots, computed in {took_s:.1f} s")
        print(shown([*rows, size_row]))
    with_it, without = (
        missed(shots(asked.net, asked.seeds, asked.seconds, asked.bots, rewind_max_ms=bound)) for bound in (None, 0.0)
    )
    print(f"marksmen, {len(asked.seeds)} runs; without rewind {without.reached:.1f} % of {without.count} missed")
    print(shown([with_it]))
    return 0 if good and with_it.holds else 1


if __name__ == "__main__":
    sys.exit(main())
