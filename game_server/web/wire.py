"""The wires of a room: one call reads all of its sockets, one call writes to them.

A tick of ten players makes ten reads and ten writes. Each as a call from Python costs as much again as what the kernel
does for it beyond copying the bytes; together in one call of C they cost little more than the kernel (docs/why.md has
the figures). The C is one file, `game_server/native/wire.c`, which pip builds where there is a compiler. Where there
is none, `wire_plain.py` takes its place: it hands everything back, and each connection then reads and writes for
itself (`poll`, `send_prepared`).

Only what nearly every tick brings goes through here: whole, small binary messages to sessions, whole frames to sockets
with nothing unsent. The rest goes to the connection, which knows what to do. Knows sessions and connections; knows
nothing of rooms, rules or time.

    receive_all(wires, bytes_max) -> one result for each wire
        None            nothing has arrived
        bytes           the payload of one small binary message; counted
        (bytes,)        what a read returned, which is anything else; its bytes are counted
        int             the read failed with this errno, or 0: end of file
        NotImplemented  not asked: the connection reads for itself
    any_unsent(wires) -> whether something may be unsent at one of them
    send_all(wires, frames) -> [(index, bytes sent)] of each frame that was not sent whole; -1: none of it, not tried
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.session import Session

#: the most that one read of `receive_all` can take
READ_BYTES_MAX = 65_536


if TYPE_CHECKING:
    from .wire_plain import Wire as Wire
    from .wire_plain import any_unsent as any_unsent
    from .wire_plain import receive_all as receive_all
    from .wire_plain import send_all as send_all
else:
    try:
        from game_server_wire import Wire, any_unsent, receive_all, send_all
    except ImportError:
        from .wire_plain import Wire, any_unsent, receive_all, send_all

#: whether this is the C
IS_NATIVE = Wire.__module__ == "game_server_wire"


class RoomWires:
    """The wires of one room's connected sessions.

    Args:
        read_bytes_max: of one of them at a tick.
    """

    def __init__(self, read_bytes_max: int) -> None:
        self._read_bytes_max = min(read_bytes_max, READ_BYTES_MAX)
        self._sessions: Sequence[Session] = ()
        self._wires: list[Any] = []
        #: whether a session was told that it is blocked
        self._is_any_blocked = False

    def read(self, sessions: Sequence[Session]) -> None:
        """Take what has arrived; a list of sessions that is the same as before has the same connections."""
        if sessions is not self._sessions:
            self._sessions, self._wires = sessions, [session.link.connection for session in sessions]
        received = receive_all(self._wires, self._read_bytes_max)
        for session, wire, got in zip(sessions, self._wires, received, strict=True):
            if got is None:
                continue
            if got.__class__ is bytes:
                if not session.take_plain_input(got):
                    wire.deliver(got)
            elif got is NotImplemented:
                wire.poll()
            else:
                wire.take_read(got)

    def note_blocked(self) -> None:
        """Tell each session whether an earlier message of its own is still unsent."""
        if self._is_any_blocked or any_unsent(self._wires):
            self._is_any_blocked = False
            for session, wire in zip(self._sessions, self._wires, strict=True):
                session.is_blocked = wire.unsent_bytes > 0
                self._is_any_blocked |= session.is_blocked


def write_wires(frames: Sequence[tuple[Session, str | bytes]]) -> None:
    """Send the frames of a tick, in order; one that many sessions share is prepared once."""
    wires, prepared = list[Any](), list[Any]()
    message: str | bytes | None = None
    ready: str | bytes = b""
    kind: type | None = None
    for session, frame in frames:
        if session.link is None:
            continue
        wire = session.link.connection
        if frame is not message or wire.__class__ is not kind:
            message, kind = frame, wire.__class__
            ready = wire.prepare(frame)
        wires.append(wire)
        prepared.append(ready)
    for index, sent_bytes in send_all(wires, prepared):
        if sent_bytes < 0:
            wires[index].send_prepared(prepared[index])
        else:
            wires[index].keep_rest(prepared[index], sent_bytes)
