"""One of several processes behind one port: what it tells the others, asks them and answers.

Any worker accepts any connection; where its first message belongs elsewhere, it is brought there (bringer.py). What
the processes have to know of each other goes in letters between them, and in reports to those who place quick matches:
the supervisor, or with several machines their common directory.

Knows the hub, letters and the directory; knows nothing of connections or of rooms' insides.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from ..core.directory import Report, RoomFacts
from ..core.room import Room
from ..errors import NoAnswer
from ..web.hub import Hub
from ..web.others import Letter
from .board import DirectoryDown, Sought
from .bringer import Bringer
from .claim_letters import ClaimLetters
from .claims import Claims
from .finder import Finder, options_text
from .letters import close_all
from .link import SupervisorLink
from .member import Member
from .place import SUPERVISOR, WorkerPlace, socket_of
from .post import PostBox, PostError, Ready, ask
from .tasks import Tasks

if TYPE_CHECKING:
    from .redis_directory import RedisDirectory

ASK_TIMEOUT_S = 2.0
GATHER_TIMEOUT_S = 1.0
#: a report names at most so many rooms
ROOMS_REPORTED_MAX = 2000


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
        self._hub, self._folder, self._siblings, self._drain = hub, place.folder, place.siblings, drain
        self._descriptors = place.descriptors
        self._box = PostBox(socket_of(place.folder, place.node), self._answer)
        hello = {"hello": place.node, "pid": os.getpid()}
        self._claims = Claims(hub, place.node)
        self._claim_letters = ClaimLetters(self._claims, place.node, place.siblings, self.ask)
        # With several machines their directory decides who has a user's one seat, and no supervisor.
        claims = self._claims if board is None else None
        path, orphan_drain_s = place.folder / SUPERVISOR, hub.settings.orphan_drain_s
        unheard = self._claim_letters.tell_all
        self.link = SupervisorLink(path, hello, self._report, claims, unheard, drain, orphan_drain_s)
        self._board = board
        finder = Finder(hub, place.node, self.link, board, self._claims, self._siblings, self.gather)
        self._bringer = Bringer(hub, place, finder, self._claims, self._seat_given, board)
        self._exchange = self._member = None
        if board is not None:
            from .exchange import Exchange  # it signs, which those who are alone need not load

            self._exchange = Exchange(board, admin_secret, self._answer_far)
            told = self._facts, self._bringer.take_arrived, self._tell_siblings
            self._member = Member(hub, board, self._claims, *told, self._exchange)
        self._tasks = Tasks("telling_failed")
        self._cpu_s, self._cpu_at_s, self._load = time.process_time(), hub.now_s(), 0.0

    def start(self) -> None:
        """Take letters and report, and let the hub know of the others."""
        self._hub.route, self._hub.gather, self._hub.is_worker = self._bringer.route, self.gather, True
        others = self._hub.others
        others.announce = self._tell_siblings
        others.siblings, others.ask, others.tell_supervisor = self._siblings, self.ask, self.link.tell
        self._box.open()
        self.link.start()
        if self._member is not None:
            self._member.start()

    async def stop(self) -> None:
        """Take nothing more."""
        self._box.close()
        self._bringer.stop()
        self._claim_letters.stop()
        self._tasks.cancel()
        await self.link.stop()
        if self._member is not None:
            await self._member.stop()

    # ---- what is told ------------------------------------------------------------------------------------------

    def _report(self) -> Report:
        return attrs.evolve(self._facts(), done=self._bringer.take_done())

    def _facts(self) -> Report:
        hub, now_s = self._hub, self._hub.now_s()
        elapsed_s = now_s - self._cpu_at_s
        if elapsed_s >= 1.0:
            cpu_s = time.process_time()
            self._load = (cpu_s - self._cpu_s) / elapsed_s
            self._cpu_s, self._cpu_at_s = cpu_s, now_s
        rooms = tuple(_facts(room) for room in list(hub.lobby.rooms.values())[:ROOMS_REPORTED_MAX])
        return Report(round(self._load, 3), hub.lobby.players, hub.lobby.is_draining, rooms)

    def _seat_given(self, claim: Sought | None) -> None:
        """Tell, soon, that a player was brought here; and at once that this gave a user's one seat."""
        if claim is not None:
            self._tasks.spawn(self._claim(claim))
        self.link.note_change()
        if self._member is not None:
            self._member.note_change()

    async def _claim(self, sought: Sought) -> None:
        """Have others hear of a one seat that was given here. A directory that is away hears of it in later reports."""
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
            self._claim_letters.tell([sought.seat])

    # ---- letters -----------------------------------------------------------------------------------------------

    async def _answer(self, letter: Letter, descriptors: Sequence[int]) -> Letter | Ready:
        if "offer" in letter:
            return self._bringer.consider(letter, descriptors)
        for key, answer in self._hub.others.answerers.items():
            if key in letter:
                return await answer(letter, descriptors)
        close_all(descriptors)
        if letter.get("question") == "listeners":
            return {"node": self.node, "descriptors": self._descriptors}
        if "tell" in letter:
            self._hub.hear(letter["tell"])
            return {}
        if "claims" in letter:
            return self._claim_letters.hear(letter["of"], letter["claims"])
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
        if node not in self._siblings():
            if self._exchange is None:
                raise NoAnswer(f"There is no process {node} any more")
            return await self._exchange.ask(node, letter)
        try:
            answer, _ = await ask(socket_of(self._folder, node), letter, descriptors, ASK_TIMEOUT_S)
        except PostError as error:
            raise NoAnswer(f"Process {node} does not answer: whether it was done is not known") from error
        return answer

    def _tell_siblings(self, message: dict[str, Any]) -> str:
        """Tell the other workers of this machine something; return in words whom it reaches."""
        others = self._siblings()
        self._tasks.spawn(self._tell({"tell": message}, others))
        return f"{len(others)} other process{'' if len(others) == 1 else 'es'}"

    async def _tell(self, letter: Letter, nodes: list[str]) -> None:
        for node in nodes:
            try:
                await ask(socket_of(self._folder, node), letter, timeout_s=GATHER_TIMEOUT_S)
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

        others = self._siblings()
        answers = await asyncio.gather(*(one(node) for node in others))
        return {self.node: self._hub.questions[question](), **dict(zip(others, answers, strict=True))}


def _facts(room: Room) -> RoomFacts:
    is_open = room.code is None and not room.is_locked and room.closing is None
    name = room.definition.name
    return RoomFacts(room.room_id, name, options_text(room.options), room.seats_max, len(room.sessions), is_open)
