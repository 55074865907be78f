"""What a directory of several machines answers, apart from how it is kept (redis_directory.py)."""

from collections.abc import Mapping
from typing import Any

import attrs

from ..core.directory import Report


class DirectoryDown(Exception):
    """The directory does not answer; the text says why."""


@attrs.frozen
class SeatFound:
    """Where a quick match goes: a seat that is spoken for until the room's owner redeems the ticket."""

    room: str
    node: str
    url: str
    ticket: str


@attrs.frozen
class NodeState:
    """What a node tells the directory.

    Args:
        report: load, players and rooms.
        room_count: rooms that are no quick match's too.
        codes: code -> id of a private room.
        users: user id -> id of the room that the user is in.
        seats: one seats of users that are held here -> how long ago each was taken, ms: the last to take it has it.
        addresses: who is limited as one address -> players.
        address_max: players of an address, above which it is named.
    """

    report: Report
    room_count: int = 0
    codes: Mapping[str, str] = attrs.Factory(dict)
    users: Mapping[str, str] = attrs.Factory(dict)
    seats: Mapping[str, int] = attrs.Factory(dict)
    addresses: Mapping[str, int] = attrs.Factory(dict)
    address_max: int = 1


@attrs.frozen
class NodeFacts:
    """What all know of a node."""

    node: str
    url: str
    load: float
    players: int
    rooms: int


@attrs.frozen
class Overview:
    """What a node should know of all, itself included.

    Args:
        nodes: those that are there.
        rooms: of all of them.
        crowded: addresses that have as many players as one may.
        lost: one seats of users that are held elsewhere now.
        bans_version: another one after each change of the bans.
    """

    nodes: tuple[NodeFacts, ...]
    rooms: int
    crowded: frozenset[str]
    lost: tuple[str, ...]
    bans_version: str

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Overview":
        """Return it from what the script gives; there an empty list is an empty object."""
        nodes = tuple(NodeFacts(*row) for row in values["nodes"])
        crowded, lost = frozenset(values["crowded"]), tuple(values["lost"])
        return cls(nodes, int(values["rooms"]), crowded, lost, values["bans"])


def seat_key(game: str, user_id: str) -> str:
    """Return the name of the one seat that a user has in a game."""
    return f"{game} {user_id}"
