"""Fixtures for tests in a real browser: `page`, `two_pages`, and `new_page` for more.

    def test_two_players_see_each_other(server, two_pages):
        for page in two_pages:
            page.goto(server.url + "/play/arena?room=x")
            page.wait_for_function("() => document.title === 'Arena'")

In wait_for_function, write a function, never a bare expression: the page's policy forbids it to evaluate text.

Each page is a browser context of its own: no cookies, storage or cache shared. Whatever a page complains of fails the
test: errors on its console, uncaught exceptions, violations of the Content-Security-Policy. A test that provokes some
names them: `@pytest.mark.allow_console("WebSocket connection to")` (regular expressions, searched for).
A failed test leaves a picture of each page in build/e2e/.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.chromium import SKIPPED, find_chromium
from tests.e2e.proxy import Proxy
from tests.e2e.watch import watch
from tests.server_process import ROOT
from tests.system_packages import in_ci

NewPage = Callable[..., Page]
StartProxy = Callable[..., Proxy]

PICTURES = ROOT / "build" / "e2e"
STEP_TIMEOUT_MS = 15_000
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these it looks up its maker's hosts at each start, in vain where the network is closed.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Two pages in one test, of which one is behind the other: both must keep their frame rate.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium. One a module and no longer: Playwright's event loop must not meet those of other tests."""
    path = find_chromium()
    if path is None and not in_ci():
        pytest.skip(SKIPPED)
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run for root, which is who runs the tests in a container.
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        expect.set_options(timeout=STEP_TIMEOUT_MS)
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *sandbox])
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """Open pages that are watched for complaints: `page = new_page()`; what a context can be made with may be given."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    mark = request.node.get_closest_marker("allow_console")
    allowed = [re.compile(pattern) for pattern in (mark.args if mark else ())]

    def complain(number: int, text: str) -> None:
        if not any(pattern.search(text) for pattern in allowed):
            complaints.append(f"page {number}: {text}")

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
        context.set_default_timeout(STEP_TIMEOUT_MS)
        contexts.append(context)
        number = len(contexts)
        page = context.new_page()
        watch(page, lambda text: complain(number, text))
        return page

    yield open_page

    if request.node.stash.get(FAILED, False):
        _take_pictures(request.node.name, contexts)
    for context in contexts:
        context.close()
    if complaints:
        pytest.fail("the browser complained:\n" + "\n".join(complaints), pytrace=False)


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """One watched page."""
    return new_page()


@pytest.fixture
def two_pages(new_page: NewPage) -> tuple[Page, Page]:
    """Two watched pages of two people: nothing is shared between them."""
    return new_page(), new_page()


@pytest.fixture
def start_proxy() -> Iterator[StartProxy]:
    """Put a bad network in front of a server: `start_proxy(server.port, delay_ms=40)`; see `Proxy`."""
    proxies: list[Proxy] = []

    def start(target_port: int, delay_ms: float = 0) -> Proxy:
        proxies.append(Proxy(target_port, delay_ms))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember for the fixtures' sake whether the test itself failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


def _take_pictures(test: str, contexts: list[BrowserContext]) -> None:
    name = re.sub(r"[^-\w]+", "-", test)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for number, context in enumerate(contexts, start=1):
        for page in context.pages:
            page.screenshot(path=PICTURES / f"{name}-{number}.png")
