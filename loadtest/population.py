"""Who is to be there when: the places of a process's clients, and which of them are open.

A place is a number in the whole population. With a constant population place n is open while the stages want more than
n clients, and a client that leaves it is followed by another. With arrivals each new client gets the next number, and
nobody follows it. Several processes share the places: a room's clients are all in one of them, since the first makes
the room. Pure arithmetic; knows no bots.
"""

import math
from bisect import bisect_left
from random import Random

import attrs

from .stages import Stages


@attrs.frozen
class Share:
    """Which of several processes this is."""

    index: int = 0
    count: int = 1


@attrs.frozen
class Place:
    """A client's place: its number, its room's (0 with quick match), and whether it takes states apart."""

    number: int
    room: int
    is_decoding: bool


class Constant:
    """Places of a constant population, as many as the stages say.

    Args:
        stages: clients over time.
        rooms: fill so many evenly; None: quick match.
        decode_share: of the clients.
        share: which places are ours.
    """

    def __init__(self, stages: Stages, rooms: int | None, decode_share: float, share: Share) -> None:
        self._stages = stages
        most = math.ceil(stages.most)
        self.places: list[Place] = []
        rank = 0  # among ours in the room: the first of each decodes, for the others to copy
        for number in range(most):
            room = number * rooms // most if rooms is not None else 0
            if (room if rooms is not None else number) % share.count != share.index:
                continue
            rank = rank + 1 if self.places and self.places[-1].room == room else 0
            self.places.append(Place(number, room, _is_chosen(rank, decode_share)))

    def open_at(self, seconds: float) -> int:
        """Return how many of our places, the first ones, are open at a time."""
        wanted = math.ceil(self._stages.at(seconds) - 1e-9)
        return bisect_left(self.places, wanted, key=lambda place: place.number)


class Arrivals:
    """Clients that come at random moments, so many a second on average as the stages say (a Poisson process).

    Args:
        stages: new clients a second over time.
        decode_share: of the clients.
        share: which arrivals are ours.
        seed: of their moments.
    """

    def __init__(self, stages: Stages, decode_share: float, share: Share, seed: int) -> None:
        self._stages, self._decode_share, self._share = stages, decode_share, share
        self._chance = Random(f"{seed}/arrivals/{share.index}")
        self._next_s = self._after(0.0)
        self._count = 0

    def until(self, seconds: float) -> list[Place]:
        """Return who has come since the last call, up to a time."""
        places = []
        while self._next_s <= seconds:
            number = self._count * self._share.count + self._share.index
            places.append(Place(number, 0, _is_chosen(self._count, self._decode_share)))
            self._count += 1
            self._next_s = self._after(self._next_s)
        return places

    def _after(self, seconds: float) -> float:
        """Return the moment of the arrival after this one."""
        # Thinning (Lewis and Shedler 1979): candidates at the highest rate, each kept with the share it has by then.
        rate_max = self._stages.most / self._share.count
        while seconds < self._stages.length_s:
            seconds += self._chance.expovariate(rate_max)
            if self._chance.random() * self._stages.most < self._stages.at(seconds):
                return seconds
        return math.inf


def _is_chosen(rank: int, share: float) -> bool:
    """Return whether the client of this rank belongs to the share; the first always does."""
    return math.ceil((rank + 1) * share - 1e-9) > math.ceil(rank * share - 1e-9)
