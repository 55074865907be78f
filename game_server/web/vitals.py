"""How one connection is doing: alive, keeping up, within its bytes; and what to do when it is not.

Looked at every `look_every_s`, from counters that the connection keeps anyway, so that nothing is paid for it at each
message. A sign of life is any byte that arrives, so a connection whose other end has vanished (half-open) is found
whatever it was doing; who is quiet gets a ping to answer. Times are the hub's own, in which a stall of this process
does not pass: its clients were not silent, it was deaf.

    silent       for dead_after_s                                        4018 dead
    slow         the same bytes unsent for backlog_soft_s,               4014 too_slow
                 or over backlog_hard_bytes of them,
                 or states not applied for backlog_soft_s, by its own acks
    talkative    over bytes_per_s, and the burst is used up              4008 rate_limited
    absent       no join within join_timeout_s                           4003 join_timeout
                 the same input for idle_timeout_s                       4009 idle

Knows settings, a connection's counters and a session's ticks; knows nothing of rooms or of how a close is done.
"""

from ..core.session import Role, Session
from ..errors import CloseCode
from ..settings import Settings
from .transport import Connection

Verdict = tuple[CloseCode, str]

LOOK_EVERY_S_MAX = 1.0
#: parts of dead_after_s in which one looks, so that the dead are found within it and nobody before nine tenths of it
LOOKS_A_LIFE = 20
#: who says nothing for this part of dead_after_s is asked for a sign of life, and again as often
QUIET_PART = 1 / 4


def look_every_s(settings: Settings) -> float:
    """Return how often connections are looked at."""
    return min(LOOK_EVERY_S_MAX, settings.dead_after_s / LOOKS_A_LIFE)


class Vitals:
    """What is remembered of a connection between two looks."""

    __slots__ = (
        "_acked_tick",
        "_applied_at_s",
        "_budget_bytes",
        "_budgeted_at_s",
        "_budgeted_bytes",
        "_heard_at_s",
        "_heard_bytes",
        "_idle_input",
        "_idle_since_s",
        "_look_every_s",
        "_opened_at_s",
        "_pinged_at_s",
        "_sent_at_s",
        "_sent_mark",
        "_settings",
        "limit",
    )

    def __init__(self, settings: Settings, now_s: float) -> None:
        self._settings = settings
        self._look_every_s = look_every_s(settings)
        self._opened_at_s = self._heard_at_s = self._pinged_at_s = self._idle_since_s = now_s
        self._heard_bytes = 0
        self._budget_bytes = settings.bytes_burst
        self._budgeted_bytes, self._budgeted_at_s = 0, now_s
        #: where in the stream of bytes the oldest unsent ones ended when they were seen first, and when
        self._sent_mark, self._sent_at_s = 0, now_s
        self._acked_tick, self._applied_at_s = 0, now_s
        self._idle_input: object = None
        #: name of the setting that the last verdict is about
        self.limit = ""

    def verdict(self, connection: Connection, session: Session | None, now_s: float) -> Verdict | None:
        """Return with which code and words the connection is to be closed, or None; it may be pinged."""
        settings = self._settings
        self._listen(connection, now_s)
        quiet_s = now_s - self._heard_at_s
        if session is None and now_s - self._opened_at_s > settings.join_timeout_s:
            return self._over("join_timeout_s", CloseCode.JOIN_TIMEOUT, f"no join within {settings.join_timeout_s:g} s")
        # The last byte came up to a look before it was seen, and the next look would come too late.
        if quiet_s + 2 * self._look_every_s > settings.dead_after_s:
            return self._over("dead_after_s", CloseCode.DEAD, f"nothing heard for {settings.dead_after_s:g} s")
        if not self._spend(connection, now_s):
            reason = f"over {settings.bytes_per_s:g} bytes a second for too long"
            return self._over("bytes_per_s", CloseCode.RATE_LIMITED, reason)
        slow = self._slowness(connection, session, now_s)
        if slow is not None:
            return slow
        if self._is_idle(session, now_s):
            return self._over("idle_timeout_s", CloseCode.IDLE, f"the same input for {settings.idle_timeout_s:g} s")
        ask_every_s = settings.dead_after_s * QUIET_PART
        if quiet_s >= ask_every_s and now_s - self._pinged_at_s >= ask_every_s:
            self._pinged_at_s = now_s
            connection.ping()
        return None

    def _over(self, limit: str, code: CloseCode, reason: str) -> Verdict:
        self.limit = limit
        return code, reason

    def _listen(self, connection: Connection, now_s: float) -> None:
        if connection.bytes_in != self._heard_bytes:
            self._heard_bytes, self._heard_at_s = connection.bytes_in, now_s

    def _spend(self, connection: Connection, now_s: float) -> bool:
        """Take the bytes that came since the last look off the budget; return whether it was enough."""
        settings = self._settings
        came = connection.bytes_in - self._budgeted_bytes
        gained = (now_s - self._budgeted_at_s) * settings.bytes_per_s
        self._budgeted_bytes, self._budgeted_at_s = connection.bytes_in, now_s
        self._budget_bytes = min(self._budget_bytes + gained, settings.bytes_burst) - came
        return self._budget_bytes >= 0

    def _slowness(self, connection: Connection, session: Session | None, now_s: float) -> Verdict | None:
        settings = self._settings
        unsent, gone = connection.unsent_bytes, connection.bytes_out
        if unsent > settings.backlog_hard_bytes:
            reason = f"over {settings.backlog_hard_bytes} bytes unsent"
            return self._over("backlog_hard_bytes", CloseCode.TOO_SLOW, reason)
        # A slow line is blocked at every look, yet gets one message after the other: only who stays with one is stuck.
        if not unsent or gone >= self._sent_mark:
            self._sent_mark, self._sent_at_s = gone + unsent, now_s
        if now_s - self._sent_at_s > settings.backlog_soft_s:
            reason = f"took nothing for {settings.backlog_soft_s:g} s"
            return self._over("backlog_soft_s", CloseCode.TOO_SLOW, reason)
        if self._applies(session):
            self._applied_at_s = now_s
        if now_s - self._applied_at_s > settings.backlog_soft_s:
            reason = f"applied no state for {settings.backlog_soft_s:g} s"
            return self._over("backlog_soft_s", CloseCode.TOO_SLOW, reason)
        return None

    def _applies(self, session: Session | None) -> bool:
        """Return whether a client applies states, as far as it tells by acks: it has caught up, or got on."""
        if session is None or not session.acked_tick or session.sent_tick is None:
            return True
        got_on, self._acked_tick = session.acked_tick != self._acked_tick, session.acked_tick
        if got_on or session.sent_tick <= session.acked_tick:
            return True
        room = session.room
        behind_ticks = room.tick - session.acked_tick
        return bool(behind_ticks * 1000 <= self._settings.slow_ack_ms * room.definition.cls.tick_rate)

    def _is_idle(self, session: Session | None, now_s: float) -> bool:
        limit_s = self._settings.idle_timeout_s
        if session is None or session.role is not Role.PLAYER or not limit_s:
            return False
        if self._idle_input is not session.last_input and self._idle_input != session.last_input:
            self._idle_input, self._idle_since_s = session.last_input, now_s
        return now_s - self._idle_since_s > limit_s
