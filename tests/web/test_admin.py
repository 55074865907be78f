"""`/admin` over real sockets: who gets in, what the feed says, and what an operator can do."""

import asyncio
import json
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
import structlog
import typed_settings as ts
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.websocket import WebSocketClientConnection, websocket_connect

from game_server.settings import Settings
from game_server.web.admin import CLOSE_LOGGED_OUT
from game_server.web.admin_auth import FAILURES_BURST
from game_server.web.app import make_app
from game_server.web.games import load_games
from game_server.web.hub import Hub

SECRET = "hush-hush"
VIEW_SECRET = "peek-peek"


class Site:
    """A server in this process, and what a browser would do with it."""

    def __init__(self, hub: Hub, server: HTTPServer, port: int) -> None:
        self.hub, self.server, self.port = hub, server, port
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


@pytest.fixture
def site(io_loop: IOLoop, tmp_path: Path) -> Iterator[Site]:
    """A server with both secrets set."""

    async def begin() -> Site:
        values: dict[str, Any] = {
            "games": ["swarm"],
            "data_dir": tmp_path,
            "admin_view_secret": ts.SecretStr(VIEW_SECRET),
        }
        settings = Settings(**values)
        hub = Hub(settings, load_games(settings.games))
        server = HTTPServer(make_app(hub, settings, SECRET))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        hub.start()
        return Site(hub, server, sockets[0].getsockname()[1])

    running = io_loop.run_sync(begin)
    yield running
    io_loop.run_sync(running.end)


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


# ---- getting in ------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_without_a_secret_there_is_only_the_form(site: Site) -> None:
    """Who has no cookie gets the log-in form, no figure, and 403."""
    response = await site.fetch("/admin")

    assert 403 == response.code
    assert b'action="/admin/login"' in response.body
    assert b"admin.js" not in response.body


@pytest.mark.gen_test
async def test_the_secret_is_exchanged_for_a_cookie(site: Site) -> None:
    """The secret in the URL is answered by a redirect without it and a strict cookie that is not the secret."""
    response = await site.fetch(f"/admin?secret={SECRET}")
    (morsel,) = SimpleCookie(response.headers["Set-Cookie"]).values()

    assert (303, "/admin") == (response.code, response.headers["Location"])
    assert ("/admin", "Strict", True, "") == (morsel["path"], morsel["samesite"], morsel["httponly"], morsel["secure"])
    assert SECRET not in response.headers["Set-Cookie"]
    assert 200 == (await site.fetch("/admin", Cookie=f"{morsel.key}={morsel.value}")).code


@pytest.mark.gen_test
async def test_over_tls_the_cookie_is_secure(site: Site) -> None:
    """Behind a proxy that speaks TLS the cookie never travels in the clear."""
    response = await site.fetch(f"/admin?secret={SECRET}", X_Forwarded_Proto="https")

    assert "Secure" in response.headers["Set-Cookie"]


@pytest.mark.gen_test
async def test_the_form_lets_in(site: Site) -> None:
    """The secret may be typed instead; a form of a page without referrer says that its origin is null."""
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Origin": "null", "Sec_Fetch_Site": "same-origin"}
    response = await site.fetch("/admin/login", "POST", f"secret={SECRET}", **headers)

    assert 303 == response.code
    assert "HttpOnly" in response.headers["Set-Cookie"]


@pytest.mark.gen_test
@pytest.mark.parametrize("headers", [{"Origin": "http://evil.test"}, {"Sec_Fetch_Site": "cross-site"}])
async def test_another_site_cannot_log_in(site: Site, headers: dict[str, str]) -> None:
    """A form on some other site is refused, with the right secret too."""
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    response = await site.fetch("/admin/login", "POST", f"secret={SECRET}", **form, **headers)

    assert (403, None) == (response.code, response.headers.get("Set-Cookie"))


