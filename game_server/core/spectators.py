"""Those who watch a room without a seat in it.

The public sees what the game shows it, `spectator_delay_s` after the players, from one stream that all share
(`broadcast`). An unseen admin gets the states that a player with a full view gets, at once, but owns nothing. Neither
is told to the game, counts as a player, or keeps a room awake: where nobody plays, the picture stands still.

Knows sessions and the stream; the room tells who comes and goes.
"""

from collections.abc import Iterator, Sequence

from ..errors import CloseCode, ProtocolError
from .broadcast import Broadcast
from .limits import RoomLimits
from .metrics import Counts
from .protocol import Ack, ClientMessage, Leave, Ping, Resync
from .session import Event, Role, Session


class Spectators:
    """The spectators of one room.

    Args:
        broadcast: the public's stream; None: the game takes no public spectators.
        limits: `spectators_max` and the rates of messages matter here.
        counts: the room's tally.
        now_s: any monotonic clock, always the same one.
    """

    def __init__(self, broadcast: Broadcast | None, limits: RoomLimits, counts: Counts, now_s: float) -> None:
        self._broadcast, self._limits, self._counts = broadcast, limits, counts
        self._refilled_at_s = now_s
        self.public: list[Session] = []
        self.unseen: list[Session] = []

    def __iter__(self) -> Iterator[Session]:
        return iter([*self.public, *self.unseen])

    def admit(self, role: Role) -> None:
        """Raise ProtocolError when no more spectators of this kind may come."""
        if role is Role.PUBLIC and self._broadcast is None:
            raise ProtocolError(CloseCode.BAD_JOIN, "this game takes no spectators")
        watching = self.public if role is Role.PUBLIC else self.unseen
        if len(watching) >= self._limits.spectators_max:
            self._counts.spectators_refused += 1
            raise ProtocolError(
                CloseCode.ROOM_FULL, f"all {self._limits.spectators_max} places for spectators are taken"
            )

    def add(self, session: Session) -> None:
        """Take in a spectator that was admitted."""
        (self.public if session.role is Role.PUBLIC else self.unseen).append(session)
        self._counts.spectators_joined += 1
        if session.role is Role.PUBLIC and self._broadcast is not None:
            session.event_number = self._broadcast.shown_event_number

    def remove(self, session: Session, event: Event) -> None:
        """Let one go; it may come again, but there is nothing to resume."""
        session.handle(event)
        (self.public if session.role is Role.PUBLIC else self.unseen).remove(session)

    def frames(self, only: Sequence[Session] | None = None) -> list[tuple[Session, str | bytes]]:
        """Return what the public, or some of it, is to be sent now; the unseen get theirs with the players."""
        broadcast, frames = self._broadcast, list[tuple[Session, str | bytes]]()
        if broadcast is None:
            return frames
        for session in self.public if only is None else only:
            if session.is_blocked:
                self._counts.states_skipped += 1
                session.skipped_total += 1
                continue
            if session.resync_wanted:
                session.resync_wanted, session.sent_tick = False, None
            if session.sent_tick != broadcast.shown_tick:
                messages = broadcast.messages(session.sent_tick, session.event_number, session.is_json)
                frames += [(session, message) for message in messages]
                session.sent_tick, session.event_number = broadcast.shown_tick, broadcast.shown_event_number
        return frames

    def refill(self, now_s: float) -> None:
        """Refill the message budgets, whether the room is awake or not."""
        for session in self:
            session.refill(now_s - self._refilled_at_s)
        self._refilled_at_s = now_s


def check_message(message: ClientMessage) -> None:
    """Raise ProtocolError for what only players may send."""
    if not isinstance(message, Ack | Ping | Resync | Leave):
        raise ProtocolError(
            CloseCode.ILLEGAL_STATE, f"a spectator only watches; {type(message).__name__} is for players"
        )
