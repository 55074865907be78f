"""What a connection is to the rest of the server, whichever transport it is, and the options of its socket.

`connection.py` is the one that serves games; `socket.py` has the one over Tornado's own WebSocket. Knows nothing of
frames, sessions or games.
"""

import socket
from collections.abc import Callable
from typing import Protocol

import attrs

from .round_trip import RoundTrip


class Receiver(Protocol):
    """Who is told what a connection brings."""

    def on_message(self, data: bytes | str) -> None:
        """Take one message: `bytes` if it was binary, `str` if text."""

    def on_close(self, code: int, reason: str) -> None:
        """Hear, once, that no more messages come: the code that the client or this side gave, 1006 if neither did."""


class Connection(Protocol):
    """What the rest of the server may use of a connection, whichever transport it is."""

    receiver: Receiver
    remote_address: str
    subprotocol: str | None
    unsent_bytes: int
    bytes_in: int
    bytes_out: int
    messages_in: int
    messages_out: int
    round_trip: RoundTrip

    def poll(self) -> None:
        """Read what has arrived, within a bound, and deliver it to the receiver."""

    def watch(self, on: bool) -> None:
        """Have the event loop read whenever something arrives; if off, only `poll` reads."""

    def send_binary(self, *parts: bytes) -> None:
        """Send one binary message; never blocks, silently nothing once closed."""

    def send_text(self, text: str | bytes) -> None:
        """Send one text message; never blocks, silently nothing once closed."""

    def prepare(self, message: bytes | str) -> bytes | str:
        """Return a message as `send_prepared` takes it; the same for all connections of this class."""

    def send_prepared(self, prepared: bytes | str) -> None:
        """Send what `prepare` made: a message for many is made once."""

    def ping(self) -> None:
        """Send a WebSocket ping: the answer, in `bytes_in`, is a sign of life. Silently nothing once closed."""

    def measure(self) -> None:
        """Begin to measure the round trip, unless that is under way or something is unsent."""

    def close(self, code: int, reason: str, *, discard_unsent: bool = False) -> None:
        """Say goodbye with this code; `discard_unsent` lets the Close overtake messages not begun yet."""

    def abort(self) -> None:
        """Close the socket at once."""

    def freeze(self) -> "FrozenConnection":
        """Let go of the open connection, to be thawed here or in another process."""

    @property
    def is_closed(self) -> bool:
        """Whether the closing handshake is over and the socket is gone."""


def _told_nobody(_: str) -> None:
    pass


@attrs.frozen
class ConnectionOptions:
    """Limits of one connection; the defaults suit a game."""

    message_bytes_max: int = 16 * 1024
    # Fragments of no bytes a message may have; all others count against message_bytes_max.
    empty_fragments_max: int = 16
    # One read. 4 KiB is 5 s of a client's inputs at 30 Hz. Up to 64 KiB cost the same; 256 KiB cost four times as much,
    # since the C library maps and unmaps memory for each (tests/bench/micro_sockets.py).
    read_bytes_max: int = 4096
    # A watched connection is not read while it has this much unsent.
    pause_unsent_bytes: int = 256 * 1024
    close_timeout_s: float = 5.0
    control_frames_per_s_max: int = 50
    # The kernel's share: of what is not acknowledged (it doubles the figure for its own use), and of what was not on
    # the wire yet. 0: the system's default. Below 64 KiB, which is one segment on loopback, a send to a proxy on the
    # same machine waits for a delayed acknowledgement: 2 MB/s instead of 2,000 (tests/bench/micro_sockets.py).
    send_buffer_bytes: int = 64 * 1024
    notsent_lowat_bytes: int = 8 * 1024
    #: told the name of a limit that was reached, where nobody else can know
    limited: Callable[[str], None] = _told_nobody


@attrs.frozen
class FrozenConnection:
    """An open connection that nobody serves: all of it but the descriptor can be sent as bytes."""

    descriptor: int
    subprotocol: str | None
    remote_address: str
    unread: bytes  # came from the client and was not delivered
    unsent: bytes  # serialised and not taken by the kernel
    bytes_in: int
    bytes_out: int
    messages_in: int
    messages_out: int


def prepare_socket(sock: socket.socket, options: ConnectionOptions) -> None:
    """Set what a game socket needs: no delay, and little hidden in the kernel."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.send_buffer_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer_bytes)
    if options.notsent_lowat_bytes and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, options.notsent_lowat_bytes)
