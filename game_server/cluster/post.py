"""Letters between the processes of one machine, over Unix sockets: a JSON object, and descriptors beside it.

A letter is a connection of its own: asked, answered, closed. So a process that hangs delays nobody but its asker. A
letter that is read when its sender has given up is void, and a descriptor in it is still its sender's. An answer that
is lost, or later than its asker waits, leaves both with it (docs/why.md).

Letters are few: a join that goes elsewhere, a question of the status page. Descriptors travel with the first byte of a
letter (SCM_RIGHTS, unix(7)).

    length: uint32, little-endian; then so many bytes of JSON

Knows nothing of what letters say.
"""

import array
import asyncio
import errno
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import ujson

from ..web.logs import log

LETTER_BYTES_MAX = 8 << 20
DESCRIPTORS_MAX = 16
#: how long an answer is looked for that should have come before
LATE_ANSWER_S = 0.05
#: how long nothing is accepted after there was no descriptor for it
OUT_OF_DESCRIPTORS_S = 0.1
_HEAD = struct.Struct("<I")

Letter = dict[str, Any]
#: answers a letter; the descriptors are the answerer's to keep or close
Answerer = Callable[[Letter, Sequence[int]], Awaitable[Letter]]


class PostError(OSError):
    """A letter could not be brought, or was not answered."""


class PostBox:
    """Where a process gets letters.

    Args:
        path: of the socket; what stood there is replaced.
        answer: gives the answer to a letter.
    """

    def __init__(self, path: Path, answer: Answerer) -> None:
        self._path, self._answer = path, answer
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
            if error.errno in (errno.EMFILE, errno.ENFILE):  # it would be called again at once, and again
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._socket)
                loop.call_later(OUT_OF_DESCRIPTORS_S, self._listen)
            return
        sock.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._take(sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, sock: socket.socket) -> None:
        with sock:
            try:
                letter, descriptors = await _receive(sock)
                if _is_given_up(sock):
                    # It was long on its way, to a process that was stopped: what it asks for was done otherwise.
                    for descriptor in descriptors:
                        os.close(descriptor)
                    return
                answer = await self._answer(letter, descriptors)
                handed = answer.pop("descriptors", ())
                await _send(sock, answer, handed)
            except (OSError, ValueError) as error:
                log.debug("letter_lost", error=repr(error))
            except Exception:  # noqa: BLE001 - one letter's trouble is its sender's
                log.exception("letter_failed")


async def ask(
    path: Path, letter: Letter, descriptors: Sequence[int] = (), timeout_s: float = 2.0
) -> tuple[Letter, list[int]]:
    """Send a letter and return the answer with its descriptors.

    Raises:
        PostError: nobody is there, or there was no answer in time.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    with sock:
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, str(path))
                await _send(sock, letter, descriptors)
                return await _receive(sock)
        except TimeoutError:
            answer = await _answer_that_lies_there(sock)
            if answer is None:
                raise PostError(f"no answer from {path.name} within {timeout_s:g} s") from None
            return answer
        except (OSError, ValueError) as error:
            raise PostError(f"{path.name}: {error}") from error


async def _answer_that_lies_there(sock: socket.socket) -> tuple[Letter, list[int]] | None:
    """Return the answer that came in time while this process was stopped: it wakes up to both, and time-outs go first.

    To give up then would be to give away twice what the other side has taken.
    """
    try:
        async with asyncio.timeout(LATE_ANSWER_S):
            return await _receive(sock)
    except (OSError, ValueError):
        return None


async def _send(sock: socket.socket, letter: Letter, descriptors: Sequence[int] = ()) -> None:
    text = ujson.dumps(letter, ensure_ascii=False, allow_nan=False).encode()
    data = _HEAD.pack(len(text)) + text
    sent = 0
    if descriptors:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        sent = sock.sendmsg([data[: _HEAD.size]], rights)
    await asyncio.get_running_loop().sock_sendall(sock, data[sent:])


async def _receive(sock: socket.socket) -> tuple[Letter, list[int]]:
    data, descriptors = b"", list[int]()
    try:
        while len(data) < _HEAD.size or len(data) < _HEAD.size + _HEAD.unpack_from(data)[0]:
            if len(data) >= _HEAD.size and _HEAD.unpack_from(data)[0] > LETTER_BYTES_MAX:
                raise ValueError(f"a letter of over {LETTER_BYTES_MAX} bytes")
            some, more = await _receive_some(sock)
            descriptors += more
            if not some:
                raise ConnectionResetError("the other side went away")
            data += some
        letter = ujson.loads(data[_HEAD.size :])
        if not isinstance(letter, dict):
            raise ValueError("a letter that is no object")
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return letter, descriptors


def _is_given_up(sock: socket.socket) -> bool:
    """Return whether the sender waits for no answer any more."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


async def _receive_some(sock: socket.socket) -> tuple[bytes, list[int]]:
    loop = asyncio.get_running_loop()
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(sock, 65_536, DESCRIPTORS_MAX)
        except BlockingIOError:
            readable = loop.create_future()
            loop.add_reader(sock, _wake, readable)
            try:
                await readable
            finally:
                loop.remove_reader(sock)
        else:
            return data, list(descriptors)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
