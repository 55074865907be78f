"""The rig itself: a page that complains is heard, a bad network is bad. No server is needed; answers are made here."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.proxy import Proxy
from tests.e2e.watch import watch

URL = "http://rig.test/"
Complaints = list[str]


@pytest.fixture
def complaints_of(browser: Browser) -> Callable[[str], Complaints]:
    """Load a page with this body under a strict policy and return what it complained of."""

    def load(body: str) -> Complaints:
        complaints: Complaints = []
        page = browser.new_page()
        watch(page, complaints.append)
        headers = {"Content-Security-Policy": "default-src 'none'; script-src 'self'", "Content-Type": "text/html"}
        page.route("**/*", lambda route: route.fulfill(status=404))
        page.route(URL, lambda route: route.fulfill(body=f"<!doctype html><title>rig</title>{body}", headers=headers))
        page.route(
            URL + "*.js",
            lambda route: route.fulfill(
                body={"throws": "throw new Error('oops')", "logs": "console.error('oops')"}[route.request.url[16:-3]],
                content_type="text/javascript",
            ),
        )
        page.goto(URL)
        page.evaluate("1")  # a round trip, behind which every earlier message has arrived
        page.close()
        return complaints

    return load


def test_a_quiet_page_is_not_heard(complaints_of: Callable[[str], Complaints]) -> None:
    """A page in order gives no complaint: the rig adds none of its own."""
    assert [] == complaints_of("<p>all is well</p>")


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("<script src=throws.js></script>", "uncaught: oops"),
        ("<script src=logs.js></script>", "oops (http://rig.test/logs.js:0)"),
        ("<script>document.title = 'inline'</script>", "CSP: script-src-elem refused inline"),
        ("<p style='color: red'>inline</p>", "CSP: style-src-attr refused inline"),
        ("<img src=//elsewhere.test/spy.gif>", "CSP: img-src refused http://elsewhere.test/spy.gif"),
    ],
)
def test_each_kind_of_complaint_is_heard(complaints_of: Callable[[str], Complaints], body: str, part: str) -> None:
    """Exceptions, console errors and what the policy refuses: each is heard, with its cause."""
    assert [] != [complaint for complaint in complaints_of(body) if part in complaint]


def test_two_pages_share_no_storage(two_pages: tuple[Page, Page]) -> None:
    """Each page is another person's browser: what one stores, the other does not see."""
    for page in two_pages:
        page.route(URL, lambda route: route.fulfill(body="<!doctype html><title>rig</title>", content_type="text/html"))
        page.goto(URL)
    two_pages[0].evaluate("sessionStorage.seat = localStorage.seat = document.cookie = 'seat=1'")

    assert [None, None, ""] == two_pages[1].evaluate(
        "[sessionStorage.seat ?? null, localStorage.seat ?? null, document.cookie]"
    )


@pytest.mark.allow_console("oops")
def test_an_allowed_complaint_is_let_pass(page: Page) -> None:
    """A test may provoke what it names in its mark."""
    page.evaluate("console.error('oops, on purpose')")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket in place of a server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


@pytest.fixture
def pair(
    listener: socket.socket, start_proxy: Callable[..., Proxy]
) -> Iterator[tuple[Proxy, socket.socket, socket.socket]]:
    """A proxy and both ends of a connection through it."""
    proxy = start_proxy(listener.getsockname()[1])
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as near:
        far, _address = listener.accept()
        with far:
            far.settimeout(10)
            yield proxy, near, far


def test_the_proxy_delays_each_way_and_keeps_the_order(pair: tuple[Proxy, socket.socket, socket.socket]) -> None:
    """A round trip takes twice the delay, and bytes come in the order in which they were sent."""
    proxy, near, far = pair
    proxy.delay_ms = 60
    start = time.monotonic()
    near.sendall(b"ask")
    near.sendall(b"!")
    while (heard := far.recv(4, socket.MSG_PEEK)) and len(heard) < 4:
        pass
    far.sendall(far.recv(4)[::-1])

    assert b"!ksa" == near.recv(4)
    assert time.monotonic() - start >= 0.12


def test_the_proxy_cuts(pair: tuple[Proxy, socket.socket, socket.socket]) -> None:
    """Both ends learn at once that a cut connection is gone."""
    proxy, near, far = pair
    proxy.cut()

    for end in (near, far):
        try:
            heard = end.recv(1)
        except ConnectionResetError:
            heard = b""
        assert b"" == heard


def test_the_proxy_refuses(pair: tuple[Proxy, socket.socket, socket.socket]) -> None:
    """While it refuses, a new connection is dropped and an open one goes on."""
    proxy, near, far = pair
    proxy.refusing = True
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as refused:
        try:
            heard = refused.recv(1)
        except ConnectionResetError:
            heard = b""
    near.sendall(b"x")

    assert (b"", b"x") == (heard, far.recv(1))
