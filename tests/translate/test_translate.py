"""The command: it makes modules, finds them again, says when one is stale; those in the repository are fresh."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from game_server.translate import translate
from game_server.translate.write import origin_of
from tests.server_process import ROOT

from .conftest import Both

RULES = '''
from game_server.game import Entity, Game, entity, fixed, flag, input, int8

SIZE = 100


@entity
class Player(Entity):
    x: float = fixed(0, SIZE, step=1 / 64, predict=True)
    coins: int = 0


@input
class Move:
    dx: int = int8(min=-1, max=1)
    dash: bool = flag()


def run(player: Player, move: Move, dt: float) -> None:
    """Run one step."""
    player.x = min(max(player.x + move.dx * _pace(move.dash) * dt, 0.0), 99.0)


def _pace(is_dash: bool) -> float:
    return 60.0 if is_dash else 30.0


def describe(player: Player) -> str:
    return f"a player at {player.x}"


class Mine(Game):
    entities, input = (Player,), Move

    def step(self, inputs):
        for player in self.world.all(Player):
            run(player, Move(), self.dt)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_game.py").write_text(RULES, encoding="utf-8")
    return tmp_path


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "game_server.translate", *arguments],
        cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False, text=True,
    )  # fmt: skip


TRANSLATED = [path for path in sorted((ROOT / "static").rglob("*.js")) if origin_of(path)]


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_was_translated_is_fresh(path: Path) -> None:
    """Each translated module is what its Python makes today; `make rules` makes it so."""
    origin = origin_of(path)
    assert origin is not None
    assert path.read_text(encoding="utf-8") == translate(origin[0], path, origin[1])


def test_the_arena_and_the_arithmetic_are_translated() -> None:
    """The arena's predicted rules and the arithmetic under them exist once, in Python."""
    names = {str(path.relative_to(ROOT / "static")) for path in TRANSLATED}
    assert names >= {"client/exact.js", "games/arena/field.js", "games/arena/movement.js"}


def test_one_rule_of_a_game_in_one_file(folder: Path, both: Both) -> None:
    """A rule beside its game's classes is translated alone, with what it calls, and steps a state as Python does."""
    out = folder / "run.mjs"
    done = command(folder, "my_game", "--only", "run", "--out", str(out))
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    assert "describe" not in out.read_text()
    ((result, (player, *_)),) = both.ask(out, [["run", [{"x": 98.5}, {"dx": 1, "dash": True}, 0.5]]])
    assert (None, {"x": "4058c00000000000"}) == (result, player)


def test_a_refusal_names_file_and_line(folder: Path) -> None:
    """Whatever cannot be translated ends the command with file, line and what would be right; nothing is written."""
    done = command(folder, "my_game", "--out", "rules.js")
    assert 1 == done.returncode
    assert done.stderr.startswith("my_game.py:28: `str` is no kind of value that a rule can have: float, int, bool")
    assert not (folder / "rules.js").exists()


def test_remake_finds_what_is_stale(folder: Path) -> None:
    """A folder's translated modules are found again by their heads: --check tells of a stale one, --remake mends it."""
    command(folder, "my_game", "--only", "run", "--out", "rules.js")
    assert 0 == command(folder, "--remake", ".", "--check").returncode
    source = folder / "my_game.py"
    source.write_text(RULES.replace("60.0", "61.0"))
    stale = command(folder, "--remake", ".", "--check")
    assert (1, True) == (stale.returncode, "rules.js is not what my_game makes" in stale.stderr)
    assert 0 == command(folder, "--remake", ".").returncode
    assert "61.0" in (folder / "rules.js").read_text()


def test_the_head_says_how_to_make_it_anew(folder: Path) -> None:
    """The command in a module's head finds the module by it, wherever it lies in static/; its folder is made."""
    out = folder / "static" / "games" / "mine" / "run.js"
    assert 0 == command(folder, "my_game", "--only", "run", "--out", str(out)).returncode
    (folder / "my_game.py").write_text(RULES.replace("60.0", "61.0"))
    found = re.search(r"`python -m game_server.translate (.*)`", out.read_text())
    assert found

    assert 0 == command(folder, *found[1].split()).returncode
    assert "61.0" in out.read_text()
    unknown = command(folder, "my_game")
    assert (2, True) == (unknown.returncode, "give --out FILE" in unknown.stderr)


def test_a_module_that_is_not_there(folder: Path) -> None:
    """A wrong name is told as such, without a traceback."""
    done = command(folder, "no_such_rules", "--out", "rules.js")
    assert (1, True) == (done.returncode, "No module named 'no_such_rules'" in done.stderr)
