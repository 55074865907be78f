"""Inputs: exactly one a seat a tick; none applied twice, out of order, or that its client never sent; none altered.

A tick without an input repeats the last one and is counted as missing, so the claim is about `consumed_seq` and the
value that the game got at each tick.
"""

from typing import Any

import attrs

from game_server.core.room import Room
from game_server.core.session import Session

from . import Check, Court


@attrs.define
class Seen:
    """What a session had consumed at the tick before."""

    consumed: int
    missing: int
    value: Any
    #: steps without an input since the one that was consumed last
    steps: int = 0


class Inputs(Check):
    """See above."""

    name = "inputs"

    def __init__(self, court: Court) -> None:
        super().__init__(court)
        self._seen: dict[Session, Seen] = {}
        self._clients: dict[Session, list[Any]] = {}

    def after_tick(self, room: Room) -> None:
        given = room._inputs
        if len(given) > room.seats_max or any(session.seat not in given for session in room.sessions.values()):
            self.fail(f"{room.room_id} tick {room.tick}: {len(given)} inputs for {len(room.sessions)} seats")
            return
        for session in room.sessions.values():
            self._check(session, given[session.seat], f"{room.room_id} seat {session.seat.number} tick {room.tick}")

    def _check(self, session: Session, value: Any, where: str) -> None:
        clients = self._clients.setdefault(session, [])
        if session.link is not None and session.link.client not in clients:
            clients.append(session.link.client)
        seen = self._seen.get(session)
        if seen is None:
            seen = self._seen[session] = Seen(0, 0, session.default_input)
        number = session.consumed_seq
        if number == seen.consumed:
            if value != seen.value and value != session.default_input:
                self.fail(f"{where}: {value} although no new input was consumed, after {seen.value}")
            seen.steps += bool(session.accepted_seq)
            # beyond a second without any the player is asleep, and no more are counted
            is_missing = bool(session.accepted_seq) and seen.steps <= session.room.definition.cls.tick_rate
            if session.missing_total != seen.missing + is_missing:
                self.fail(f"{where}: no input was consumed, and missing went {seen.missing} -> {session.missing_total}")
        elif number < seen.consumed:
            self.fail(f"{where}: input {number} was applied after {seen.consumed}")
        else:
            if all(client.sent is not None for client in clients):  # else what an attacker sent is not known
                if not any(number in client.sent for client in clients):
                    self.fail(f"{where}: input {number} was applied and never sent")
                elif getattr(value, "serial", number & 0xFF) != number & 0xFF:
                    self.fail(f"{where}: input {number} is applied with the value of another: {value}")
            if session.missing_total != seen.missing:
                self.fail(f"{where}: input {number} was consumed and counted as missing")
            seen.steps = 0
        seen.consumed, seen.missing, seen.value = number, session.missing_total, value
