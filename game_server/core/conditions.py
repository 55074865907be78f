"""Network conditions: one seeded model of a line that is worse than the real one, for tests, bots and load tests.

    Conditions.parse("delay:100,jitter:30,stall:300/10000")
        -> Link(conditions, start_ms, seed)   one connection: when it is cut, and its two lines
            -> link.up, link.down              a Line each: what was sent, and when it arrives

TCP loses nothing, so there is no packet loss: a loss shows as jitter or as a stall. What is sent first arrives first.
Each message is sent at the pace of the line, takes `delay`, and up to `jitter` more; where that ends within a stall, it
arrives at the stall's end. Stalls strike both ways at once; they and cuts come at a steady pace, from a moment of the
seed's. A cut loses what is under way, and for `drop` ms no connection can be made.

The grammar, in an address (`?net=`) as on a command line (`--net`), is `name:value` joined by commas:

    delay:MS  jitter:MS  stall:MS/EVERY_MS  rate:BYTES_A_SECOND  drop:MS/EVERY_MS  seed:NUMBER

The first four are each way; `up.delay:40` or `down.rate:20000` is for one way only. The later of two wins.

The twin of static/client/conditions.js, bound to it by tests/vectors/conditions.json. Knows no sockets, timers or
clock: the present is given in ms, and must not go back.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

ItemT = TypeVar("ItemT")

MS_MAX = 60_000
EVERY_MS_MAX = 3_600_000
RATE_MIN, RATE_MAX = 100, 1_000_000_000
SEED_MAX = 2**32 - 1
GRAMMAR = "delay:MS, jitter:MS, stall:MS/EVERY_MS, rate:BYTES_A_SECOND, drop:MS/EVERY_MS, seed:NUMBER"


@attrs.frozen
class Way:
    """What one direction of a line does."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    stall_ms: float = 0.0
    #: from one stall to the next; 0: none
    stall_every_ms: float = 0.0
    #: 0: unlimited
    bytes_per_s: float = 0.0


@attrs.frozen
class Conditions:
    """What a line does."""

    up: Way = Way()
    down: Way = Way()
    #: how long no connection can be made after a cut
    drop_ms: float = 0.0
    #: from one cut to the next; 0: none
    drop_every_ms: float = 0.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> "Conditions":
        """Return what a text of the grammar says; "" and "none" mean a line that does nothing.

        Raises:
            ValueError: saying what is wrong and what would be right.
        """
        conditions = cls()
        for part in text.split(",") if text.strip() not in ("", "none") else ():
            conditions = conditions._with(part.strip())
        return conditions

    def _with(self, part: str) -> "Conditions":
        name, _, value = part.partition(":")
        way, _, what = name.rpartition(".")
        if way in ("", "up", "down") and what in _WAY_PARTS:
            change = _WAY_PARTS[what](part, value)
            ways = {way} if way else {"up", "down"}
            return attrs.evolve(self, **{each: attrs.evolve(getattr(self, each), **change) for each in ways})
        if name == "drop":
            drop_ms, every_ms = _every(part, value)
            return attrs.evolve(self, drop_ms=drop_ms, drop_every_ms=every_ms)
        if name == "seed":
            return attrs.evolve(self, seed=int(_number(part, value, 0, SEED_MAX, whole=True)))
        raise ValueError(
            f"{part!r} is no network condition; there are {GRAMMAR}, and up. or down. before the first four"
        )


def _number(part: str, text: str, low: float, high: float, whole: bool = False) -> float:
    # Only plain decimals: what float() takes besides ("1e3", "1_0", "nan") JavaScript reads otherwise.
    digits = text.replace(".", "", 1)
    value = float(text) if digits.isascii() and digits.isdigit() else math.nan
    if not low <= value <= high or (whole and "." in text):
        raise ValueError(
            f"{part!r} needs a {'whole ' if whole else ''}number from {low:.0f} to {high:.0f}, not {text!r}"
        )
    return value


def _every(part: str, text: str) -> tuple[float, float]:
    lasting, _, every = text.partition("/")
    every_ms = _number(part, every, 1, EVERY_MS_MAX)
    lasting_ms = _number(part, lasting, 0, MS_MAX)
    if lasting_ms >= every_ms:
        raise ValueError(
            f"{part!r} lasts as long as from one to the next: say for how many ms, a slash, and every how many"
        )
    return lasting_ms, every_ms


def _stall(part: str, value: str) -> dict[str, float]:
    stall_ms, every_ms = _every(part, value)
    return {"stall_ms": stall_ms, "stall_every_ms": every_ms}


