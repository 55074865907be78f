"""What the public sees of a room: one stream of states for all spectators, shown later than it was played.

Each capture is recorded as the bytes of one delta from the record before, and once a second as a full state too. A
record becomes visible when its delay is over. Whoever begins to watch gets the newest visible full state and the
deltas since, at once; whoever could not take some states gets those that it missed, or begins anew. Nothing is
encoded for a single spectator, except for the JSON codec, which retells the binary states.

Knows nothing of sessions, and not what the public may see: it is given the bytes.
"""

from collections import deque
from collections.abc import Sequence

import attrs

from . import codec, json_codec
from .schema import WireType

#: to a spectator that was away for longer than records are kept
EVENTS_LOST = '{"type":"events","list":[],"partial":true}'


@attrs.frozen(eq=False)
class Record:
    """One state of the public's stream.

    Args:
        tick: of the state.
        delta: from the record before; empty for the first.
        full: the state by itself, or None.
        events: the `events` message of what happened since the record before, or None.
        event_number: of the newest event by then.
    """

    tick: int
    delta: bytes
    full: bytes | None
    events: str | None
    event_number: int


class Broadcast:
    """The public's stream of one room.

    Args:
        types: the game's.
        delay_ticks: how long a record stays hidden.
        full_every_ticks: how often a record has a full state.
    """

    def __init__(self, types: Sequence[WireType], delay_ticks: int, full_every_ticks: int) -> None:
        self.delay_ticks = delay_ticks
        self.newest_tick: int | None = None
        self._types = types
        self._full_every_ticks = full_every_ticks
        self._full_due_tick = 0
        self._hidden: deque[Record] = deque()
        #: from the last full state but one
        self._shown: deque[Record] = deque()
        #: of the newest event that came with a record which is no longer kept
        self._dropped_event_number = 0
        self._retold: dict[tuple[int, bool], str] = {}
        #: by what was asked, since the newest record was shown: most spectators ask the same
        self._answers: dict[tuple[int | None, int, bool], list[str | bytes]] = {}

    def is_full_due(self, tick: int) -> bool:
        """Return whether the record of this tick is to have a full state."""
        return tick >= self._full_due_tick

    def record(self, record: Record) -> None:
        """Take the newest state in, and show what has been hidden for long enough."""
        self.newest_tick = record.tick
        self._hidden.append(record)
        if record.full is not None:
            self._full_due_tick = record.tick + self._full_every_ticks
        while self._hidden and self._hidden[0].tick <= record.tick - self.delay_ticks:
            self._show(self._hidden.popleft())

    def _show(self, record: Record) -> None:
        self._retold.clear()
        self._answers.clear()
        if record.full is not None:
            last_full = max((shown.tick for shown in self._shown if shown.full is not None), default=0)
            while self._shown and self._shown[0].tick < last_full:
                self._dropped_event_number = self._shown.popleft().event_number
        self._shown.append(record)

    @property
    def shown_event_number(self) -> int:
        """Number of the newest event that the public knows."""
        return self._shown[-1].event_number if self._shown else 0

    @property
    def shown_tick(self) -> int | None:
        """Tick of the newest state that the public knows; None before there is one."""
        return self._shown[-1].tick if self._shown else None

    def messages(self, after: int | None, heard: int, is_json: bool) -> list[str | bytes]:
        """Return what a spectator is to be sent now, in order.

        Args:
            after: tick of the newest state that it was sent; None: it holds nothing.
            heard: number of the newest event that it need not be sent.
            is_json: in which codec.
        """
        if not self._shown:
            return []
        asked = (after, heard, is_json)
        answer = self._answers.get(asked)
        if answer is None:
            answer = self._answers[asked] = self._messages(after, heard, is_json)
        return answer

    def _messages(self, after: int | None, heard: int, is_json: bool) -> list[str | bytes]:
        messages: list[str | bytes] = [] if heard >= self._dropped_event_number else [EVENTS_LOST]
        is_behind = after is None or after < self._shown[0].tick
        begin = self._shown[0].tick if not is_behind else self._newest_full_tick()
        previous = after
        for record in self._shown:
            if record.event_number > heard and record.events is not None:
                messages.append(record.events)
            if record.tick >= begin if after is None or is_behind else record.tick > after:
                is_full = is_behind and record.tick == begin
                messages.append(self._state(record, previous, is_full, is_json))
                previous = record.tick
        return messages

    def _newest_full_tick(self) -> int:
        return max(record.tick for record in self._shown if record.full is not None)

    def _state(self, record: Record, previous: int | None, is_full: bool, is_json: bool) -> str | bytes:
        state = record.full if is_full else record.delta
        assert state is not None
        if not is_json:
            return state
        key = (record.tick, is_full)
        if key not in self._retold:
            message = codec.decode_binary(self._types, state)
            assert isinstance(message, codec.StateMessage)
            base = None if is_full else previous
            self._retold[key] = json_codec.dump(json_codec.retold(self._types, message, record.tick, base))
        return self._retold[key]
