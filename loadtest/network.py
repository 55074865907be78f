"""Makes the connections of one process to one server: knows the address, and what carries the bytes.

Plain sockets hang on `Wires`; TLS, and systems without epoll, have asyncio's transports. Knows nothing of messages.
"""

import asyncio
import os
import select
import socket
from typing import Any
from urllib.parse import urlsplit

from game_server.core.conditions import Link as Lines

from .bad_line import BadLine
from .link import HandshakeError, Link, Listener
from .wire import Wires


class Network:
    """Makes the connections of one process to one server.

    Args:
        url: ws:// or wss://.
        subprotocol: the only one offered.
    """

    def __init__(self, url: str, subprotocol: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None, url
        self._is_tls = parts.scheme == "wss"
        self._host, self._port = parts.hostname, parts.port or (443 if self._is_tls else 80)
        self._netloc, self._subprotocol = parts.netloc, subprotocol
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._loop = asyncio.get_running_loop()
        self._addresses: list[tuple[socket.AddressFamily, tuple[Any, ...]]] = []
        self._wires = None if self._is_tls or not hasattr(select, "epoll") else Wires()

    async def connect(self, listener: Listener, timeout_s: float, lines: "Lines[bytes] | None" = None) -> Link:
        """Open a WebSocket.

        Args:
            listener: who takes what arrives.
            lines: what the network is to do to it; None: nothing.
            timeout_s: for connecting and for the handshake, together.

        Raises:
            HandshakeError: it did not come about; the text says why.
        """
        link = Link(listener, self._netloc, self._path, self._subprotocol)
        end = link if lines is None else BadLine(link, lines)
        try:
            async with asyncio.timeout(timeout_s):
                if self._wires is None:
                    tls = True if self._is_tls else None
                    await self._loop.create_connection(lambda: end, self._host, self._port, ssl=tls)
                else:
                    connection = await self._open_socket()
                    end.begin(self._wires.add(connection, end))
                await link.opened
        except TimeoutError:
            raise HandshakeError("connect: timeout") from None
        except OSError as error:
            raise HandshakeError(f"connect: {_reason_of(error)}") from None
        finally:
            if not link.was_open:  # cancelled, perhaps
                link.abort()
        return link

    async def _open_socket(self) -> socket.socket:
        """Return a socket connected to the first address that answers, the one that did last time first."""
        if not self._addresses:
            found = await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = [(family, address) for family, _, _, _, address in found]
        problem: OSError = OSError("no address")
        for place, (family, address) in enumerate(self._addresses):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._loop.sock_connect(connection, address)
            except OSError as error:
                connection.close()
                problem = error
            except BaseException:
                connection.close()
                raise
            else:
                self._addresses.insert(0, self._addresses.pop(place))
                return connection
        raise problem

    def close(self) -> None:
        """Make no more connections; those that are open are to be closed before."""
        if self._wires is not None:
            self._wires.close()


def _reason_of(error: OSError) -> str:
    # The text of an error from asyncio names addresses; that of the number is the same for all.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__
