"""The other processes of a service, as the hub and the pages see them: by ways to reach them that others put in.

A process that is alone has none. Knows nothing of supervisors, directories or sockets.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs

from ..errors import NoAnswer


@attrs.frozen
class Machines:
    """What this process last heard of the machines that it shares a directory with.

    Args:
        is_up: whether the directory answers; while it does not, the rest is empty.
        nodes: what all know of each process that is there, this one included.
        rooms: of all of them.
        crowded: addresses that have as many players over all as one may.
    """

    is_up: bool = False
    nodes: tuple[Any, ...] = ()
    rooms: int = 0
    crowded: frozenset[str] = frozenset()


#: what processes of a service write each other: plain JSON values
Letter = dict[str, Any]


async def _ask_nobody(node: str, *_: Any) -> Letter:
    raise NoAnswer(f"There is no process {node}")


async def _nothing() -> list[dict[str, Any]]:
    return []


@attrs.define(eq=False)
class Others:
    """The other processes of the service, as those who know them let the hub reach them."""

    #: who hears what is announced to all, by its key
    hearers: dict[str, Callable[[Any], None]]
    #: who answers the letters of other processes, by a key that stands in them; descriptors are the answerer's
    answerers: dict[str, Callable[[Letter, Sequence[int]], Awaitable[Letter]]] = attrs.Factory(dict)
    #: the other processes of this machine that take letters
    siblings: Callable[[], list[str]] = list
    #: asks one process, of this machine or another, and returns its answer; raises NoAnswer. Descriptors travel on
    #: this machine only, and stay the asker's
    ask: Callable[..., Awaitable[Letter]] = _ask_nobody
    #: tells the supervisor something; returns whether there is one
    tell_supervisor: Callable[[Letter], bool] = lambda _: False

    #: tells all of them something, and says in words whom it reaches; they get it by `Hub.hear`
    announce: Callable[[dict[str, Any]], str] = lambda _: ""
    #: the rooms of other machines, private ones too, each with the URL of its machine
    rooms_elsewhere: Callable[[], Awaitable[list[dict[str, Any]]]] = _nothing
    #: what is known of all machines, if there may be several
    machines: Machines | None = None
