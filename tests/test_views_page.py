"""What docs/views.md shows runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.web.games import load_game
from tests.core.viewing import Client, run_tick
from tests.server_process import ROOT


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A room of the page's game."""
    text = (ROOT / "docs" / "views.md").read_text("utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    (tmp_path / "minefield_page.py").write_text(found[1], "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return Room("room", load_game("minefield_page").definition, None, 1, RoomLimits(), 0.0)


def test_the_example_runs(room: Room) -> None:
    """Friend and foe side by side see each other; a mine is seen by its team alone, far scouts by nobody."""
    clients = [Client(room, is_json=False) for _ in range(4)]
    run_tick(room, clients)
    scouts: Any = room.game.scouts  # type: ignore[attr-defined]
    for number, (x, y) in enumerate(((500, 500), (540, 500), (500, 540), (900, 900))):
        scouts[number].x, scouts[number].y = x, y
    lay = room.definition.input_type.encode_binary(1, 0, 0.0, {"lay": True})
    room.receive(clients[0].session, lay, 0.0)
    run_tick(room, clients)
    for client in clients:
        client.read()

    seen = [[len(client.replica.all(name)) for name in ("Scout", "Mine")] for client in clients]
    assert [[3, 1], [3, 0], [3, 1], [1, 0]] == seen