@pytest.mark.gen_test
async def test_wrong_secrets_are_refused_and_then_limited(site: Site) -> None:
    """A wrong secret gets the form again and says so; after a few, 429 and when to come back."""
    codes = [(await site.fetch("/admin?secret=guess")).code for _ in range(FAILURES_BURST)]
    limited = await site.fetch(f"/admin?secret={SECRET}")

    assert [403] * FAILURES_BURST == codes
    assert (429, "10") == (limited.code, limited.headers["Retry-After"])
    assert b"Too many wrong secrets" in limited.body


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/admin", f"/admin?secret={SECRET}", "/admin?secret=guess", "/admin/login"])
async def test_every_answer_is_strict(site: Site, path: str) -> None:
    """No answer may be cached, framed, or tell another page where it came from."""
    headers = (await site.fetch(path)).headers

    assert ("no-referrer", "no-store") == (headers["Referrer-Policy"], headers["Cache-Control"])
    assert "default-src 'none'; script-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.gen_test
async def test_a_link_on_another_site_leads_in(site: Site) -> None:
    """Strict cookies are withheld after a click elsewhere: then the form's page asks again by itself, once."""
    elsewhere = await site.fetch("/admin", Sec_Fetch_Site="cross-site")
    here = await site.fetch("/admin", Sec_Fetch_Site="same-origin")

    assert (True, False) == (b"http-equiv" in elsewhere.body, b"http-equiv" in here.body)


@pytest.mark.gen_test
async def test_logging_out_ends_cookie_and_pages(site: Site) -> None:
    """After the log-out the cookie opens nothing and the pages that were open are closed; other sites cannot do it."""
    cookie = await site.log_in()
    feed = await site.feed(cookie)
    refused = await site.fetch("/admin/logout", "POST", "", Cookie=cookie, Origin="http://evil.test")
    still = await site.fetch("/admin", Cookie=cookie)
    done = await site.fetch("/admin/logout", "POST", "", Cookie=cookie, Origin=site.origin)

    assert (403, 200, 204) == (refused.code, still.code, done.code)
    assert CLOSE_LOGGED_OUT == (await closed(feed))[0]
    assert 403 == (await site.fetch("/admin", Cookie=cookie)).code


@pytest.mark.gen_test
async def test_no_secret_is_logged(site: Site) -> None:
    """Right or wrong, what was typed stands in no line of the log; who came in does."""
    with structlog.testing.capture_logs() as lines:
        await site.log_in()
        await site.fetch("/admin?secret=guess-guess")
        await site.fetch("/admin?secret=%ff")

    assert "admin_login" in [line["event"] for line in lines]
    assert [] == [line for line in lines if SECRET in str(line) or "guess" in str(line)]


# ---- the feed --------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("has_cookie", "origin"),
    [(False, "own"), (True, None), (True, "null"), (True, "http://evil.test"), (True, "http://127.0.0.1")],
)
async def test_the_feed_asks_for_cookie_and_origin(site: Site, has_cookie: bool, origin: str | None) -> None:
    """Without the cookie, or from any page but this server's own, or from no page at all, the feed is refused."""
    cookie = await site.log_in() if has_cookie else None

    with pytest.raises(HTTPClientError) as refusal:
        await site.feed(cookie, origin)

    assert 403 == refusal.value.code


@pytest.mark.gen_test
async def test_the_feed_tells_rooms_and_process(site: Site) -> None:
    """A page learns the process's figures, each room, and then only what changed of it."""
    _, welcome = await site.play("Ann", create=True, private=True)
    feed = await site.feed(await site.log_in())
    hello = await receive(feed, "hello")
    first, second = await receive(feed, "update"), await receive(feed, "update")
    room = first["rooms"][welcome["room"]]

    assert ("operator", {}) == (hello["role"], hello["rooms"])
    assert ("swarm", 1, 10, 20, welcome["code"]) == tuple(
        room[key] for key in ("game", "taken", "seats", "tick_rate", "code")
    )
    assert (1, 1, 1) == tuple(first["process"][key] for key in ("players", "rooms", "connections"))
    assert first["process"]["memory_bytes"] > 1e6
    assert first["verdict"]["level"] in ("good", "strained", "bad")
    assert 1 == first["counters"]["joins"]
    assert second["process"]["bytes_out_s"] > 0
    assert second["counters"]["bytes_out"] > first["counters"]["bytes_out"]
    assert "game" not in second["rooms"].get(welcome["room"], {})


