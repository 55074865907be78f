"""Which process of a service should take a player: the rooms and loads that all have reported, and what is on its way.

A *node* is a process with rooms; its name stands in front of the ids of its rooms and of the tokens of its seats, so
that those need no look-up (`node_of`). What needs one is a quick match: `place` picks a node that has a fitting room
with a free seat, the fullest first, or else the node with the least load. The node itself then finds the seat: it alone
knows, and no seat is sold twice, whatever a directory believes.

Reports are a little old. So each placement leaves a *ticket*: a seat that is taken already, or, where a room must be
made for it, a room full of seats that others may fill before it is there. The node names the tickets it has dealt with
in its next report. A ticket of which nothing was heard for `TICKET_S` is void.

Knows no sockets and no clock; the shells are `cluster/`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

#: how long a placement counts of which nothing more is heard
TICKET_S = 3.0
#: of a core, for each player on its way to a node: what its report cannot know yet
LOAD_A_PLAYER = 0.001


def node_of(name: str) -> str:
    """Return the node in front of a room id (`node-...`) or a token (`node.…`); empty when there is none."""
    for mark in ("-", "."):
        node, found, _ = name.partition(mark)
        if found and node.isalnum():
            return node
    return ""


@attrs.frozen
class RoomFacts:
    """What a node tells of one of its rooms."""

    room: str
    game: str
    #: the room's options as canonical JSON: quick match keeps to equal ones
    options: str
    seats: int
    taken: int
    #: whether quick match may fill it: public, not locked, not closing
    is_open: bool

    @property
    def free(self) -> int:
        return max(self.seats - self.taken, 0) if self.is_open else 0


@attrs.frozen
class Report:
    """What a node tells of itself."""

    #: share of a core that it uses
    load: float
    players: int
    is_draining: bool = False
    rooms: tuple[RoomFacts, ...] = ()
    #: tickets it has dealt with
    done: tuple[int, ...] = ()


@attrs.frozen
class Wish:
    """A quick match that was asked for. `seats`: of a room that would be made for it."""

    game: str
    options: str
    seats: int


@attrs.frozen
class Placement:
    """Where a player goes, and the ticket to name when it has got there."""

    node: str
    ticket: int


@attrs.frozen
class _Ticket:
    node: str
    wish: Wish
    #: seats of the room that has to be made for it; 0: there is one
    opens: int
    given_at_s: float


class Directory:
    """All nodes of a service, as of their newest reports."""

    def __init__(self) -> None:
        self.reports: dict[str, Report] = {}
        self._tickets: dict[int, _Ticket] = {}
        self._newest_ticket = 0

    def report(self, node: str, report: Report) -> None:
        """Take a node's report; the one before it is void."""
        self.reports[node] = report
        for ticket in report.done:
            self._tickets.pop(ticket, None)

    def forget(self, node: str) -> None:
        """Forget a node that is gone, with its rooms and all that was on its way there."""
        self.reports.pop(node, None)
        self._tickets = {number: ticket for number, ticket in self._tickets.items() if ticket.node != node}

    def place(self, wish: Wish, now_s: float, but: Iterable[str] = ()) -> Placement | None:
        """Return where a quick match goes, or None when there is no node.

        Args:
            wish: what was asked for.
            now_s: the present, on any monotonic clock.
            but: nodes that turned out to be out of reach.
        """
        self._void(now_s)
        nodes = [node for node, report in self.reports.items() if not report.is_draining and node not in set(but)]
        if not nodes:
            return None
        fitting = [(self._fullest(node, wish), node) for node in nodes if self._free(node, wish) > 0]
        node = max(fitting)[1] if fitting else min(nodes, key=self._weight)
        return self._ticket(node, wish, 0 if fitting else wish.seats, now_s)

    def place_new(self, wish: Wish, now_s: float, but: Iterable[str] = ()) -> Placement | None:
        """Return where a room of its own is made: at the node with the least load."""
        self._void(now_s)
        nodes = [node for node, report in self.reports.items() if not report.is_draining and node not in set(but)]
        return self._ticket(min(nodes, key=self._weight), wish, 1, now_s) if nodes else None

    def _ticket(self, node: str, wish: Wish, opens: int, now_s: float) -> Placement:
        self._newest_ticket += 1
        self._tickets[self._newest_ticket] = _Ticket(node, wish, opens, now_s)
        return Placement(node, self._newest_ticket)

    def _void(self, now_s: float) -> None:
        # Numbers ascend with time, so the oldest come first.
        old = []
        for number, ticket in self._tickets.items():
            if now_s - ticket.given_at_s < TICKET_S:
                break
            old.append(number)
        for number in old:
            del self._tickets[number]

    def _free(self, node: str, wish: Wish) -> int:
        """Return how many more players a node's rooms can take, with those on their way counted as there."""
        free = sum(room.free for room in self.reports[node].rooms if _fits(room, wish))
        for ticket in self._tickets.values():
            if ticket.node == node and ticket.wish.game == wish.game and ticket.wish.options == wish.options:
                free += ticket.opens - 1
        return free

    def _fullest(self, node: str, wish: Wish) -> int:
        """Return the most players in a fitting room of a node: who is with others already gets company first."""
        taken = [room.taken for room in self.reports[node].rooms if _fits(room, wish) and room.free]
        waiting = sum(1 for ticket in self._tickets.values() if ticket.node == node and ticket.wish == wish)
        return max(taken, default=0) + waiting

    def _weight(self, node: str) -> tuple[float, int, str]:
        """Return what the node with least load has least of."""
        report = self.reports[node]
        coming = sum(1 for ticket in self._tickets.values() if ticket.node == node)
        return report.load + coming * LOAD_A_PLAYER, report.players + coming, node

    @property
    def tickets(self) -> int:
        """Placements of which nothing more was heard yet."""
        return len(self._tickets)


def _fits(room: RoomFacts, wish: Wish) -> bool:
    return room.game == wish.game and room.options == wish.options


def report_of(values: Mapping[str, Any]) -> Report:
    """Return a report as it came over the wire."""
    rooms = tuple(RoomFacts(**room) for room in values["rooms"])
    return Report(**{**values, "rooms": rooms, "done": tuple(values["done"])})
