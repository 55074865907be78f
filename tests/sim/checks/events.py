"""Events: each client gets all that is for it, once, in order, and nothing else; or is told that some are lost.

The check keeps every room's events for good. What a client should have got between two events it saw are those
addressed to all or to its very seat (not to whoever had that number before). A message marked `partial` may leave out
the oldest of them, and any other none.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from game_server.core.room import Room
from game_server.core.session import Session, State

from ..client import Client
from . import Check, Court


@attrs.define
class Log:
    """A room's events, all of them: by number from 1; None where one was lost within its own tick."""

    seats: list[Any] = attrs.Factory(list)

    def between(self, above: int, to: int, session: Session) -> list[int | None]:
        """Return the numbers that a session should get; None for one that nobody can know."""
        numbers: list[int | None] = []
        for number in range(above + 1, to + 1):
            seat = self.seats[number - 1] if number <= len(self.seats) else _LOST
            if seat is None or seat is session.seat:
                numbers.append(number)
            elif seat is _LOST:
                numbers.append(None)
        return numbers


_LOST = object()


class Events(Check):
    """See above."""

    name = "events"

    def __init__(self, court: Court) -> None:
        super().__init__(court)
        self._logs: dict[str, Log] = {}
        self._seen: dict[int, int] = {}
        self._due: dict[str, int] = {}
        #: clients told of a loss by a message without events: how far it went shows in the next one
        self._adrift: set[int] = set()

    def after_tick(self, room: Room) -> None:
        log = self._logs.get(room.room_id)
        if log is None:
            log = self._logs[room.room_id] = Log()
        kept = room._events
        fresh = kept.newest_number - len(log.seats)
        if fresh:
            events = [event for event in kept._events if event.number > len(log.seats)]
            log.seats += [_LOST] * (fresh - len(events))
            log.seats += [event.to for event in events]

    def welcomed(self, client: Client, welcome: Mapping[str, Any]) -> None:
        self._adrift.discard(client.number)
        if not welcome["resumed"]:
            self._seen[client.number] = welcome["event"]
            return
        seen = self._seen.setdefault(client.number, client.holding.event)
        if welcome["event"] != seen:
            self.fail(f"client {client.number} has seen event {seen}, and is welcomed with {welcome['event']}")

    def heard(self, client: Client, message: Mapping[str, Any]) -> None:
        if message["type"] != "events":
            return
        who = f"client {client.number} in {client.welcome['room']}"
        above = self._seen[client.number]
        numbers = [event["number"] for event in message["list"]]
        if numbers != sorted(set(numbers)) or (numbers and numbers[0] <= above):
            self.fail(f"{who} is at event {above} and gets {numbers}")
            return
        assert client.session is not None
        if numbers:
            expected = self._logs[client.welcome["room"]].between(above, numbers[-1], client.session)
            if message.get("partial") or client.number in self._adrift:
                expected = expected[-len(numbers) :]
            if expected != numbers:
                self.fail(f"{who} is at event {above}, should get {expected} and gets {numbers}")
            self._seen[client.number] = numbers[-1]
        elif not message.get("partial"):
            self.fail(f"{who} gets a message with no events")
        self._adrift.discard(client.number)
        if not numbers:
            self._adrift.add(client.number)
        tick = client.replica.tick if client.replica is not None else None
        if tick is not None and client.is_sound and any(event["tick"] <= tick for event in message["list"]):
            self.fail(f"{who} holds tick {tick} and gets an event of before: {message['list'][0]}")

    def before_rest(self) -> None:
        for room in self.court.process.hub.lobby.rooms.values():
            self._due[room.room_id] = room._events.newest_number

    def at_rest(self) -> None:
        for client in self.court.clients:
            session = client.session
            if not client.is_playing or session is None or session.state is not State.SEATED:
                continue
            room_id = session.room.room_id
            seen = self._seen[client.number]
            log = self._logs.get(room_id, Log())
            missed = log.between(seen, self._due.get(room_id, 0), session)
            if missed and client.number not in self._adrift:
                self.fail(f"client {client.number} in {room_id} never got events {missed}")
