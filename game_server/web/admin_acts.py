"""What an operator can do, by name: each act checks what it was given, does it, and says in words what was done.

    notice  text, room or none for all        close   room, reason          ban    room, seat, name, by, minutes, reason
    kick    room, seat, name, reason          lock    room, locked          unban  ban
    drain                                     log_level  level

and, for those too who may only look, `ticket` of a room: to watch it unseen.

A player is named by seat and name, so that an act which comes late does not hit whoever took the seat since. Knows
the hub; knows nothing of the page, roles or the audit log.
"""

import time
from collections.abc import Callable
from typing import Any

from ..core.room import Room
from ..core.session import Session
from ..errors import GameServerError
from .addresses import group_of
from .admin_auth import Admin
from .bans import BAN_S_MAX, REASON_LEN_MAX, Ban, BanBy
from .hub import Hub
from .logs import LEVELS, log_level, set_log_level
from .player import Player

NOTICE_LEN_MAX = 200

Row = dict[str, Any]


class BadAct(ValueError):
    """An act that cannot be done; the text says why."""


class Acts:
    """The acts of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._by_name: dict[str, Callable[[Admin, Row], str]] = {
            "notice": self._notice,
            "kick": self._kick,
            "ban": self._ban,
            "unban": self._unban,
            "close": self._close,
            "lock": self._lock,
            "drain": self._drain,
            "log_level": self._log_level,
        }

    def perform(self, admin: Admin, message: Row) -> str:
        """Do what was asked and return what was done; raise BadAct with the reason why it cannot be."""
        perform = self._by_name.get(str(message.get("act")))
        if perform is None:
            raise BadAct("No such act")
        return perform(admin, message)

    def watch_unseen(self, message: Row) -> tuple[str, str]:
        """Return what was done, and a ticket with which the game's own page watches a room unseen."""
        room = self._room(message)
        return f"Watches {_named(room)} unseen", self._hub.lobby.tickets.make(room, self._hub.now_s())

    # ---- rooms -------------------------------------------------------------------------------------------------

    def _room(self, message: Row) -> Room:
        room = self._hub.lobby.rooms.get(str(message.get("room")))
        if room is None:
            raise BadAct("This room is no more")
        return room

    def _notice(self, admin: Admin, message: Row) -> str:
        text = _printable(message.get("text"), NOTICE_LEN_MAX)
        if not text:
            raise BadAct("A notice needs a text")
        rooms = [self._room(message)] if message.get("room") is not None else list(self._hub.lobby.rooms.values())
        for room in rooms:
            room.notice(text)
        if message.get("room") is not None:
            return f"Told {_named(rooms[0])}: {text}"
        others = self._hub.others.announce({"notice": text})
        return f"Told all {len(rooms)} rooms{f' here, and {others}' if others else ''}: {text}"

    def _close(self, admin: Admin, message: Row) -> str:
        room = self._room(message)
        number = len(room.sessions)
        room.close(_reason(message, "closed by an admin"))
        self._hub.end_room(room)
        return f"Closed {_named(room)} with {count(number, 'player')}"

    def _lock(self, admin: Admin, message: Row) -> str:
        room, locked = self._room(message), message.get("locked")
        if not isinstance(locked, bool):
            raise BadAct("Say whether to lock or to unlock: locked is true or false")
        room.lock(locked)
        return f"{'Locked' if locked else 'Unlocked'} {_named(room)}"

    # ---- players -----------------------------------------------------------------------------------------------

    def _session(self, message: Row) -> Session:
        room, seat = self._room(message), message.get("seat")
        session = room.sessions.get(seat) if type(seat) is int else None
        if session is None:
            raise BadAct("Nobody holds this seat any more")
        if message.get("name") != session.seat.name:
            raise BadAct(f"Seat {seat} is now held by {session.seat.name}")
        return session

    def _kick(self, admin: Admin, message: Row) -> str:
        session = self._session(message)
        room: Room = session.room
        self._hub.kick(session, _reason(message, "removed by an admin"))
        return f"Removed {session.seat.name} from {_named(room)}"

    def _ban(self, admin: Admin, message: Row) -> str:
        session, minutes = self._session(message), message.get("minutes")
        if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not 0 < minutes * 60 <= BAN_S_MAX:
            raise BadAct(f"A ban lasts for more than 0 and at most {BAN_S_MAX / 60:.0f} minutes")
        by, who = self._whom(session, message.get("by"))
        reason = _reason(message, "banned by an admin")
        now = time.time()
        ban = Ban(by, who, session.seat.name, reason, admin.name, round(now + minutes * 60))
        try:
            self._hub.bans.add(ban, now)
        except (GameServerError, OSError) as error:
            raise BadAct(f"The ban could not be kept: {error}") from error
        name = session.seat.name
        self._hub.kick(session, reason)
        others = self._hub.put_out(ban)
        self._hub.others.announce({"bans": True})
        text = f"Banned {name} by {by.value} for {minutes:g} minutes"
        return f"{text}, and {count(others, 'other player')} from there" if others else text

    def _whom(self, session: Session, by: object) -> tuple[BanBy, str]:
        link: Player | None = session.link
        user = session.seat.user_id
        if by == BanBy.USER.value:
            if user is None:
                raise BadAct(f"{session.seat.name} has no user id to ban by")
            return BanBy.USER, str(user)
        if by != BanBy.ADDRESS.value:
            raise BadAct("Ban by address or by user")
        if link is None:
            raise BadAct(f"{session.seat.name} is not connected: there is no address to ban")
        return BanBy.ADDRESS, group_of(link.connection.remote_address)

    def _unban(self, admin: Admin, message: Row) -> str:
        try:
            ban = self._hub.bans.lift(str(message.get("ban")), time.time())
        except (GameServerError, OSError) as error:
            raise BadAct(f"The ban could not be lifted: {error}") from error
        if ban is None:
            raise BadAct("This ban holds no more")
        self._hub.others.announce({"bans": True})
        return f"Lifted the ban of {ban.name} ({ban.by.value} {ban.who})"

    # ---- the process -------------------------------------------------------------------------------------------

    def _drain(self, admin: Admin, message: Row) -> str:
        if self._hub.lobby.is_draining:
            raise BadAct("The server is shutting down already")
        self._hub.stop_asked.set()
        return f"Shutting down: {count(self._hub.lobby.players, 'player')} told, {self._hub.settings.drain_s:g} s left"

    def _log_level(self, admin: Admin, message: Row) -> str:
        level = message.get("level")
        if level not in LEVELS:
            raise BadAct(f"The log level is one of {', '.join(LEVELS)}")
        before = log_level()
        set_log_level(level)
        return f"Log level {before} is now {level}"


def _named(room: Room) -> str:
    return f"{room.definition.name} room {room.room_id}"


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _printable(given: object, len_max: int) -> str:
    if not isinstance(given, str):
        return ""
    text = "".join(char if char.isprintable() else " " for char in given)
    return " ".join(text.split())[:len_max]


def _reason(message: Row, default: str) -> str:
    """Return what players are told: printable, and short enough for a close frame (123 bytes)."""
    text = _printable(message.get("reason"), REASON_LEN_MAX)
    return text.encode("utf-8", "ignore")[:120].decode("utf-8", "ignore") or default
