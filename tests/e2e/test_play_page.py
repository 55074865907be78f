"""The page of games that bring none, with the README's first game on it: seen, steered, talked on, lost and found."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import StartServer
from tests.e2e.conftest import NewPage, StartProxy
from tests.e2e.playing import PHONE, ask, finger, fits_in_width, follow, wait_until, wait_until_playing
from tests.readme import save_first_game
from tests.server_process import ServerProcess

MARKUP = "<img src=x onerror=alert(1)> <b>hi</b>"
COLOURS = """() => {
    const { width, height } = document.querySelector("#picture");
    const pixels = document.querySelector("#picture").getContext("2d").getImageData(0, 0, width, height).data;
    const words = new Uint32Array(pixels.buffer);
    return new Set(words).size;
}"""
ME = "client.replica.get([...client.own][0])"
# Called for each picture: steers to the nearest coin, and is true once one is taken.
WALK_TO_A_COIN = """(() => {
    const me = client.replica.get([...client.own][0]);
    const way = (coin) => Math.abs(coin.x - me.x) + Math.abs(coin.y - me.y);
    const [coin] = [...client.replica.all("Coin")].sort((a, b) => way(a) - way(b));
    const towards = (axis) => (Math.abs(coin[axis] - me[axis]) < 1 ? 0 : Math.sign(coin[axis] - me[axis]));
    client.setInput(me.coins ? { dx: 0, dy: 0 } : { dx: towards("x"), dy: towards("y") });
    return me.coins > 0;
})()"""
OTHER = "client.view.all('Player').find((player) => player.name === given.name)"


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path) -> ServerProcess:
    """A server of the first game alone, as the README starts it."""
    save_first_game(tmp_path)
    return start_server("--games", "first_game")


def test_the_first_game_is_there_to_play(server: ServerProcess, page: Page) -> None:
    """It is drawn, its controls say what they do, its state is listed, and keys and buttons move the player."""
    follow(page).goto(server.url + "/play/first_game?name=Ann")
    wait_until_playing(page)

    expect(page).to_have_title("Coin rush")
    expect(page.get_by_role("group", name="Controls").get_by_role("button")).to_have_text(
        ["\u2190", "\u2192", "\u2191", "\u2193", "Spacedash"]
    )
    state = page.locator("#state")
    expect(state).to_contain_text("time left")
    expect(state).to_contain_text("coins")
    page.wait_for_function(f"() => ({COLOURS})() > 5")

    page.keyboard.down("ArrowRight")
    wait_until(page, f"{ME}.x > 60 && {ME}.y === 50")
    page.keyboard.up("ArrowRight")
    page.keyboard.down("w")
    page.keyboard.down("Space")
    wait_until(page, f"{ME}.y < 40")
    page.keyboard.up("Space")
    page.keyboard.up("w")
    page.get_by_role("button", name="dx left").dispatch_event("pointerdown", {"pointerId": 1})
    wait_until(page, f"{ME}.x < 55")


def test_two_people_see_and_hear_each_other(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """One moves, the other sees it; what one says, the other reads as text, markup included."""
    ann, bo = two_pages
    follow(ann).goto(server.url + "/play/first_game?name=Ann")
    wait_until_playing(ann)
    follow(bo).goto(ann.url + "&name=Bo")
    wait_until_playing(bo)
    assert ask(ann, "client.welcome.room") == ask(bo, "client.welcome.room")

    ann.keyboard.down("ArrowDown")
    wait_until(bo, f"{OTHER}?.y > 60", {"name": "Ann"})
    ann.keyboard.up("ArrowDown")
    bo.keyboard.press("Enter")
    bo.keyboard.type(MARKUP)
    bo.keyboard.press("Enter")

    expect(ann.locator("#log .said")).to_have_text(f"Bo{MARKUP}")
    assert ann.locator("#log img, #log b").count() == 0


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_a_lost_connection_and_a_reload_keep_seat_and_coins(
    server: ServerProcess, page: Page, start_proxy: StartProxy
) -> None:
    """While the line is down a banner says so; then, and after a reload, the same player goes on with its coins."""
    proxy = start_proxy(server.port)
    follow(page).goto(proxy.url + "/play/first_game?name=Ann")
    wait_until_playing(page)
    wait_until(page, WALK_TO_A_COIN)
    before = ask(page, f"[[...client.own], {ME}.coins, client.welcome.seat]")

    proxy.refusing = True
    proxy.cut()
    expect(page.locator("#banner-text")).to_have_text("Connection lost. Reconnecting\u2026")
    proxy.refusing = False
    expect(page.locator("#banner")).to_be_hidden()
    assert before == ask(page, f"[[...client.own], {ME}.coins, client.welcome.seat]")

    page.reload()
    wait_until_playing(page)
    assert before == ask(page, f"[[...client.own], {ME}.coins, client.welcome.seat]")
    assert ask(page, "[...client.replica.all('Player')].length") == 1


def test_is_played_with_thumbs_on_a_phone(server: ServerProcess, new_page: NewPage) -> None:
    """Upright and on its side nothing sticks out, every button is in sight, and one held down moves the player."""
    page = follow(new_page(**PHONE))
    page.goto(server.url + "/play/first_game")
    wait_until_playing(page)
    for width, height in ((780, 360), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        assert fits_in_width(page)
        for button in page.get_by_role("group", name="Controls").get_by_role("button").all():
            expect(button).to_be_in_viewport(ratio=1)

    with finger(page, ".key-left"):
        wait_until(page, f"{ME}.x < 40")
    wait_until(page, "!document.querySelector('.key.held')")


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_an_edited_game_is_reloaded_by_itself(start_server: StartServer, tmp_path: Path, page: Page) -> None:
    """Edit, restart, and the open page shows the new game: nobody has to press anything, though its room is gone."""
    save_first_game(tmp_path)
    first = start_server("--games", "first_game", "--drain-s", "0")
    follow(page).goto(first.url + "/play/first_game?name=Ann")
    wait_until_playing(page)
    page.reload()  # its address now names the room
    wait_until_playing(page)

    first.stop()
    expect(page.locator("#banner")).to_be_visible()
    game = tmp_path / "first_game.py"
    game.write_text(game.read_text().replace("coins", "doubloons"))
    start_server("--games", "first_game", "--port", str(first.port))

    expect(page.locator("#state")).to_contain_text("doubloons")
    wait_until_playing(page)
    assert ask(page, "client.welcome.name") == "Ann"


def test_options_of_the_address_make_the_room(start_server: StartServer, page: Page) -> None:
    """`opt.<key>=` are options of a new room; one that the game refuses is told with the server's reason."""
    server = start_server("--games", "swarm")
    follow(page).goto(server.url + "/play/swarm?create=1&opt.precision=float32")
    wait_until_playing(page)
    assert ask(page, "[...client.replica.all('FloatMover')].length") == 1

    page.goto(server.url + "/play/swarm?create=1&opt.precision=float64")
    expect(page.locator("#banner-text")).to_contain_text("precision")


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_a_key_held_in_one_room_moves_nobody_in_the_next(start_server: StartServer, tmp_path: Path, page: Page) -> None:
    """Whoever is put into another room with a key down stands there, and goes on standing when the key goes up."""
    save_first_game(tmp_path)
    first = start_server("--games", "first_game", "--drain-s", "0")
    follow(page).goto(first.url + "/play/first_game")
    wait_until_playing(page)
    room = ask(page, "client.welcome.room")
    page.keyboard.down("ArrowRight")
    wait_until(page, f"{ME}.x > 55")

    first.stop()
    start_server("--games", "first_game", "--port", str(first.port))
    wait_until(page, "client.welcome.room !== given && client.status === 'playing' && client.replica.tick", room)
    page.keyboard.up("ArrowRight")

    wait_until(page, "client.replica.tick > given", ask(page, "client.replica.tick + 20"))
    assert ask(page, f"{ME}.x") == 50
