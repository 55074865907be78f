"""Fixtures for tests that talk to a server in their own process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from game_server.core.game import Game
from tests.web.game_site import GameSite, NewSite


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
