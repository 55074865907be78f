"""How often each limit was reached, by the name of its setting: what `/metrics` and the status page tell.

A limit is counted where it is held: by the shell, by the lobby, in the tally of rooms, or as a reason to close.
"""

from collections import Counter

from ..errors import CloseCode
from .hub import Hub

#: those of the shell, to be there before they are reached
COUNTED_LIMITS = """connections_max connections_address_max openings_max handshakes_per_s handshakes_address_per_s
    http_connections_max http_connections_address_max rooms_max rooms_per_s rooms_address_per_s join_timeout_s
    dead_after_s idle_timeout_s bytes_per_s backlog_hard_bytes backlog_soft_s service_address_max
    service_rooms_max bans_max message_bytes_max outside_timeout_s
    control_frames_per_s_max name_len_max""".split()

#: setting -> the tally of rooms that counts how often it was reached
LIMIT_COUNTS = {
    "messages_per_s": "messages_limited",
    "chat_per_s": "chats_limited",
    "commands_per_s": "commands_limited",
    "pings_per_s": "pings_limited",
    "resyncs_per_s": "resyncs_limited",
    "input_queue_len_max": "inputs_discarded",
    "event_log_len_max": "events_lost",
    "spectators_max": "spectators_refused",
    "seat_bytes_per_s": "entities_deferred",
    "rewind_max_ms": "rewinds_clamped",
    "catch_up_ticks_max": "ticks_dropped",
}


def limits_reached(hub: Hub) -> Counter[str]:
    """Return how often each limit of a process was reached, by the name of its setting."""
    counts = hub.counts()
    reached = Counter(dict.fromkeys(COUNTED_LIMITS, 0))
    reached.update(hub.limited)
    reached.update(hub.lobby.limited)
    reached["bans_max"] += hub.bans.surplus
    reached["message_bytes_max"] += hub.closes[CloseCode.MESSAGE_TOO_BIG.name.lower()]
    for setting, count in LIMIT_COUNTS.items():
        reached[setting] += getattr(counts, count)
    return reached
