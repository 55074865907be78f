"""The swarm workload on stock Tornado: WebSocketHandler, write_message, on_message, a PeriodicCallback a room.

Usage: python server.py PORT. Messages are those of the `ws` peer: path /K is room K; input 0x01, uint32 sequence,
int8 dx, int8 dy; state 0x02, uint32 tick, uint32 returned sequence, then uint16 id, x, y (1/16 of a unit) of each
player.
"""

import asyncio
import random
import struct
import sys

from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler

WORLD = 4096
SPEED = 8
PERIOD_MS = 50
INPUT = struct.Struct("<BIbb")
HEADER = struct.Struct("<BII")
ENTITY = struct.Struct("<HHH")


def reflect(at: float) -> float:
    """Bounce off a wall."""
    return -at if at < 0 else 2 * WORLD - at - 1 / 16


class Room:
    """The players of one room and its loop."""

    def __init__(self) -> None:
        self.players: list[PlayerSocket] = []
        self.tick = self.last_number = 0

    def step(self) -> None:
        self.tick += 1
        for player in self.players:
            player.move()
        body = b"".join([ENTITY.pack(p.number, int(p.x * 16), int(p.y * 16)) for p in self.players])
        for player in self.players:
            try:
                player.write_message(HEADER.pack(2, self.tick, player.sequence) + body, binary=True)
            except WebSocketClosedError:
                pass


rooms: dict[str, Room] = {}


class PlayerSocket(WebSocketHandler):
    """One player: its socket, its entity, its newest input."""

    def open(self, name):
        room = rooms.get(name)
        if room is None:
            room = rooms[name] = Room()
            loop = PeriodicCallback(room.step, PERIOD_MS)
            IOLoop.current().call_later(len(rooms) * 0.618034 % 1 * PERIOD_MS / 1000, loop.start)
        self.room = room
        room.last_number += 1
        self.number = room.last_number
        self.x, self.y = random.random() * WORLD, random.random() * WORLD
        self.vx, self.vy = random.choice((SPEED, -SPEED)), random.choice((SPEED, -SPEED))
        self.sequence = self.dx = self.dy = 0
        self.set_nodelay(True)
        room.players.append(self)

    def on_message(self, message):
        _, self.sequence, self.dx, self.dy = INPUT.unpack(message)

    def on_close(self):
        self.room.players.remove(self)

    def move(self) -> None:
        self.vx = self.dx * SPEED or self.vx
        self.vy = self.dy * SPEED or self.vy
        self.x += self.vx
        self.y += self.vy
        if not 0 <= self.x < WORLD:
            self.x, self.vx = reflect(self.x), -self.vx
        if not 0 <= self.y < WORLD:
            self.y, self.vy = reflect(self.y), -self.vy


async def main() -> None:
    """Serve until killed."""
    Application([(r"/(\d+)", PlayerSocket)]).listen(int(sys.argv[1]), "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


asyncio.run(main())
