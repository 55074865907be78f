"""What the README promises to run: its first game, as its readers copy it."""

import re
from pathlib import Path

from tests.server_process import ROOT

HEADING = "## Your first game"


def first_game() -> str:
    """Return the first Python block below the heading; its absence is a failure."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^{HEADING}$.*?^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no Python block under {HEADING!r}"
    return found[1]


def save_first_game(folder: Path) -> None:
    """Save it where the README says: as first_game.py in the folder where the server is started."""
    (folder / "first_game.py").write_text(first_game(), encoding="utf-8")
