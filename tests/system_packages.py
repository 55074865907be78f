"""Programs that tests need and pip does not bring: got from the system's own packages, where that asks no question.

A file that finds one is a program itself, with the two modes of `provide`.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def in_ci() -> bool:
    """Tell whether nothing may be skipped."""
    return os.environ.get("CI") == "true"


def install_with_apt(package: str) -> bool:
    """Install a Debian package, if this is a system with apt and we may; return whether it was installed."""
    elevate = elevation()
    if elevate is None or not shutil.which("apt-get"):
        return False
    apt = [*elevate, "apt-get", "-qq"]
    return run_quietly([*apt, "update"]) and run_quietly([*apt, "install", "--no-install-recommends", "--yes", package])


def unpack_with_apt(package: str, folder: Path, target: Path) -> bool:
    """Unpack a Debian package without installing it, so that it starts nothing; return whether that went well."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    elevate = elevation()
    if elevate is not None:
        run_quietly([*elevate, "apt-get", "-qq", "update"])
    # Run as root, apt fetches as a user of its own, which has to be let into the folder.
    folder.chmod(0o777)
    if not run_quietly(["apt-get", "-qq", "download", package], folder):
        return False
    return all(run_quietly(["dpkg-deb", "--extract", str(path), str(target)]) for path in folder.glob("*.deb"))


def distribution() -> str:
    """Return the name of the Linux distribution; empty where there is none."""
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:  # macOS has no such file
        return ""


def elevation() -> list[str] | None:
    """Return what to put before a command to run it as root without a question; None where that cannot be."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def run_quietly(command: list[str], folder: Path | None = None) -> bool:
    """Run a command, say so on stderr, and return whether it succeeded."""
    print("+", *command, file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0


def provide(program: str, skipped: str, find: Callable[[], str | None], install: Callable[[], object]) -> int:
    """Run one of the two modes of the command line; return the exit code.

    Args:
        program: what it is called.
        skipped: what is said of the tests where there is none.
        find: returns its path.
        install: tries to get it.
    """
    parser = argparse.ArgumentParser(description=f"Find or get {program} for the tests.")
    parser.add_argument(
        "--install", metavar="STAMP", type=Path, help="get one if there is none; touch STAMP if there is"
    )
    parser.add_argument("--report", action="store_true", help="say in one line that tests were skipped, if so")
    options = parser.parse_args()
    if options.install:
        if find() is None:
            install()
        if find() is not None:
            options.install.touch()
        elif in_ci():
            print(f"No {program} could be installed, and with CI=true nothing is skipped.", file=sys.stderr)
            return 1
    if options.report and find() is None:
        print(skipped)
    return 0
