"""Programs that tests need and pip does not bring: got from the system's own packages, where that asks no question."""

import os
import platform
import shutil
import subprocess
import sys


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


def run_quietly(command: list[str]) -> bool:
    """Run a command, say so on stderr, and return whether it succeeded."""
    print("+", *command, file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0
