"""One WebSocket over a plain non-blocking socket, after its handshake: what reads and writes game sockets.

Knows frames (core/frames.py) and an asyncio event loop; knows no HTTP, no session and no game.

How it works. Whoever owns the connection sets `receiver` and either calls `poll` itself, as a room does right before
each tick, or asks for an event-loop reader with `watch(True)`. A tick loop need not be woken for a message that it
will not look at before the next tick: that halves the cost (docs/why.md). Either way a read takes at most
`read_bytes_max`, and so at most a sixth as many messages. A room reads and writes all its connections in one call
(`wire.py`): `descriptor` and `is_direct` say whether that may touch this one, and `take_read`, `deliver` and
`keep_rest` take over what it leaves.

A send goes to the kernel at once. What it does not take is kept, and only while something is kept is there a writer
in the event loop. The kernel's own share is kept small (transport.py), so that `unsent_bytes` tells the truth.

`on_close` is called exactly once, from `poll` or from the loop, never from within `send_*`, `close`, `abort` or
`watch`. It comes when nothing more will be delivered; the closing handshake goes on, at most `close_timeout_s`:

    OPEN ------- close() ----------------------> CLOSING     ours sent; waits for the client's Close
      |                                             |
      +--------- Close or fault of the client -> LINGERING   ours sent too; all flushed, then shut down; waits for the
      |                                             |        client's end of file, lest unread bytes make a reset of our
      |                                             |        close (section 7.1.1)
      +--------- lost, abort(), freeze() ------> CLOSED      out of the loop; the descriptor is closed, or another's

`freeze` takes an open connection out of this process' hands and `thaw` makes one of it again, there or here.
"""

import asyncio
import enum
import itertools
import logging
import os
import socket
from collections.abc import Iterator
from typing import Final

from ..core.frames import (
    ABNORMAL,
    BINARY,
    PING,
    SMALL_BYTES_MAX,
    TEXT,
    Close,
    Event,
    Failure,
    FrameParser,
    Ping,
    Pong,
    Unmask,
    serialise_close,
    serialise_event,
    serialise_header,
    serialise_pong,
)
from ..errors import CloseCode
from .round_trip import MARK, RoundTrip
from .transport import ConnectionOptions, FrozenConnection, Receiver
from .wire import Wire

_log = logging.getLogger(__name__)

_SMALL_BINARY_HEADERS: Final = tuple(serialise_header(BINARY, length) for length in range(126))
FLOOD_CLOSE_S: Final = 1.0  # how long a client that floods may take to read why it is closed
_BUFFERS_A_WRITE_MAX: Final = 64  # far below IOV_MAX


class _State(enum.Enum):
    OPEN = enum.auto()
    CLOSING = enum.auto()
    LINGERING = enum.auto()
    CLOSED = enum.auto()


_OPEN: Final = _State.OPEN  # an enum's own attribute lookup costs 30 ns in CPython 3.11


class _Nobody:
    """The receiver before an owner has set one and after the last word."""

    def on_message(self, data: bytes | str) -> None:
        raise AssertionError("read before a receiver was set")

    def on_close(self, code: int, reason: str) -> None:
        pass


_NOBODY: Final = _Nobody()


