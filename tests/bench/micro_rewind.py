"""What a look into the past costs: `python -m tests.bench.micro_rewind`.

A room of the arena with 32 seats and no shell. Times are of this process alone, the best of several rounds.
"""

import timeit
from typing import Any

from game_server.core.definition import GameDefinition
from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.games.arena import GAME
from game_server.games.arena.rules import ArenaOptions, Ship

SEATS = 32
ROUNDS = 7


def best_us(what: Any, number: int) -> float:
    """Return how long one call takes, in us."""
    return min(timeit.repeat(what, number=number, repeat=ROUNDS)) / number * 1e6


def main() -> None:
    """Measure and print."""
    room = Room("room", GameDefinition.of("arena", GAME), ArenaOptions(bots=0), 1, RoomLimits(), 0.0)
    sessions = [room.join(f"P{number}", f"t{number}", object(), False, 0.0) for number in range(SEATS)]
    encode = room.definition.input_type.encode_binary
    for tick in range(60):
        for session in sessions:
            room.receive(session, encode(tick + 1, max(room.tick - 8, 0), 1.5, {}), 0.0)
        room.take_inputs()
        room.step()
        room.capture()
        room.outgoing()
    for session in sessions:  # a tick that is about to take an input of every seat
        room.receive(session, encode(100, room.tick - 8, 1.5, {}), 0.0)
    history, seat, ships = room._history, sessions[0].seat, len(room.world.all(Ship))
    assert history is not None
    note = best_us(lambda: history.note(room.sessions.values()), 500) / SEATS
    look = best_us(lambda: room.rewind(seat, None), 2000)
    every = best_us(lambda: [(ship.x, ship.y) for ship in room.rewind(seat, None).all(Ship)], 500)
    print(f"captures kept {len(history)}, ships {ships}")
    print(f"note what a seat saw, each tick      {note:6.2f} us a seat")
    print(f"rewind(seat)                         {look:6.2f} us")
    print(f"place of all {ships} ships in the past    {every:6.2f} us")


if __name__ == "__main__":
    main()
