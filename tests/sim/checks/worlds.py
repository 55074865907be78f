"""Worlds: what a client holds is what the server shows it, tick by tick, and what the server shows is what is.

At each capture the quantised tables are kept (they are immutable), with who owns what. A client that took in the state
of that tick must hold the same: every public value of every entity, its own owner-only values, and no others. Where a
seat sees a part only, what is near or shown must be there, what is out of sight must not, and under a byte budget what
is there may be older than the tick. And at some ticks the tables are compared with the live entities, quantised.
"""

import math
from collections import deque
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import attrs

from game_server.core.codec import StateMessage
from game_server.core.room import Room

from ..client import Client
from . import Check, Court

KEPT_TICKS = 400
TRUTH_EVERY_TICKS = 16
#: half the grid's step: places are compared as they are on the wire
NEARLY = 1 / 16


@attrs.frozen
class Shown:
    """The server's side at one tick."""

    tables: Any
    owned: dict[int, dict[int, int]]
    #: where each seat looks from, by seat number, in a game with views
    eyes: dict[int, list[tuple[float, float]]]


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
        owned = {seat: dict(ids) for seat, ids in room.world.owned.items()}
        shown[room.tick] = Shown(room.snapshot.tables, owned, _eyes(room))
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
        assert client.session is not None
        game = client.session.room.game
        if client.is_spectator and (game.view or game.veiled):
            return  # the game shows the public what it likes
        if game.seat_bytes_per_s:
            return  # what it holds of each entity may be of another tick: its checksums, over just that, were compared
        if set(owned) != replica.own:
            self.fail(f"client {client.number} tick {replica.tick}: owns {owned}, holds {sorted(replica.own)}")
        for type_, known, table, mine in zip(
            game.world.types, replica.types, shown.tables, replica.rows(), strict=True
        ):
            table = {entity_id: _seen(known, row, entity_id in owned) for entity_id, row in table.items()}
            if type_.index and (type_.cls in game.veiled or (game.view and type_.cls in game.view.types)):
                eyes = shown.eyes.get(client.welcome["seat"], [])
                must, may = _sight(game, client.session.seat, type_, table, owned, eyes)
                if not must <= set(mine) <= may:
                    lacks, spies = sorted(must - set(mine)), sorted(set(mine) - may)
                    self.fail(f"client {client.number} tick {replica.tick}: {type_.name} lacks {lacks}, spies {spies}")
                table = {entity_id: row for entity_id, row in table.items() if entity_id in mine}
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


def _eyes(room: Room) -> dict[int, list[tuple[float, float]]]:
    if room.game.view is None:
        return {}
    return {number: list(room.game.eyes(session.seat) or ()) for number, session in room.sessions.items()}


def _sight(game: Any, seat: Any, type_: Any, table: Any, owned: Any, eyes: Any) -> tuple[set[int], set[int]]:
    """Return what a seat must hold of a type that is not for everybody, and what it may, told in the plainest way."""
    view = game.view if game.view and type_.cls in game.view.types else None
    must = {entity_id for entity_id in owned if entity_id in table}
    may = set(must)
    for entity_id, row in table.items():
        values = {field.name: field.kind.dequantise(value) for field, value in zip(type_.fields, row, strict=True)}
        if type_.cls in game.veiled and not game.sees(seat, SimpleNamespace(id=entity_id, **values)):
            continue
        if view is None:
            must.add(entity_id)
            may.add(entity_id)
            continue
        distance = min((math.dist((values[view.x], values[view.y]), eye) for eye in eyes), default=math.inf)
        if distance <= view.radius - NEARLY:
            must.add(entity_id)
        if distance <= view.radius + view.margin + NEARLY:
            may.add(entity_id)
    return must, may


def _seen(type_: Any, row: Any, is_own: bool) -> tuple[Any, ...]:
    """Return a row as a client has it: what it may not see is at its kind's default."""
    if is_own or not type_.owner_mask:
        return tuple(row)
    return tuple(
        value if field.to == "all" else field.kind.default for field, value in zip(type_.fields, row, strict=True)
    )
