"""Where a first message belongs: in which process, on which machine, and in which room where a directory chose one.

A room id and a token carry their node; a code is asked for among all; a quick match is placed by the supervisor, or
with several machines by their common directory; a user's one seat is where it is.

Knows the directories and the hub's games; knows nothing of connections or how they get there.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import attrs

from ..core.directory import Wish, node_of
from ..core.kinds import canonical_json
from ..core.protocol import Join, Resume
from ..errors import NoAnswer, ProtocolError
from ..web.hub import Hub
from .board import DirectoryDown, Sought
from .claims import Claims
from .link import SupervisorLink

if TYPE_CHECKING:
    from .redis_directory import RedisDirectory

#: places that a quick match looks at when those it is given turn out to be of dead processes
PLACES_MAX = 4


@attrs.frozen
class Target:
    """Where a first message belongs.

    `ticket`: the supervisor's, to be named when it has got there. `room`: the room it was placed in. `placement`: the
    common directory's ticket for a seat in it. `url`: of another machine, where the client shows that.
    """

    node: str
    ticket: int = 0
    room: str | None = None
    url: str | None = None
    placement: str | None = None


class Finder:
    """Finds for the players of one process.

    Args:
        hub: its games and settings.
        node: its name.
        link: to the supervisor.
        board: the directory of all machines, if there are several.
        claims: its users' one seats.
        siblings: gives the other processes of this machine.
        gather: asks all processes of this machine something.
    """

    def __init__(
        self,
        hub: Hub,
        node: str,
        link: SupervisorLink,
        board: "RedisDirectory | None",
        claims: Claims,
        siblings: Callable[[], list[str]],
        gather: Callable[[str], Awaitable[dict[str, Any]]],
    ) -> None:
        self._hub, self._node, self._link, self._board, self._claims = hub, node, link, board, claims
        self._siblings, self._gather = siblings, gather

    async def seek(self, seat: str) -> Sought:
        """Return the claim that a join for a user's one seat makes, and where that seat is now."""
        if self._board is None:
            return await self._link.seek(seat)
        try:
            return await self._board.seek(seat)
        except DirectoryDown:
            return Sought(seat, self._claims.number_after(seat, self._board.now_us()))

    async def find(self, message: Join | Resume, sought: Sought | None, tried: list[str]) -> Target:
        """Return where a first message belongs.

        Args:
            message: a join or resume.
            sought: the claim to a user's one seat that it makes.
            tried: processes that could not be reached.

        Raises:
            DirectoryDown: only the directory could tell.
            NoAnswer: only a process that does not answer could.
        """
        return self._seat_held(message, sought, tried) or await self._find(message, tried)

    def _seat_held(self, message: Join | Resume, sought: Sought | None, tried: list[str]) -> Target | None:
        """Return where the one seat of a user is who asks for no other room: it is given to the newer connection."""
        if isinstance(message, Resume) or sought is None or not sought.node or sought.node in tried:
            return None
        if message.room or message.code or message.create or message.placement:
            return None
        if sought.node in (self._node, *self._siblings()):
            return Target(sought.node)
        if self._board is None or sought.url == self._board.announce_url:
            return None  # it was of this machine, and has died
        return Target(sought.node, url=sought.url)

    async def _find(self, message: Join | Resume, tried: list[str]) -> Target:
        node = node_named(message)
        if node:
            return await self._find_node(node)
        assert isinstance(message, Join)
        if message.code:
            return await self._find_code(message.code.upper())
        wish = self._wish_of(message)
        if wish is None:
            return Target(self._node)
        if self._board is not None:
            try:
                return await self._find_on_board(self._board, message, wish)
            except DirectoryDown:
                if self._hub.settings.redis_down == "refuse":
                    raise
        placement = await self._link.place(wish, message.create, tried)
        return Target(placement.node, ticket=placement.ticket) if placement else Target(self._node)

    async def _find_on_board(self, board: "RedisDirectory", message: Join, wish: Wish) -> Target:
        mine = {self._node, *self._siblings()}
        room = await board.redeem(message.placement) if message.placement else None
        if room is not None and node_of(room) in mine:
            return Target(node_of(room), room=room, placement=message.placement)
        for _ in range(PLACES_MAX):
            seat = await board.place(wish, message.create)
            if seat is None:
                break
            if seat.node in mine:
                await board.redeem(seat.ticket)
                return Target(seat.node, room=seat.room, placement=seat.ticket)
            if seat.url != board.announce_url:
                return Target(seat.node, url=seat.url, placement=seat.ticket)
            await board.bury(seat.node)  # of this machine, and its socket is gone: it has died
        return Target(self._node)

    async def _find_node(self, node: str) -> Target:
        if self._board is None or node in (self._node, *self._siblings()):
            return Target(node)
        url = await self._board.url_of(node)
        if url != self._board.announce_url:
            return Target(node, url=url)
        await self._board.bury(node)  # of this machine, and its socket is gone: it has died
        return Target(self._node)

    async def _find_code(self, code: str) -> Target:
        found = await self._gather("codes")
        holders = [node for node, codes in found.items() if codes and code in codes]
        if holders:
            return Target(holders[0])
        room = await self._board.room_of_code(code) if self._board is not None else None
        if room:
            return await self._find_node(node_of(room))
        for node, codes in found.items():
            if codes is None and node in self._siblings():
                raise NoAnswer(f"Process {node} does not answer, and may have the code")
        return Target(self._node)

    def _wish_of(self, message: Join) -> Wish | None:
        """Return what is to be placed; None for what this process can only refuse."""
        definition = self._hub.lobby.definitions.get(message.game)
        if definition is None or message.spectate:
            return None
        try:
            options = definition.parse_options(message.options)
        except ProtocolError:
            return None
        seats = min(definition.cls.seats, getattr(options, "seats", definition.cls.seats))
        return Wish(message.game, options_text(options), seats)


def node_named(message: Join | Resume) -> str:
    """Return the node that a first message names; empty when it names none."""
    return node_of(message.token if isinstance(message, Resume) else message.ticket or message.room or "")


def options_text(options: Any) -> str:
    """Return a room's options as directories compare them."""
    return canonical_json(attrs.asdict(options)) if options is not None else "{}"
