"""Post between the processes of one machine, over Unix sockets: letters that are answered, and offers that are settled.

A letter is a connection of its own: asked, answered, closed. So a process that hangs delays nobody but its asker. A
letter that is read when its sender has given up is void.

An *offer* is a letter with a descriptor that is to belong to one process at any time, and takes a step more:

    letter, descriptor  ->                     the receiver looks whether it can take it, and does nothing to it
                        <-  {"ready": true}
    commit              ->                     the sender closes its copy, the receiver acts

    commit: int64, little-endian; the sender's CLOCK_MONOTONIC in ns, which all processes of a machine share

The write of the commit is the one decision; a Unix socket takes it at once and whole, or fails. Where it fails, or
before, the sender gives up by closing the letter, and has the descriptor still. The receiver acts on a commit that it
has read and on nothing else. One that will wait no longer first shuts its end for reading, upon which no commit can be
written any more, and then looks whether one has come: so no time-out, stop or death of either side leaves two owners.
A receiver that dies with a commit unread leaves none: the kernel closes the connection, and its client comes back.

Letters are few: a join that goes elsewhere, a question of the status page. Knows nothing of what letters say.
"""

import asyncio
import contextlib
import errno
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import attrs

from ..web.logs import log
from ..web.others import Letter
from .letters import close_all, receive, send, until_readable

#: how long an answer is looked for that should have come before
LATE_ANSWER_S = 0.05
#: how long the commit of an offer is waited for: longer than a sender waits for `ready`, and still bounded
COMMIT_TIMEOUT_S = 4.0
#: how long nothing is accepted after there was no descriptor or memory for it
STARVED_S = 0.1
_STARVED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_COMMIT = struct.Struct("<q")


@attrs.frozen
class Ready:
    """The answer to an offer that can be taken. One of the two is called, once.

    Args:
        take: the descriptor belongs to this process alone; told how many seconds ago that was decided.
        leave: it is the sender's still: close this copy, and do nothing else to it.
    """

    take: Callable[[float], None]
    leave: Callable[[], None]


#: answers a letter; the descriptors are the answerer's to keep or close
Answerer = Callable[[Letter, Sequence[int]], Awaitable[Letter | Ready]]


class PostError(OSError):
    """A letter could not be brought, or was not answered."""


class PostBox:
    """Where a process gets letters.

    Args:
        path: of the socket; what stood there is replaced.
        answer: gives the answer to a letter.
        commit_timeout_s: how long the commit of an offer is waited for.
    """

    def __init__(self, path: Path, answer: Answerer, commit_timeout_s: float = COMMIT_TIMEOUT_S) -> None:
        self._path, self._answer, self._commit_timeout_s = path, answer, commit_timeout_s
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to take letters."""
        # Bound under another name first: the path leads to a socket that listens, or to none.
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind(str(fresh))
        sock.listen(256)
        fresh.rename(self._path)
        self._socket = sock
        self._listen()

    def _listen(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Take no more letters."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            self._path.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        assert self._socket is not None
        try:
            sock, _ = self._socket.accept()
        except OSError as error:
            if error.errno in _STARVED:  # it would be called again at once, and again
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._socket)
                loop.call_later(STARVED_S, self._listen)
            return
        sock.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._take(sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, sock: socket.socket) -> None:
        with sock:
            try:
                letter, descriptors = await receive(sock)
                if _is_given_up(sock):
                    # It was long on its way, to a process that was stopped: what it asks for was done otherwise.
                    close_all(descriptors)
                    return
                answer = await self._answer(letter, descriptors)
                if isinstance(answer, Ready):
                    await self._settle(sock, answer)
                    return
                handed = answer.pop("descriptors", ())
                await send(sock, answer, handed)
            except (OSError, ValueError) as error:
                log.debug("letter_lost", error=repr(error))
            except Exception:  # noqa: BLE001 - one letter's trouble is its sender's
                log.exception("letter_failed")

    async def _settle(self, sock: socket.socket, ready: Ready) -> None:
        """Say that an offer can be taken, and do what its sender then decides."""
        try:
            await send(sock, {"ready": True})
            async with asyncio.timeout(self._commit_timeout_s):
                await until_readable(sock)
        finally:
            age_s = _age_of_commit(sock)
            if age_s is None:
                ready.leave()
            else:
                ready.take(age_s)


async def ask(
    path: Path, letter: Letter, descriptors: Sequence[int] = (), timeout_s: float = 2.0
) -> tuple[Letter, list[int]]:
    """Send a letter and return the answer with its descriptors.

    Raises:
        PostError: nobody is there, or there was no answer in time.
    """
    with _letter_socket(path) as sock:
        return await _answer_to(sock, path, letter, descriptors, timeout_s)


async def offer(path: Path, letter: Letter, descriptor: int, timeout_s: float = 2.0) -> None:
    """Offer a descriptor. On return it is the receiver's alone, and this process' copy is to be closed.

    Raises:
        PostError: it belongs to this process as before: nobody was there, or ready in time, or it was refused.
    """
    with _letter_socket(path) as sock:
        answer, surplus = await _answer_to(sock, path, letter, [descriptor], timeout_s)
        close_all(surplus)
        if answer.get("ready") is not True:
            raise PostError(f"{path.name} does not take it: {answer.get('refused', 'no reason given')}")
        try:
            is_written = sock.send(_COMMIT.pack(time.monotonic_ns())) == _COMMIT.size
        except OSError as error:
            raise PostError(f"{path.name} waits no longer: {error}") from error
        if not is_written:
            raise PostError(f"{path.name} got a part of the commit, which is none")


def _letter_socket(path: Path) -> socket.socket:
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise PostError(f"{path.name}: {error}") from error
    sock.setblocking(False)
    return sock


async def _answer_to(
    sock: socket.socket, path: Path, letter: Letter, descriptors: Sequence[int], timeout_s: float
) -> tuple[Letter, list[int]]:
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.get_running_loop().sock_connect(sock, str(path))
            await send(sock, letter, descriptors)
            return await receive(sock)
    except TimeoutError:
        answer = await _answer_that_lies_there(sock)
        if answer is None:
            raise PostError(f"no answer from {path.name} within {timeout_s:g} s") from None
        return answer
    except (OSError, ValueError) as error:
        raise PostError(f"{path.name}: {error}") from error


async def _answer_that_lies_there(sock: socket.socket) -> tuple[Letter, list[int]] | None:
    """Return the answer that came in time while this process was stopped: it wakes up to both, and time-outs go first.

    What was asked for is done then, and the other side is well: to give up would be to say that neither is known.
    """
    try:
        async with asyncio.timeout(LATE_ANSWER_S):
            return await receive(sock)
    except (OSError, ValueError):
        return None


def _is_given_up(sock: socket.socket) -> bool:
    """Return whether the sender waits for no answer any more."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _age_of_commit(sock: socket.socket) -> float | None:
    """Return how many seconds ago an offer was committed; None: it was not, and from here on cannot be."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RD)
    try:
        data = sock.recv(_COMMIT.size)
    except OSError:
        return None
    return (time.monotonic_ns() - _COMMIT.unpack(data)[0]) / 1e9 if len(data) == _COMMIT.size else None
