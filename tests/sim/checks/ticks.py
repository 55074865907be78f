"""Ticks increase: by one in a room, and from each state to the next at a client; never ahead of the room's time.

A watcher's full state may be older than what it held: it is the newest that the room keeps of what the public may see,
and what followed comes with it (core/broadcast.py).
"""

from collections.abc import Mapping
from typing import Any

from game_server.core.codec import StateMessage
from game_server.core.room import Room

from ..client import Client
from . import Check, Court


class Ticks(Check):
    """See above."""

    name = "ticks"

    def __init__(self, court: Court) -> None:
        super().__init__(court)
        self._newest: dict[str, int] = {}
        self._applied: dict[int, int] = {}

    def after_tick(self, room: Room) -> None:
        before, self._newest[room.room_id] = self._newest.get(room.room_id, 0), room.tick
        if room.tick != before + 1 or room.world.tick != room.tick:
            self.fail(f"{room.room_id} went from tick {before} to {room.tick}")
        ahead_ms = room.tick * 1000 / room.clock.tick_rate - room.clock.room_ms(self.court.process.loop.time())
        if ahead_ms > 0.001:
            self.fail(f"{room.room_id} ran tick {room.tick} {ahead_ms:.3f} ms before it was due")

    def welcomed(self, client: Client, welcome: Mapping[str, Any]) -> None:
        self._applied[client.number] = welcome["tick"] if welcome["tick"] is not None else -1

    def applied(self, client: Client, message: StateMessage) -> None:
        assert client.replica is not None
        tick = client.replica.tick or 0
        before, self._applied[client.number] = self._applied[client.number], tick
        if tick <= before and not (client.is_spectator and message.advance is None):
            self.fail(f"client {client.number} got the state of tick {tick} after that of {before}")
        if tick % client.welcome["send_every"]:
            self.fail(f"client {client.number} got a state of tick {tick}, which is not captured")

    def at_rest(self) -> None:
        for client in self.court.clients:
            if client.is_playing and client.replica is not None and client.session is not None:
                room = client.session.room
                behind = room.tick - (client.replica.tick or 0)
                delay_s = (room.definition.cls.spectator_delay_s or 0) if client.is_spectator else 0
                if room.is_awake and behind > room.clock.tick_rate * (1.5 + delay_s):
                    self.fail(f"client {client.number} is {behind} ticks behind although its line is good")