class LeanConnection(Wire):
    """A `Connection` straight over its socket.

    sock: connected, non-blocking, its WebSocket handshake done; this object owns it from here.
    unmask: see `FrameParser`.
    unread, unsent: bytes already received, not yet sent.
    """

    __slots__ = (
        "__weakref__",
        "_batch",
        "_control_frames",
        "_control_window_s",
        "_first_is_begun",
        "_loop",
        "_options",
        "_parse",
        "_parser",
        "_pending_pong",
        "_read_bytes_max",
        "_reading",
        "_recv",
        "_send_now",
        "_single_binary",
        "_socket",
        "_state",
        "_timeout",
        "_unread",
        "_unsent",
        "_verdict",
        "_watched",
        "receiver",
        "remote_address",
        "round_trip",
        "subprotocol",
    )

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        unmask: Unmask,
        options: ConnectionOptions,
        *,
        remote_address: str,
        subprotocol: str | None = None,
        unread: bytes = b"",
        unsent: bytes = b"",
    ) -> None:
        super().__init__()
        self.receiver: Receiver = _NOBODY
        self.remote_address = remote_address
        self.subprotocol = subprotocol
        self.descriptor = sock.fileno()
        self.is_direct = not unread
        self.small_bytes_max = min(options.message_bytes_max, SMALL_BYTES_MAX)
        self.bytes_in = len(unread)
        self.round_trip = RoundTrip()
        self._socket = sock
        self._loop = loop
        self._options = options
        self._parser = FrameParser(unmask, options.message_bytes_max, options.empty_fragments_max)
        # The hot path's bound methods, kept: 20 ns each.
        self._recv = sock.recv
        self._send_now = sock.send
        self._parse = self._parser.receive_data
        self._single_binary = self._parser.single_binary
        self._read_bytes_max = options.read_bytes_max
        self._state = _OPEN
        self._verdict: tuple[int, str] | None = None  # what `on_close` is told
        self._watched = False  # what the owner asked for
        self._reading = False  # whether the loop has a reader of ours
        self._unread = unread
        self._batch: Iterator[Event] = iter(())  # what was parsed and not delivered yet
        # Whole frames, but for the first, of which a part may be gone already.
        # A list, because it is mostly empty: an empty deque takes 0.6 KiB.
        self._unsent: list[bytes | memoryview] = []
        self._first_is_begun = False
        self._pending_pong: bytes | None = None
        self._control_frames = 0
        self._control_window_s = 0.0
        self._timeout: asyncio.TimerHandle | None = None
        if unsent:
            self._keep(unsent)
            self._first_is_begun = True  # nobody knows: it may be

    # Reading

    def poll(self) -> None:
        """Read what has arrived, within a bound, and deliver it to the receiver."""
        if self._unread:
            data = self._unread
            self._unread = b""
        else:
            try:
                data = self._recv(self._read_bytes_max)
            except BlockingIOError:
                return
            except OSError as error:
                self._lose(error.strerror or "read failed")
                return
            if not data:
                self._lose("end of file")
                return
            self.bytes_in += len(data)
        if self.is_direct:
            payload = self._single_binary(data)
            if payload is not None:
                self.messages_in += 1
                self.deliver(payload)
                return
        self._take(data)

    def take_read(self, read: tuple[bytes] | int) -> None:
        """Go on with a read that was made for this connection: what it returned, counted; an errno; 0 at the end."""
        if isinstance(read, tuple):
            self._take(read[0])
        else:
            self._lose(os.strerror(read) if read else "end of file")

    def _take(self, data: bytes) -> None:
        if self._state is _State.LINGERING:
            return
        batch = self._batch = iter(self._parse(data))
        for event in batch:
            if event.__class__ is bytes or event.__class__ is str:
                if self._state is _OPEN:
                    self.messages_in += 1
                    self.deliver(event)
            else:
                self._on_control(event)
        self.is_direct = self._state is _OPEN and self._parser.is_idle

    def deliver(self, message: bytes | str) -> None:
        """Give a message, which is counted, to the receiver."""
        try:
            self.receiver.on_message(message)
        except Exception:  # noqa: BLE001  # whatever it is, it must not stop the room that polls
            _log.exception("receiver failed")
            self.close(CloseCode.INTERNAL_ERROR, "internal error")

    def watch(self, on: bool) -> None:
        """Have the event loop read whenever something arrives; if off, only `poll` reads."""
        if self._state is not _OPEN:
            return
        self._watched = on
        self._set_reading(on)
        if on and self._unread:
            self._loop.call_soon(self._read_unread)

    def _read_unread(self) -> None:
        if self._unread and self._state is _OPEN:
            self.poll()

    def _on_readable(self) -> None:
        self.poll()
        if self.unsent_bytes > self._options.pause_unsent_bytes and self._state is _OPEN:
            self._set_reading(False)

    def _set_reading(self, on: bool) -> None:
        if on == self._reading:
            return
        self._reading = on
        if on:
            self._loop.add_reader(self._socket, self._on_readable)
        else:
            self._loop.remove_reader(self._socket)

    def _on_control(self, event: Event) -> None:
        if isinstance(event, Close):
            self._on_close_frame(event)
        elif isinstance(event, Failure):
            # Section 7.1.7: a Close with the right code, then the end, without waiting for the client's.
            self._say_goodbye(event.code, event.reason)
            self._linger()
            self._report(event.code, event.reason)
        elif self._state is _OPEN:
            if self._is_control_flood():
                self._options.limited("control_frames_per_s_max")
                self.close(CloseCode.RATE_LIMITED, "too many control frames")
            elif isinstance(event, Ping):
                self._answer(event.payload)
            elif isinstance(event, Pong) and self.round_trip.end(event.payload, self._loop.time()):
                self._set_reading(self._watched)

    def _on_close_frame(self, frame: Close) -> None:
        # Section 5.5.1: a Close MUST be answered unless one was sent; section 7.1.1: the server closes the socket.
        self._say_goodbye(frame.code, "")
        self._linger()
        self._report(frame.code, frame.reason)

    def _is_control_flood(self) -> bool:
        now_s = self._loop.time()
        if now_s - self._control_window_s >= 1.0:
            self._control_window_s = now_s
            self._control_frames = 0
        self._control_frames += 1
        return self._control_frames > self._options.control_frames_per_s_max

    def _answer(self, payload: bytes) -> None:
        # Section 5.5.3: while a Pong cannot be sent, only the newest Ping need be answered. So no queue of them grows.
        if self._unsent:
            self._pending_pong = payload
        else:
            self._send(serialise_pong(payload))

    # Writing

    def send_binary(self, *parts: bytes) -> None:
        """Send one binary message; never blocks, silently nothing once closed."""
        if self._state is not _OPEN:
            return
        self.messages_out += 1
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        length = len(body)
        # Joining costs less than sendmsg's gathering up to some 30 KiB (tests/bench/micro_sockets.py).
        self._send((_SMALL_BINARY_HEADERS[length] if length < 126 else serialise_header(BINARY, length)) + body)

    @staticmethod
    def prepare(message: bytes | str) -> bytes:
        """Return the frame of a binary (bytes) or text (str) message."""
        if isinstance(message, str):
            body = message.encode()
            return serialise_header(TEXT, len(body)) + body
        return serialise_header(BINARY, len(message)) + message

    def send_prepared(self, prepared: bytes | str) -> None:
        """Send what `prepare` made: a message for many is made once."""
        if self._state is not _OPEN:
            return
        self.messages_out += 1
        assert prepared.__class__ is bytes
        if self._unsent:
            self._keep(prepared)
            return
        try:
            sent = self._send_now(prepared)
        except BlockingIOError:
            self._keep(prepared)
            return
        except OSError:
            self._loop.call_soon(self._read_last)
            return
        self.bytes_out += sent
        if sent < len(prepared):
            self._keep(memoryview(prepared)[sent:])
            self._first_is_begun = True

    def keep_rest(self, prepared: bytes, sent_bytes: int) -> None:
        """Keep what is left of a message of which a part has gone, counted, to the kernel."""
        if self._state is _OPEN:
            self.messages_out += 1
            self._keep(memoryview(prepared)[sent_bytes:])
            self._first_is_begun = True

    def send_text(self, text: str | bytes) -> None:
        """Send one text message; never blocks, silently nothing once closed."""
        if self._state is not _OPEN:
            return
        self.messages_out += 1
        body = text.encode() if isinstance(text, str) else text
        self._send(serialise_header(TEXT, len(body)) + body)

    def ping(self) -> None:
        """Send an empty ping, unless something is still unsent: its acknowledgement will say as much."""
        if self._state is _OPEN and not self._unsent:
            self._send(serialise_header(PING, 0))

    def measure(self) -> None:
        """Begin to measure the round trip: until the answer has come, the loop reads as soon as there is something."""
        if self._state is _OPEN and not self._unsent and self.round_trip.begin(self._loop.time()):
            self._send(serialise_header(PING, len(MARK)) + MARK)
            self._set_reading(True)

    def _send(self, frame: bytes) -> None:
        if self._unsent:
            self._keep(frame)
            return
        try:
            sent = self._send_now(frame)
        except BlockingIOError:
            self._keep(frame)
            return
        except OSError:
            # What the client sent before it went, perhaps a Close, may still be there to read.
            self._loop.call_soon(self._read_last)
            return
        self.bytes_out += sent
        if sent < len(frame):
            self._keep(memoryview(frame)[sent:])
            self._first_is_begun = True

    def _keep(self, data: bytes | memoryview) -> None:
        if not self._unsent:
            self._loop.add_writer(self._socket, self._on_writable)
        self._unsent.append(data)
        self.unsent_bytes += len(data)

    def _on_writable(self) -> None:
        """Send what was kept, as much as the kernel takes."""
        unsent = self._unsent
        try:
            sent = self._socket.sendmsg(itertools.islice(unsent, _BUFFERS_A_WRITE_MAX))
        except BlockingIOError:
            return
        except OSError:
            self._drop_unsent(from_index=0)
            self._read_last()
            return
        self.bytes_out += sent
        self.unsent_bytes -= sent
        while sent:
            first = unsent[0]
            if sent < len(first):
                unsent[0] = memoryview(first)[sent:]
                self._first_is_begun = True
                break
            sent -= len(first)
            unsent.pop(0)
            self._first_is_begun = False
        if not unsent:
            self._loop.remove_writer(self._socket)
            self._on_all_sent()
        if self._state is _OPEN and self._watched and self.unsent_bytes <= self._options.pause_unsent_bytes // 2:
            self._set_reading(True)

    def _on_all_sent(self) -> None:
        if self._state is _State.LINGERING:
            self._shut_down()
        elif self._pending_pong is not None:
            payload = self._pending_pong
            self._pending_pong = None
            if self._state is _OPEN:
                self._send(serialise_pong(payload))

    def _drop_unsent(self, *, from_index: int) -> None:
        while len(self._unsent) > from_index:
            self.unsent_bytes -= len(self._unsent.pop())
            if not self._unsent:
                self._first_is_begun = False
                self._loop.remove_writer(self._socket)

    # Ending

    def close(self, code: int, reason: str, *, discard_unsent: bool = False) -> None:
        """Say goodbye with this code; `discard_unsent` lets the Close overtake messages not begun yet."""
        if self._state is not _OPEN:
            return
        if discard_unsent:
            self._drop_unsent(from_index=1 if self._first_is_begun else 0)
        self._say_goodbye(code, reason)
        if code == CloseCode.RATE_LIMITED:
            self._stop_listening()
        self._verdict = (code, reason)
        self._loop.call_soon(self._report, code, reason)

    def _stop_listening(self) -> None:
        """Read no more: what a flood still brings would cost as much as what it was closed for."""
        self._set_reading(False)
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = self._loop.call_later(min(FLOOD_CLOSE_S, self._options.close_timeout_s), self.abort)

    def abort(self) -> None:
        """Close the socket at once."""
        if self._state is not _State.CLOSED:
            self._release()
            self._socket.close()
            self._loop.call_soon(self._report, ABNORMAL, "aborted")

    @property
    def is_open(self) -> bool:
        """Whether messages may still come and go."""
        return self._state is _OPEN

    @property
    def is_closed(self) -> bool:
        """Whether the closing handshake is over too and the socket is gone."""
        return self._state is _State.CLOSED

    def _say_goodbye(self, code: int, reason: str) -> None:
        """Send our Close, unless that was done, and limit the time that is left."""
        if self._state is not _OPEN:
            return
        self._send(serialise_close(code, reason))
        self._state = _State.CLOSING
        self._leave_wire()
        self._pending_pong = None
        self._timeout = self._loop.call_later(self._options.close_timeout_s, self.abort)
        self._set_reading(True)  # no owner polls from here on

    def _linger(self) -> None:
        if self._state is _State.CLOSING:
            self._state = _State.LINGERING
            if not self._unsent:
                self._shut_down()

    def _shut_down(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lose(error.strerror or "shutdown failed")

    def _read_last(self) -> None:
        if self._state is not _State.CLOSED:
            self.poll()
            self._lose("write failed")

    def _lose(self, reason: str) -> None:
        """The socket is of no more use."""
        if self._state is not _State.CLOSED:
            self._release()
            self._socket.close()
            self._report(ABNORMAL, reason)

    def _release(self) -> None:
        """Leave the event loop."""
        self._state = _State.CLOSED
        self._leave_wire()
        self._set_reading(False)
        self._drop_unsent(from_index=0)
        self._unread = b""
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _leave_wire(self) -> None:
        self.descriptor = -1
        self.is_direct = False

    def _report(self, code: int, reason: str) -> None:
        """Tell the receiver of the end, once; what was decided by `close` goes before what happened since."""
        receiver = self.receiver
        self.receiver = _NOBODY
        try:
            receiver.on_close(*(self._verdict or (code, reason)))
        except Exception:  # noqa: BLE001  # whatever it is, it must not stop the room that polls
            _log.exception("receiver failed")

    # Moving

    def freeze(self) -> FrozenConnection:
        """Let go of an open connection; this object is closed then, the socket is not, and nobody is told.

        May be called from within `on_message`: what came behind that message is handed on too.
        """
        assert self._state is _OPEN
        frozen = FrozenConnection(
            descriptor=self._socket.fileno(),
            subprotocol=self.subprotocol,
            remote_address=self.remote_address,
            unread=b"".join(map(serialise_event, self._batch)) + self._parser.unparsed() + self._unread,
            unsent=b"".join(self._unsent) + (b"" if self._pending_pong is None else serialise_pong(self._pending_pong)),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            messages_in=self.messages_in,
            messages_out=self.messages_out,
        )
        self.receiver = _NOBODY
        self._release()
        self._socket.detach()
        return frozen

    @classmethod
    def thaw(
        cls,
        frozen: FrozenConnection,
        loop: asyncio.AbstractEventLoop,
        unmask: Unmask,
        options: ConnectionOptions,
    ) -> "LeanConnection":
        """Go on with a frozen connection; its descriptor belongs to this process and to the new object."""
        sock = socket.socket(fileno=frozen.descriptor)
        sock.setblocking(False)
        connection = cls(
            sock,
            loop,
            unmask,
            options,
            remote_address=frozen.remote_address,
            subprotocol=frozen.subprotocol,
            unread=frozen.unread,
            unsent=frozen.unsent,
        )
        connection.bytes_in = frozen.bytes_in
        connection.bytes_out = frozen.bytes_out
        connection.messages_in = frozen.messages_in
        connection.messages_out = frozen.messages_out
        return connection
