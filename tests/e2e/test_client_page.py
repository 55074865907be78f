"""What docs/client.md shows works as it is copied: the game, its rule in the browser, its page, its bots."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.conftest import StartServer
from tests.e2e.playing import ask, follow, wait_until, wait_until_playing
from tests.server_process import ROOT, ServerProcess

TEXT = (ROOT / "docs" / "client.md").read_text("utf-8")


def block(language: str) -> str:
    """Return the page's one block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return str(found)


def command(module: str) -> list[str]:
    """Return the arguments of the one command that the page shows of this module, without what it is for."""
    (line,) = re.findall(rf"^    python (-m {module} .*?) *# .*$", TEXT, re.MULTILINE)
    return str(line).split()


def run(folder: Path, arguments: list[str]) -> str:
    """Run a command in a folder; return what it prints."""
    whole = [sys.executable, *arguments]
    return subprocess.run(
        whole, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, check=True, text=True
    ).stdout


@pytest.fixture
def server(start_server: StartServer, tmp_path: Path) -> ServerProcess:
    """A server of the game, in a copy of the project with the files where the page says."""
    for part in ("game_server", "static"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    own = tmp_path / "static" / "games" / "tag"
    (tmp_path / "tag.py").write_text(block("python"), "utf-8")
    run(tmp_path, command("game_server.translate"))
    (own / "index.html").write_text(block("html"), "utf-8")
    (own / "page.js").write_text(block("js"), "utf-8")
    return start_server(*command("game_server")[2:])


def visit(page: Page, server: ServerProcess) -> Page:
    follow(page).goto(server.url + "/play/tag")
    wait_until_playing(page)
    return page


def test_the_page_plays_and_predicts(server: ServerProcess, two_pages: tuple[Page, Page]) -> None:
    """Arrow keys move the own runner ahead of the server, and end where the server has it; the other page sees it."""
    ann, bo = (visit(page, server) for page in two_pages)
    me = ask(ann, "[...client.own][0]")
    start = ask(bo, "client.replica.get(given).x", me)
    key, way = ("ArrowRight", 1) if start < 100 else ("ArrowLeft", -1)
    has_gone = "(client.view.get(given.me).x - given.start) * given.way > 20"
    given = {"me": me, "start": start, "way": way}

    ann.keyboard.down(key)
    wait_until(ann, "(client.view.get(given.me).x - client.replica.get(given.me).x) * given.way > 0", given)
    wait_until(ann, has_gone, given)
    wait_until(bo, has_gone, given)
    ann.keyboard.up(key)

    wait_until(ann, "client.view.get(given).x === client.replica.get(given).x", me)


def test_its_bots_play(server: ServerProcess, tmp_path: Path) -> None:
    """The load test finds the game and its brain from the same folder."""
    loading = command("loadtest")
    loading[loading.index("--duration") + 1] = "1"

    report = run(tmp_path, [*loading, "--url", f"ws://127.0.0.1:{server.port}/ws"])

    assert "connected   4 of 4 clients" in report
