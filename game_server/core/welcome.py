"""The welcome message: what a client is told first, and needs to understand all that follows.

Knows definitions and sessions; the room tells where they are and what time it is.
"""

from collections.abc import Mapping
from typing import Any

from .definition import GameDefinition
from .json_codec import dump
from .limits import RoomLimits
from .session import Role, Session

#: limits that a client should keep to, or count on
TOLD_LIMITS = ("message_bytes_max", "chat_len_max", "name_len_max", "input_queue_len_max", "dead_after_s")


def welcome_message(
    definition: GameDefinition,
    limits: RoomLimits,
    session: Session,
    place: Mapping[str, str | None],
    room_ms: float,
    resumed: bool,
) -> str:
    """Return the welcome of a session (docs/protocol.md).

    Args:
        definition: the game.
        limits: the room's.
        session: whose; ready to be sent its first state.
        place: the room's id and code.
        room_ms: the time that the session sees.
        resumed: whether it was there before.
    """
    return dump(
        {
            "type": "welcome",
            "version": 1,
            "game": definition.name,
            **place,
            **_who(session, definition),
            "resumed": resumed,
            "tick_rate": definition.cls.tick_rate,
            "send_every": definition.cls.send_every,
            "tick": session.sent_tick,
            "ack": session.consumed_seq,
            "event": session.event_number,
            "partial": session.partial,
            "room_ms": round(room_ms, 3),
            "seat_hold_s": limits.seat_hold_s,
            "limits": {name: getattr(limits, name) for name in TOLD_LIMITS},
            "schema_hash": definition.schema_hash,
            "schema": definition.schema,
        }
    )


def _who(session: Session, definition: GameDefinition) -> dict[str, Any]:
    if session.role is Role.PLAYER:
        return {"seat": session.seat.number, "name": session.seat.name, "token": session.token}
    delay_s = definition.cls.spectator_delay_s if session.role is Role.PUBLIC else 0.0
    return {"seat": None, "name": "", "token": None, "spectator": session.role.value, "delay_s": delay_s}
