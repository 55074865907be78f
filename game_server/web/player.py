"""One connection and the session behind it: bytes in, frames out, and the one place where errors become close codes.

A `Player` is the receiver of a connection. Its first message must join or resume; after that every message goes to
its room. It is also the session's `link`: what the ticker polls and sends through.

Knows the hub, rooms and the connection's small interface; knows nothing of HTTP, TLS or frames.
"""

import asyncio
from typing import TYPE_CHECKING

from ..core.protocol import Join, Resume, parse_binary, parse_text
from ..core.session import Session, State
from ..errors import CloseCode, ProtocolError
from .logs import log, printable
from .transport import Connection
from .vitals import Vitals

if TYPE_CHECKING:
    from .hub import Hub


REASON_BYTES_MAX = 123
#: what happens every day: counted, not logged
QUIET_CLOSES = (CloseCode.NORMAL, CloseCode.TAKEN_OVER, CloseCode.DRAINING, CloseCode.GOING_AWAY)


class Player:
    """A connection's receiver and its session's link."""

    def __init__(self, hub: "Hub", connection: Connection, is_json: bool) -> None:
        self.hub, self.connection, self.is_json = hub, connection, is_json
        self.session: Session | None = None
        self.vitals = Vitals(hub.settings, hub.house_s)
        self.is_closing = False
        #: whether its first message is known to be for this process
        self.is_placed = False
        #: the room that a directory chose for it, if one did
        self.placed_in: str | None = None
        #: whether it counts as a player, and not as one who is about to join
        self.has_joined = False
        connection.receiver = self
        self.poll = connection.poll
        self._now_s = asyncio.get_running_loop().time

    def on_message(self, data: bytes | str) -> None:
        """Take one message; whatever is wrong with it ends at most this connection."""
        session = self.session
        if session is not None and data.__class__ is bytes and session.take_plain_input(data):
            return
        if self.is_closing:
            return
        try:
            if session is None:
                self._open(data)
            else:
                session.room.receive(session, data, self._now_s())
            self.flush()
        except ProtocolError as error:
            self.close(error.code, error.reason)
        except Exception:  # noqa: BLE001 - whatever a message breaks, only its connection ends
            log.exception("message_failed", **self.names())
            self.close(CloseCode.INTERNAL_ERROR, "the server failed on this message")

    def _open(self, data: bytes | str) -> None:
        if isinstance(data, bytes) and self.is_json:
            raise ProtocolError(CloseCode.UNSUPPORTED_DATA, "a binary frame under the JSON codec")
        message = parse_text(data, None) if isinstance(data, str) else parse_binary(data, None)
        if not isinstance(message, Join | Resume):
            raise ProtocolError(CloseCode.ILLEGAL_STATE, "the first message must be join or resume")
        if not self.is_placed and isinstance(data, str) and self.hub.route(self, message, data):
            return
        self.session = self.hub.seat(self, message)

    def flush(self) -> None:
        """Send what the core queued for this connection now."""
        session = self.session
        if session is None:
            return
        if session.outbox:
            for frame in session.outbox:
                self.send(frame)
            session.outbox.clear()
        if session.close_with is not None:
            self.close(*session.close_with)

    def send(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.connection.send_binary(frame)
        else:
            self.connection.send_text(frame)

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the connection with a documented code; the seat is held unless the session has ended."""
        if self.is_closing:
            return
        self.is_closing = True
        # A close frame holds 123 bytes of reason, and only UTF-8 (RFC 6455 section 5.5).
        reason = reason.encode("utf-8", "replace")[:REASON_BYTES_MAX].decode("utf-8", "ignore")
        self.hub.count_close(code)
        self._log_close(code, reason)
        # The backlog of one that is too slow would keep the reason from it.
        self.connection.close(code, reason, discard_unsent=code is CloseCode.TOO_SLOW)
        self.hub.detach(self)

    def on_close(self, code: int, reason: str) -> None:
        """The connection is gone."""
        if not self.is_closing:
            self.is_closing = True
            # Frames that are wrong, too long or too many, or the client's own word: of what only this server may find,
            # such as that a player is too slow, a client's word is no evidence.
            is_known = code in set(CloseCode) and (code < CloseCode.BAD_MESSAGE or code == CloseCode.RATE_LIMITED)
            self.hub.count_close(code if is_known or code < CloseCode.BAD_MESSAGE else 0)
            if is_known:
                self._log_close(CloseCode(code), reason)
            self.hub.detach(self)
        self.hub.gone(self)

    def _log_close(self, code: CloseCode, reason: str) -> None:
        if code not in QUIET_CLOSES:
            self.hub.rate_limited.warning(f"closed_{code.name.lower()}", reason=printable(reason), **self.names())

    def check(self, now_s: float) -> None:
        """Close the connection when it is dead, too slow, too talkative, or nobody is there."""
        verdict = self.vitals.verdict(self.connection, self.session, now_s)
        if verdict is not None:
            self.hub.note_limit(self.vitals.limit)
            self.close(*verdict)

    def names(self) -> dict[str, object]:
        """Return what a log line says about this player."""
        session = self.session
        if session is None:
            return {"address": self.connection.remote_address}
        return {"room": session.room.room_id, "seat": session.seat.number, "tick": session.room.tick}

    @property
    def is_seated(self) -> bool:
        return self.session is not None and self.session.state is State.SEATED and self.session.link is self
