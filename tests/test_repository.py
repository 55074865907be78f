"""What must hold for every file under version control, whatever it is about."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ROOT

# Each with the reason why it is refused. Written so that this file does not match itself.
REFUSED = {
    r"registry\.npm[j]s|py[p]i\.org|python[h]osted|deb\.debian[.]org|yarn[p]kg\.com": "names a package registry's host",
    r"(?<![\w.~-])/(?:work|root|opt/wheels|home/[a-z]|[U]sers/)": "is a path of somebody's machine",
    r"\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b": "marks unfinished work: finish it, or file an issue",
    r"(?i)\blorem[ ]ipsum\b|\bas an a[i] language model\b|co-[a]uthored-by": "is not of this project",
    r"^(?:<{7}|>{7}|={7})(?: |$)": "is left of a merge",
    r"[ \t]+$": "ends in white space",
}
FILE_SIZE_MAX_BYTES = 1_500_000


def tracked_files() -> list[Path]:
    """Return what git tracks, and what it would at the next `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def lines_of_text_files() -> Iterator[tuple[Path, int, str]]:
    """Yield path, line number and line of each tracked file that is text."""
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.split("\n"), start=1):
            yield path, number, line


def test_no_line_holds_what_is_refused() -> None:
    """No tracked file names a registry, a path of one machine, unfinished work, or leftovers."""
    patterns = [(re.compile(pattern), reason) for pattern, reason in REFUSED.items()]

    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r} {reason}"
        for path, number, line in lines_of_text_files()
        for pattern, reason in patterns
        if (match := pattern.search(line))
    ]

    assert [] == found


def test_the_lock_file_names_no_address_to_fetch_from() -> None:
    """npm takes packages from wherever it is set up to, on every machine."""
    assert '"resolved"' not in (ROOT / "tests" / "package-lock.json").read_text()


def test_no_file_is_huge() -> None:
    """A clone stays small: no tracked file is larger than a good screenshot."""
    assert [] == [path for path in tracked_files() if path.stat().st_size > FILE_SIZE_MAX_BYTES]


def test_nothing_is_called_utils() -> None:
    """A module's name says what it is for."""
    assert [] == [path for path in tracked_files() if path.stem in {"utils", "util", "helpers", "misc", "common"}]


def test_every_test_says_what_it_proves() -> None:
    """The docstring of a test is the one truth that it proves."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in tracked_files()
        if path.name.startswith("test_") and path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if not ast.get_docstring(node)
    ]

    assert [] == silent


def test_the_reading_order_names_what_there_is() -> None:
    """Whoever reads the README's list comes by every module of the core, and looks for none that is gone."""
    order = (ROOT / "README.md").read_text(encoding="utf-8").split("in reading order\n", 1)[1]
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.py)`", order)}
    core, there = (
        {path.name for path in (ROOT / "game_server").glob(pattern) if path.name != "__init__.py"}
        for pattern in ("core/*.py", "**/*.py")
    )

    assert (set(), set()) == (core - named, named - there)


def test_every_dependency_is_accounted_for() -> None:
    """docs/why.md has each package that is asked of pip or npm in its tables."""
    tables = [line for line in (ROOT / "docs" / "why.md").read_text(encoding="utf-8").split("\n") if line[:2] == "| "]
    why = {word.lower() for line in tables for word in re.findall(r"[\w@/-]+", line.split("|")[1])}
    asked = set(json.loads((ROOT / "tests" / "package.json").read_text())["devDependencies"])
    for name in ("requirements.txt", "tests/requirements.txt"):
        asked |= {found.lower() for found in re.findall(r"^[\w-]+", (ROOT / name).read_text(), re.MULTILINE)}

    assert len(asked) > 20
    assert set() == asked - why


def test_the_package_knows_no_game() -> None:
    """Outside game_server/games nothing imports a game: a game of a user's own is served as those that come with it."""
    games = {path.stem for path in (ROOT / "game_server" / "games").iterdir() if not path.name.startswith("__")}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("game_server", "loadtest")
        for path in (ROOT / folder).rglob("*.py")
        if "games" not in path.relative_to(ROOT).parts[:-1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        if "games." in f"{name}." and games & set(name.split("."))
    ]

    assert [] == found