_WAY_PARTS: dict[str, Callable[[str, str], dict[str, float]]] = {
    "delay": lambda part, value: {"delay_ms": _number(part, value, 0, MS_MAX)},
    "jitter": lambda part, value: {"jitter_ms": _number(part, value, 0, MS_MAX)},
    "stall": _stall,
    "rate": lambda part, value: {"bytes_per_s": _number(part, value, RATE_MIN, RATE_MAX)},
}


class Dice:
    """mulberry32: the same numbers from the same seed in every language with 32-bit integers."""

    def __init__(self, seed: int) -> None:
        self._state = seed & 0xFFFFFFFF

    def uint32(self) -> int:
        """Return a whole number from 0 to 2^32 - 1."""
        self._state = (self._state + 0x6D2B79F5) & 0xFFFFFFFF
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 15)) * (mixed | 1)) & 0xFFFFFFFF
        mixed ^= (mixed + (((mixed ^ (mixed >> 7)) * (mixed | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return mixed ^ (mixed >> 14)

    def share(self) -> float:
        """Return a number from 0 to under 1."""
        return self.uint32() / 4294967296


class Line(Generic[ItemT]):
    """One direction: a queue whose items come out when they arrive."""

    def __init__(self, way: Way, first_stall_ms: float, seed: int) -> None:
        self.way = way
        self._first_stall_ms = first_stall_ms
        self._dice = Dice(seed)
        self._queue: deque[tuple[float, ItemT]] = deque()
        self._last_ms = -math.inf
        self._free_ms = -math.inf

    def put(self, now_ms: float, item: ItemT, size_bytes: int) -> float:
        """Send an item; return when it will arrive."""
        way = self.way
        sent_ms = now_ms
        if way.bytes_per_s:
            sent_ms = self._free_ms = max(self._free_ms, now_ms) + size_bytes * 1000 / way.bytes_per_s
        arrives_ms = sent_ms + way.delay_ms + way.jitter_ms * self._dice.share()
        self._last_ms = max(self._last_ms, self.after_stall(arrives_ms))
        self._queue.append((self._last_ms, item))
        return self._last_ms

    def after_stall(self, at_ms: float) -> float:
        """Return when what would come at `at_ms` gets through: at once, unless the line stalls then."""
        way = self.way
        if not way.stall_every_ms or at_ms < self._first_stall_ms:
            return at_ms
        stalls = math.floor((at_ms - self._first_stall_ms) / way.stall_every_ms)
        return max(at_ms, self._first_stall_ms + stalls * way.stall_every_ms + way.stall_ms)

    @property
    def next_ms(self) -> float:
        """When the next item arrives; infinite when none is under way."""
        return self._queue[0][0] if self._queue else math.inf

    def take(self, now_ms: float) -> list[ItemT]:
        """Return what has arrived, in order."""
        queue, arrived = self._queue, []
        while queue and queue[0][0] <= now_ms:
            arrived.append(queue.popleft()[1])
        return arrived

    def unsent_bytes(self, now_ms: float) -> float:
        """Return how many bytes wait for a line of limited rate."""
        return max(0.0, self._free_ms - now_ms) * self.way.bytes_per_s / 1000 if self.way.bytes_per_s else 0.0

    def clear(self) -> None:
        """Lose what is under way."""
        self._queue.clear()


class Link(Generic[ItemT]):
    """One connection's two lines, and when it is cut.

    Args:
        conditions: of both.
        start_ms: the present.
        seed: of this link; the conditions' own is mixed in.
    """

    def __init__(self, conditions: Conditions, start_ms: float, seed: int = 0) -> None:
        self.conditions = conditions
        dice = Dice(conditions.seed ^ Dice(seed).uint32())
        stall_share, drop_share = dice.share(), dice.share()
        self._first_cut_ms = start_ms + drop_share * conditions.drop_every_ms
        self.up: Line[ItemT] = self._line(conditions.up, start_ms, stall_share, dice.uint32())
        self.down: Line[ItemT] = self._line(conditions.down, start_ms, stall_share, dice.uint32())

    @staticmethod
    def _line(way: Way, start_ms: float, stall_share: float, seed: int) -> Line[ItemT]:
        return Line(way, start_ms + stall_share * way.stall_every_ms, seed)

    def next_cut_ms(self, now_ms: float) -> float:
        """Return when the connection is cut next, after the present; infinite when never."""
        every_ms = self.conditions.drop_every_ms
        if not every_ms:
            return math.inf
        if now_ms < self._first_cut_ms:
            return self._first_cut_ms
        return self._first_cut_ms + (math.floor((now_ms - self._first_cut_ms) / every_ms) + 1) * every_ms

    def is_out(self, now_ms: float) -> bool:
        """Tell whether a cut is so recent that no connection can be made."""
        last_cut_ms = self.next_cut_ms(now_ms) - self.conditions.drop_every_ms
        return self._first_cut_ms <= last_cut_ms <= now_ms < last_cut_ms + self.conditions.drop_ms
