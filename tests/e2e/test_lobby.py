"""From the lobby into rooms: the list, a code, options; what is wrong is said in words."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.playing import PHONE, ask, fits_in_width, follow, wait_until, wait_until_playing
from tests.server_process import ServerProcess


def open_lobby(page: Page, server: ServerProcess, name: str) -> None:
    """Come in by the front door, as somebody."""
    follow(page).goto(server.url)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("radio", name="Arena").check()


def create(page: Page, *, private: bool = False, **options: str) -> None:
    """Fill in the form for a new room and send it."""
    page.get_by_text("Create a room").click()
    for label, value in options.items():
        page.locator("#options").get_by_label(label).fill(value)
    if private:
        page.get_by_role("checkbox", name="Private").check()
    page.get_by_role("button", name="Create and join").click()


def names(page: Page) -> list[str]:
    """Return who is in the room."""
    players: list[str] = ask(page, "[...client.replica.all('Player')].map((player) => player.name).sort()")
    return players


def test_one_creates_and_the_other_joins_from_the_list(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """A room made with options stands in everybody's list, with its options; Join leads to its maker."""
    ann, bo = two_pages
    open_lobby(bo, server, "Bo")
    expect(bo.get_by_text("No rooms are open.")).to_be_visible()
    open_lobby(ann, server, "Ann")
    create(ann, Bots="0")
    wait_until_playing(ann)

    row = bo.get_by_role("listitem").filter(has_text="Arena")
    expect(row).to_contain_text("bots 0")
    row.get_by_role("link", name=re.compile("^Join")).click()
    wait_until_playing(bo)

    assert ask(ann, "client.welcome.room") == ask(bo, "client.welcome.room")
    wait_until(ann, "[...client.replica.all('Player')].length === 2")
    assert ["Ann", "Bo"] == names(ann) == names(bo)


def test_a_private_room_is_found_by_its_code_alone(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """The maker is told the code, nobody's list shows the room, and the code leads there."""
    ann, bo = two_pages
    open_lobby(ann, server, "Ann")
    create(ann, private=True, Bots="0")
    wait_until_playing(ann)
    code = ask(ann, "client.welcome.code")
    expect(ann.get_by_role("log", name="Chat")).to_contain_text(code)

    open_lobby(bo, server, "Bo")
    expect(bo.get_by_text("No rooms are open.")).to_be_visible()
    bo.get_by_label("Code of a private room").fill(f" {code.lower()} ")
    bo.get_by_label("Code of a private room").press("Enter")
    wait_until_playing(bo)

    assert ask(ann, "client.welcome.room") == ask(bo, "client.welcome.room")
    assert ["Ann", "Bo"] == names(bo)


def test_what_cannot_be_joined_is_said_with_a_way_back(server: ServerProcess, page: Page) -> None:
    """A code of no room, and options that the game refuses, end in words and a link to the lobby."""
    open_lobby(page, server, "Ann")
    page.get_by_label("Code of a private room").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Type the code that the room's maker gave you.")
    page.get_by_label("Code of a private room").fill("NOSUCH")
    page.get_by_label("Code of a private room").press("Enter")
    expect(page.locator("#banner")).to_contain_text("That room is gone.")
    page.get_by_role("link", name="To the lobby").click()

    create(page, Bots="99")
    expect(page.locator("#banner")).to_contain_text("does not accept this room's settings")
    assert server.get_json("/api/rooms") == {"rooms": []}


def test_leaving_frees_the_seat_at_once(server: ServerProcess, page: Page) -> None:
    """Who goes back to the lobby is out of the room, unlike one whose connection was lost; a new room is a new one."""
    open_lobby(page, server, "Ann")
    create(page, Bots="0")
    wait_until_playing(page)
    room = ask(page, "client.welcome.room")
    page.get_by_role("link", name="Leave").click()
    expect(page.get_by_text("0 playing in")).to_be_visible()  # waits for less than seat_hold_s

    create(page, Bots="0")
    wait_until_playing(page)
    assert room != ask(page, "client.welcome.room")


def test_the_lobby_fits_a_phone(server: ServerProcess, new_page: NewPage) -> None:
    """At 360 pixels nothing sticks out, and Quick play is reached without scrolling."""
    page = new_page(**PHONE)
    page.goto(server.url)
    expect(page.get_by_role("radio", name="Arena")).to_be_checked()
    assert fits_in_width(page)
    expect(page.get_by_role("button", name="Quick play")).to_be_in_viewport(ratio=1)


def test_a_room_can_be_watched_from_the_list(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """Watch shows the players' ships, a little later, to somebody without a ship, a score or a voice; a reload goes on
    watching, and Join in takes a seat in the same room."""
    ann, bo = two_pages
    open_lobby(ann, server, "Ann")
    create(ann, Bots="3")
    wait_until_playing(ann)
    open_lobby(bo, server, "Bo")
    bo.get_by_role("link", name=re.compile("^Watch Arena")).click()
    wait_until(bo, "client.view.all('Ship').length >= 3")

    assert [None, "public", 0] == ask(bo, "[client.welcome.seat, client.welcome.spectator, client.own.size]")
    expect(bo.get_by_text("You are watching, 3 s behind the players")).to_be_visible()
    expect(bo.get_by_placeholder("Press Enter to chat")).to_be_hidden()
    assert "Bo" not in names(ann)
    bo.reload()
    wait_until(bo, "client.view.all('Ship').length >= 3 && client.welcome.spectator === 'public'")
    bo.get_by_role("link", name="Join in").click()
    wait_until_playing(bo)
    assert ask(ann, "client.welcome.room") == ask(bo, "client.welcome.room")
    wait_until(ann, "[...client.replica.all('Player')].some((player) => player.name === 'Bo')")
