"""One of several processes behind one port: brings each player to the process that has its room.

Any worker accepts any connection, and all does as if it were alone, up to the first message. That says where the player
belongs: a room id and a token carry their node, a code is asked for among all, a quick match is placed by the
supervisor. Is it here, nothing more happens. Is it elsewhere, the connection is frozen (the socket, what was read
behind the message, what was not sent yet) and handed to its owner, which thaws it and takes the message as if it had
come there. From then on no byte passes through this process.

Knows the hub, connections and letters; knows nothing of rooms' insides.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from ..core.directory import Report, RoomFacts, Wish, node_of
from ..core.kinds import canonical_json
from ..core.protocol import Join, Resume
from ..core.room import Room
from ..errors import CloseCode, ProtocolError
from ..web.connection import FrozenConnection, LeanConnection
from ..web.hub import Hub
from ..web.logs import log
from ..web.player import Player
from ..web.socket import connection_options
from ..web.takeover import unmask
from .link import SupervisorLink
from .place import SUPERVISOR, WorkerPlace, nodes_in, socket_of
from .post import Letter, PostBox, PostError, ask

#: processes a player is brought to before it is told to try again
HANDS_MAX = 3
HAND_TIMEOUT_S = 2.0
GATHER_TIMEOUT_S = 1.0
#: a report names at most so many rooms
ROOMS_REPORTED_MAX = 2000


class Worker:
    """This process among its siblings.

    Args:
        hub: its rooms and players.
        place: what the supervisor gave it.
        drain: called when the service shuts down.
    """

    def __init__(self, hub: Hub, place: WorkerPlace, drain: Callable[[], None]) -> None:
        self.node = place.node
        self._hub, self._folder, self._drain = hub, place.folder, drain
        self._descriptors = place.descriptors
        self._box = PostBox(socket_of(place.folder, place.node), self._answer)
        hello = {"hello": place.node, "pid": os.getpid()}
        self.link = SupervisorLink(place.folder / SUPERVISOR, hello, self._report, drain, hub.settings.orphan_drain_s)
        self._done: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cpu_s, self._cpu_at_s, self._load = time.process_time(), hub.now_s(), 0.0

    def start(self) -> None:
        """Take letters and report, and let the hub know of the others."""
        self._hub.route, self._hub.gather, self._hub.is_worker = self.route, self.gather, True
        self._box.open()
        self.link.start()

    async def stop(self) -> None:
        """Take nothing more."""
        self._box.close()
        for task in self._tasks:
            task.cancel()
        await self.link.stop()

    # ---- what is told ------------------------------------------------------------------------------------------

    def _report(self) -> Report:
        hub, now_s = self._hub, self._hub.now_s()
        elapsed_s = now_s - self._cpu_at_s
        if elapsed_s >= 1.0:
            cpu_s = time.process_time()
            self._load = (cpu_s - self._cpu_s) / elapsed_s
            self._cpu_s, self._cpu_at_s = cpu_s, now_s
        done, self._done = self._done, []
        rooms = tuple(_facts(room) for room in list(hub.lobby.rooms.values())[:ROOMS_REPORTED_MAX])
        return Report(round(self._load, 3), hub.lobby.players, hub.lobby.is_draining, rooms, tuple(done))

    # ---- bringing players where they belong --------------------------------------------------------------------

    def route(self, player: Player, message: Join | Resume, text: str) -> bool:
        """Return False when a player's first message is for this process; else it is being brought where it belongs."""
        if isinstance(message, Resume):
            node = node_of(message.token)
        elif message.ticket or message.room:
            node = node_of(message.ticket or message.room or "")
        else:
            node = None
        if node == self.node or (node is not None and node not in self.siblings()) or not self._may_go(player):
            return False  # here, or nowhere: this process says so
        frozen = self._hub.let_go(player)
        self._spawn(self._bring(frozen, message, text, node))
        return True

    @staticmethod
    def _may_go(player: Player) -> bool:
        return isinstance(player.connection, LeanConnection)

    def siblings(self) -> list[str]:
        """Return the other workers that have a socket."""
        return [node for node in nodes_in(self._folder) if node != self.node]

    async def _bring(self, frozen: FrozenConnection, message: Join | Resume, text: str, node: str | None) -> None:
        tried: list[str] = []
        try:
            for _ in range(HANDS_MAX):
                target, ticket = (node, 0) if node is not None else await self._find(message, tried)
                if target == self.node:
                    self._take_in(frozen, text, ticket)
                    return
                if await self._hand(frozen, text, target, ticket):
                    return
                tried.append(target)
            self._refuse(frozen, "its process does not answer; try again")
        except BaseException:
            os.close(frozen.descriptor)
            raise

    async def _find(self, message: Join | Resume, tried: list[str]) -> tuple[str, int]:
        """Return the node that should take a join, and its ticket."""
        assert isinstance(message, Join)
        if message.code:
            found = await self.gather("codes")
            holders = [node for node, codes in found.items() if codes and message.code.upper() in codes]
            return (holders or [self.node])[0], 0
        wish = self._wish_of(message)
        placement = await self.link.place(wish, message.create, tried) if wish is not None else None
        if placement is None or placement.node not in (self.node, *self.siblings()):
            return self.node, 0
        return placement.node, placement.ticket

    def _wish_of(self, message: Join) -> Wish | None:
        """Return what is to be placed; None for what this process can only refuse."""
        definition = self._hub.lobby.definitions.get(message.game)
        if definition is None:
            return None
        try:
            options = definition.parse_options(message.options)
        except ProtocolError:
            return None
        seats = min(definition.cls.seats, getattr(options, "seats", definition.cls.seats))
        return Wish(message.game, _options_text(options), seats)

    async def _hand(self, frozen: FrozenConnection, text: str, node: str, ticket: int) -> bool:
        """Give a connection to another worker; return whether it took it. Then this process' copy is closed."""
        letter = {
            "hand": _frozen_values(frozen),
            "message": text,
            "ticket": ticket,
        }
        path = socket_of(self._folder, node)
        try:
            answer, _ = await ask(path, letter, [frozen.descriptor], HAND_TIMEOUT_S)
        except PostError as error:
            self._hub.hand_overs["failed"] += 1
            self._hub.rate_limited.warning("hand_over_failed", node=node, error=str(error))
            return False
        if not answer.get("taken"):
            return False
        os.close(frozen.descriptor)
        self._hub.hand_overs["handed"] += 1
        return True

    def _take_in(self, frozen: FrozenConnection, text: str, ticket: int) -> None:
        """Go on with a connection in this process: its first message is for here."""
        if ticket:
            self._done.append(ticket)
        player = self._thaw(frozen)
        player.is_placed = True
        player.on_message(text)
        player.connection.watch(player.session is None)
        self.link.note_change()

    def _refuse(self, frozen: FrozenConnection, reason: str) -> None:
        player = self._thaw(frozen)
        player.close(CloseCode.GOING_AWAY, reason)

    def _thaw(self, frozen: FrozenConnection) -> Player:
        options = connection_options(self._hub.settings)
        connection = LeanConnection.thaw(frozen, asyncio.get_running_loop(), unmask, options)
        player = Player(self._hub, connection, is_json=_is_json(frozen))
        refusal = self._hub.add(player)
        if refusal is not None:
            player.close(CloseCode.SERVER_FULL, refusal)
        return player

    # ---- letters -----------------------------------------------------------------------------------------------

    async def _answer(self, letter: Letter, descriptors: Sequence[int]) -> Letter:
        if "hand" in letter:
            if self._hub.lobby.is_draining or len(descriptors) != 1:
                for descriptor in descriptors:
                    os.close(descriptor)
                return {"taken": False}
            self._take_in(_thawable(letter["hand"], descriptors[0]), letter["message"], letter["ticket"])
            self._hub.hand_overs["taken"] += 1
            return {"taken": True}
        for descriptor in descriptors:
            os.close(descriptor)
        if letter.get("question") == "listeners":
            return {"node": self.node, "descriptors": self._descriptors}
        question = self._hub.questions.get(letter.get("question", ""))
        return {"error": "unknown question"} if question is None else {"answer": question()}

    async def gather(self, question: str) -> dict[str, Any]:
        """Ask all workers, this one included; return the answers by node, None of one that does not answer."""

        async def one(node: str) -> Any:
            try:
                letter, _ = await ask(socket_of(self._folder, node), {"question": question}, timeout_s=GATHER_TIMEOUT_S)
            except PostError as error:
                self._hub.rate_limited.warning("worker_silent", node=node, question=question, error=str(error))
                return None
            return letter.get("answer")

        others = self.siblings()
        answers = await asyncio.gather(*(one(node) for node in others))
        return {self.node: self._hub.questions[question](), **dict(zip(others, answers, strict=True))}

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("bringing_failed", exc_info=task.exception())


def _facts(room: Room) -> RoomFacts:
    is_open = room.code is None and not room.is_locked and room.closing is None
    name = room.definition.name
    return RoomFacts(room.room_id, name, _options_text(room.options), room.seats_max, len(room.sessions), is_open)


def _options_text(options: Any) -> str:
    return canonical_json(attrs.asdict(options)) if options is not None else "{}"


def _is_json(frozen: FrozenConnection) -> bool:
    return frozen.subprotocol is None or frozen.subprotocol.endswith(".json")


def _frozen_values(frozen: FrozenConnection) -> dict[str, Any]:
    """Return all of a frozen connection but its descriptor, as plain values."""
    values = attrs.asdict(frozen)
    del values["descriptor"]
    for name in ("unread", "unsent"):
        values[name] = base64.b64encode(values[name]).decode()
    return values


def _thawable(values: dict[str, Any], descriptor: int) -> FrozenConnection:
    """Return a frozen connection from its values and the descriptor that came with them."""
    for name in ("unread", "unsent"):
        values[name] = base64.b64decode(values[name])
    return FrozenConnection(descriptor=descriptor, **values)
