"""Tickets to watch a room unseen, which the status page asks for and a join shows.

Knows rooms only as what a ticket leads to; where unguessable text comes from is given.
"""

import hashlib
from collections.abc import Callable

from .room import Room

#: a ticket is good for so long, and there are so many
TICKET_S = 3600.0
TICKETS_MAX = 1000


class Tickets:
    """Who may watch which room unseen: unguessable, good for `TICKET_S`, at most `TICKETS_MAX` at a time.

    Args:
        make_token: where they come from.
    """

    def __init__(self, make_token: Callable[[], str]) -> None:
        self._make_token = make_token
        #: by digest, oldest first
        self._rooms: dict[bytes, tuple[Room, float]] = {}

    def make(self, room: Room, now_s: float) -> str:
        """Return a new ticket for a room; beyond the limit the oldest is good no more."""
        while len(self._rooms) >= TICKETS_MAX:
            del self._rooms[next(iter(self._rooms))]
        ticket = self._make_token()
        self._rooms[_digest(ticket)] = (room, now_s + TICKET_S)
        return ticket

    def room(self, ticket: str, now_s: float) -> Room | None:
        """Return the room that a ticket is for; None when it is not good."""
        room, until_s = self._rooms.get(_digest(ticket), (None, 0.0))
        return room if now_s < until_s else None

    def forget(self, room: Room) -> None:
        """The room is no more."""
        self._rooms = {digest: entry for digest, entry in self._rooms.items() if entry[0] is not room}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
