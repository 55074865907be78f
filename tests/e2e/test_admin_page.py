"""The status page in a real browser, against the real server, with players on real sockets."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Page, expect
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.e2e.accessibility import violations
from tests.e2e.conftest import NewPage
from tests.e2e.playing import follow_frame
from tests.server_process import ServerProcess

SECRET = "hush-hush"
T = TypeVar("T")


class Players:
    """Players on a loop in a thread of their own, since the browser's driver has this one. They join, then listen."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/ws"
        self._sockets: list[WebSocketClientConnection] = []
        self._closes: dict[str, asyncio.Task[int | None]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="players", daemon=True)
        self._thread.start()

    def play(self, name: str, **join: Any) -> dict[str, Any]:
        """Join; return the welcome, or nothing when the server refuses."""
        return self._do(self._play(name, join))

    def close_codes(self, *names: str) -> list[int | None]:
        """Return the codes with which these players are closed, once all are."""

        async def wait() -> list[int | None]:
            return await asyncio.gather(*(self._closes[name] for name in names))

        return self._do(wait())

    def is_playing(self, name: str) -> bool:
        """Tell whether this player is still connected."""
        return not self._closes[name].done()

    def stop(self) -> None:
        """Close all connections and end the thread."""

        async def close_all() -> None:
            for socket in self._sockets:
                socket.close()
            await asyncio.gather(*self._closes.values())

        self._do(close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _play(self, name: str, join: dict[str, Any]) -> dict[str, Any]:
        socket = await websocket_connect(self.url)
        self._sockets.append(socket)
        await socket.write_message(json.dumps({"type": "join", "version": 1, "game": "swarm", "name": name} | join))
        first = await socket.read_message()
        if first is None:
            return {}
        self._closes[name] = asyncio.create_task(self._listen(socket))
        welcome: dict[str, Any] = json.loads(first)
        return welcome

    async def _listen(self, socket: WebSocketClientConnection) -> int | None:
        while await socket.read_message() is not None:
            pass
        return socket.close_code


@pytest.fixture
def server(start_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A server whose secrets are known."""
    secrets = {"GAME_SERVER_ADMIN_SECRET": SECRET, "GAME_SERVER_ADMIN_VIEW_SECRET": "peek-peek"}
    return start_server(env=secrets)


@pytest.fixture
def players(server: ServerProcess) -> Iterator[Players]:
    """Players of that server."""
    running = Players(server.port)
    yield running
    running.stop()


#: whether anything is drawn on a canvas
HAS_INK = """(selector) => {
    const canvas = document.querySelector(selector);
    const pixels = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return pixels.some((value) => value !== 0);
}"""

#: ask the server for an act over a feed of one's own, past whatever the page allows
ASK = """(act) => new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}/admin/feed`);
    socket.onopen = () => socket.send(JSON.stringify(act));
    socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type !== "done") return;
        socket.close();
        resolve(message);
    };
})"""

#: whether the game in the frame has ships to draw
HAS_SHIPS = """() => {
    const game = globalThis.played;
    return game?.status === "playing" && game.view?.all("Ship").length > 0;
}"""

FILL_TABLE = """async () => {
    const { Table } = await import("/static/admin/tables.js");
    const table = document.createElement("table");
    table.id = "many";
    const scroller = document.createElement("div");
    scroller.id = "many-scroller";
    scroller.className = "scroller";
    scroller.append(table);
    document.querySelector("main").prepend(scroller);
    const columns = [{ key: "n", label: "N", isNumber: true, value: (row) => row, text: (row) => `row ${row}` }];
    const shown = new Table(table, { caption: "Many", columns, keyOf: String, sort: "n" });
    shown.update(Array.from({ length: 1000 }, (_, index) => index));
}"""


def open_admin(page: Page, server: ServerProcess, secret: str = SECRET) -> None:
    page.goto(f"{server.url}/admin?secret={secret}")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")


def column(page: Page, table: str, number: int) -> list[str]:
    return page.locator(f"{table} tbody tr[data-key] td:nth-child({number})").all_text_contents()


def test_the_page_answers_at_once(server: ServerProcess, players: Players, page: Page) -> None:
    """The secret leaves the address bar; the verdict, the figures and the rooms are there without a click."""
    welcome = players.play("Ann", create=True, private=True)
    open_admin(page, server)

    assert f"{server.url}/admin" == page.url
    expect(page.locator("#verdict")).to_have_attribute("data-level", re.compile("good|strained|bad"))
    expect(page.locator("#rooms tbody tr[data-key]")).to_have_count(1)
    expect(page.locator("#rooms tbody tr[data-key]")).to_contain_text(welcome["code"])
    expect(page.locator("[data-chart]")).to_have_count(12)
    expect(page.locator("[data-chart=players] .card-number")).to_have_text("1")
    expect(page.locator("#counters")).to_contain_text("Joins")


def test_the_charts_have_data(server: ServerProcess, players: Players, page: Page) -> None:
    """The last minutes are drawn, those before the page was opened too, and said in words and in a table."""
    players.play("Ann")
    open_admin(page, server)
    memory = page.locator("[data-chart=memory]")

    expect(memory.locator("canvas")).to_have_count(1)
    expect(memory.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"resident now [\d.]+ MB, at most"))
    page.wait_for_function(HAS_INK, arg="[data-chart=memory] canvas")
    page.get_by_text("The same figures as a table").click()
    expect(page.get_by_role("row", name="Players: players")).to_contain_text("1")
    expect(page.locator("#charts-missing")).to_be_hidden()


@pytest.mark.allow_console("Failed to load resource", "Failed to find a valid digest")
def test_without_the_chart_library_the_page_still_tells(server: ServerProcess, players: Players, page: Page) -> None:
    """Where the library cannot be had the page says so plainly, and the figures stand in the table."""
    page.route("**/static/library/*", lambda route: route.fulfill(status=404))
    players.play("Ann")
    open_admin(page, server)

    expect(page.locator("#charts-missing")).to_contain_text("not installed")
    expect(page.get_by_role("row", name="Players: players")).to_contain_text("1")
    expect(page.locator("#rooms tbody tr[data-key]")).to_have_count(1)


def test_a_thousand_rows_are_not_drawn_at_once(server: ServerProcess, page: Page) -> None:
    """Of a long table only what is in sight is drawn, scrolling brings the rest; readers are told how long it is."""
    open_admin(page, server)
    expect(page.locator("#rooms-count")).to_have_text("0")
    page.evaluate(FILL_TABLE)
    rows = page.locator("#many tbody tr[data-key]")

    assert rows.count() < 60
    expect(page.locator("#many")).to_have_attribute("aria-rowcount", "1001")
    expect(rows.first).to_contain_text("row 0")
    page.locator("#many-scroller").evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
    expect(rows.last).to_contain_text("row 999")
    assert rows.count() < 60


def test_rooms_are_sorted_and_filtered(server: ServerProcess, players: Players, page: Page) -> None:
    """A click on a header sorts by it, another turns it round, aria-sort says so; the filter leaves what fits."""
    rooms = [players.play("Ann", create=True)["room"] for _ in range(3)]
    for name in ("Bob", "Cleo"):
        players.play(name, room=rooms[1])
    players.play("Dan", room=rooms[2])
    open_admin(page, server)
    expect(page.locator("#rooms tbody tr[data-key]")).to_have_count(3)
    seats = page.locator("#rooms th", has_text="Seats")

    expect(seats).to_have_attribute("aria-sort", "descending")
    assert ["3 / 10", "2 / 10", "1 / 10"] == column(page, "#rooms", 3)
    seats.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(seats).to_have_attribute("aria-sort", "ascending")
    assert ["1 / 10", "2 / 10", "3 / 10"] == column(page, "#rooms", 3)
    page.locator("#rooms-filter").fill(rooms[2])
    expect(page.locator("#rooms tbody tr[data-key]")).to_have_count(1)
    expect(page.locator("#rooms-count")).to_have_text("1 of 3")


def test_a_player_is_removed_after_a_question(server: ServerProcess, players: Players, page: Page) -> None:
    """Two clicks lead to a room's players; Remove asks first; the player is closed with 4011, the other stays."""
    welcome = players.play("<b>Ann</b>")
    players.play("Bob", room=welcome["room"])
    open_admin(page, server)
    page.locator("#rooms tbody tr .link").click()
    rows = page.locator("#seats tbody tr[data-key]")
    expect(rows).to_have_count(2)
    ann = rows.filter(has_text="<b>Ann</b>")

    ann.get_by_role("button", name="Remove").click()
    page.locator("#confirm-cancel").click()
    expect(page.locator("#confirm")).to_be_hidden()
    expect(rows).to_have_count(2)
    ann.get_by_role("button", name="Remove").click()
    page.locator("#confirm-reason").fill("be nice")
    page.keyboard.press("Enter")

    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Bob")
    assert [4011] == players.close_codes("<b>Ann</b>")
    assert players.is_playing("Bob")
    expect(page.locator("#toast")).to_contain_text("Removed <b>Ann</b>")
    expect(page.locator("#acts li").first).to_contain_text("Removed <b>Ann</b>")
    expect(page.locator("#closes")).to_contain_text("Kicked")
    assert "admin_act" in server.log


def test_a_room_is_closed_after_a_question(server: ServerProcess, players: Players, page: Page) -> None:
    """Close asks first, then everybody in the room gets 4012 and its row goes."""
    welcome = players.play("Ann")
    players.play("Bob", room=welcome["room"])
    players.play("Cleo", create=True)
    open_admin(page, server)
    row = page.locator(f'#rooms tbody tr[data-key="{welcome["room"]}"]')
    row.locator(".link").click()
    page.get_by_role("button", name="Close room").click()
    expect(page.locator("#confirm-text")).to_contain_text("2 players")
    page.locator("#confirm-yes").click()

    expect(row).to_have_count(0)
    assert [4012, 4012] == players.close_codes("Ann", "Bob")
    expect(page.locator("#rooms tbody tr[data-key]")).to_have_count(1)


def test_a_viewer_has_no_buttons_to_act(server: ServerProcess, players: Players, page: Page) -> None:
    """Under the read-only secret everything is shown, no button acts, and the server refuses who asks all the same."""
    welcome = players.play("Ann")
    open_admin(page, server, "peek-peek")
    page.locator("#rooms tbody tr .link").click()
    expect(page.locator("#seats tbody tr[data-key]")).to_have_count(1)
    answer = page.evaluate(ASK, {"act": "kick", "room": welcome["room"], "seat": 0, "name": "Ann", "id": 1})

    expect(page.locator("#role")).to_have_text("view only")
    expect(page.locator(".operator").filter(visible=True)).to_have_count(0)
    assert (False, "This log-in may look but not act") == (answer["ok"], answer["text"])
    assert players.is_playing("Ann")


def test_a_player_is_banned_and_let_in_again(server: ServerProcess, players: Players, page: Page) -> None:
    """A ban asks for how long, puts the player out, stands in the list, keeps the address out, and can be lifted."""
    players.play("Ann")
    open_admin(page, server)
    page.locator("#rooms tbody tr .link").click()
    page.get_by_role("button", name="Ban Ann").click()
    page.locator("#confirm-minutes").select_option("10")
    page.locator("#confirm-reason").fill("cheating")
    page.locator("#confirm-yes").click()

    assert [4011] == players.close_codes("Ann")
    expect(page.locator("#bans li")).to_contain_text("Ann cheating")
    assert {} == players.play("Ann again")
    page.get_by_role("button", name="Lift the ban of Ann").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#bans li")).to_have_count(0)
    assert "room" in players.play("Ann")


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_the_server_is_shut_down_after_a_question(start_server: Callable[..., ServerProcess], page: Page) -> None:
    """The log level changes at once; Shut down asks first, and then the process ends as after a SIGTERM."""
    server = start_server("--drain-s", "0.1", env={"GAME_SERVER_ADMIN_SECRET": SECRET})
    open_admin(page, server)
    page.get_by_role("button", name="Log level").click()
    page.locator("#confirm-level").select_option("debug")
    page.locator("#confirm-yes").click()
    expect(page.locator("#server-facts")).to_contain_text("log level debug")
    page.get_by_role("button", name="Shut down").click()
    expect(page.locator("#confirm-text")).to_contain_text("0 players are told")
    page.locator("#confirm-yes").click()
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")

    assert 0 == server.stop(0)


def test_one_room_in_depth(server: ServerProcess, players: Players, page: Page) -> None:
    """Under its tabs, by keyboard alone: players with round trip, live state with marks, events, and where ticks go."""
    welcome = players.play("Ann")
    open_admin(page, server)
    page.locator("#rooms tbody tr .link").click()
    seat = page.locator("#seats tbody tr[data-key]")
    expect(seat.locator("td").nth(3)).to_have_text(re.compile(r"^[\d.]+$"))  # RTT
    page.get_by_role("tab", name="Players").focus()
    page.keyboard.press("ArrowRight")
    mover = page.locator("[data-type=Mover]")
    expect(mover.locator("tbody tr")).to_have_count(1)
    expect(mover.locator("th.to-server").first).to_contain_text("server only")
    expect(mover.locator("td.is-fresh").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.evaluate(ASK, {"act": "notice", "room": welcome["room"], "text": "back soon", "id": 7})
    expect(page.locator("#events li").first).to_contain_text("back soon")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Ticks")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#ticks-charts canvas")).to_have_count(2)
    expect(page.locator("#ticks-charts .chart-legend").first).to_contain_text(re.compile(r"Step [\d.]+ ms"))


def test_a_room_is_watched_unseen(server: ServerProcess, players: Players, page: Page) -> None:
    """The game's own picture shows the players' ships in a frame; no seat is taken, and leaving ends it."""
    welcome = players.play("Ann", game="arena", create=True)
    open_admin(page, server, "peek-peek")
    page.locator("#rooms tbody tr .link").click()
    page.get_by_role("tab", name="Watch").click()
    frame = page.locator("#watch-frame iframe").element_handle().content_frame()
    assert frame is not None
    frame.wait_for_url("**/play/arena?*")
    follow_frame(frame)
    frame.wait_for_function(HAS_SHIPS)
    picture = page.frame_locator("#watch-frame iframe")

    expect(picture.locator("body")).to_have_class(re.compile("watching"))
    (room,) = server.get_json("/api/rooms")["rooms"]
    assert (welcome["room"], 1, 0) == (room["room"], room["seats_taken"], room["spectators"])
    expect(page.locator("#acts li").first).to_contain_text("unseen")
    page.get_by_role("tab", name="Players").click()
    expect(page.locator("#watch-frame iframe")).to_have_count(0)


def test_nothing_bars_anybody(server: ServerProcess, players: Players, new_page: NewPage) -> None:
    """By axe's rules no part of the page, its room view and its dialogs bars anybody, in the dark and in the light."""
    players.play("Ann")
    dark, light = (new_page(color_scheme=scheme, reduced_motion="reduce") for scheme in ("dark", "light"))
    for page in (dark, light):
        open_admin(page, server)
        page.get_by_text("The same figures as a table").click()
        page.locator("#rooms tbody tr .link").click()
        expect(page.locator("#seats tbody tr[data-key]")).to_have_count(1)
        assert [] == violations(page)
    for tab in ("State", "Events", "Ticks"):
        dark.get_by_role("tab", name=tab).click()
        assert [] == violations(dark, "#room")
    light.get_by_role("button", name="Ban Ann").click()
    assert [] == violations(light, "#confirm")


@pytest.mark.allow_console("status of 403", "status of 429")
def test_the_secret_can_be_typed_and_the_log_out_holds(server: ServerProcess, page: Page) -> None:
    """The form says when the secret is wrong, lets in when it is right, and is back after the log-out."""
    page.goto(server.url + "/admin")
    page.get_by_label("Secret").fill("guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the secret")
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Secret")).to_be_visible()
    page.goto(server.url + "/admin")

    expect(page.get_by_label("Secret")).to_be_visible()


@pytest.mark.allow_console("WebSocket connection to", "net::ERR_")
def test_the_page_comes_back_by_itself(
    server: ServerProcess, players: Players, page: Page, start_proxy: Callable[..., Any]
) -> None:
    """When the connection is lost the page says so, returns, and shows the room that was open again."""
    players.play("Ann")
    proxy = start_proxy(server.port)
    page.goto(f"{proxy.url}/admin?secret={SECRET}")
    page.locator("#rooms tbody tr .link").click()
    expect(page.locator("#seats tbody tr[data-key]")).to_have_count(1)
    proxy.refusing = True
    proxy.cut()
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    proxy.refusing = False
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    players.play("Bob")

    expect(page.locator("#seats tbody tr[data-key]")).to_have_count(2)


def test_the_page_fits(server: ServerProcess, players: Players, page: Page) -> None:
    """On a phone, a tablet and a desk nothing but the tables scrolls sideways."""
    players.play("A name that is long")
    open_admin(page, server)
    page.locator("#rooms tbody tr .link").click()
    expect(page.locator("#seats tbody tr[data-key]")).to_have_count(1)
    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(
            "() => [...document.querySelectorAll('.u-wrap')].every((one) => one.clientWidth < innerWidth)"
        )

        assert width == page.evaluate("() => document.documentElement.scrollWidth")
