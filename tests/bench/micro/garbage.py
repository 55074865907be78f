"""What garbage collection costs the ticks: `python -m tests.bench.micro.garbage`.

Runs 100 rooms of 10 players for 400 ticks each, without sockets, with CPython's own settings, with earlier and with
rarer collections, and as the server does (`web/garbage.py`), each in a process of its own. Prints how often each
generation was collected, the longest pause, the share of the time, and what one full collection takes at the end. A
pause is what a tick would have to wait. Then 4,000 rooms come and go, 20 a second: they are cycles, so what the process
has grown by is what waits for a collection.
"""

import gc
import os
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

import ujson

from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.games.swarm import Swarm, SwarmOptions
from game_server.web.garbage import Collector

from .worlds import make_room

ROOMS, PLAYERS, TICKS = 100, 10, 400
ROOMS_GONE, TICKS_BEFORE = 4000, 20
#: between two looks of the server's housekeeping
LOOK_TICKS, LOOK_ROOMS = 10, 10
#: CPython's thresholds, all but the first with the start frozen; None: the server's own way
SETTINGS = {"CPython's": (700, 10, 10), "earlier": (5_000, 10, 5), "rarer": (50_000, 20, 100), "the server's": None}


def resident_mib() -> float:
    """Return the resident memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def come_and_go(collector: Collector | None) -> float:
    """Let rooms be made, ticked and forgotten, as when they close; return by how many MiB the process has grown."""
    definition = GameDefinition.of("swarm", Swarm)
    before_mib = resident_mib()
    for number in range(ROOMS_GONE):
        room = Room(f"room-{number}", definition, SwarmOptions(seats=PLAYERS), 1, RoomLimits(), 0.0)
        for player in range(PLAYERS):
            room.join(f"p{player}", "token", object(), False, 0.0)
        for _ in range(TICKS_BEFORE):
            room.take_inputs()
            room.step()
            room.capture()
            room.outgoing()
        if collector:
            collector.note_room_closed()
            if number % LOOK_ROOMS == 0:
                collector.look(True)
    return resident_mib() - before_mib


def measure(thresholds: tuple[int, int, int] | None) -> dict[str, Any]:
    """Run the rooms; return collections and longest pauses by generation, and what else is printed."""
    pauses_s: list[list[float]] = [[], [], []]
    began_s = 0.0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal began_s
        if phase == "start":
            began_s = process_time()
        else:
            pauses_s[info["generation"]].append(process_time() - began_s)

    collector = None if thresholds else Collector()
    if thresholds:
        if thresholds != SETTINGS["CPython's"]:
            gc.collect()
            gc.freeze()
        gc.set_threshold(*thresholds)
    ticks = [make_room(PLAYERS)[1] for _ in range(ROOMS)]
    gc.callbacks.append(note)
    started_s = process_time()
    for number in range(TICKS):
        for tick in ticks:
            tick()
        if collector and number % LOOK_TICKS == 0:
            collector.look(True)
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
        "grown_mib": come_and_go(collector),
    }


def main() -> None:
    """Print a line for each setting."""
    print(f"{ROOMS} rooms of {PLAYERS}, {TICKS} ticks each; young, middle, old. Then {ROOMS_GONE} rooms came and went:")
    print(f"  {'':14} {'collections':>16} {'longest pause, ms':>20} {'share':>9} {'full, ms':>10} {'grown, MiB':>12}")
    for title in SETTINGS:
        command = [sys.executable, "-m", "tests.bench.micro.garbage", title]
        result = ujson.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
        longest = ", ".join(f"{pause:.2f}" for pause in result["longest_ms"])
        print(
            f"  {title:14} {result['collections']!s:>16} {longest:>20} {result['share']:9.2%} "
            f"{result['full_ms']:10.1f} {result['grown_mib']:12.1f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(ujson.dumps(measure(SETTINGS[sys.argv[1]])))
    else:
        main()
