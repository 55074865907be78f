"""The status page of several processes and of several machines in a real browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.cluster.redis_server import SKIPPED, RedisServer, find_redis
from tests.cluster.service import free_ports
from tests.e2e.accessibility import violations
from tests.e2e.playing import follow_frame
from tests.e2e.test_admin_page import HAS_SHIPS, SECRET, Players, open_admin
from tests.server_process import ServerProcess
from tests.system_packages import in_ci

Start = Callable[..., ServerProcess]


@pytest.fixture
def start_workers(start_server: Start, tmp_path: Path) -> Start:
    """Start a service as on a machine of its own."""

    def start(workers: int, *more: str) -> ServerProcess:
        number = len(list(tmp_path.glob("run-*")))
        folders = ("--run-dir", str(tmp_path / f"run-{number}"), "--data-dir", str(tmp_path / f"data-{number}"))
        (tmp_path / f"run-{number}").mkdir()
        flags = ("--workers", str(workers), "--drain-s", "0", *folders, *more)
        return start_server(*flags, env={"GAME_SERVER_ADMIN_SECRET": SECRET})

    return start


@pytest.fixture
def play_at() -> Iterator[Callable[[ServerProcess], Players]]:
    """Give players of a service."""
    started: list[Players] = []

    def players(server: ServerProcess) -> Players:
        started.append(Players(server.port))
        return started[-1]

    yield players
    for each in started:
        each.stop()


def process_of(welcome: dict[str, Any]) -> str:
    return str(welcome["room"]).partition("-")[0]


def room_row(page: Page, welcome: dict[str, Any]) -> Any:
    return page.locator(f'#rooms tbody tr[data-key="{welcome["room"]}"]')


def assert_fits(page: Page) -> None:
    """Nothing but the tables scrolls sideways."""
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        # The charts follow the window a frame or two later.
        page.wait_for_function("width => document.documentElement.scrollWidth === width", arg=width)


def test_a_room_of_another_process_is_as_near_as_any(
    start_workers: Start, play_at: Callable[[ServerProcess], Players], page: Page
) -> None:
    """Both processes and the rooms of both are shown; one that this page's process has not got is looked into, watched,
    rid of a player and closed, as any other."""
    service = start_workers(2)
    players = play_at(service)
    rooms: dict[str, Any] = {}
    for number in range(60):
        welcome = players.play(f"P{number}", game="arena", create=True)
        rooms.setdefault(process_of(welcome), (f"P{number}", welcome))
        if len(rooms) == 2:
            break
    open_admin(page, service)
    workers = page.locator("#workers li")
    expect(workers).to_have_count(2)
    here = workers.filter(has_text="brings this page").locator("strong").inner_text()
    ((name, welcome),) = [found for node, found in rooms.items() if node != here]
    for _, each in rooms.values():
        expect(room_row(page, each)).to_contain_text(process_of(each))
    expect(page.locator("#server-facts")).to_contain_text("2 processes")
    expect(page.locator("[data-chart=cpu] .chart-legend")).to_contain_text("all together")

    room_row(page, welcome).locator(".link").click()
    expect(page.locator("#room-facts")).to_contain_text(f"process {process_of(welcome)}")
    seat = page.locator("#seats tbody tr[data-key]")
    expect(seat).to_contain_text(name)
    expect(seat.locator("td").nth(3)).to_have_text(re.compile(r"^[\d.]+$"))  # RTT
    page.get_by_role("tab", name="State").click()
    expect(page.locator("[data-type=Ship] tbody tr").first).to_be_visible()
    page.get_by_role("tab", name="Watch").click()
    frame = page.locator("#watch-frame iframe").element_handle().content_frame()
    assert frame is not None
    frame.wait_for_url("**/play/arena?*")
    follow_frame(frame)
    frame.wait_for_function(HAS_SHIPS)

    page.get_by_role("tab", name="Players").click()
    page.get_by_role("button", name=f"Remove {name}").click()
    page.locator("#confirm-yes").click()
    assert [4011] == players.close_codes(name)
    expect(page.locator("#toast")).to_contain_text(f"Removed {name}")
    page.get_by_role("button", name="Close room").click()
    page.locator("#confirm-yes").click()
    expect(room_row(page, welcome)).to_have_count(0)
    expect(page.locator("#acts li").first).to_contain_text("Closed arena room")
    assert [] == violations(page)
    assert_fits(page)


@pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)
def test_another_machine_is_shown_and_ruled_from_here(
    start_workers: Start,
    play_at: Callable[[ServerProcess], Players],
    page: Page,
    tmp_path: Path,
) -> None:
    """With a Redis between two machines the page of one lists both, shows a room of the other with its players, puts
    one out, and shuts the other down after a question."""
    redis_port, *ports = free_ports(3)
    redis = RedisServer(redis_port, tmp_path)
    try:
        shared = ("--redis", redis.url)
        here, there = [
            start_workers(1, *shared, "--port", str(port), "--announce-url", f"ws://127.0.0.1:{port}/ws")
            for port in ports
        ]
        players = play_at(there)
        welcome: dict[str, Any] = {}
        while welcome.get("type") != "welcome":
            welcome = players.play("Ann", create=True)
        open_admin(page, here)
        machines = page.locator("#machines li")
        expect(machines).to_have_count(2)
        expect(machines.filter(has_text=str(here.port))).to_contain_text("this machine")
        far = machines.filter(has_text=str(there.port))
        expect(far).to_contain_text("1 player · 1 room")
        expect(far.get_by_role("link")).to_have_attribute("href", f"{there.url}/admin")
        expect(room_row(page, welcome)).to_contain_text(f"at 127.0.0.1:{there.port}")

        room_row(page, welcome).locator(".link").click()
        expect(page.locator("#seats tbody tr[data-key]")).to_contain_text("127.0.0.1")
        page.get_by_role("tab", name="State").click()
        expect(page.locator("[data-type=Mover] tbody tr")).to_have_count(1)
        page.get_by_role("tab", name="Players").click()
        page.get_by_role("button", name="Remove Ann").click()
        page.locator("#confirm-yes").click()
        assert [4011] == players.close_codes("Ann")
        assert [] == violations(page)
        far.get_by_role("button", name=f"Shut down 127.0.0.1:{there.port}").click()
        page.locator("#confirm-yes").click()
        expect(page.locator("#toast")).to_contain_text("Shutting down all 1 processes")
        expect(machines).to_have_count(1)
        assert 0 == there.stop(0)
    finally:
        redis.stop()
