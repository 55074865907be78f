"""Hear every complaint of a browser page: console errors, uncaught exceptions, crashes, policy violations."""

from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Page

# The console tells of most violations, in words that change from version to version; the event tells of all.
REPORT_VIOLATIONS = """
    addEventListener("securitypolicyviolation", (event) =>
        console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI || "inline"}`));
"""


def watch(page: Page, complain: Callable[[str], None]) -> None:
    """Call `complain` with one line for each complaint of this page, from its next load on."""

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complain(f"{message.text} ({message.location['url']}:{message.location['lineNumber']})")

    page.add_init_script(REPORT_VIOLATIONS)
    page.on("console", hear)
    page.on("pageerror", lambda error: complain(f"uncaught: {error}"))
    page.on("crash", lambda _page: complain("crashed"))
