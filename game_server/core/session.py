"""A player's protocol state: what it may send now, its input queue, and what it has been sent.

A session outlives its connection: when that is lost, the seat is held and the session waits as DROPPED. What may
happen when is the table `TRANSITIONS[state][event]`; anything else is an illegal message and closes the connection.

Inputs only queue when they arrive. Each tick takes exactly one: a surplus waits, beyond `input_queue_len_max` the
oldest is discarded, and when there is none the last is repeated and the player is told (`missing`). So nobody speeds
up by sending more, and an honest client that delivers seconds of inputs after a stall loses only the stale ones.

Knows one seat's own affairs; knows nothing of the world, other seats or sockets: `link` is whatever the shell puts
there.
"""

import enum
from typing import Any

from ..errors import CloseCode, ErrorCode, ProtocolError, Refused
from .codec import Tag
from .game import Seat
from .inputs import HEAD_BYTES, LAG_STEP, Input, InputType, unpack_head
from .limits import RoomLimits, TokenBucket
from .metrics import Counts
from .pace import Pace
from .views import Viewer

#: a plain int: comparing with a member of an enum costs 45 ns more, a tenth of `Session.take_plain_input`
INPUT_TAG = int(Tag.INPUT)
_new_tuple = tuple.__new__


class State(enum.Enum):
    """Where a session is in its life."""

    OPENING = "opening"
    SEATED = "seated"
    DROPPED = "dropped"
    ENDED = "ended"


class Role(enum.Enum):
    """What a session is in its room. Spectators have no seat: they are not told to the game."""

    PLAYER = "player"
    #: sees what the game shows to the public, later
    PUBLIC = "public"
    #: an admin, who sees everything that players see, at once
    UNSEEN = "unseen"


#: the seat number of those who have none
NO_SEAT = -1


class Event(enum.Enum):
    """What can happen to a session."""

    JOIN = "join"
    RESUME = "resume"
    PLAY = "play"
    LEAVE = "leave"
    LOST = "lost"
    EXPIRED = "expired"
    REMOVED = "removed"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.OPENING: {Event.JOIN: State.SEATED, Event.LEAVE: State.ENDED, Event.LOST: State.ENDED},
    State.SEATED: {
        Event.PLAY: State.SEATED,
        Event.RESUME: State.SEATED,
        Event.LEAVE: State.ENDED,
        Event.LOST: State.DROPPED,
        Event.REMOVED: State.ENDED,
    },
    State.DROPPED: {Event.RESUME: State.SEATED, Event.EXPIRED: State.ENDED, Event.REMOVED: State.ENDED},
    State.ENDED: {},
}


