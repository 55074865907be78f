"""Admins of a service of several processes: log-ins, feeds and acts, at whichever process a connection reaches."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import ujson
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.server_process import ServerProcess
from tests.web.admin_site import receive

SECRET = "hush-hush"


async def fetch(service: ServerProcess, path: str, **options: Any) -> Any:
    """Ask on a connection of its own, without following redirects; return the response."""
    client = AsyncHTTPClient(force_instance=True)
    try:
        return await client.fetch(HTTPRequest(service.url + path, follow_redirects=False, **options), raise_error=False)
    finally:
        client.close()


async def log_in(service: ServerProcess, secret: str = SECRET) -> str:
    """Return the cookie of a new session."""
    answer = await fetch(service, f"/admin?secret={secret}")
    return str(answer.headers["Set-Cookie"].partition(";")[0])


@asynccontextmanager
async def admin_at(
    service: ServerProcess, cookie: str | None = None, secret: str = SECRET
) -> AsyncIterator[WebSocketClientConnection]:
    """Open the feed of a service's status page, under a session of its own or one that is there."""
    headers = {"Cookie": cookie or await log_in(service, secret), "Origin": f"http://127.0.0.1:{service.port}"}
    feed = await websocket_connect(HTTPRequest(f"ws://127.0.0.1:{service.port}/admin/feed", headers=headers))
    try:
        yield feed
    finally:
        feed.close()
        while await feed.read_message() is not None:
            pass


@asynccontextmanager
async def admin_at_process(
    service: ServerProcess, is_it: Callable[[str], bool], cookie: str | None = None
) -> AsyncIterator[WebSocketClientConnection]:
    """Open a feed at a process that is as asked for: connections are made until one gets there."""
    while True:
        async with admin_at(service, cookie) as feed:
            if is_it((await receive(feed, "hello"))["server"]["node"]):
                yield feed
                return


async def ask(feed: WebSocketClientConnection, **message: Any) -> dict[str, Any]:
    """Ask for an act; return the answer."""
    await feed.write_message(ujson.dumps({"id": 1, **message}))
    return await receive(feed, "done")


async def act(feed: WebSocketClientConnection, **message: Any) -> str:
    """Do something as an admin; return what was done."""
    done = await ask(feed, **message)
    assert done["ok"], done
    return str(done["text"])
