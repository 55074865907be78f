"""The rooms of a process as others are told of them: a row of plain JSON values each."""

from collections.abc import Iterable
from typing import Any

import attrs

from ..core.matchmaking import Lobby


def rooms_told(lobby: Lobby, now_s: float) -> list[dict[str, Any]]:
    """Return what other machines are told of the rooms of this process, fullest first."""
    rooms = [room for room in lobby.rooms.values() if room.closing is None]
    return [
        {
            "room": room.room_id,
            "game": room.definition.name,
            "seats_taken": len(room.sessions),
            "seats": room.seats_max,
            "age_s": round(room.clock.room_ms(now_s) / 1000, 1),
            "locked": room.is_locked,
            "watchable": room.is_watchable,
            "spectators": len(room.spectators.public),
            "options": attrs.asdict(room.options) if room.options is not None else {},
            "is_private": room.code is not None,
        }
        for room in sorted(rooms, key=lambda room: -len(room.sessions))
    ]


def public_rooms(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those that everybody may know of."""
    return [{key: row[key] for key in row if key != "is_private"} for row in rows if not row["is_private"]]
