"""Two tabs of one player, in a browser that copies a page's storage when a tab is duplicated."""

from playwright.sync_api import Page, expect

from tests.e2e import playing
from tests.server_process import ServerProcess


def test_the_newer_of_two_tabs_plays_on(server: ServerProcess, page: Page) -> None:
    """A duplicated tab takes the seat over with ship and all; the older one says so and stays out of it."""
    playing.follow(page).goto(f"{server.url}/play/arena")
    playing.wait_until_playing(page)
    seat = playing.ask(page, "client.welcome.seat")
    with page.expect_popup() as opened:
        page.evaluate("window.open(location.href)")
    newer = opened.value
    expect(page.locator("#banner")).to_contain_text("You are playing in another tab.")
    assert "closed" == playing.ask(page, "client.status")
    (room,) = server.get_json("/api/rooms?game=arena")["rooms"]
    assert seat == 0
    assert 1 == room["seats_taken"]
    expect(newer.locator("#banner")).to_be_hidden()
