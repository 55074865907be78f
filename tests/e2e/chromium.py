"""Find a Chromium for the browser tests, or get one.

Used twice: by the fixtures, which ask `find_chromium`, and by `make test`, which runs this file as a program:

    python -m tests.e2e.chromium --install STAMP    get a browser if there is none; touch STAMP once there is
    python -m tests.e2e.chromium --report           say in one line that the browser tests were skipped, if so

Debian has a Chromium of its own, which apt installs where we are root or sudo asks for no password. Everywhere else
(Ubuntu's package is a snap, which cannot be driven from outside) Playwright downloads the one that it was made for.
With CI=true a missing browser is an error, never a skip.
"""

import os
import shutil
import sys
from pathlib import Path

from tests.system_packages import distribution, elevation, install_with_apt, provide, run_quietly

SKIPPED = "SKIPPED: the browser tests, for want of Chromium; install one, or set CHROMIUM to the path of one"


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome: $CHROMIUM, the system's, or the one that Playwright downloaded."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    from playwright.sync_api import sync_playwright  # here, because it takes a while and most tests need none of it

    with sync_playwright() as playwright:
        downloaded = playwright.chromium.executable_path
    for candidate in ("/usr/bin/chromium", downloaded, "/usr/bin/google-chrome"):
        if Path(candidate).is_file():
            return candidate
    return None


def install_chromium() -> None:
    """Try what this system offers, in order. Says on stderr what it tries; whether it worked, `find_chromium` tells."""
    if distribution() == "debian" and install_with_apt("chromium"):
        return
    # The libraries that the download needs come with --with-deps, through apt, so for root and quiet sudo only.
    with_deps = ["--with-deps"] if elevation() is not None and shutil.which("apt-get") else []
    run_quietly([sys.executable, "-m", "playwright", "install", *with_deps, "chromium"])


if __name__ == "__main__":
    sys.exit(provide("Chromium", SKIPPED, find_chromium, install_chromium))
