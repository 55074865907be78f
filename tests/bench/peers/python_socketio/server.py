"""The swarm workload on python-socketio, as its documentation shows it: AsyncServer as an ASGI app under uvicorn.

JSON events, one emit to the room a tick; the timer is drift-free. The query parameter `room` names the room. Input
event: {seq, dx, dy}. State event: {tick, players: [[id, x, y, seq], ...]}.
"""

import asyncio
import random
from urllib.parse import parse_qs

import socketio  # type: ignore[import-not-found]  # in this peer's own environment

WORLD = 4096
SPEED = 8
PERIOD_S = 0.05

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
app = socketio.ASGIApp(server)


def reflect(at: float) -> float:
    """Bounce off a wall."""
    return -at if at < 0 else 2 * WORLD - at - 1 / 16


class Player:
    """One entity and the newest input of its player."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.x, self.y = random.random() * WORLD, random.random() * WORLD
        self.vx, self.vy = random.choice((SPEED, -SPEED)), random.choice((SPEED, -SPEED))
        self.seq = self.dx = self.dy = 0

    def move(self) -> None:
        self.vx = self.dx * SPEED or self.vx
        self.vy = self.dy * SPEED or self.vy
        self.x += self.vx
        self.y += self.vy
        if not 0 <= self.x < WORLD:
            self.x, self.vx = reflect(self.x), -self.vx
        if not 0 <= self.y < WORLD:
            self.y, self.vy = reflect(self.y), -self.vy


class Room:
    """The players of one room and its loop."""

    def __init__(self, name: str, offset_s: float) -> None:
        self.name = name
        self.players: dict[str, Player] = {}
        self.tick = self.last_number = 0
        self.loop = asyncio.create_task(self.run(offset_s))

    async def run(self, offset_s: float) -> None:
        now = asyncio.get_running_loop().time
        due = now() + PERIOD_S + offset_s
        while True:
            await asyncio.sleep(max(0, due - now()))
            self.tick += 1
            for player in self.players.values():
                player.move()
            rows = [[p.number, round(p.x, 2), round(p.y, 2), p.seq] for p in self.players.values()]
            await server.emit("state", {"tick": self.tick, "players": rows}, room=self.name)
            due = max(due + PERIOD_S, now() - PERIOD_S)


rooms: dict[str, Room] = {}
room_of: dict[str, Room] = {}


@server.event
async def connect(sid, environ):
    """Seat a client in the room that its query names."""
    name = parse_qs(environ["QUERY_STRING"])["room"][0]
    room = rooms.get(name)
    if room is None:
        room = rooms[name] = Room(name, len(rooms) * 0.618034 % 1 * PERIOD_S)
    await server.enter_room(sid, name)
    room.last_number += 1
    room.players[sid] = Player(room.last_number)
    room_of[sid] = room


@server.on("input")
async def take_input(sid, data):
    """Keep the newest input."""
    player = room_of[sid].players[sid]
    player.seq, player.dx, player.dy = data["seq"], data["dx"], data["dy"]


@server.event
async def disconnect(sid):
    """Give the seat up."""
    room_of.pop(sid).players.pop(sid)
