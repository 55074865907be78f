"""Find the games: packages in `game_server/games`, or any importable module that has a `GAME`.

Knows the file system and import system; knows nothing of rooms.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs

from .. import games as games_package
from ..core.definition import GameDefinition
from ..core.game import OutsideContext
from ..errors import DefinitionError

LobbyFunction = Callable[[OutsideContext], Awaitable[dict[str, Any]]]


@attrs.frozen(eq=False)
class LoadedGame:
    """A game as found: its definition, its bot brain and what it tells the lobby, if it has them."""

    definition: GameDefinition
    brain: Callable[..., Any] | None
    lobby: LobbyFunction | None


def load_game(name: str) -> LoadedGame:
    """Import one game by the name of its folder or of its module; raise DefinitionError when there is none."""
    known = [module.name for module in pkgutil.iter_modules(games_package.__path__)]
    nothing = DefinitionError(f"no game {name!r}; there are {', '.join(known)}, or give an importable module")
    if not all(part.isidentifier() for part in name.split(".")):
        raise nothing
    path = f"{games_package.__name__}.{name}" if name in known else name
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if not f"{path}.".startswith(f"{error.name}."):  # something that the game itself imports
            raise
        raise nothing from None
    if not hasattr(module, "GAME"):
        raise DefinitionError(f"{path} has no GAME; write `GAME = YourGame` at its end")
    definition = GameDefinition.of(name.rpartition(".")[2], module.GAME)
    return LoadedGame(definition, getattr(module, "BRAIN", None), getattr(module, "lobby", None))


def load_games(names: Sequence[str]) -> dict[str, LoadedGame]:
    """Import the named games, or all in `game_server/games` when none is named; raise DefinitionError."""
    wanted = names or [module.name for module in pkgutil.iter_modules(games_package.__path__)]
    loaded: dict[str, LoadedGame] = {}
    for game in map(load_game, wanted):
        cls, other = game.definition.cls, loaded.setdefault(game.definition.name, game).definition.cls
        if other is not cls:
            raise DefinitionError(
                f"two games are named {game.definition.name}: {other.__module__} and {cls.__module__}"
            )
    return loaded
