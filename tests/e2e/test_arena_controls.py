"""Hands on the arena in a real browser: several keys and mouse buttons at once, and what is let go is let go."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.playing import follow, wait_until_playing
from tests.server_process import ServerProcess

ALONE = "create=1&options=%7B%22bots%22:0%7D"
NOTE_THE_WISHES = """() => {
    const { client } = window.arena;
    client.setInput = (fields) => (window.wanted = fields);
}"""


@pytest.fixture
def arena(server: ServerProcess, page: Page) -> Page:
    """The arena's page with a ship of one's own, and what its player wants in `window.wanted`."""
    follow(page).goto(f"{server.url}/play/arena?{ALONE}")
    wait_until_playing(page)
    page.evaluate(NOTE_THE_WISHES)
    page.wait_for_function("() => window.wanted && window.arena.client.view.all('Ship').length === 1")
    page.mouse.move(900, 300)
    return page


def wants(page: Page, **fields: Any) -> None:
    """Wait until the player wants exactly this."""
    page.wait_for_function(
        "(fields) => Object.entries(fields).every(([name, value]) => window.wanted[name] === value)", arg=fields
    )


def test_mouse_buttons_are_held_one_beside_the_other(arena: Page) -> None:
    """Left fires and right thrusts at the same time; letting one go keeps the other, and then nothing is held."""
    arena.mouse.down(button="left")
    wants(arena, fire=True, thrust=0)
    arena.mouse.down(button="right")
    wants(arena, fire=True, thrust=100)
    arena.mouse.up(button="left")
    wants(arena, fire=False, thrust=100)
    arena.mouse.up(button="right")
    wants(arena, fire=False, thrust=0)


def test_a_key_that_is_let_go_under_another_is_let_go(arena: Page) -> None:
    """A ship does not fly on for a key that went up while Control was down; of two keys for one turn, one is enough."""
    arena.keyboard.down("w")
    wants(arena, thrust=100)
    arena.keyboard.down("Control")
    arena.keyboard.up("w")
    wants(arena, thrust=0)
    arena.keyboard.up("Control")

    for key in ("a", "ArrowLeft"):
        arena.keyboard.down(key)
    wants(arena, turn=-100)
    arena.keyboard.up("a")
    arena.keyboard.down("w")
    wants(arena, turn=-100, thrust=100)
