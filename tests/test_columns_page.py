"""What docs/columns.md shows runs as it stands there."""

import re
from pathlib import Path

import pytest

from game_server.core.limits import RoomLimits
from game_server.core.room import Room
from game_server.web.games import load_game
from tests.server_process import ROOT


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred sparks fly, cool and are gone; they belong to who lit them."""
    found = re.search(
        r"^```python\n(.*?)^```$", (ROOT / "docs" / "columns.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found
    (tmp_path / "fireworks_page.py").write_text(found[1], "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    definition = load_game("fireworks_page").definition
    room = Room("room", definition, None, 1, RoomLimits(), 0.0)
    session = room.join("Ann", "token", object(), False, 0.0)
    counts = []
    for tick in range(1, 120):
        data = definition.input_type.encode_binary(tick, 0, 0.0, {"light": tick == 5})
        room.receive(session, data, tick / 20)
        room.take_inputs()
        room.step()
        room.capture()
        assert room.outgoing()
        counts.append(len(room.snapshot.tables[1]))
        if tick == 10:
            assert 100 == len(room.world.owned[0])

    assert [0, 100, 0] == [counts[3], counts[50], counts[-1]]
    assert {} == room.world.owned
    assert 0 == room.counts.values_clamped
