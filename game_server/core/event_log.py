"""A room's events: numbered, kept within a bound, each written as JSON once however many players get it.

Numbers are the room's, so a player sees gaps where an event was for others. A session knows the newest number it was
sent; what it missed is what the log still has above that. Knows nothing of ticks or connections.
"""

from collections import deque
from itertools import takewhile
from typing import Any

import attrs

from .game import Seat
from .json_codec import dump


@attrs.frozen(eq=False)
class LoggedEvent:
    """An event as it was numbered; `to` None means everybody."""

    number: int
    to: Seat | None
    text: str


class EventLog:
    """The newest `len_max` events of a room."""

    def __init__(self, len_max: int) -> None:
        self.newest_number = 0
        self._events: deque[LoggedEvent] = deque(maxlen=len_max)

    def add(self, tick: int, name: str, data: Any, to: Seat | None) -> None:
        """Number an event and keep it."""
        self.newest_number += 1
        event = {"number": self.newest_number, "tick": tick, "name": name, "data": data}
        self._events.append(LoggedEvent(self.newest_number, to, dump(event)))

    def lost_since(self, number: int) -> int:
        """Return how many events above a number are no longer kept."""
        oldest = self._events[0].number if self._events else self.newest_number + 1
        return max(oldest - number - 1, 0)

    def since(self, number: int) -> list[LoggedEvent]:
        """Return the kept events above a number, oldest first."""
        newer = takewhile(lambda event: event.number > number, reversed(self._events))
        return list(newer)[::-1]

    def message_since(self, number: int, seat: Seat | None, is_partial: bool) -> str | None:
        """Return the `events` message with what a seat missed above a number, or None when there is nothing to say.

        A seat None is the public, which gets what is for everybody.
        """
        texts = []
        for event in reversed(self._events):
            if event.number <= number:
                break
            if event.to is None or event.to is seat:
                texts.append(event.text)
        if not texts and not is_partial:
            return None
        partial = ',"partial":true' if is_partial else ""
        return f'{{"type":"events","list":[{",".join(reversed(texts))}]{partial}}}'
