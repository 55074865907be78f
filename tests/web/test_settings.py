"""Settings as the command line gives them."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from game_server.__main__ import _read_settings
from game_server.settings import Settings


def test_the_command_line_keeps_every_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a flag, an option is what its declaration says, lists included."""
    monkeypatch.setattr("sys.argv", ["game_server"])
    default: Any = Settings()
    read: Any = _read_settings()

    assert default == attrs.evolve(read, data_dir=read.data_dir.relative_to(Path.cwd()))
