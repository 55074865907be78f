"""One of several processes behind one port: brings each player to the process that has its room.

Any worker accepts any connection, and all does as if it were alone, up to the first message. That says where the player
belongs: a room id and a token carry their node, a code is asked for among all, a quick match is placed by the
supervisor, or with several machines by their common directory. Is it here, nothing more happens. Is it in another
process of this machine, the connection is frozen (the socket, what was read behind the message, what was not sent yet)
and handed to its owner, which thaws it and takes the message as if it had come there. From then on no byte passes
through this process. Is it on another machine, the client is told where (`moved`), and goes there by itself.

Knows the hub, connections, letters and the directory; knows nothing of rooms' insides.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from ..core.directory import Report, RoomFacts, Wish, node_of
from ..core.json_codec import dump
from ..core.kinds import canonical_json
from ..core.one_seats import Claim
from ..core.protocol import Join, Resume
from ..core.room import Room
from ..errors import CloseCode, NoAnswer, ProtocolError
from ..web.connection import FrozenConnection, LeanConnection
from ..web.hub import Hub
from ..web.logs import log
from ..web.player import Player
from ..web.socket import connection_options
from ..web.takeover import unmask
from .board import DirectoryDown, Sought
from .claims import Claims
from .link import SupervisorLink
from .member import Member
from .place import SUPERVISOR, WorkerPlace, nodes_in, socket_of
from .post import Letter, PostBox, PostError, ask

if TYPE_CHECKING:
    from .redis_directory import RedisDirectory

#: processes a player is brought to before it is told to try again
HANDS_MAX = 3
HAND_TIMEOUT_S = 2.0
GATHER_TIMEOUT_S = 1.0
#: places that a quick match looks at when those it is given turn out to be of dead processes
PLACES_MAX = 4
#: a report names at most so many rooms
ROOMS_REPORTED_MAX = 2000


@attrs.frozen
class _Target:
    """Where a first message belongs.

    `ticket`: the supervisor's, to be named when it has got there. `room`: the room it was placed in. `url` and
    `placement`: of another machine, and what the client shows there.
    """

    node: str
    ticket: int = 0
    room: str | None = None
    url: str | None = None
    placement: str | None = None


class Worker:
    """This process among its siblings.

    Args:
        hub: its rooms and players.
        place: what the supervisor gave it.
        drain: called when the service shuts down.
        board: the directory of all machines, if there are several.
        admin_secret: of the status page; machines that have the same obey each other's operators.
    """

    def __init__(
        self,
        hub: Hub,
        place: WorkerPlace,
        drain: Callable[[], None],
        board: "RedisDirectory | None" = None,
        admin_secret: str = "",
    ) -> None:
        self.node = place.node
        self._hub, self._folder, self._drain = hub, place.folder, drain
        self._descriptors = place.descriptors
        self._box = PostBox(socket_of(place.folder, place.node), self._answer)
        hello = {"hello": place.node, "pid": os.getpid()}
        self._claims = Claims(hub, place.node)
        # With several machines their directory decides who has a user's one seat, and no supervisor.
        claims = self._claims if board is None else None
        path, orphan_drain_s = place.folder / SUPERVISOR, hub.settings.orphan_drain_s
        self.link = SupervisorLink(path, hello, self._report, claims, drain, orphan_drain_s)
        self._board = board
        self._done: list[int] = []
        self._exchange = self._member = None
        if board is not None:
            from .exchange import Exchange  # it signs, which those who are alone need not load

            self._exchange = Exchange(board, admin_secret, self._answer_far)
            self._member = Member(hub, board, self._claims, self._facts, self._tell_siblings, self._exchange)
        self._tasks: set[asyncio.Task[None]] = set()
        self._cpu_s, self._cpu_at_s, self._load = time.process_time(), hub.now_s(), 0.0

    def start(self) -> None:
        """Take letters and report, and let the hub know of the others."""
        self._hub.route, self._hub.gather, self._hub.is_worker = self.route, self.gather, True
        others = self._hub.others
        others.announce = self._tell_siblings
        others.siblings, others.ask, others.tell_supervisor = self.siblings, self.ask, self.link.tell
        self._box.open()
        self.link.start()
        if self._member is not None:
            self._member.start()

    async def stop(self) -> None:
        """Take nothing more."""
        self._box.close()
        for task in self._tasks:
            task.cancel()
        await self.link.stop()
        if self._member is not None:
            await self._member.stop()

    # ---- what is told ------------------------------------------------------------------------------------------

    def _report(self) -> Report:
        done, self._done = self._done, []
        return attrs.evolve(self._facts(), done=tuple(done))

    def _facts(self) -> Report:
        hub, now_s = self._hub, self._hub.now_s()
        elapsed_s = now_s - self._cpu_at_s
        if elapsed_s >= 1.0:
            cpu_s = time.process_time()
            self._load = (cpu_s - self._cpu_s) / elapsed_s
            self._cpu_s, self._cpu_at_s = cpu_s, now_s
        rooms = tuple(_facts(room) for room in list(hub.lobby.rooms.values())[:ROOMS_REPORTED_MAX])
        return Report(round(self._load, 3), hub.lobby.players, hub.lobby.is_draining, rooms)

    def _note_change(self) -> None:
        self.link.note_change()
        if self._member is not None:
            self._member.note_change()

    # ---- bringing players where they belong --------------------------------------------------------------------

    def route(self, player: Player, message: Join | Resume, text: str) -> bool:
        """Return False when a player's first message is for this process; else it is being brought where it belongs."""
        node = _node_named(message)
        is_elsewhere = node != self.node and (not node or self._board is not None or node in self.siblings())
        seat = self._claims.seat_of(message) if isinstance(message, Join) else None
        if not (is_elsewhere or seat) or not isinstance(player.connection, LeanConnection):
            return False  # here, or nowhere: this process says so
        frozen = self._hub.let_go(player)
        self._spawn(self._bring(frozen, message, text, seat))
        return True

    def siblings(self) -> list[str]:
        """Return the other workers of this machine that have a socket."""
        return [node for node in nodes_in(self._folder) if node != self.node]

    async def _bring(self, frozen: FrozenConnection, message: Join | Resume, text: str, seat: str | None) -> None:
        try:
            sought = await self._seek(seat) if seat else None
            target = await self._hand_on(frozen, message, text, sought)
        except BaseException:
            os.close(frozen.descriptor)
            raise
        # From here on the descriptor is the connection's.
        if isinstance(target, str):
            self._thaw(frozen).close(CloseCode.GOING_AWAY, target)
        elif target is not None and target.url is not None and target.node != self.node:
            self._send_away(frozen, target)
        elif target is not None:
            self._take_in(frozen, text, target.ticket, target.room, sought)

    async def _seek(self, seat: str) -> Sought:
        """Return the claim that a join for a user's one seat makes, and where that seat is now."""
        if self._board is None:
            return await self.link.seek(seat)
        try:
            return await self._board.seek(seat)
        except DirectoryDown:
            return Sought(seat, self._claims.number_after(seat, self._board.now_us()))

    async def _hand_on(
        self, frozen: FrozenConnection, message: Join | Resume, text: str, sought: Sought | None
    ) -> _Target | str | None:
        """Hand a connection to the sibling that it belongs to; return where it belongs if to none, or why nowhere."""
        tried: list[str] = []
        try:
            for _ in range(HANDS_MAX):
                target = self._seat_held(message, sought, tried) or await self._find(message, tried)
                if target.node not in self.siblings():
                    return target
                if await self._hand(frozen, text, target, sought):
                    return None
                tried.append(target.node)
                if self._board is not None:
                    await self._board.delist(target.node)
        except DirectoryDown:
            return "the directory of rooms does not answer; try again"
        return "its process does not answer; try again"

    def _seat_held(self, message: Join | Resume, sought: Sought | None, tried: list[str]) -> _Target | None:
        """Return where the one seat of a user is who asks for no other room: it is given to the newer connection."""
        if isinstance(message, Resume) or sought is None or not sought.node or sought.node in tried:
            return None
        if message.room or message.code or message.create or message.placement:
            return None
        if sought.node in (self.node, *self.siblings()):
            return _Target(sought.node)
        if self._board is None or sought.url == self._board.announce_url:
            return None  # it was of this machine, and has died
        return _Target(sought.node, url=sought.url)

    async def _find(self, message: Join | Resume, tried: list[str]) -> _Target:
        """Return where a first message belongs; raise DirectoryDown when only the directory could tell."""
        node = _node_named(message)
        if node:
            return await self._find_node(node)
        assert isinstance(message, Join)
        if message.code:
            return await self._find_code(message.code.upper())
        wish = self._wish_of(message)
        if wish is None:
            return _Target(self.node)
        if self._board is not None:
            try:
                return await self._find_on_board(self._board, message, wish)
            except DirectoryDown:
                if self._hub.settings.redis_down == "refuse":
                    raise
        placement = await self.link.place(wish, message.create, tried)
        return _Target(placement.node, ticket=placement.ticket) if placement else _Target(self.node)

    async def _find_on_board(self, board: "RedisDirectory", message: Join, wish: Wish) -> _Target:
        mine = {self.node, *self.siblings()}
        room = await board.redeem(message.placement) if message.placement else None
        if room is not None and node_of(room) in mine:
            return _Target(node_of(room), room=room)
        for _ in range(PLACES_MAX):
            seat = await board.place(wish, message.create)
            if seat is None:
                break
            if seat.node in mine:
                await board.redeem(seat.ticket)
                return _Target(seat.node, room=seat.room)
            if seat.url != board.announce_url:
                return _Target(seat.node, url=seat.url, placement=seat.ticket)
            await board.bury(seat.node)  # of this machine, and its socket is gone: it has died
        return _Target(self.node)

    async def _find_node(self, node: str) -> _Target:
        if self._board is None or node in (self.node, *self.siblings()):
            return _Target(node)
        url = await self._board.url_of(node)
        if url != self._board.announce_url:
            return _Target(node, url=url)
        await self._board.bury(node)  # of this machine, and its socket is gone: it has died
        return _Target(self.node)

    async def _find_code(self, code: str) -> _Target:
        found = await self.gather("codes")
        holders = [node for node, codes in found.items() if codes and code in codes]
        if holders or self._board is None:
            return _Target((holders or [self.node])[0])
        room = await self._board.room_of_code(code)
        return await self._find_node(node_of(room)) if room else _Target(self.node)

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
        return Wish(message.game, _options_text(options), seats)

    async def _hand(self, frozen: FrozenConnection, text: str, target: _Target, sought: Sought | None) -> bool:
        """Give a connection to another worker; return whether it took it. Then this process' copy is closed."""
        letter = {"hand": _frozen_values(frozen), "message": text, "ticket": target.ticket, "room": target.room}
        letter["seat"] = (sought.seat, sought.number) if sought else None
        try:
            path = socket_of(self._folder, target.node)
            answer, _ = await ask(path, letter, [frozen.descriptor], HAND_TIMEOUT_S)
        except PostError as error:
            self._hub.hand_overs["failed"] += 1
            self._hub.rate_limited.warning("hand_over_failed", node=target.node, error=str(error))
            return False
        if not answer.get("taken"):
            return False
        os.close(frozen.descriptor)
        self._hub.hand_overs["handed"] += 1
        return True

    def _take_in(
        self, frozen: FrozenConnection, text: str, ticket: int, room_id: str | None, sought: Sought | None
    ) -> None:
        """Go on with a connection in this process: its first message is for here."""
        if ticket:
            self._done.append(ticket)
        player = self._thaw(frozen)
        player.is_placed = True
        if room_id and node_of(room_id) == self.node:
            player.placed_in = room_id
        if sought is not None and self._claims.is_outdone(sought):
            player.close(CloseCode.TAKEN_OVER, "a newer connection of yours has the seat")
            return
        player.on_message(text)
        player.connection.watch(player.session is None)
        if sought is not None and self._claims.hold(sought, player):
            self._spawn(self._claim(sought))
        self._note_change()

    async def _claim(self, sought: Sought) -> None:
        """Have others hear of a one seat that was given here. What is not heard now is told with the next reports."""
        try:
            if self._board is not None:
                winner = await self._board.take(sought.seat, sought.number)
                if winner is not None:
                    self._claims.lose(sought.seat, winner)
                return
        except DirectoryDown:
            is_heard = False
        else:
            is_heard = self.link.take(sought.seat, sought.number)
        if not is_heard:  # then at least the processes of this machine agree
            await self._tell({"claim": (sought.seat, sought.number, self.node)}, self.siblings())

    def _send_away(self, frozen: FrozenConnection, target: _Target) -> None:
        """Tell a client which machine it has to go to."""
        player = self._thaw(frozen)
        player.send(dump({"type": "moved", "url": target.url, "placement": target.placement}))
        player.close(CloseCode.MOVED, f"go to {target.url}")

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
            frozen = _thawable(letter["hand"], descriptors[0])
            sought = Sought(*letter["seat"]) if letter["seat"] else None
            self._take_in(frozen, letter["message"], letter["ticket"], letter["room"], sought)
            self._hub.hand_overs["taken"] += 1
            return {"taken": True}
        for key, answer in self._hub.others.answerers.items():
            if key in letter:
                return await answer(letter, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        if letter.get("question") == "listeners":
            return {"node": self.node, "descriptors": self._descriptors}
        if "tell" in letter:
            self._hub.hear(letter["tell"])
            return {}
        if "claim" in letter:
            return self._hear_claim(*letter["claim"])
        question = self._hub.questions.get(letter.get("question", ""))
        return {"error": "unknown question"} if question is None else {"answer": question()}

    async def _answer_far(self, letter: Letter) -> Letter:
        """Answer a letter from another machine, which says so: what it is trusted with may differ."""
        for key, answer in self._hub.others.answerers.items():
            if key in letter:
                return await answer({**letter, "is_far": True}, ())
        return {"error": "unknown letter"}

    async def ask(self, node: str, letter: Letter, descriptors: Sequence[int] = ()) -> Letter:
        """Ask another process and return its answer; raise NoAnswer when there is none in time."""
        if node not in self.siblings():
            if self._exchange is None:
                raise NoAnswer(f"There is no process {node} any more")
            return await self._exchange.ask(node, letter)
        try:
            answer, _ = await ask(socket_of(self._folder, node), letter, descriptors, HAND_TIMEOUT_S)
        except PostError as error:
            raise NoAnswer(f"Process {node} does not answer: whether it was done is not known") from error
        return answer

    def _tell_siblings(self, message: dict[str, Any]) -> str:
        """Tell the other workers of this machine something; return in words whom it reaches."""
        others = self.siblings()
        self._spawn(self._tell({"tell": message}, others))
        return f"{len(others)} other process{'' if len(others) == 1 else 'es'}"

    def _hear_claim(self, seat: str, number: int, node: str) -> Letter:
        """Give a one seat up for a sibling's claim, or answer with the higher one that is held here."""
        self._claims.lose(seat, Claim(number, node))
        held = self._claims.claim_of(seat)
        return {"higher": (seat, held.number, held.node)} if held else {}

    async def _tell(self, letter: Letter, nodes: list[str]) -> None:
        for node in nodes:
            try:
                answer, _ = await ask(socket_of(self._folder, node), letter, timeout_s=GATHER_TIMEOUT_S)
                if "higher" in answer:
                    self._hear_claim(*answer["higher"])
            except PostError as error:
                self._hub.rate_limited.warning("worker_not_told", node=node, error=str(error))

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


def _node_named(message: Join | Resume) -> str:
    """Return the node that a first message names; empty when it names none."""
    return node_of(message.token if isinstance(message, Resume) else message.ticket or message.room or "")


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
