"""The limits a room and the matchmaking live by; `settings.py` holds their defaults and builds these.

Every limit has a name and a unit; reaching one is counted. `TokenBucket` is the one way a rate is limited. Knows
nothing of where the numbers come from.
"""

import attrs


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
    message_burst: float = 1500.0
    seat_hold_s: float = 20.0
    checksum_s: float = 5.0
    catch_up_ticks_max: int = 4
    slow_ack_ms: float = 2000.0
    message_bytes_max: int = 4096
    name_len_max: int = 16
    dead_after_s: float = 10.0
    outside_calls_max: int = 16
    seat_bytes_per_s: int = 0


@attrs.frozen(kw_only=True)
class LobbyLimits:
    """What bounds the rooms of a process."""

    rooms_max: int = 1000
    rooms_per_s: float = 20.0
    empty_room_s: float = 5.0
    tick_slot_ms: float = 5.0


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
