"""Brings each player to the process that has its room, and takes in those who are brought here.

A connection does as if its process were alone, up to the first message. That says where the player belongs (finder.py).
Is it here, nothing more happens. Is it in another process of this machine, the connection is frozen (the socket, what
was read behind the message, what was not sent yet) and offered to that process. It looks whether it can be the one that
answers this client; then the offer is committed (post.py), and only then the connection is thawed there, and the
message taken as if it had come there: whatever is wrong with it by now, a room that has ended, say, its new owner tells
the client. From then on no byte passes through this process. Is it on another machine, the client is told where
(`moved`), and goes there by itself.

Knows the hub, connections and offers; knows nothing of directories or rooms' insides.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..core.directory import node_of
from ..core.json_codec import dump
from ..core.protocol import Join, Resume
from ..errors import CloseCode, NoAnswer
from ..web.connection import LeanConnection
from ..web.hub import Hub
from ..web.others import Letter
from ..web.player import Player
from ..web.socket import connection_options
from ..web.takeover import unmask
from ..web.transport import FrozenConnection
from .board import DirectoryDown, Sought
from .claims import Claims
from .finder import Finder, Target, node_named
from .hand_over import HandOver
from .letters import close_all
from .place import WorkerPlace, socket_of
from .post import PostError, Ready, offer
from .tasks import Tasks

if TYPE_CHECKING:
    from .redis_directory import RedisDirectory

#: processes a player is brought to before it is told to try again
HANDS_MAX = 3
READY_TIMEOUT_S = 2.0


class Bringer:
    """Between the connections of this process and those of its siblings.

    Args:
        hub: its players.
        place: its name, and where its siblings are found.
        finder: knows where a message belongs.
        claims: its users' one seats.
        told: hears that a player was brought here, with the claim to a one seat that was given with it, if any.
        board: the directory of all machines, if there are several.
    """

    def __init__(
        self,
        hub: Hub,
        place: WorkerPlace,
        finder: Finder,
        claims: Claims,
        told: Callable[[Sought | None], None],
        board: "RedisDirectory | None",
    ) -> None:
        self._hub, self._node, self._folder, self._siblings = hub, place.node, place.folder, place.siblings
        self._finder, self._claims, self._told, self._board = finder, claims, told, board
        self._options = connection_options(hub.settings, hub.note_limit)
        self._done: list[int] = []
        self._arrived: list[tuple[str, str]] = []
        self._tasks = Tasks("bringing_failed")

    def stop(self) -> None:
        """Bring nobody anywhere any more."""
        self._tasks.cancel()

    def take_done(self) -> tuple[int, ...]:
        """Return the supervisor's tickets that were dealt with since this was asked last."""
        done, self._done = self._done, []
        return tuple(done)

    def take_arrived(self) -> tuple[tuple[str, str], ...]:
        """Return rooms and tickets of the common directory that were dealt with since this was asked last."""
        arrived, self._arrived = self._arrived, []
        return tuple(arrived)

    # ---- those who come in here ----------------------------------------------------------------------------------

    def route(self, player: Player, message: Join | Resume, text: str) -> bool:
        """Return False when a player's first message is for this process; else it is being brought where it belongs."""
        node = node_named(message)
        is_elsewhere = node != self._node and (not node or self._board is not None or node in self._siblings())
        seat = self._claims.seat_of(message) if isinstance(message, Join) else None
        if not (is_elsewhere or seat) or not isinstance(player.connection, LeanConnection):
            return False  # here, or nowhere: this process says so
        frozen = self._hub.let_go(player)
        self._tasks.spawn(self._bring(frozen, message, text, seat))
        return True

    async def _bring(self, frozen: FrozenConnection, message: Join | Resume, text: str, seat: str | None) -> None:
        try:
            sought = await self._finder.seek(seat) if seat else None
            target = await self._hand_on(frozen, message, text, sought)
        except BaseException:
            os.close(frozen.descriptor)
            raise
        if target is None:
            os.close(frozen.descriptor)  # this copy of it: it is another process' alone
        # Else the descriptor is, from here on, the thawed connection's.
        elif isinstance(target, str):
            self._thaw(frozen).close(CloseCode.GOING_AWAY, target)
        elif target.url is not None and target.node != self._node:
            self._send_away(frozen, target)
        else:
            self._take_in(_hand_over_to(target, frozen, text, sought))

    async def _hand_on(
        self, frozen: FrozenConnection, message: Join | Resume, text: str, sought: Sought | None
    ) -> Target | str | None:
        """Hand a connection to the sibling that it belongs to; return where it belongs if to none, or why nowhere."""
        tried: list[str] = []
        try:
            for _ in range(HANDS_MAX):
                target = await self._finder.find(message, sought, tried)
                if target.node not in self._siblings():
                    return target
                if await self._hand(_hand_over_to(target, frozen, text, sought), target.node):
                    return None
                tried.append(target.node)
                if self._board is not None:
                    await self._board.delist(target.node)
        except DirectoryDown:
            return "the directory of rooms does not answer; try again"
        except NoAnswer:
            pass  # the same to the client as when it was found, and could not be handed over
        return "its process does not answer; try again"

    async def _hand(self, hand_over: HandOver, node: str) -> bool:
        """Offer a connection to another worker; return whether it is that one's now."""
        try:
            path = socket_of(self._folder, node)
            await offer(path, hand_over.letter(), hand_over.frozen.descriptor, READY_TIMEOUT_S)
        except PostError as error:
            self._hub.hand_overs["failed"] += 1
            self._hub.rate_limited.warning("hand_over_failed", node=node, error=str(error))
            return False
        self._hub.hand_overs["handed"] += 1
        return True

    def _send_away(self, frozen: FrozenConnection, target: Target) -> None:
        """Tell a client which machine it has to go to."""
        player = self._thaw(frozen)
        player.send(dump({"type": "moved", "url": target.url, "placement": target.placement}))
        player.close(CloseCode.MOVED, f"go to {target.url}")

    # ---- those who are brought here ------------------------------------------------------------------------------

    def consider(self, letter: Letter, descriptors: Sequence[int]) -> Letter | Ready:
        """Answer an offer, without touching the connection: that is the sender's until it commits."""
        try:
            if self._hub.lobby.is_draining:
                raise ValueError("it is ending")
            if len(descriptors) != 1:
                raise ValueError("the descriptor did not get here; it may have none free")
            hand_over = HandOver.parse(letter, descriptors[0])
        except ValueError as error:
            close_all(descriptors)
            self._hub.hand_overs["refused"] += 1
            return {"refused": str(error)}
        return Ready(partial(self._take, hand_over), partial(self._leave, hand_over))

    def _leave(self, hand_over: HandOver) -> None:
        self._hub.hand_overs["left"] += 1
        os.close(hand_over.frozen.descriptor)

    def _take(self, hand_over: HandOver, age_s: float) -> None:
        """Go on with a connection that is this process' alone, whatever has happened here since it was ready."""
        self._hub.hand_overs["taken"] += 1
        if age_s > self._hub.settings.join_timeout_s:
            # This process was stopped. Who has waited for so long has gone, or is there again on a newer connection,
            # which must not lose its seat to this one.
            self._hub.note_limit("join_timeout_s")
            self._thaw(hand_over.frozen).close(CloseCode.GOING_AWAY, "the server was away; try again")
        elif self._hub.is_stopped:
            self._thaw(hand_over.frozen).close(CloseCode.GOING_AWAY, "the server shuts down")
        else:
            self._take_in(hand_over)

    def _take_in(self, hand_over: HandOver) -> None:
        """Go on with a connection in this process: its first message is for here."""
        sought, room = hand_over.sought, hand_over.room
        if hand_over.ticket:
            self._done.append(hand_over.ticket)
        if hand_over.placement and room:
            self._arrived.append((room, hand_over.placement))
        player = self._thaw(hand_over.frozen)
        player.is_placed = True
        if room and node_of(room) == self._node:
            player.placed_in = room
        if sought is not None and self._claims.is_outdone(sought):
            player.close(CloseCode.TAKEN_OVER, "a newer connection of yours has the seat")
            return
        player.on_message(hand_over.text)
        player.connection.watch(player.session is None)
        self._told(sought if sought is not None and self._claims.hold(sought, player) else None)

    def _thaw(self, frozen: FrozenConnection) -> Player:
        connection = LeanConnection.thaw(frozen, asyncio.get_running_loop(), unmask, self._options)
        player = Player(self._hub, connection, is_json=_is_json(frozen))
        refusal = self._hub.add(player)
        if refusal is not None:
            player.close(CloseCode.SERVER_FULL, refusal)
        return player


def _hand_over_to(target: Target, frozen: FrozenConnection, text: str, sought: Sought | None) -> HandOver:
    return HandOver(frozen, text, target.ticket, target.room, sought, target.placement)


def _is_json(frozen: FrozenConnection) -> bool:
    return frozen.subprotocol is None or frozen.subprotocol.endswith(".json")