@pytest.mark.gen_test
async def test_a_second_page_begins_with_all_there_is(site: Site) -> None:
    """Who opens the page later gets all rooms and the minutes before at once."""
    _, welcome = await site.play("Ann")
    cookie = await site.log_in()
    await receive(await site.feed(cookie), "update")
    hello = await receive(await site.feed(cookie), "hello")

    assert [welcome["room"]] == list(hello["rooms"])
    assert 1 == len(hello["history"]["cpu_percent"])


@pytest.mark.gen_test
async def test_a_room_can_be_looked_into(site: Site) -> None:
    """Its players come at once: seat, name, state, address, queue, missing inputs, bytes."""
    _, welcome = await site.play("Ann")
    await site.play("Bob", room=welcome["room"])
    feed = await site.feed(await site.log_in())
    await feed.write_message(json.dumps({"act": "watch", "room": welcome["room"]}))
    sessions = await receive(feed, "sessions")
    row = sessions["rows"][0]

    assert ["Ann", "Bob"] == [row["name"] for row in sessions["rows"]]
    assert (0, "seated", "127.0.0.1", "json", 0) == tuple(
        row[key] for key in ("seat", "state", "address", "codec", "queue")
    )
    assert row["bytes_out"] > 0


@pytest.mark.gen_test
async def test_a_room_that_ends_is_gone(site: Site) -> None:
    """A room that is no more is named as gone, once."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    site.hub.lobby.rooms[welcome["room"]].close("over")
    update = await receive(feed, "update")
    while not update["gone"]:
        update = await receive(feed, "update")

    assert [welcome["room"]] == update["gone"]
    assert 0 == update["process"]["rooms"]


@pytest.mark.gen_test
async def test_nothing_runs_while_nobody_watches(site: Site) -> None:
    """With the last page the sampling ends."""
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    before = len(asyncio.all_tasks())
    feed.close()
    await closed(feed)
    await asyncio.sleep(0.1)

    assert len(asyncio.all_tasks()) < before
    assert [] == [task for task in asyncio.all_tasks() if "Feed._run" in repr(task)]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "garbage", ["", "{", "[]", "7", '{"act":null}', '{"act":"watch","room":{}}', "\x00", b"\xff\x00"]
)
async def test_garbage_harms_nothing(site: Site, garbage: str | bytes) -> None:
    """Whatever a page sends, the feed goes on."""
    feed = await site.feed(await site.log_in())
    await feed.write_message(garbage, binary=isinstance(garbage, bytes))

    assert "update" == (await receive(feed, "update"))["type"]


# ---- acts ------------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_closing_a_room_closes_its_players_only(site: Site) -> None:
    """Everybody in the room is closed with 4012 and the reason; other rooms go on; the act is in the log."""
    ann, welcome = await site.play("Ann")
    bob, _ = await site.play("Bob", room=welcome["room"])
    cleo, other = await site.play("Cleo", create=True)
    feed = await site.feed(await site.log_in())
    with structlog.testing.capture_logs() as lines:
        answer = await ask(feed, act="close", room=welcome["room"], reason="moving house")

    assert (True, 1) == (answer["ok"], answer["id"])
    assert [(4012, "moving house")] * 2 == [await closed(ann), await closed(bob)]
    assert [other["room"]] == list(site.hub.lobby.rooms)
    assert "delta" == (await receive(cleo, "delta"))["type"]
    (line,) = [line for line in lines if line["event"] == "admin_act"]
    assert ("close", welcome["room"], "moving house", True, "operator", "127.0.0.1") == tuple(
        line[key] for key in ("act", "room", "reason", "ok", "role", "address")
    )


@pytest.mark.gen_test
async def test_a_removed_player_is_closed_and_nobody_else(site: Site) -> None:
    """The player is closed with 4011 and the seat is free; the others play on; the page lists the act."""
    ann, welcome = await site.play("Ann")
    bob, _ = await site.play("Bob", room=welcome["room"])
    feed = await site.feed(await site.log_in())
    await receive(feed, "update")
    answer = await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann")

    assert answer["ok"]
    assert (4011, "removed by an admin") == await closed(ann)
    assert [1] == list(site.hub.lobby.rooms[welcome["room"]].sessions)
    assert "delta" == (await receive(bob, "delta"))["type"]
    assert answer["text"] == (await receive(feed, "update"))["acts"][0]["text"]


@pytest.mark.gen_test
async def test_a_player_who_dropped_can_be_removed(site: Site) -> None:
    """A held seat is freed as well."""
    ann, welcome = await site.play("Ann")
    await site.play("Bob", room=welcome["room"])
    room = site.hub.lobby.rooms[welcome["room"]]
    feed = await site.feed(await site.log_in())
    await feed.write_message(json.dumps({"act": "watch", "room": room.room_id}))
    ann.close()
    while (await receive(feed, "sessions"))["rows"][0]["state"] != "dropped":
        pass

    assert (await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann"))["ok"]
    assert [1] == list(room.sessions)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("act", "text"),
    [
        ({"act": "kick", "seat": 7, "name": "Ann"}, "Nobody holds this seat any more"),
        ({"act": "kick", "seat": "0", "name": "Ann"}, "Nobody holds this seat any more"),
        ({"act": "kick", "seat": True, "name": "Ann"}, "Nobody holds this seat any more"),
        ({"act": "kick", "seat": 0, "name": "Bob"}, "Seat 0 is now held by Ann"),
        ({"act": "kick", "seat": 0, "name": "Ann", "room": "nowhere"}, "This room is no more"),
        ({"act": "close", "room": None}, "This room is no more"),
        ({"act": "reboot"}, "No such act"),
    ],
)
async def test_an_act_that_makes_no_sense_is_refused(site: Site, act: dict[str, Any], text: str) -> None:
    """It changes nothing and the answer says why."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    answer = await ask(feed, **{"room": welcome["room"], **act})

    assert (False, text) == (answer["ok"], answer["text"])
    assert 1 == site.hub.lobby.players


