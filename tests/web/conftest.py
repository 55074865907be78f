"""Fixtures for tests in one process: servers (`new_site`, and `site` with its status page), and `nothing_leaks`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typed_settings as ts
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from game_server.core.game import Game
from game_server.settings import Settings
from game_server.web.app import make_app
from game_server.web.games import load_games
from game_server.web.hub import Hub
from tests.web.admin_site import SECRET, VIEW_SECRET, Site
from tests.web.game_site import GameSite, NewSite
from tests.web.raw_client import descriptors, handlers


@pytest.fixture
def new_site(io_loop: IOLoop, tmp_path: Path) -> Iterator[NewSite]:
    """Start servers in this process, as `await new_site(seat_hold_s=5, own_games={"mine": Mine})` does."""
    sites: list[GameSite] = []

    async def start(own_games: dict[str, type[Game]] | None = None, **settings: Any) -> GameSite:
        sites.append(await GameSite.start(tmp_path, own_games or {}, **settings))
        return sites[-1]

    yield start
    for site in sites:
        io_loop.run_sync(site.end)


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
        app = make_app(hub, settings, SECRET)
        server = HTTPServer(app)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        hub.start()
        site = Site(hub, server, app, sockets[0].getsockname()[1])
        # As a page that is told once a second, only that tests need not wait for it.
        site.feed_of_server.update_s = site.feed_of_server.first_update_s = 0.05
        return site

    running = io_loop.run_sync(begin)
    yield running
    io_loop.run_sync(running.end)


@pytest.fixture
def nothing_leaks(io_loop: Any) -> Iterator[None]:
    """After each test as many descriptors and handlers are there as before."""
    before = descriptors(), handlers(io_loop.asyncio_loop)
    yield
    assert before == (descriptors(), handlers(io_loop.asyncio_loop))
