"""A server in this process with its status page, and what browsers, players and admins would do with it."""

import asyncio
import json
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection, websocket_connect

from game_server.web.admin_feed import Feed
from game_server.web.hub import Hub

SECRET = "hush-hush"
VIEW_SECRET = "peek-peek"


class Site:
    """A server in this process, and what a browser would do with it."""

    def __init__(self, hub: Hub, server: HTTPServer, app: Application, port: int) -> None:
        self.hub, self.server, self.port = hub, server, port
        self.feed_of_server: Feed = next(
            rule.target_kwargs["feed"]
            for router in app.default_router.rules
            for rule in router.target.rules
            if "feed" in getattr(rule, "target_kwargs", {})
        )
        self.origin = f"http://127.0.0.1:{port}"
        self.sockets: list[WebSocketClientConnection] = []
        self.connections: set[Any] = set()

    async def fetch(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> HTTPResponse:
        """Ask, without following redirects; header names are given with underscores."""
        request = HTTPRequest(
            self.origin + path,
            method=method,
            body=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            follow_redirects=False,
        )
        return await AsyncHTTPClient(force_instance=True).fetch(request, raise_error=False)

    async def log_in(self, secret: str = SECRET) -> str:
        """Return the cookie."""
        response = await self.fetch(f"/admin?secret={secret}")
        assert (303, "/admin") == (response.code, response.headers["Location"])
        return response.headers["Set-Cookie"].partition(";")[0]

    async def feed(self, cookie: str | None, origin: str | None = "own") -> WebSocketClientConnection:
        headers = {"Cookie": cookie} if cookie else {}
        if origin is not None:
            headers["Origin"] = self.origin if origin == "own" else origin
        return await self._connect("/admin/feed", headers)

    async def _connect(self, path: str, headers: dict[str, str]) -> WebSocketClientConnection:
        request = HTTPRequest(f"ws://127.0.0.1:{self.port}{path}", headers=headers)
        self.sockets.append(await websocket_connect(request))
        return self.sockets[-1]

    async def play(self, name: str, **join: Any) -> tuple[WebSocketClientConnection, dict[str, Any]]:
        """Join a room of swarm; return the socket and the welcome."""
        socket = await self._connect("/ws", {})
        await socket.write_message(json.dumps({"type": "join", "version": 1, "game": "swarm", "name": name, **join}))
        welcome = await receive(socket, "welcome")
        self.connections |= {player.connection for player in self.hub.players}
        return socket, welcome

    async def try_to_play(self, name: str, **join: Any) -> WebSocketClientConnection:
        """Ask for a seat; return the socket, whatever comes of it."""
        return await self.try_to("join", game="swarm", name=name, **join)

    async def try_to(self, kind: str, **message: Any) -> WebSocketClientConnection:
        """Open a connection with this first message."""
        socket = await self._connect("/ws", {})
        await socket.write_message(json.dumps({"type": kind, "version": 1, **message}))
        return socket

    async def end(self) -> None:
        for socket in self.sockets:
            socket.close()
        for socket in self.sockets:
            await closed(socket)
        # Those that were closed on our side are no players any more, but may still wait for the other side.
        for connection in self.connections:
            connection.abort()
        self.hub.stop()
        self.server.stop()
        await self.server.close_all_connections()
        await asyncio.sleep(0)


async def read(socket: WebSocketClientConnection) -> str | bytes | None:
    """Return the next message; None, however often it is asked for, once the connection is closed."""
    data = await socket.read_message()
    if data is None and socket.read_queue.empty():
        socket.read_queue.put_nowait(None)  # Tornado tells it once, and lets the next reader wait for ever
    return data


async def receive(socket: WebSocketClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of this type; others are passed over."""
    while True:
        data = await read(socket)
        assert data is not None, f"closed with {socket.close_code} {socket.close_reason}"
        message: dict[str, Any] = json.loads(data)
        if message["type"] == kind:
            return message


async def closed(socket: WebSocketClientConnection) -> tuple[int | None, str | None]:
    """Return code and reason of the close, once it has come."""
    while await read(socket) is not None:
        pass
    return socket.close_code, socket.close_reason


async def ask(socket: WebSocketClientConnection, **act: Any) -> dict[str, Any]:
    """Ask for an act; return the answer."""
    await socket.write_message(json.dumps({"id": 1, **act}))
    return await receive(socket, "done")


async def look_into(socket: WebSocketClientConnection, room: str, **more: Any) -> dict[str, Any]:
    """Open a room on the page; return the first, whole message about it."""
    await socket.write_message(json.dumps({"act": "watch", "room": room, **more}))
    message = await receive(socket, "room")
    while not message.get("full"):
        message = await receive(socket, "room")
    return message