@pytest.mark.gen_test
async def test_a_viewer_sees_but_cannot_act(site: Site) -> None:
    """The read-only secret opens the page; every act under it is refused, and the log says who tried."""
    _, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in(VIEW_SECRET))
    hello = await receive(feed, "hello")
    with structlog.testing.capture_logs() as lines:
        answers = [
            await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann"),
            await ask(feed, act="close", room=welcome["room"]),
        ]

    assert ("viewer", [False, False]) == (hello["role"], [answer["ok"] for answer in answers])
    assert 1 == site.hub.lobby.players
    assert [("viewer", False)] * 2 == [(line["role"], line["ok"]) for line in lines if line["event"] == "admin_act"]


@pytest.mark.gen_test
@pytest.mark.parametrize("reason", ["\U0001f680" * 200, "a\x00\x1b[31mb", 7, None, "   "])
async def test_any_reason_makes_a_proper_close(site: Site, reason: Any) -> None:
    """However odd the reason, the player gets 4011 and text that fits a close frame."""
    ann, welcome = await site.play("Ann")
    feed = await site.feed(await site.log_in())
    await ask(feed, act="kick", room=welcome["room"], seat=0, name="Ann", reason=reason)
    code, text = await closed(ann)

    assert 4011 == code
    assert text is not None
    assert text.isprintable()
    assert 0 < len(text.encode()) <= 123


@pytest.mark.gen_test
async def test_acts_are_limited(site: Site) -> None:
    """A page gone mad cannot do hundreds of acts a second."""
    feed = await site.feed(await site.log_in())
    answers = [await ask(feed, act="close", room="nowhere") for _ in range(40)]

    assert "Too many acts at once; wait a moment" == answers[-1]["text"]
