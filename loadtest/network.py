"""Makes the connections of one process to one server: knows the address, and what the network does to whom.

Knows nothing of messages.
"""

import asyncio
import os
from urllib.parse import urlsplit

from game_server.core.conditions import Link as Lines

from .bad_line import BadLine
from .link import HandshakeError, Link, Listener


class Network:
    """Connects to one server.

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

    async def connect(self, listener: Listener, timeout_s: float, lines: "Lines[bytes] | None" = None) -> Link:
        """Open a WebSocket.

        Args:
            listener: who takes what arrives.
            timeout_s: for connecting and for the handshake, together.
            lines: what the network is to do to it; None: nothing.

        Raises:
            HandshakeError: it did not come about; the text says why.
        """
        link = Link(listener, self._netloc, self._path, self._subprotocol)
        end = link if lines is None else BadLine(link, lines)
        try:
            async with asyncio.timeout(timeout_s):
                await self._loop.create_connection(lambda: end, self._host, self._port, ssl=self._is_tls or None)
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
