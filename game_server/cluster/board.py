"""What a directory of several machines answers, apart from how it is kept (redis_directory.py)."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ..core.directory import Report
from ..core.one_seats import Claim


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
class Sought:
    """What a directory says before a user is seated.

    Args:
        seat: which of all one seats.
        number: of the claim that this join makes.
        node: the process that has the seat now; empty when none is known.
        url: where clients of other machines find that process.
    """

    seat: str
    number: int
    node: str = ""
    url: str | None = None


@attrs.frozen
class NodeState:
    """What a node tells the directory.

    Args:
        report: load, players and rooms.
        room_count: rooms that are no quick match's too.
        codes: code -> id of a private room.
        users: user id -> id of the room that the user is in.
        seats: one seats of users that are held here -> the number of the claim to each (core/one_seats.py).
        seats_ended: those that are held here no more.
        addresses: who is limited as one address -> players.
        address_max: players of an address, above which it is named.
        arrived: rooms and redeemed tickets whose players are among those of the report, or went away.
    """

    report: Report
    room_count: int = 0
    codes: Mapping[str, str] = attrs.Factory(dict)
    users: Mapping[str, str] = attrs.Factory(dict)
    seats: Mapping[str, int] = attrs.Factory(dict)
    seats_ended: Mapping[str, int] = attrs.Factory(dict)
    addresses: Mapping[str, int] = attrs.Factory(dict)
    address_max: int = 1
    arrived: Sequence[tuple[str, str]] = ()


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
        lost: one seats of users that are held elsewhere now, by whose claims.
        bans_version: another one after each change of the bans.
        now_us: the directory's own clock.
    """

    nodes: tuple[NodeFacts, ...]
    rooms: int
    crowded: frozenset[str]
    lost: Mapping[str, Claim]
    bans_version: str
    now_us: int

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Overview":
        """Return it from what the script gives; there an empty list is an empty object."""
        nodes = tuple(NodeFacts(*row) for row in values["nodes"])
        lost = {seat: claim_of(text) for seat, text in dict(values["lost"]).items()}
        crowded, now_us = frozenset(values["crowded"]), int(values["now_us"])
        return cls(nodes, int(values["rooms"]), crowded, lost, values["bans"], now_us)


def claim_of(text: str) -> Claim:
    """Return a claim to a one seat as the directory keeps it."""
    number, _, node = text.partition(" ")
    return Claim(int(number), node)
