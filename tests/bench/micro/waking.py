"""What it costs a tick that the process was asleep before: `python -m tests.bench.micro.waking`.

50 rooms of 10 run the same ticks, without sockets: one after the other; each after a millisecond of sleep, as rooms
that are spread over the period do; and all in a row after 50 ms of sleep, where the first room finds the processor's
caches as others left them. CPU time of the ticks alone, medians over the rounds.
"""

import gc
import statistics
from time import sleep, thread_time

from game_server.web.garbage import Collector

from .worlds import make_room

ROOMS, PLAYERS, ROUNDS = 50, 10, 40


def measure(gap_s: float, rest_s: float) -> list[float]:
    """Sleep for `rest_s` before each round and `gap_s` before each tick; return the us a client-tick of each room."""
    ticks = [make_room(PLAYERS)[1] for _ in range(ROOMS)]
    Collector()
    spent_us: list[list[float]] = [[] for _ in ticks]
    for round_number in range(2 * ROUNDS):
        sleep(rest_s)
        for tick, spent in zip(ticks, spent_us, strict=True):
            sleep(gap_s)
            began_s = thread_time()
            tick()
            if round_number >= ROUNDS:  # those before fill the rooms' history
                spent.append((thread_time() - began_s) * 1e6 / PLAYERS)
    gc.unfreeze()
    return [statistics.median(spent) for spent in spent_us]


def main() -> None:
    """Print a line for each way."""
    print(f"{ROOMS} rooms of {PLAYERS}, us a client-tick:")
    print(f"  one after the other             {statistics.median(measure(0.0, 0.0)):5.2f}")
    print(f"  each after 1 ms of sleep        {statistics.median(measure(0.001, 0.0)):5.2f}")
    first, second, *later = measure(0.0, 0.05)
    print(f"  in a row after 50 ms of sleep   {first:5.2f} the first, {second:.2f} the second, ", end="")
    print(f"{statistics.median(later):.2f} all others")


if __name__ == "__main__":
    main()
