"""Questions and answers between processes of different machines, over Redis.

What processes of one machine write each other in letters, those of several publish on the channel of the one who is
meant. It is little: what an operator does to a room, a look at its players, shutting a machine down. Redis counts who
listens, so a process that is gone is known at once; one that is stuck, after ASK_TIMEOUT_S.

Whoever reaches Redis could publish too. So a question is signed with a key that follows from the admin secret: machines
obey only those that have the same, for a minute, and once. The answers are not signed; a false one can only mislead.

Knows the directory's channels; knows nothing of what letters say.
"""

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import jwt

from ..errors import NoAnswer
from ..web.logs import log
from ..web.others import Letter
from .board import DirectoryDown

if TYPE_CHECKING:
    from .redis_directory import RedisDirectory

ASK_TIMEOUT_S = 2.5
#: how old a question may be, and by how much clocks of machines may differ
QUESTION_LIFETIME_S, CLOCKS_DIFFER_S = 10, 50
SEEN_MAX = 1000
REFUSED = "its machine has another GAME_SERVER_ADMIN_SECRET, or a clock that is far off"


class Exchange:
    """This process' part.

    Args:
        board: whose channels are used.
        admin_secret: known to all machines that may command each other.
        answer: answers a letter from elsewhere.
    """

    def __init__(
        self, board: "RedisDirectory", admin_secret: str, answer: Callable[[Letter], Awaitable[Letter]]
    ) -> None:
        self._board, self._answer = board, answer
        self._key = hmac.digest(admin_secret.encode("utf-8", "replace"), b"questions between machines", "sha256")
        self._waiting: dict[str, asyncio.Future[Letter]] = {}
        #: questions that were answered: none is answered twice
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, node: str, letter: Letter) -> Letter:
        """Ask a process of another machine and return its answer; raise NoAnswer when there is none in time."""
        number = secrets.token_hex(8)
        claims = {"letter": letter, "to": node, "id": number, "exp": time.time() + QUESTION_LIFETIME_S}
        future: asyncio.Future[Letter] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        question = {"from": self._board.node, "id": number, "ask": jwt.encode(claims, self._key, algorithm="HS256")}
        try:
            if not await self._board.tell(node, question):
                raise NoAnswer(f"There is no process {node} any more")
            answer = await asyncio.wait_for(future, ASK_TIMEOUT_S)
        except DirectoryDown as error:
            raise NoAnswer(f"Redis does not answer, so process {node} cannot be reached") from error
        except TimeoutError as error:
            raise NoAnswer(f"Process {node} does not answer: whether it was done is not known") from error
        finally:
            del self._waiting[number]
        if "refused" in answer:
            raise NoAnswer(f"Process {node} refuses: {answer['refused']}")
        return answer

    def hear(self, message: Letter) -> None:
        """Take what was published for this process."""
        if "ask" in message:
            task = asyncio.get_running_loop().create_task(self._reply(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif (future := self._waiting.get(str(message.get("id")))) is not None and not future.done():
            future.set_result(message["answer"])

    async def stop(self) -> None:
        """Answer nothing more."""
        for task in self._tasks:
            task.cancel()

    async def _reply(self, message: Letter) -> None:
        answer: Letter = {"refused": REFUSED}
        letter = self._verified(message)
        if letter is not None:
            try:
                answer = await self._answer(letter)
            except Exception:  # noqa: BLE001 - one question's trouble is its asker's
                log.exception("question_failed")
                answer = {"refused": "it failed; its log says why"}
        try:
            await self._board.tell(str(message["from"]), {"id": message["id"], "answer": answer})
        except DirectoryDown as error:
            log.warning("answer_lost", error=str(error))

    def _verified(self, message: Letter) -> Letter | None:
        """Return the letter of a question that is fresh, meant for this process, and from one who knows the secret."""
        try:
            claims: dict[str, Any] = jwt.decode(
                message["ask"], self._key, algorithms=["HS256"], leeway=CLOCKS_DIFFER_S, options={"require": ["exp"]}
            )
        except (jwt.InvalidTokenError, TypeError) as error:
            log.warning("question_refused", by=str(message.get("from"))[:40], error=str(error))
            return None
        if claims["to"] != self._board.node or claims["id"] in self._seen:
            return None
        self._seen[claims["id"]] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        letter: Letter = claims["letter"]
        return letter