class Session:
    """One player of one room.

    Args:
        seat: the place in the room.
        token: what a resume must show.
        is_json: whether the connection speaks JSON.
        input_type: the game's; its default is consumed before the first input.
        limits: the room's limits.
        counts: the room's tally.
        role: a spectator's seat has the number NO_SEAT.
    """

    __slots__ = (
        "accepted_seq",
        "acked_tick",
        "chat_bucket",
        "close_with",
        "command_bucket",
        "consumed_seq",
        "counts",
        "default_input",
        "discarded_total",
        "dropped_at_s",
        "drops_total",
        "event_number",
        "is_blocked",
        "is_json",
        "known_values",
        "lag",
        "last_input",
        "limits",
        "link",
        "message_budget",
        "missed_after_seq",
        "missed_steps",
        "missing",
        "missing_total",
        "old_token",
        "outbox",
        "pace",
        "partial",
        "ping_bucket",
        "queue",
        "queue_len_max",
        "refusals",
        "resync_bucket",
        "resync_wanted",
        "role",
        "room",
        "seat",
        "sent_ack",
        "sent_at_tick",
        "sent_tick",
        "skipped_total",
        "state",
        "token",
        "token_tick",
        "viewer",
    )

    def __init__(
        self,
        seat: Seat,
        token: str,
        is_json: bool,
        input_type: InputType,
        limits: RoomLimits,
        counts: Counts,
        role: Role = Role.PLAYER,
    ) -> None:
        self.seat, self.role = seat, role
        self.state = State.OPENING
        self.token = token
        #: the token before; good until the client is known to have the new one
        self.old_token: str | None = None
        self.token_tick = 0
        self.is_json = is_json
        self.limits = limits
        self.link: Any = None
        self.room: Any = None
        #: whether an earlier message is still unsent; the shell sets it, a blocked session skips states
        self.is_blocked = False
        #: text and binary frames to send now, in order
        self.outbox: list[str | bytes] = []
        #: set when the connection is to be closed
        self.close_with: tuple[CloseCode, str] | None = None

        # A list, because it is short: an empty deque takes 0.6 KiB.
        self.queue: list[Input] = []
        self.default_input = input_type.default()
        self.last_input = self.default_input
        # A spectator's input is never plain: `Room.receive` refuses it.
        self.known_values = input_type.known_values if role is Role.PLAYER else {}
        self.queue_len_max = limits.input_queue_len_max
        self.counts = counts
        self.accepted_seq = self.consumed_seq = 0
        #: steps without an input since the last state message
        self.missing = 0
        #: steps without an input, and states skipped, since the player joined
        self.missing_total = 0
        #: steps without an input since the one with this number was consumed
        self.missed_after_seq = self.missed_steps = 0
        self.discarded_total = self.skipped_total = self.drops_total = 0
        self.acked_tick = 0
        #: of a client that applied states late on this connection
        self.pace: Pace | None = None
        self.lag = 0.0

        #: tick of the last state sent, the next delta's baseline; None: a full one is due
        self.sent_tick: int | None = None
        self.sent_ack = 0
        #: what the seat holds of what not everybody sees; None where everybody sees everything
        self.viewer: Viewer | None = None
        #: number of the newest event sent
        self.event_number = 0
        #: some events were lost to a limit and the player has not been told yet
        self.partial = False
        self.resync_wanted = False
        self.dropped_at_s = 0.0
        self.message_budget = limits.message_burst
        self.chat_bucket = TokenBucket(limits.chat_per_s, limits.chat_burst)
        self.command_bucket = TokenBucket(limits.commands_per_s, limits.command_burst)
        self.ping_bucket = TokenBucket(limits.pings_per_s, limits.ping_burst)
        self.resync_bucket = TokenBucket(limits.resyncs_per_s, limits.resync_burst)
        #: error code -> tick of the last error message, to send at most one a second
        self.refusals: dict[ErrorCode, int] = {}

    def handle(self, event: Event) -> None:
        """Take a transition, or raise ProtocolError when the table has none."""
        target = TRANSITIONS[self.state].get(event)
        if target is None:
            raise ProtocolError(CloseCode.ILLEGAL_STATE, f"{event.value} is out of place when {self.state.value}")
        self.state = target

    @property
    def good_tokens(self) -> tuple[str, ...]:
        """The tokens that a resume may show.

        Only a client that applied a state sent after its welcome is known to have the new token. One that merely says
        something may have said it before the welcome arrived, and would be locked out if that was lost.
        """
        if self.old_token is None or self.acked_tick > self.token_tick:
            return (self.token,)
        return (self.token, self.old_token)

    def too_many_messages(self) -> ProtocolError:
        """Return the error of a client whose message budget, which refills each second, is used up."""
        rate = self.limits.messages_per_s
        return ProtocolError(CloseCode.RATE_LIMITED, f"over {rate:g} messages a second for too long")

    def refill(self, seconds: float) -> None:
        """Refill the message budget for the time that passed."""
        limits = self.limits
        self.message_budget = min(self.message_budget + limits.messages_per_s * seconds, limits.message_burst)

    def take_plain_input(self, data: bytes) -> bool:
        """Queue a binary input if nothing about it is out of the ordinary; return whether that was so.

        The hottest path of the server, for the message that arrives at nearly every tick: a new number, a value seen
        before, room in the queue and in the budget. Anything else is left, untouched, to `Room.receive`.
        """
        value = self.known_values.get(data[HEAD_BYTES:])
        if value is None or self.is_json or self.message_budget < 1 or len(self.queue) >= self.queue_len_max:
            return False
        tag, seq, ack, lag = unpack_head(data)
        if tag != INPUT_TAG or seq <= self.accepted_seq:
            return False
        self.message_budget -= 1
        self.counts.messages_in += 1
        self.counts.inputs += 1
        self.accepted_seq = seq
        if ack > self.acked_tick:
            self.acked_tick = ack
        self.lag = lag * LAG_STEP
        self.queue.append(_new_tuple(Input, (seq, ack, self.lag, value)))
        return True

    def queue_input(self, received: Input) -> bool:
        """Queue an input; return whether an older one was discarded for it; raise Refused when its number is old."""
        if received.seq <= self.accepted_seq:
            raise Refused(
                ErrorCode.STALE_INPUT, f"input_seq {received.seq} is not above {self.accepted_seq}, the newest accepted"
            )
        self.accepted_seq = received.seq
        if received.ack > self.acked_tick:
            self.acked_tick = received.ack
        self.lag = received.lag
        self.queue.append(received)
        if len(self.queue) <= self.limits.input_queue_len_max:
            return False
        self.queue.pop(0)
        self.discarded_total += 1
        return True

    def miss(self, asleep_after: int) -> bool:
        """Take note of a step without an input; return whether it counts as missing.

        A player who sent none for `asleep_after` steps is asleep or away, as a hidden page is: that is no late input.
        """
        if self.missed_after_seq != self.consumed_seq:
            self.missed_after_seq, self.missed_steps = self.consumed_seq, 0
        self.missed_steps += 1
        if self.missed_steps > asleep_after:
            return False
        self.missing += 1
        self.missing_total += 1
        return True

    def connect(self, link: Any, is_json: bool) -> None:
        """Attach a connection. Inputs not consumed yet are void, so the next number follows the newest consumed."""
        self.link, self.is_json, self.is_blocked = link, is_json, False
        self.outbox.clear()
        self.queue.clear()
        self.pace = None
        self.accepted_seq = self.consumed_seq
        self.close_with = None
        # What was used up stays so, or each resume would be a new allowance; a second's worth lets anybody say hello.
        self.message_budget = max(self.message_budget, self.limits.messages_per_s)

    def disconnect(self, now_s: float) -> None:
        """Detach the connection; what was queued for it is void, and so are inputs of a player who is away."""
        self.link = None
        self.dropped_at_s = now_s
        self.drops_total += 1
        self.outbox.clear()
        self.queue.clear()
        self.last_input = self.default_input
