"""What a budget of bytes does: 500 moving entities, 20 kB a second and seat, 20 s at 30 states a second.

    python -m tests.bench.micro_budget

Prints the worst second, how long the nearest and the farthest quarter and the slowest entity wait to be refreshed, and
what it costs. `tests/core/test_budget.py` asserts the bounds.
"""

import math
import statistics
from time import process_time

from game_server.web.memory import keep_freed_memory
from tests.core.test_budget import BUDGET_BYTES_PER_S, Crowd, Drone, worst_second
from tests.core.viewing import Client, make_room, run_tick, wired_ids

SECONDS = 20


def main() -> None:
    """Run and print."""
    keep_freed_memory()
    room = make_room(Crowd, checksum_s=1000.0)
    client = Client(room, is_json=False)
    waits: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    without_own, costs_ms = 0, []
    for tick in range(1, SECONDS * Crowd.tick_rate + 1):
        start = process_time()
        run_tick(room, [client])
        costs_ms.append((process_time() - start) * 1000)
        ids = wired_ids(client.read())
        without_own += not set(room.world.owned[0]) <= ids
        for entity_id in ids - {0}:
            waits.setdefault(entity_id, []).append(tick - last.get(entity_id, 0))
            last[entity_id] = tick
    own = room.world.get(next(iter(room.world.owned[0])))
    drones = [drone for drone in room.world.all(Drone) if drone is not own]
    drones.sort(key=lambda drone: math.hypot(drone.x - own.x, drone.y - own.y))
    quarter = len(drones) // 4
    means = [statistics.mean(waits[drone.id]) / Crowd.tick_rate for drone in drones]
    longest = max(max(each) for each in waits.values()) / Crowd.tick_rate
    print(f"worst second            {worst_second(room, client):8} bytes   (budget {BUDGET_BYTES_PER_S})")
    print(f"states without own ship {without_own:8}")
    print(f"refreshed, nearest      {statistics.mean(means[:quarter]):8.2f} s")
    print(f"refreshed, farthest     {statistics.mean(means[-quarter:]):8.2f} s")
    print(f"refreshed, longest wait {longest:8.2f} s")
    print(f"a whole tick of 1 seat  {statistics.median(costs_ms):8.2f} ms, the game's own step included")


if __name__ == "__main__":
    main()
