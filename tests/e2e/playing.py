"""See what a play page sees: its own GameClient, without the page offering one.

Pages keep their client to themselves. The browser loads a module once, so a test that imports the SDK gets the very
class that the page uses, and notes the client whose `frame` is called. Read through `ask`; wait with `wait_until`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Frame, Page

NOTE_THE_CLIENT = """
    if (location.pathname.startsWith("/play/")) {
        import("/static/client/index.js").then(({ GameClient }) => {
            const { frame } = GameClient.prototype;
            GameClient.prototype.frame = function (...times) {
                globalThis.played = this;
                return frame.apply(this, times);
            };
        });
    }
"""


def follow(page: Page) -> Page:
    """Note the client of each play page that this page will load."""
    page.add_init_script(NOTE_THE_CLIENT)
    return page


def follow_frame(frame: Frame) -> None:
    """Note the client of a page in a frame. What a page adds at its start need not reach a frame's first document."""
    frame.evaluate(f"() => {{ {NOTE_THE_CLIENT} }}")


def wait_until(page: Page, condition: str, argument: Any = None) -> Any:
    """Wait until `condition`, in JavaScript, of `client` and `given` is true; return its value."""
    script = f"(given) => {{ const client = globalThis.played; return client?.view && ({condition}); }}"
    return page.wait_for_function(script, arg=argument).json_value()


def wait_until_playing(page: Page) -> None:
    """Wait for the first state of a room."""
    wait_until(page, "client.status === 'playing' && client.replica.tick !== null")


def ask(page: Page, expression: str, argument: Any = None) -> Any:
    """Return the value of a JavaScript expression of `client` and `given`."""
    return page.evaluate(f"(given) => {{ const client = globalThis.played; return {expression}; }}", argument)


@contextmanager
def finger(page: Page, selector: str, dx: float = 0, dy: float = 0) -> Iterator[None]:
    """Put a finger on the middle of an element, and slide it; it is lifted at the end."""
    box = page.locator(selector).bounding_box()
    assert box is not None, f"{selector} is not shown"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    if dx or dy:
        point = {"x": x + dx, "y": y + dy}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    yield
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def fits_in_width(page: Page) -> bool:
    """Tell whether nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
