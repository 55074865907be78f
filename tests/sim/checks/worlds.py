"""Worlds: what a client holds is what the server shows it, tick by tick, and what the server shows is what is.

At each capture the quantised tables are kept (they are immutable), with who owns what. A client that took in the state
of that tick must hold the same: every public value of every entity, its own owner-only values, and no others. And at
some ticks the tables are compared with the live entities, quantised one by one.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs

from game_server.core.codec import StateMessage
from game_server.core.room import Room

from ..client import Client
from . import Check, Court

KEPT_TICKS = 400
TRUTH_EVERY_TICKS = 16


@attrs.frozen
class Shown:
    """The server's side at one tick."""

    tables: Any
    owned: dict[int, dict[int, int]]


class Worlds(Check):
    """See above."""

    name = "worlds"

    def __init__(self, court: Court) -> None:
        super().__init__(court)
        self._shown: dict[str, dict[int, Shown]] = {}
        self._order: dict[str, deque[int]] = {}
        #: clients whose replica a fault has changed, and which have not been healed yet
        self.corrupted: set[int] = set()
        self.healed = 0
        self.compared = 0

    def after_tick(self, room: Room) -> None:
        if room.snapshot.tick != room.tick:
            return
        shown = self._shown.setdefault(room.room_id, {})
        order = self._order.setdefault(room.room_id, deque())
        shown[room.tick] = Shown(room.snapshot.tables, {seat: dict(ids) for seat, ids in room.world.owned.items()})
        order.append(room.tick)
        if len(order) > KEPT_TICKS:
            del shown[order.popleft()]
        if room.tick % TRUTH_EVERY_TICKS == 0:
            self._check_truth(room)

    def _check_truth(self, room: Room) -> None:
        for type_, table, rows in zip(room.world.types, room.world.tables, room.snapshot.tables, strict=True):
            truth = {
                entity_id: tuple(field.kind.clamp(getattr(entity, field.name)) for field in type_.fields)
                for entity_id, entity in table.items()
            }
            if truth != dict(rows):
                self.fail(f"{room.room_id} tick {room.tick}: {type_.name} is {truth} and captured as {dict(rows)}")

    def applied(self, client: Client, message: StateMessage) -> None:
        replica = client.replica
        assert replica is not None
        is_full = message.advance is None
        if client.number in self.corrupted:
            # By a full state, or because the value that was changed was sent anew.
            if not is_full and message.checksum != replica.checksum():
                return
            self.corrupted.discard(client.number)
            self.healed += is_full
        elif message.checksum is not None and message.checksum != replica.checksum():
            self.fail(f"client {client.number} disagrees with the checksum of tick {replica.tick}")
        if is_full or message.checksum is not None or (replica.tick or 0) % 4 == 0:
            self._compare(client)

    def welcomed(self, client: Client, welcome: Mapping[str, Any]) -> None:
        if client.replica is not None and client.replica.tick is None:
            self.corrupted.discard(client.number)

    def _compare(self, client: Client) -> None:
        replica, room_id = client.replica, client.welcome["room"]
        assert replica is not None
        shown = self._shown.get(room_id, {}).get(replica.tick or 0)
        if shown is None:
            return
        self.compared += 1
        owned = shown.owned.get(client.welcome["seat"], {})
        if set(owned) != replica.own:
            self.fail(f"client {client.number} tick {replica.tick}: owns {owned}, holds {sorted(replica.own)}")
        for type_, table, mine in zip(replica.types, shown.tables, replica.rows(), strict=True):
            if type_.owner_mask:
                table = {entity_id: _seen(type_, row, entity_id in owned) for entity_id, row in table.items()}
            if table != mine:
                self.fail(f"client {client.number} tick {replica.tick}: {type_.name} is {table}, holds {mine}")

    def at_rest(self) -> None:
        for client in self.court.clients:
            if not client.is_playing or client.replica is None or client.replica.tick is None:
                continue
            if client.number in self.corrupted:
                self.fail(f"client {client.number} was never healed")
            else:
                self._compare(client)


def _seen(type_: Any, row: Any, is_own: bool) -> tuple[Any, ...]:
    """Return a row as a client has it: what it may not see is at its kind's default."""
    if is_own:
        return tuple(row)
    return tuple(
        value if field.to == "all" else field.kind.default for field, value in zip(type_.fields, row, strict=True)
    )
