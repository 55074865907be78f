"""The limits a room and the matchmaking live by; `settings.py` holds their defaults and builds these.

Every limit has a name and a unit; reaching one is counted. `TokenBucket` is the one way a rate is limited. Knows
nothing of where the numbers come from.
"""

from collections import OrderedDict

import attrs

#: messages of an honest client a step: 1.1 inputs at most, and pings and acks beside them
INPUT_RATE_MARGIN = 1.5


@attrs.frozen(kw_only=True)
class RoomLimits:
    """What bounds one room and each of its sessions."""

    input_queue_len_max: int = 8
    history_s: float = 10.0
    event_log_len_max: int = 512
    chat_len_max: int = 200
    chat_per_s: float = 1.0
    chat_burst: int = 4
    messages_per_s: float = 120.0
    message_burst: float = 2400.0
    commands_per_s: float = 10.0
    command_burst: int = 40
    pings_per_s: float = 10.0
    ping_burst: int = 120
    resyncs_per_s: float = 0.5
    resync_burst: int = 4
    seat_hold_s: float = 20.0
    checksum_s: float = 5.0
    catch_up_ticks_max: int = 4
    late_ack_ms: float = 700.0
    slow_ack_ms: float = 2000.0
    message_bytes_max: int = 4096
    name_len_max: int = 16
    dead_after_s: float = 10.0
    outside_calls_max: int = 16
    seat_bytes_per_s: int = 0
    spectators_max: int = 50
    rewind_max_ms: float = 500.0

    def for_tick_rate(self, tick_rate: int) -> "RoomLimits":
        """Return these limits with room for the inputs of a game that ticks so often.

        A client sends an input a step, a tenth more while it catches up, and pings beside them; one that comes out of
        a stall sends all of `dead_after_s` at once.
        """
        messages_per_s = max(self.messages_per_s, INPUT_RATE_MARGIN * tick_rate)
        burst = max(self.message_burst, messages_per_s * self.dead_after_s)
        return attrs.evolve(self, messages_per_s=messages_per_s, message_burst=burst)


@attrs.frozen(kw_only=True)
class LobbyLimits:
    """What bounds the rooms of a process."""

    rooms_max: int = 1000
    rooms_per_s: float = 20.0
    rooms_address_per_s: float = 1.0
    rooms_address_burst: int = 50
    empty_room_s: float = 5.0
    tick_slot_ms: float = 10.0


class TokenBucket:
    """A rate limit that allows bursts: `per_s` tokens flow in a second, at most `burst` are kept.

    Starts full. `now_s` is any monotonic clock, always the same one.
    """

    __slots__ = ("_at_s", "_tokens", "burst", "per_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s, self.burst = per_s, burst
        self._tokens = burst
        self._at_s: float | None = None

    def spend(self, now_s: float) -> bool:
        """Take a token; return whether there was one."""
        if self._at_s is not None:
            self._tokens = min(self._tokens + (now_s - self._at_s) * self.per_s, self.burst)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class BucketsByKey:
    """A token bucket for each key, such as each address; the `keys_max` used last are remembered."""

    def __init__(self, per_s: float, burst: float, keys_max: int = 10_000) -> None:
        self.per_s, self.burst = per_s, burst
        self._keys_max = keys_max
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def spend(self, key: str, now_s: float) -> bool:
        """Take a token of this key; return whether there was one."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self.per_s, self.burst)
            if len(self._buckets) > self._keys_max:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.spend(now_s)

    def __len__(self) -> int:
        return len(self._buckets)
