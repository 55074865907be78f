"""Visits to the arena that go on: a lone visitor's company, a reload, a lost connection with a score, two thumbs."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage, StartProxy
from tests.e2e.playing import PHONE, ask, finger, fits_in_width, follow, wait_until, wait_until_playing
from tests.server_process import ServerProcess

TICK_RATE = 30
ALONE = "create=1&options=%7B%22bots%22:0%7D"
PLAYER = "[...client.replica.all('Player')].find((player) => client.own.has(player.id))"
SHIP = f"client.view.all('Ship').find((ship) => ship.player === {PLAYER}?.id)"


def test_a_lone_visitor_has_company_within_two_seconds(server: ServerProcess, page: Page) -> None:
    """In the game's own time, counted from the room's first tick: enemies are in the picture by then."""
    follow(page).goto(server.url + "/play/arena")
    tick = wait_until(page, "client.view.all('Ship').length > 4 && client.view.tick")

    assert 0 < tick < 2 * TICK_RATE


def test_a_reload_takes_the_seat_again(server: ServerProcess, page: Page) -> None:
    """After a reload it is the same player on the scoreboard, and not a second one beside it."""
    follow(page).goto(f"{server.url}/play/arena?{ALONE}&name=Ann")
    wait_until_playing(page)
    before = ask(page, f"[client.welcome.room, client.welcome.seat, {PLAYER}.id]")

    page.reload()
    wait_until_playing(page)

    assert before == ask(page, f"[client.welcome.room, client.welcome.seat, {PLAYER}.id]")
    assert ask(page, "[...client.replica.all('Player')].length") == 1


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_the_place_is_kept_while_the_connection_is_lost(
    server: ServerProcess, page: Page, start_proxy: StartProxy
) -> None:
    """Seat, player and score are those of before, and what was said meanwhile is not lost. Bots go on fighting."""
    proxy = start_proxy(server.port, delay_ms=10)
    follow(page).goto(f"{proxy.url}/play/arena?name=Ann")
    wait_until(page, f"{SHIP}")
    before = ask(page, f"[client.welcome.seat, {PLAYER}.id, {PLAYER}.name, {PLAYER}.score]")

    proxy.refusing = True
    proxy.cut()
    expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
    proxy.refusing = False
    wait_until_playing(page)

    expect(page.locator("#banner")).to_be_hidden()
    assert before == ask(page, f"[client.welcome.seat, {PLAYER}.id, {PLAYER}.name, {PLAYER}.score]")
    assert ask(page, "[...client.replica.all('Player')].filter((player) => player.name === 'Ann').length") == 1


def test_is_flown_with_thumbs_on_a_phone(server: ServerProcess, new_page: NewPage) -> None:
    """The stick turns and drives the ship, the button fires; nothing sticks out of the screen."""
    page = follow(new_page(**PHONE))
    page.goto(f"{server.url}/play/arena?{ALONE}")
    wait_until(page, f"{SHIP}")
    assert fits_in_width(page)

    with finger(page, "#stick", dx=0, dy=-60):
        wait_until(page, f"{SHIP}.thrusting && Math.abs(Math.sin({SHIP}.heading) + 1) < 0.1")
    with finger(page, "#touch-fire"):
        wait_until(page, f"client.view.all('Bullet').some((bullet) => bullet.player === {PLAYER}.id)")
    wait_until(page, f"!{SHIP}.thrusting")
