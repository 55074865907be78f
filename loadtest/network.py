"""Makes the connections of one process to one service: knows its address, and what the network does to whom.

Knows nothing of messages.
"""

import asyncio
import os
from urllib.parse import urlsplit

import attrs

from game_server.core.conditions import Link as Lines

from .bad_line import BadLine
from .link import HandshakeError, Link, Listener


@attrs.frozen
class Address:
    """The parts of a WebSocket's URL."""

    host: str
    port: int
    is_tls: bool
    netloc: str
    path: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Return the parts; raise ValueError for what is no ws:// or wss:// URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or parts.hostname is None:
            raise ValueError(f"ws://host/path or wss://host/path, not {url!r}")
        is_tls = parts.scheme == "wss"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or (443 if is_tls else 80), is_tls, parts.netloc, path)


class Network:
    """Connects to one service.

    Args:
        url: ws:// or wss://, where clients begin.
        subprotocol: the only one offered.
    """

    def __init__(self, url: str, subprotocol: str) -> None:
        self._home = Address.parse(url)
        self._subprotocol = subprotocol
        self._loop = asyncio.get_running_loop()

    async def connect(
        self, listener: Listener, timeout_s: float, lines: "Lines[bytes] | None" = None, url: str | None = None
    ) -> Link:
        """Open a WebSocket.

        Args:
            listener: who takes what arrives.
            timeout_s: for connecting and for the handshake, together.
            lines: what the network is to do to it; None: nothing.
            url: of another machine of the service that the client was sent to.

        Raises:
            HandshakeError: it did not come about; the text says why.
        """
        try:
            address = self._home if url is None else Address.parse(url)
        except ValueError:
            raise HandshakeError("connect: sent to what is no ws:// address") from None
        link = Link(listener, address.netloc, address.path, self._subprotocol)
        end = link if lines is None else BadLine(link, lines)
        try:
            async with asyncio.timeout(timeout_s):
                ssl = address.is_tls or None
                await self._loop.create_connection(lambda: end, address.host, address.port, ssl=ssl)
                await link.opened
        except TimeoutError:
            raise HandshakeError("connect: timeout") from None
        except OSError as error:
            raise HandshakeError(f"connect: {_reason_of(error)}") from None
        finally:
            if not link.was_open:  # cancelled, perhaps
                link.abort()
        return link


def _reason_of(error: OSError) -> str:
    # The text of an error from asyncio names addresses; that of the number is the same for all.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__
