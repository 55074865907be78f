"""What players see of a server that shuts down."""

import signal

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import StartServer
from tests.e2e import playing


@pytest.mark.allow_console("WebSocket connection to .* failed", "Failed to load resource")
@pytest.mark.parametrize(("game", "path"), [("arena", "/play/arena"), ("swarm", "/play/swarm")])
def test_players_see_the_countdown(start_server: StartServer, page: Page, game: str, path: str) -> None:
    """A page counts the seconds down while play goes on, and stops to once the server is gone."""
    server = start_server("--games", game, "--drain-s", "4")
    playing.follow(page).goto(server.url + path)
    playing.wait_until_playing(page)
    server.send_signal(signal.SIGTERM)
    banner = page.locator("#banner")
    expect(banner).to_contain_text("The server shuts down in 4 s.")
    expect(banner).to_contain_text("The server shuts down in 2 s.")
    assert "playing" == playing.ask(page, "client.status")
    expect(banner).not_to_contain_text("shuts down in", timeout=10_000)
    assert "playing" != playing.ask(page, "client.status")
