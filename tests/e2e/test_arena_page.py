"""The arena in real browsers: entering a room, seeing each other move, talking, losing the connection, coming back."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.playing import PHONE, finger
from tests.e2e.proxy import Proxy
from tests.server_process import ServerProcess

#: the ship of the player with this name, as the page's picture has it
SHIP_OF = """(name) => {
  const view = window.arena?.client.view;
  const player = view?.all("Player").find((one) => one.name === name);
  const ship = player && view.all("Ship").find((one) => one.player === player.id);
  return ship ? [ship.x, ship.y] : null;
}"""
HAS_SHIP = f"(name) => ({SHIP_OF})(name) !== null"
HAS_MOVED = f"([name, x, y]) => {{ const at = ({SHIP_OF})(name); return at && Math.hypot(at[0] - x, at[1] - y) > 60; }}"
IS_PLAYING = "() => document.body.dataset.status === 'playing'"


def enter(page: Page, url: str, name: str, **query: str) -> None:
    """Open the play page and wait until this player's ship is in the picture."""
    page.goto(f"{url}/play/arena?name={name}" + "".join(f"&{key}={quote(value)}" for key, value in query.items()))
    page.wait_for_function(HAS_SHIP, arg=name)


def room_of(page: Page) -> str:
    """Return the id of the room that the page says it is in."""
    page.wait_for_function("() => location.search.includes('room=')")
    return page.url.partition("room=")[2]


def say(page: Page, text: str) -> None:
    page.keyboard.press("Enter")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def wait_for_chat(page: Page, text: str) -> None:
    page.wait_for_function("(text) => document.querySelector('#chat-log').textContent.includes(text)", arg=text)


def test_lobby_leads_into_a_game(server: ServerProcess, page: Page) -> None:
    """Who types a name and clicks Quick play has a ship, enemies and a running clock; the lobby remembers the name."""
    page.goto(server.url)
    page.fill("#name", "Ann")
    page.click("#quick")
    page.wait_for_function(HAS_SHIP, arg="Ann")
    page.wait_for_function("() => window.arena.client.view.all('Ship').length > 3")
    page.wait_for_function("() => /^[0-9]:[0-9]{2}$/.test(document.querySelector('#clock').textContent)")
    page.click("#leave")
    expect(page.locator("#name")).to_have_value("Ann")


def test_two_players_see_each_other_move_and_talk(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """What one player does, the other sees: flight, and chat as text and never as markup."""
    ann, bob = two_pages
    enter(ann, server.url, "Ann", create="1", options=json.dumps({"bots": 0}))
    enter(bob, server.url, "Bob", room=room_of(ann))
    ann.wait_for_function(HAS_SHIP, arg="Bob")
    for mover, name, watcher in ((ann, "Ann", bob), (bob, "Bob", ann)):
        start: Any = watcher.evaluate(SHIP_OF, name)
        mover.keyboard.down("w")
        watcher.wait_for_function(HAS_MOVED, arg=[name, *start])
        mover.keyboard.up("w")
    say(ann, "<img src=x onerror=alert(1)> hello")
    wait_for_chat(bob, "<img src=x onerror=alert(1)> hello")
    assert 0 == bob.locator("#chat-log img").count()


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_a_lost_connection_comes_back_to_the_same_ship(
    server: ServerProcess, two_pages: tuple[Page, Page], start_proxy: Callable[..., Proxy]
) -> None:
    """A player whose network goes away is told so, and comes back to the same player and score when it returns."""
    ann, bob = two_pages
    proxy = start_proxy(server.port, delay_ms=15)
    enter(bob, server.url, "Bob", create="1", options=json.dumps({"bots": 0}))
    enter(ann, proxy.url, "Ann", room=room_of(bob))
    own_before = ann.evaluate("() => [...window.arena.client.own].sort()")
    proxy.refusing = True
    proxy.cut()
    ann.wait_for_function("() => document.body.dataset.status === 'reconnecting'")
    assert ann.is_visible("#banner")
    say(bob, "are you there?")
    proxy.refusing = False
    ann.wait_for_function(IS_PLAYING)
    wait_for_chat(ann, "are you there?")
    ann.wait_for_function("() => window.arena.client.view.all('Ship').length === 2")
    assert own_before == ann.evaluate("() => [...window.arena.client.own].sort()")
    assert ann.is_hidden("#banner")


def test_private_room_is_joined_by_its_code(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """A private room is entered through the lobby by its code, and stands in no list."""
    ann, bob = two_pages
    enter(ann, server.url, "Ann", create="1", private="1", options=json.dumps({"bots": 0}))
    ann.wait_for_function("() => location.search.includes('code=')")
    code = ann.url.partition("code=")[2]
    bob.goto(server.url)
    bob.fill("#name", "Bob")
    bob.wait_for_function("() => document.querySelector('#rooms-empty').textContent.startsWith('No rooms')")
    bob.fill("#code", code)
    bob.press("#code", "Enter")
    bob.wait_for_function(HAS_SHIP, arg="Ann")


OWN_BEAM = """() => {
  const { client, renderer } = window.arena;
  return renderer.beams.own !== null && client.view.all("Beam").some((beam) => client.own.has(beam.id));
}"""


def test_a_key_and_a_thumb_fire_the_beam(server: ServerProcess, new_page: Callable[..., Page]) -> None:
    """The beam's key and its button on a phone make the server fire the own ship's beam, drawn at once on the page."""
    desk, phone = new_page(), new_page(**PHONE)
    for page in (desk, phone):
        enter(page, server.url, "Ann", create="1", options=json.dumps({"bots": 0}))
    desk.keyboard.down("e")
    desk.wait_for_function(OWN_BEAM)
    with finger(phone, "#touch-beam"):
        phone.wait_for_function(OWN_BEAM)


def test_round_ends_with_the_board(server: ServerProcess, page: Page) -> None:
    """At the end of a round the scoreboard shows by itself and counts down to the next."""
    enter(page, server.url, "Ann", create="1", options=json.dumps({"bots": 4, "round_s": 10}))
    page.wait_for_selector("#board:not([hidden])")
    assert "Next round in" in page.inner_text("#board-note")
    assert 4 == page.locator("#board-rows tr").count()


@pytest.mark.parametrize("size", [(360, 740), (780, 360), (2560, 1440)])
def test_page_fits_the_screen(server: ServerProcess, page: Page, size: tuple[int, int]) -> None:
    """On a phone, on its side and on a large screen nothing is cut off, and the canvas fills the window."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(server.url)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    enter(page, server.url, "Ann")
    assert list(size) == page.evaluate("() => [document.querySelector('#scene').clientWidth, innerHeight]")
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.hud button, .hud a, .hud canvas, .status-row')]
          .filter((one) => one.getClientRects().length)
          .filter((one) => { const box = one.getBoundingClientRect();
            return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight; })
          .map((one) => one.id || one.className)"""
    )
    assert [] == outside
