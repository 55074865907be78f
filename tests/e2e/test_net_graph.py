"""The net graph and sleep, in a real browser: what a player sees of the network, and what a hidden page does."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.server_process import ServerProcess

from .playing import PHONE, ask, fits_in_width, follow, wait_until, wait_until_playing

HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def figures(page: Page) -> dict[str, str]:
    """Return the net graph's figures by their titles."""
    rows = page.locator(".net-figures > div").all()
    return {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows}


@pytest.mark.parametrize("game", ["arena", "swarm"])
def test_the_net_graph_tells_what_the_address_does_to_the_line(server: ServerProcess, page: Page, game: str) -> None:
    """`?net=delay:60` makes the round trip 120 ms or more, and the graph says so, in words and in lines."""
    follow(page).goto(f"{server.url}/play/{game}?net=delay:60,jitter:10")
    wait_until_playing(page)
    wait_until(page, "client.stats.rttMs >= 120 && client.stats.statesPerSecond > 5")

    page.keyboard.press("F3")

    page.wait_for_function("() => document.querySelector('.net-figures dd').textContent.includes('jitter')")
    told = figures(page)
    assert 120 <= float(told["Round trip"].split()[0]) <= 400
    assert [
        "Round trip",
        "Server tick",
        "Snapshots",
        "Interpolation",
        "Inputs waiting",
        "Corrections",
        "Bytes",
        "Frame time",
    ] == list(told)
    assert all(any(letter.isdigit() for letter in text) for text in told.values())
    drawn = """() => {
        const canvas = document.querySelector(".net-canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value, i) => i % 4 === 3 && value > 200);
    }"""
    page.wait_for_function(drawn)
    assert "net=delay" in page.url, "a reload plays under the same conditions"


def test_knobs_change_the_line_while_playing(server: ServerProcess, page: Page) -> None:
    """Whoever turns the delay up in the graph plays at that delay at once, without a new connection."""
    follow(page).goto(f"{server.url}/play/arena")
    wait_until_playing(page)
    before = ask(page, "client.welcome.token")

    page.get_by_role("button", name="Net graph").click()
    page.get_by_label("Delay").select_option("100 ms")

    wait_until(
        page, "client.stats.interpolationMs > 0 && client.replica.tick > given", ask(page, "client.replica.tick + 60")
    )
    assert "?net=delay:100" in page.locator(".net-note").inner_text()
    wait_until(page, "client.stats.delayMs > 100")
    assert before == ask(page, "client.welcome.token")


@pytest.mark.parametrize("game", ["arena", "swarm"])
def test_knobs_are_turned_with_the_keyboard(server: ServerProcess, page: Page, game: str) -> None:
    """Arrows, letters and Enter belong to the knob that has the focus, and not to the game or its chat."""
    follow(page).goto(f"{server.url}/play/{game}")
    wait_until_playing(page)
    page.keyboard.press("F3")
    page.get_by_label("Bandwidth").focus()

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert "?net=rate:6000" in page.locator(".net-note").inner_text()
    page.keyboard.press("a")
    assert "" == page.locator(".net-note").inner_text()
    page.keyboard.press("Escape")
    assert page.get_by_label("Bandwidth").evaluate("(knob) => knob === document.activeElement")


def test_a_condition_that_makes_no_sense_is_told(server: ServerProcess, page: Page) -> None:
    """The graph opens by itself and says what would be right."""
    page.goto(f"{server.url}/play/arena?net=latency:60")

    page.wait_for_function(
        "() => document.querySelector('.net-note')?.textContent.includes(\"'latency:60' is no network condition\")"
    )


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_net_graph_fits_the_screen(server: ServerProcess, new_page: Any, device: dict[str, Any]) -> None:
    """Every figure can be read, on a phone as on a desktop, and the panel can be closed."""
    page: Page = follow(new_page(**device))
    page.goto(f"{server.url}/play/arena?net=delay:40,jitter:20")
    wait_until_playing(page)
    page.get_by_role("button", name="Net graph", exact=True).click()
    page.wait_for_function("() => document.querySelector('.net-figures dd').textContent.includes('jitter')")

    cut = page.locator(".net-figures dd").evaluate_all(
        "(all) => all.filter((dd) => dd.scrollWidth > dd.clientWidth).length"
    )

    assert 0 == cut
    assert fits_in_width(page)
    page.get_by_role("button", name="Close the net graph").click()
    assert page.locator("#net-graph").is_hidden()


def test_a_hidden_page_sends_no_inputs_and_is_at_the_present_when_it_is_shown(
    server: ServerProcess, page: Page
) -> None:
    """Inputs stop while nobody looks; with the first frame after it the picture is where the room is."""
    follow(page).goto(f"{server.url}/play/arena")
    wait_until_playing(page)
    wait_until(page, "client.replica.tick > given", ask(page, "client.replica.tick + 30"))

    page.evaluate(HIDE, True)
    hidden_at = ask(page, "[client.stats.isAsleep, client.stats.unackedInputs, client.replica.tick]")
    assert hidden_at[0]
    # frames go on in this browser, as they do not in a hidden tab: they must not wake the page
    wait_until(page, "client.replica.tick > given", hidden_at[2] + 45)
    assert ask(page, "client.stats.isAsleep")
    wait_until(page, "client.stats.unackedInputs === 0")

    page.evaluate(HIDE, False)

    shown = ask(page, "(client.frame(), [client.stats.isAsleep, client.replica.tick - client.view.tick])")
    assert not shown[0]
    assert shown[1] < 15
    wait_until(
        page, "client.stats.unackedInputs > 0 && client.replica.tick > given", ask(page, "client.replica.tick + 30")
    )


def test_a_frozen_page_comes_back_to_the_present(server: ServerProcess, page: Page) -> None:
    """A page that the browser froze, as a phone does in a pocket, is at the present soon after it thaws."""
    follow(page).goto(f"{server.url}/play/arena")
    wait_until_playing(page)
    session = page.context.new_cdp_session(page)

    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    page.wait_for_timeout(2500)  # time in which nothing of the page runs: there is nothing to wait for
    session.send("Page.setWebLifecycleState", {"state": "active"})

    wait_until(
        page, "client.status === 'playing' && client.replica.tick - client.view.tick < 15 && !client.stats.isAsleep"
    )
    wait_until(page, "client.replica.tick > given", ask(page, "client.replica.tick + 10"))
