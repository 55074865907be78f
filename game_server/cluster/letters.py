"""One letter on a Unix socket: a JSON object, and descriptors beside it.

Descriptors travel with the first byte (SCM_RIGHTS, unix(7)). A process that has none free gets the letter without them.

    length: uint32, little-endian; then so many bytes of JSON

Knows nothing of what letters say, nor of who answers whom.
"""

import array
import asyncio
import os
import socket
import struct
from collections.abc import Iterable, Sequence

import ujson

from ..web.others import Letter

LETTER_BYTES_MAX = 8 << 20
DESCRIPTORS_MAX = 16
_HEAD = struct.Struct("<I")


async def send(sock: socket.socket, letter: Letter, descriptors: Sequence[int] = ()) -> None:
    """Send a letter; its descriptors stay open here, too."""
    text = ujson.dumps(letter, ensure_ascii=False, allow_nan=False).encode()
    data = _HEAD.pack(len(text)) + text
    sent = 0
    if descriptors:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        sent = sock.sendmsg([data[: _HEAD.size]], rights)
    await asyncio.get_running_loop().sock_sendall(sock, data[sent:])


async def receive(sock: socket.socket) -> tuple[Letter, list[int]]:
    """Return the next letter and its descriptors, which are the caller's: all that were sent, or none.

    Raises:
        OSError: it did not come whole.
        ValueError: it is none.
    """
    data, descriptors, is_cut = b"", list[int](), False
    try:
        while len(data) < _HEAD.size or len(data) < _HEAD.size + _HEAD.unpack_from(data)[0]:
            if len(data) >= _HEAD.size and _HEAD.unpack_from(data)[0] > LETTER_BYTES_MAX:
                raise ValueError(f"a letter of over {LETTER_BYTES_MAX} bytes")
            some, more, flags = await _receive_some(sock)
            descriptors += more
            is_cut = is_cut or bool(flags & socket.MSG_CTRUNC)
            if not some:
                raise ConnectionResetError("the other side went away")
            data += some
        letter = ujson.loads(data[_HEAD.size :])
        if not isinstance(letter, dict):
            raise ValueError("a letter that is no object")
    except BaseException:
        close_all(descriptors)
        raise
    if is_cut:  # this process has no descriptor free: of several, some may have come
        close_all(descriptors)
        return letter, []
    return letter, descriptors


def close_all(descriptors: Iterable[int]) -> None:
    """Close this process' copies."""
    for descriptor in descriptors:
        os.close(descriptor)


async def _receive_some(sock: socket.socket) -> tuple[bytes, list[int], int]:
    while True:
        try:
            data, descriptors, flags, _ = socket.recv_fds(sock, 65_536, DESCRIPTORS_MAX)
        except BlockingIOError:
            await until_readable(sock)
        else:
            return data, list(descriptors), flags


async def until_readable(sock: socket.socket) -> None:
    """Wait until something has come, or the other side is gone."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(sock, _wake, readable)
    try:
        await readable
    finally:
        loop.remove_reader(sock)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
