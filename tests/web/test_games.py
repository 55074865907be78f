"""How games are found: by the name of a folder or of a module; what is none is named, and no game hides another."""

from pathlib import Path

import pytest

from game_server.errors import DefinitionError
from game_server.games.swarm import Swarm
from game_server.web.games import load_games
from tests.web.game_site import NewSite

MINE = """
from game_server.games.swarm import Swarm

class Mine(Swarm):
    title = "Mine"

GAME = Mine
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python imports from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["chess", "no_such_package.chess", "json.chess", ".chess", "", "no/such"])
def test_what_is_no_game_is_named(name: str) -> None:
    """Whatever is wrong with the name, the message says it, and what there is."""
    with pytest.raises(DefinitionError, match=rf"no game {name!r}; there are arena, .*importable module"):
        load_games([name])


def test_a_module_that_a_game_lacks_is_not_the_game(modules: Path) -> None:
    """A game is there, and what it imports is not: the error is Python's own, with the line."""
    (modules / "lacking.py").write_text("import no_such_package\n")

    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        load_games(["lacking"])


def test_two_games_of_one_name_are_refused(modules: Path) -> None:
    """Clients name a game by it, and the second would hide the first; one game named twice is one."""
    (modules / "twins").mkdir()
    (modules / "twins" / "swarm.py").write_text(MINE)

    with pytest.raises(DefinitionError, match=r"two games .* swarm: game_server\.games\.swarm and twins\.swarm"):
        load_games(["swarm", "twins.swarm"])
    assert ["swarm"] == list(load_games(["swarm", "game_server.games.swarm"]))


@pytest.mark.gen_test
async def test_every_game_has_a_page(new_site: NewSite) -> None:
    """A module's name may have capital letters."""
    site = await new_site({"CapitalGame": Swarm})

    assert 200 == (await site.fetch("/play/CapitalGame")).code
